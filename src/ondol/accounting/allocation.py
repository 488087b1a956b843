"""Named views on who bears the burden of electricity that gave work and heat; each conserves what there is to bear.

The inventory line is A0, no credit for heat. A1 to A3 move burden from the work to the heat and never make any vanish:
job + heat + unallocated = total. Work run for heat alone is the heat's in every view (`reference/footprint.md` §1.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError

_ROUNDING = 1e-9
_ZERO_C_K = 273.15

NAMES = {
    "A0": "no allocation: the work bears all, its heat comes free of burden (cut-off)",
    "A1": "by energy: heat bears its share of the electricity",
    "A2": "by exergy (Carnot method): heat bears what it is worth as work",
    "A3": "by economic value: heat bears its share of the takings",
}
SOURCES = {
    "A0": "cut-off 100:0; the footing of ISO/IEC 21031 and of GHG Protocol inventories",
    "A1": "ISO 14044 §4.3.4.2, physical allocation; s = Q / E = ERF",
    "A2": "Carnot method with compute electricity as the other product, a convention of ours: no standard sets it; "
    "s = ηQ / (E_IT + ηQ), η = 1 − T0/Ts",
    "A3": "ISO 14044 §4.3.4.2, its last resort; s = pQ / (pQ + takings of the work)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationTerms:
    """What the views need beside energy; what is not known makes a view unavailable, never guessed.

    Parameters
    ----------
    supply_c, return_c : mean temperatures of the water that carries the heat away, measured, weighted by heat [°C]
    heat_measured_share : of the metered heat, the part whose temperatures those are, 0 to 1
    reference_c : of the surroundings, against which heat is worth nothing; its mean over the window [°C]
    reference_from : whether that was measured, is of a weather series, or is stated
    heat_eur_per_kwh : price of useful heat, ≥ 0 [€/kWh]
    compute_eur_per_kwh : takings of the work by kWh of IT, where a burden does not say its own, ≥ 0 [€/kWh]
    """

    supply_c: float | None = None
    return_c: float | None = None
    reference_c: float | None = None
    heat_eur_per_kwh: float | None = None
    compute_eur_per_kwh: float | None = None
    heat_measured_share: float = 1.0
    reference_from: str = ""

    def __post_init__(self) -> None:
        for name in ("supply_c", "return_c", "reference_c"):
            value = getattr(self, name)
            if value is not None:
                check_range(f"allocation.{name}", value, -60.0, 200.0, "°C")
        for name in ("heat_eur_per_kwh", "compute_eur_per_kwh"):
            value = getattr(self, name)
            if value is not None:
                check_range(f"allocation.{name}", value, 0.0, 1e6, "€/kWh")
        check_range("allocation.heat_measured_share", self.heat_measured_share, 0.0, 1.0)
        if self.supply_c is not None and self.return_c is not None and self.return_c > self.supply_c:
            raise InvalidFieldError("allocation.return_c", self.return_c, f"at most supply_c, {self.supply_c:g} °C")

    @property
    def exergy_said(self) -> str:
        """What view A2 was made with; "" where there is none."""
        if self.supply_c is None or self.return_c is None or self.reference_c is None:
            return ""
        share = f", measured for {100.0 * self.heat_measured_share:.0f} % of the heat"
        return (
            f"Ts {(self.supply_c + self.return_c) / 2.0:.1f} °C, the mean of supply {self.supply_c:.1f} and return "
            f"{self.return_c:.1f} °C weighted by heat{share if self.heat_measured_share < 0.995 else ''}; "
            f"T0 {self.reference_c:.1f} °C" + (f" ({self.reference_from})" if self.reference_from else "")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """What one job, or the idle part of a site, has to bear and what it gave.

    Parameters
    ----------
    total_g : operational and embodied together, without any credit, ≥ 0 [g]
    energy_kwh : electricity with its part of the overhead, ≥ `it_kwh` [kWh]
    it_kwh : of that, of the servers, ≥ 0 [kWh]
    useful_heat_kwh : resolved in time (`bins.resolve`), ≥ 0 [kWh]; None without a heat meter
    takings_eur : price of the work, ≥ 0 [€]; None where the terms' price by kWh counts
    """

    total_g: float
    energy_kwh: float
    it_kwh: float
    useful_heat_kwh: float | None = None
    takings_eur: float | None = None

    def __post_init__(self) -> None:
        check_range("burden.total_g", self.total_g, 0.0, 1e18, "g")
        check_range("burden.it_kwh", self.it_kwh, 0.0, 1e15, "kWh")
        check_range("burden.energy_kwh", self.energy_kwh, 0.0, 1e15, "kWh")
        if self.energy_kwh < self.it_kwh * (1.0 - _ROUNDING):
            raise InvalidFieldError("burden.energy_kwh", self.energy_kwh, f"at least its IT part, {self.it_kwh:g} kWh")
        for name, unit in (("useful_heat_kwh", "kWh"), ("takings_eur", "€")):
            if getattr(self, name) is not None:
                check_range(f"burden.{name}", getattr(self, name), 0.0, 1e15, unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationView:
    """One view of one burden, or of a whole site.

    Parameters
    ----------
    method : "A0" to "A3"; `name` and `source` say what it is
    total_g : what was to be borne [g]
    job_g, heat_g, unallocated_g : who bears it; their sum is `total_g`; None where the view is not available [g]
    heat_only_g : of `heat_g`, what ran for heat alone, which no method could share [g]
    heat_share : of what could be shared, which is `total_g` without `heat_only_g`, 0 to 1; 0 in view A0
    heat_kwh : useful heat that bears it [kWh]; None without a heat meter
    heat_g_per_kwh : factor of the heat for who buys it [g/kWh]; None where no heat was useful
    unavailable : why there is no such view, "" where there is one
    """

    method: str
    name: str
    source: str
    total_g: float
    job_g: float | None
    heat_g: float | None
    unallocated_g: float | None
    heat_only_g: float | None
    heat_share: float | None
    heat_kwh: float | None
    heat_g_per_kwh: float | None
    unavailable: str = ""

    @property
    def residual(self) -> float:
        """Relative difference between the sum of the parts and the total; 0 where there is no such view."""
        parts = [part for part in (self.job_g, self.heat_g, self.unallocated_g) if part is not None]
        return abs(math.fsum(parts) - self.total_g) / self.total_g if parts and self.total_g > 0 else 0.0


def allocate(burden: Burden, terms: AllocationTerms | None = None) -> tuple[AllocationView, ...]:
    """Give the views A0 to A3 of one job.

    Parameters
    ----------
    burden : of the job, without what ran for heat alone
    """
    return allocate_site([burden], terms=terms)


def allocate_site(
    jobs: Iterable[Burden],
    *,
    heat_only: Burden | None = None,
    unallocated: Burden | None = None,
    terms: AllocationTerms | None = None,
) -> tuple[AllocationView, ...]:
    """Give the views A0 to A3 of a site or a fleet as the sums of those of its parts.

    Σ jobs + Σ heat + unallocated = total, to 1e-9 relative. A part's own share counts, not the site's mean: so a job's
    statement and its site's say the same of it. Only heat beyond a part's own electricity, which a store gave back, is
    counted with the parts that have electricity left: it is theirs that the store was charged with.

    Parameters
    ----------
    heat_only : work run for heat alone; the heat bears it whole, in every view
    unallocated : servers that ran for nobody; the heat bears its share of them as of a job, the rest is nobody's
    """
    terms = terms or AllocationTerms()
    works = list(jobs)
    parts = [*works, *([unallocated] if unallocated else []), *([heat_only] if heat_only else [])]
    total_g = math.fsum(part.total_g for part in parts)
    parts = _given_back(parts)
    works = parts[: len(works)]
    heat_only = parts[-1] if heat_only else None
    unallocated = parts[len(works)] if unallocated else None
    return tuple(_view(method, works, heat_only, unallocated, terms, total_g) for method in NAMES)


def _given_back(parts: list[Burden]) -> list[Burden]:
    """Move useful heat beyond a part's electricity to the others, by what each of them has left; none is lost.

    Where one is not metered, or all together have not enough electricity, everything stays: then there is no view.
    """
    heats = [part.useful_heat_kwh for part in parts]
    known = [heat for heat in heats if heat is not None]
    if len(known) < len(parts):
        return parts
    over_kwh = math.fsum(max(0.0, heat - part.energy_kwh) for heat, part in zip(known, parts, strict=True))
    left_kwh = math.fsum(max(0.0, part.energy_kwh - heat) for heat, part in zip(known, parts, strict=True))
    if over_kwh == 0.0 or over_kwh > left_kwh:
        return parts
    taken = over_kwh / left_kwh
    return [
        replace(part, useful_heat_kwh=min(part.energy_kwh, heat + taken * max(0.0, part.energy_kwh - heat)))
        for heat, part in zip(known, parts, strict=True)
    ]


def heat_share(method: str, burden: Burden, terms: AllocationTerms) -> float | str:
    """Give the share of a burden that the heat bears, 0 to 1, or why there is none, in words."""
    heat_kwh = burden.useful_heat_kwh
    if method == "A0" or heat_kwh == 0:
        return 0.0
    if heat_kwh is None:
        return "the heat was not metered"
    if heat_kwh > burden.energy_kwh * (1.0 + _ROUNDING):
        return "more heat was useful than electricity came in: stores gave back heat from before the window"
    if method == "A1":
        return min(1.0, heat_kwh / burden.energy_kwh)
    if method == "A2":
        return _exergy_share(burden.it_kwh, heat_kwh, terms)
    return _economic_share(burden, heat_kwh, terms)


def carnot(supply_c: float, return_c: float, reference_c: float) -> float:
    """Give the Carnot factor 1 − T0/Ts of heat, Ts the mean of supply and return (Carnot method; footprint.md §1.5).

    Raises InvalidFieldError where the heat is not warmer than its surroundings.
    """
    mean_k, around_k = (supply_c + return_c) / 2.0 + _ZERO_C_K, reference_c + _ZERO_C_K
    if mean_k <= around_k:
        raise InvalidFieldError("allocation.supply_c", supply_c, f"heat above its surroundings, {reference_c:g} °C")
    return 1.0 - around_k / mean_k


def _exergy_share(it_kwh: float, heat_kwh: float, terms: AllocationTerms) -> float | str:
    if terms.supply_c is None or terms.return_c is None:
        return "the temperatures of supply and return of the heat were not measured"
    if terms.reference_c is None:
        return "the temperature of the surroundings is not known"
    if (terms.supply_c + terms.return_c) / 2.0 <= terms.reference_c:
        return "the heat was not warmer than its surroundings"
    worth_kwh = carnot(terms.supply_c, terms.return_c, terms.reference_c) * heat_kwh
    return worth_kwh / (it_kwh + worth_kwh)


def _economic_share(burden: Burden, heat_kwh: float, terms: AllocationTerms) -> float | str:
    if terms.heat_eur_per_kwh is None:
        return "no price of heat is set"
    takings_eur = burden.takings_eur
    if takings_eur is None:
        if terms.compute_eur_per_kwh is None:
            return "no price of the work is set"
        takings_eur = terms.compute_eur_per_kwh * burden.it_kwh
    heat_eur = terms.heat_eur_per_kwh * heat_kwh
    if heat_eur + takings_eur == 0:
        return "neither heat nor work has a price above zero"
    return heat_eur / (heat_eur + takings_eur)


def _view(
    method: str,
    jobs: list[Burden],
    heat_only: Burden | None,
    unallocated: Burden | None,
    terms: AllocationTerms,
    total_g: float,
) -> AllocationView:
    shared = [*jobs, *([unallocated] if unallocated else [])]
    shares: list[float] = []
    for burden in shared:
        share = heat_share(method, burden, terms) if burden.total_g > 0 else 0.0
        if isinstance(share, str):
            return missing_view(method, total_g, share)
        shares.append(share)
    heat_parts = [burden.total_g * share for burden, share in zip(shared, shares, strict=True)]
    left = [burden.total_g - part for burden, part in zip(shared, heat_parts, strict=True)]
    heat_only_g = heat_only.total_g if heat_only else 0.0
    heat_g = math.fsum([*heat_parts, heat_only_g])
    warm = [burden.useful_heat_kwh for burden in (*shared, *([heat_only] if heat_only else []))]
    heat_kwh = None if any(kwh is None for kwh in warm) else math.fsum(kwh for kwh in warm if kwh is not None)
    shared_g = math.fsum(burden.total_g for burden in shared)
    return AllocationView(
        method=method,
        name=NAMES[method],
        source=SOURCES[method],
        total_g=total_g,
        job_g=math.fsum(left[: len(jobs)]),
        heat_g=heat_g,
        unallocated_g=math.fsum(left[len(jobs) :]),
        heat_only_g=heat_only_g,
        heat_share=math.fsum(heat_parts) / shared_g if shared_g > 0 else 0.0,
        heat_kwh=heat_kwh,
        heat_g_per_kwh=heat_g / heat_kwh if heat_kwh else None,
    )


def sum_of(method: str, views: Iterable[AllocationView]) -> AllocationView:
    """Give one method's view of several sites together: sums, and ratios of sums."""
    found = list(views)
    total_g = math.fsum(view.total_g for view in found)
    for view in found:
        if view.unavailable:
            return missing_view(method, total_g, view.unavailable)
    heat_g = math.fsum(view.heat_g or 0.0 for view in found)
    heat_only_g = math.fsum(view.heat_only_g or 0.0 for view in found)
    heats = [view.heat_kwh for view in found]
    heat_kwh = None if any(kwh is None for kwh in heats) else math.fsum(kwh for kwh in heats if kwh is not None)
    shared_g = total_g - heat_only_g
    return AllocationView(
        method=method,
        name=NAMES[method],
        source=SOURCES[method],
        total_g=total_g,
        job_g=math.fsum(view.job_g or 0.0 for view in found),
        heat_g=heat_g,
        unallocated_g=math.fsum(view.unallocated_g or 0.0 for view in found),
        heat_only_g=heat_only_g,
        heat_share=(heat_g - heat_only_g) / shared_g if shared_g > _ROUNDING * total_g else 0.0,
        heat_kwh=heat_kwh,
        heat_g_per_kwh=heat_g / heat_kwh if heat_kwh else None,
    )


def missing_view(method: str, total_g: float, why: str) -> AllocationView:
    """Give a view that there is not, with why."""
    return AllocationView(
        method=method,
        name=NAMES[method],
        source=SOURCES[method],
        total_g=total_g,
        job_g=None,
        heat_g=None,
        unallocated_g=None,
        heat_only_g=None,
        heat_share=None,
        heat_kwh=None,
        heat_g_per_kwh=None,
        unavailable=why,
    )
