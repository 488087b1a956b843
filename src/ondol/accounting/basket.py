"""Basket of functions: the platform against a data centre and a heater that together give the same work and heat.

ΔG = G_platform − (G_data centre + Q · EF_heat), view A5 of `reference/footprint.md` §1.5: true system expansion, the
fair test. Only work that somebody wanted counts as work (c); old servers need more electricity for it (ε).
"""

from __future__ import annotations

from dataclasses import dataclass

from ondol.accounting.avoided import Footing, ReferenceHeater, Span
from ondol.model.checks import check_range, check_text
from ondol.model.factor import Factor


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCentre:
    """Where the work would run otherwise.

    Parameters
    ----------
    pue : over a year, 1 to 3
    electricity : factor of its grid, of the same footing as the platform's
    source : who says so
    embodied_g_per_kwh : making its servers, by kWh of their electricity, ≥ 0 [g/kWh]; None where it is not known, then
        the platform's own is left out as well, and that is said
    """

    name: str
    pue: float
    electricity: Factor
    source: str
    embodied_g_per_kwh: float | None = None

    def __post_init__(self) -> None:
        check_text("data_centre.name", self.name)
        check_text("data_centre.source", self.source, 500)
        check_range("data_centre.pue", self.pue, 1.0, 3.0)
        self.electricity.check_carbon("data_centre.electricity")
        if self.embodied_g_per_kwh is not None:
            check_range("data_centre.embodied_g_per_kwh", self.embodied_g_per_kwh, 0.0, 1e5, "g/kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """What the platform gave in a window, and what it took for that.

    Parameters
    ----------
    it_kwh : electricity of its servers [kWh]
    total_kwh : with overhead [kWh]
    useful_share : c, part of the IT electricity that ran work which somebody wanted, 0 to 1; fillers are none
    efficiency_ratio : ε, IT electricity by unit of work here / there, > 0; above 1 for old servers
    useful_heat_kwh : Q, ≥ 0 [kWh]; None without a heat meter: then there is no basket
    operational : of all its electricity
    embodied : of servers and of what carries the heat; None where it is not known
    """

    it_kwh: float
    total_kwh: float
    useful_share: float
    efficiency_ratio: float
    useful_heat_kwh: float
    operational: Span
    embodied: Span | None = None

    def __post_init__(self) -> None:
        check_range("functions.it_kwh", self.it_kwh, 1e-12, 1e15, "kWh")
        check_range("functions.total_kwh", self.total_kwh, self.it_kwh * (1.0 - 1e-9), 1e15, "kWh")
        check_range("functions.useful_share", self.useful_share, 0.0, 1.0)
        check_range("functions.efficiency_ratio", self.efficiency_ratio, 0.01, 100.0)
        check_range("functions.useful_heat_kwh", self.useful_heat_kwh, 0.0, 1e15, "kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """The comparison. Below zero the platform did better than the two it is compared with.

    Parameters
    ----------
    platform, data_centre_g, heater_g : both sides [gCO2e]
    delta : platform − (data centre + heater) [gCO2e]
    delta_share : of the other side's; None where that is 0
    with_embodied : whether making the hardware is in both sides
    platform_kwh, reference_kwh : electricity of both sides, the heater's only where it is electric [kWh]
    threshold : least useful share c at which the platform's electricity is not more than that of the data centre and
        a heat pump; None where no share is enough (above 1)
    """

    data_centre: str
    heater: str
    platform: Span
    data_centre_g: float
    heater_g: float
    delta: Span
    delta_share: float | None
    with_embodied: bool
    platform_kwh: float
    reference_kwh: float
    threshold: float | None
    useful_share: float
    efficiency_ratio: float
    note: str


def basket(
    functions: Functions, centre: DataCentre, heater: ReferenceHeater, *, scop: float, footing: Footing | None = None
) -> Basket:
    """Compare the platform with a data centre and a heater that give the same work and the same heat.

    Parameters
    ----------
    heater : what makes the same useful heat
    scop : of the heat pump that the threshold is given for

    Raises InvalidFieldError where one side is counted on another footing than the other.
    """
    footing = footing or Footing()
    footing.check(centre.electricity)
    footing.check(heater.carrier)
    work_kwh = functions.it_kwh * functions.useful_share / functions.efficiency_ratio
    with_embodied = functions.embodied is not None and centre.embodied_g_per_kwh is not None
    centre_g = work_kwh * (
        centre.pue * centre.electricity.g_per_kwh + (centre.embodied_g_per_kwh or 0.0 if with_embodied else 0.0)
    )
    heater_g = functions.useful_heat_kwh * heater.g_per_kwh
    platform = _platform(functions, with_embodied)
    low_g, high_g = _reference_range(functions, centre, heater, work_kwh, with_embodied)
    other_g = centre_g + heater_g
    least = threshold(
        pue_site=functions.total_kwh / functions.it_kwh,
        pue_ref=centre.pue,
        heat_per_it=functions.useful_heat_kwh / functions.it_kwh,
        scop=scop,
        efficiency_ratio=functions.efficiency_ratio,
    )
    heater_kwh = functions.useful_heat_kwh / heater.efficiency.value if heater.electric else 0.0
    return Basket(
        data_centre=centre.name,
        heater=heater.name,
        platform=platform,
        data_centre_g=centre_g,
        heater_g=heater_g,
        delta=Span(g=platform.g - other_g, low_g=platform.low_g - high_g, high_g=platform.high_g - low_g),
        delta_share=(platform.g - other_g) / other_g if other_g > 0 else None,
        with_embodied=with_embodied,
        platform_kwh=functions.total_kwh,
        reference_kwh=work_kwh * centre.pue + heater_kwh,
        threshold=least if least <= 1.0 else None,
        useful_share=functions.useful_share,
        efficiency_ratio=functions.efficiency_ratio,
        note="" if with_embodied else "making the hardware is left out on both sides, since one of them is not known",
    )


def basket_kwh(
    *, pue_site: float, pue_ref: float, heat_per_it: float, scop: float, useful_share: float, efficiency_ratio: float
) -> tuple[float, float]:
    """Give electricity by kWh of IT, of the platform and of data centre and heat pump: PUE and c·PUE_ref/ε + h/SCOP."""
    _check(pue_site, pue_ref, heat_per_it, scop, efficiency_ratio)
    check_range("useful_share", useful_share, 0.0, 1.0)
    return pue_site, useful_share * pue_ref / efficiency_ratio + heat_per_it / scop


def threshold(
    *, pue_site: float, pue_ref: float, heat_per_it: float, scop: float, efficiency_ratio: float = 1.0
) -> float:
    """Give the useful share c above which the platform takes less electricity than data centre and heat pump.

    c* = (PUE_site − h/SCOP)·ε / PUE_ref, from c·PUE_ref/ε + h/SCOP > PUE_site (`reference/footprint.md` §5); 0 where
    the heat alone pays for it, above 1 where nothing does.
    """
    _check(pue_site, pue_ref, heat_per_it, scop, efficiency_ratio)
    return max(0.0, (pue_site - heat_per_it / scop) * efficiency_ratio / pue_ref)


def _check(pue_site: float, pue_ref: float, heat_per_it: float, scop: float, efficiency_ratio: float) -> None:
    check_range("pue_site", pue_site, 1.0, 10.0)
    check_range("pue_ref", pue_ref, 1.0, 10.0)
    check_range("heat_per_it", heat_per_it, 0.0, 10.0)
    check_range("scop", scop, 0.5, 20.0)
    check_range("efficiency_ratio", efficiency_ratio, 0.01, 100.0)


def _platform(functions: Functions, with_embodied: bool) -> Span:
    made = functions.embodied if with_embodied else None
    if made is None:
        return functions.operational
    ran = functions.operational
    return Span(g=ran.g + made.g, low_g=ran.low_g + made.low_g, high_g=ran.high_g + made.high_g)


def _reference_range(
    functions: Functions, centre: DataCentre, heater: ReferenceHeater, work_kwh: float, with_embodied: bool
) -> tuple[float, float]:
    made = (centre.embodied_g_per_kwh or 0.0) if with_embodied else 0.0
    low_g = work_kwh * (centre.pue * centre.electricity.low_g_per_kwh + made)
    high_g = work_kwh * (centre.pue * centre.electricity.high_g_per_kwh + made)
    heat_kwh = functions.useful_heat_kwh
    return low_g + heat_kwh * heater.low_g_per_kwh, high_g + heat_kwh * heater.high_g_per_kwh
