"""The French thresholds for data centres: who has to report, who has to make use of the heat.

Code de l'énergie L. 236-1 and L. 236-2 (law 2025-391, "DADDUE"), D. 236-1 to D. 236-3 (decree 2025-1382 of 29 December
2025). D. 236-1 II: the threshold is judged by SIRET number, so that the sites of one number count together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.ids import SiteId
from ondol.model.site import Site

REPORT_FROM_W = 500_000.0
"""Installed power from which information is reported and published by 15 May (L. 236-1, D. 236-3)."""
USE_HEAT_FROM_W = 1_000_000.0
"""Installed power from which the heat has to be made use of, with exceptions (L. 236-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where one SIRET stands.

    Parameters
    ----------
    installed_it_w : of all its sites [W]
    must_report, must_use_heat : at or above the threshold
    erf : of all its sites as a ratio of sums; None where it is undefined, or where stores gave back heat from before
        the window, so that there was more of it than energy
    """

    siret: str
    sites: tuple[SiteId, ...]
    installed_it_w: float
    must_report: bool
    must_use_heat: bool
    erf: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrenchThresholds:
    """All French sites by SIRET.

    Parameters
    ----------
    nameless : French sites without a SIRET: they belong to some number and are not counted anywhere
    elsewhere : sites in other countries
    nameless_w : installed power of the nameless ones [W]; `undecided` where it could lift a number over a threshold
    """

    by_siret: tuple[Threshold, ...]
    nameless: tuple[SiteId, ...]
    nameless_w: float
    elsewhere: tuple[SiteId, ...]
    undecided: bool
    notes: tuple[str, ...]


def french_thresholds(
    sites: Iterable[Site],
    installed_it_w: Mapping[SiteId, float],
    reuse: Mapping[SiteId, tuple[float | None, float]] | None = None,
) -> FrenchThresholds:
    """Sum installed power by SIRET and hold it against the thresholds.

    Parameters
    ----------
    installed_it_w : by site, ≥ 0 [W]
    reuse : by site, useful heat and total energy of a window [kWh]; heat None without a meter
    """
    by_siret: dict[str, list[SiteId]] = defaultdict(list)
    nameless: list[SiteId] = []
    elsewhere: list[SiteId] = []
    for site in sorted(sites, key=lambda one: one.id):
        check_range(f"installed_it_w of {site.id}", installed_it_w[site.id], 0.0, 1e12, "W")
        if site.country != "FR":
            elsewhere.append(site.id)
        elif site.siret:
            by_siret[site.siret].append(site.id)
        else:
            nameless.append(site.id)
    found = tuple(_threshold(siret, own, installed_it_w, reuse or {}) for siret, own in sorted(by_siret.items()))
    nameless_w = math.fsum(installed_it_w[site] for site in nameless)
    return FrenchThresholds(
        by_siret=found,
        nameless=tuple(nameless),
        nameless_w=nameless_w,
        elsewhere=tuple(elsewhere),
        undecided=bool(nameless) and _could_lift(found, nameless_w),
        notes=_notes(nameless, nameless_w),
    )


def _threshold(
    siret: str,
    sites: list[SiteId],
    installed_it_w: Mapping[SiteId, float],
    reuse: Mapping[SiteId, tuple[float | None, float]],
) -> Threshold:
    power_w = math.fsum(installed_it_w[site] for site in sites)
    known = [reuse[site] for site in sites if site in reuse]
    energy_kwh = math.fsum(total for _, total in known)
    heats = [heat for heat, _ in known if heat is not None]
    heat_kwh = math.fsum(heats)
    return Threshold(
        siret=siret,
        sites=tuple(sites),
        installed_it_w=power_w,
        must_report=power_w >= REPORT_FROM_W,
        must_use_heat=power_w >= USE_HEAT_FROM_W,
        erf=heat_kwh / energy_kwh if heats and 0.0 < energy_kwh >= heat_kwh else None,
    )


def _could_lift(found: tuple[Threshold, ...], nameless_w: float) -> bool:
    """Whether the nameless sites, put to one number or to one of their own, would carry it over a threshold."""
    powers_w = [0.0, *(one.installed_it_w for one in found)]
    return any(
        power_w < threshold_w <= power_w + nameless_w
        for power_w in powers_w
        for threshold_w in (REPORT_FROM_W, USE_HEAT_FROM_W)
    )


def _notes(nameless: list[SiteId], nameless_w: float) -> tuple[str, ...]:
    law = "Code de l'énergie L. 236-1 ff., D. 236-1 ff.: 500 kW to report by 15 May, 1 MW to make use of the heat."
    if not nameless:
        return (law,)
    return (
        law,
        f"Without a SIRET, and counted nowhere: {', '.join(nameless)} ({nameless_w / 1000.0:g} kW); give them `siret`.",
    )
