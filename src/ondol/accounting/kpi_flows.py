"""The flows across a boundary in a window: electricity, fuels, heat, water, carbon, each only where it was metered."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ondol.accounting.boundary import Inflow
from ondol.accounting.coverage import Cover, coincide
from ondol.accounting.kpi_site import SiteFlows
from ondol.accounting.kpi_utilization import Busy
from ondol.model.ids import NodeId, SiteId
from ondol.model.ledger import Metered, MeterRow, Tier

J_PER_KWH = 3.6e6
_WORDS = {
    Metered.WATER_L: "water",
    Metered.RENEWABLE_J: "renewable electricity made on site",
    Metered.COOLING_ELECTRICITY_J: "the electricity of cooling",
    Metered.COOLING_HEAT_J: "the heat that cooling removes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Sums over one window and some sites.

    Parameters
    ----------
    e_dc_kwh, e_it_kwh : all energy into the boundary, and of that the IT's [kWh]
    inflow_kwh, backup_kwh : of E_DC, other carriers than electricity, and of those the emergency generator's [kWh];
        the latter None where none was named
    handed_over_kwh, reuse_kwh : heat at the hand-over, and what of it was demanded [kWh]; None without a heat meter
    water_l, renewable_kwh : metered [L], [kWh]; None where there is no meter, or one that saw another time
    carbon_g : of all carriers [gCO2e]
    recorded_g : of the electricity, by the hourly intensity that was recorded: scope 2, location-based [gCO2e]
    filler_kwh, filler_g : of E_IT, work run for heat alone, and its carbon with its part of the overhead [kWh], [gCO2e]
    tier : worst one of the electricity
    tasks : that ran in the window
    cpu : by server, CPU time and time on [s]
    cooling_heat_kwh, cooling_kwh : removed by cooling, and its electricity, by meters [kWh]; None without both
    busy : by site, how busy its servers were
    no_heat, no_water, no_renewable, no_cooling : why there is none, "" where there is some
    covers : the time for which each site has electricity in the ledger
    """

    e_dc_kwh: float
    e_it_kwh: float
    inflow_kwh: float
    backup_kwh: float | None
    handed_over_kwh: float | None
    reuse_kwh: float | None
    water_l: float | None
    renewable_kwh: float | None
    carbon_g: float
    recorded_g: float
    tier: Tier | None
    tasks: int
    e_dc_from: str
    no_heat: str
    no_water: str
    no_renewable: str
    unmetered_sites: tuple[SiteId, ...]
    findings: tuple[str, ...]
    cpu: Mapping[NodeId, tuple[float, float]] = field(repr=False)
    covers: Mapping[SiteId, Cover] = field(repr=False)
    busy: tuple[Busy, ...] = field(repr=False, default=())
    filler_kwh: float = 0.0
    filler_g: float = 0.0
    cooling_heat_kwh: float | None = None
    cooling_kwh: float | None = None
    no_cooling: str = "cooling is not metered"


def flows(sites: Sequence[SiteFlows], meters: Sequence[MeterRow] = (), inflows: Iterable[Inflow] = ()) -> Flows:
    """Sum what crosses the boundary of some sites, each of them once.

    Parameters
    ----------
    meters : of water and of renewable electricity; those of electricity were held against the rows before
    """
    into = list(inflows)
    covers = {one.site_id: one.cover for one in sites}
    handed_over = [one.handed_over_j for one in sites if one.handed_over_j is not None]
    useful = [one.useful_j for one in sites if one.useful_j is not None]
    water_l, no_water = _sum(meters, Metered.WATER_L, covers)
    renewable_j, no_renewable = _sum(meters, Metered.RENEWABLE_J, covers)
    removed_j, no_heat_meter = _sum(meters, Metered.COOLING_HEAT_J, covers)
    cooling_j, no_cooling_meter = _sum(meters, Metered.COOLING_ELECTRICITY_J, covers)
    inflow_kwh = math.fsum(one.kwh for one in into)
    return Flows(
        e_dc_kwh=math.fsum(one.total_j for one in sites) / J_PER_KWH + inflow_kwh,
        e_it_kwh=math.fsum(one.it_j for one in sites) / J_PER_KWH,
        inflow_kwh=inflow_kwh,
        backup_kwh=math.fsum(one.kwh for one in into if one.backup) if any(one.backup for one in into) else None,
        handed_over_kwh=math.fsum(handed_over) / J_PER_KWH if handed_over else None,
        reuse_kwh=math.fsum(useful) / J_PER_KWH if useful else None,
        water_l=water_l,
        renewable_kwh=None if renewable_j is None else renewable_j / J_PER_KWH,
        carbon_g=math.fsum([*(one.carbon_g for one in sites), *(one.grams for one in into)]),
        recorded_g=math.fsum(one.recorded_g for one in sites),
        filler_kwh=math.fsum(one.filler_j for one in sites) / J_PER_KWH,
        filler_g=_filler_g(sites, into),
        tier=max((one.tier for one in sites if one.tier), key=lambda tier: tier.value, default=None),
        tasks=len({task for one in sites for task in one.tasks}),
        e_dc_from=_said(sites),
        no_heat="" if useful else "no site of these has a heat meter that saw the window",
        no_water=no_water,
        no_renewable=no_renewable,
        unmetered_sites=tuple(one.site_id for one in sites if one.useful_j is None),
        findings=(*(finding for one in sites for finding in one.findings), *_virtual(sites)),
        cpu={node: pair for one in sites for node, pair in one.cpu.items()},
        covers=covers,
        busy=tuple(one.busy for one in sites),
        cooling_heat_kwh=None if removed_j is None or cooling_j is None else removed_j / J_PER_KWH,
        cooling_kwh=None if removed_j is None or cooling_j is None else cooling_j / J_PER_KWH,
        no_cooling="; ".join(why for why in (no_heat_meter, no_cooling_meter) if why),
    )


def _filler_g(sites: Sequence[SiteFlows], inflows: Sequence[Inflow]) -> float:
    """Carbon of work run for heat alone; of other carriers by its part of the servers' electricity."""
    it_j = math.fsum(one.it_j for one in sites)
    part = math.fsum(one.filler_j for one in sites) / it_j if it_j > 0.0 else 0.0
    return math.fsum([*(one.filler_g for one in sites), *(one.grams * part for one in inflows)])


def _virtual(sites: Sequence[SiteFlows]) -> tuple[str, ...]:
    named = [one.site_id for one in sites if one.virtual]
    if not named:
        return ()
    return (f"Heat meters are equations in place of hardware, and prove nothing, at: {', '.join(named)}.",)


def _of(meters: Iterable[MeterRow], site_id: SiteId, kind: Metered) -> list[MeterRow]:
    return [one for one in meters if one.site_id == site_id and one.kind is kind]


def _whole(rows: Sequence[MeterRow], cover: Cover) -> float | None:
    """Sum of a site's meters of one kind where each of them and the site's electricity cover the same time."""
    by_meter: dict[str, Cover] = defaultdict(Cover)
    for row in rows:
        by_meter[row.meter_id].add(row.start, row.end)
    if not rows or not all(coincide(own, cover) for own in by_meter.values()):
        return None
    return math.fsum(row.amount for row in rows)


def _sum(meters: Sequence[MeterRow], kind: Metered, covers: Mapping[SiteId, Cover]) -> tuple[float | None, str]:
    parts: list[float] = []
    for site, cover in covers.items():
        own = _of(meters, site, kind)
        counted = _whole(own, cover)
        if counted is None:
            what = _WORDS[kind]
            other = f"the meter of {what} of {site} and its electricity cover different times"
            return None, other if own else f"{site} has no meter of {what}"
        parts.append(counted)
    return (math.fsum(parts), "") if parts else (None, "no electricity in the window")


def _said(sites: Sequence[SiteFlows]) -> str:
    by: dict[str, list[str]] = defaultdict(list)
    for one in sites:
        by[one.e_dc_said].append(one.site_id)
    if len(by) == 1:
        return f"E_DC is {next(iter(by))}"
    return "E_DC is " + "; ".join(f"{said} at {', '.join(by[said])}" for said in sorted(by))
