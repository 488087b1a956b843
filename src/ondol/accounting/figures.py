"""The figures that every statement is made of: energy by share, heat, carbon with its band, and the ratios of them."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.accounting import kpi
from ondol.accounting.bins import Resolved, carbon_g
from ondol.accounting.coverage import Cover, coincide
from ondol.model.ids import SinkId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share, Tier

J_PER_KWH = 3.6e6
_INTERIM = dt.timedelta(days=28)  # ratios over less are interim; stores of heat may reach across their edges
FACTOR = "direct emissions of the grid in each window, as recorded (ondol statement counts on the basis)"
# Models of power against load disagree by a factor of two (reference/footprint.md §3.4); an archetype knows no more.
# Metered tiers have no band of their own here: their class of accuracy is not in the ledger.
_BAND = {Tier.T4_CURVE: 2.0, Tier.T5_ARCHETYPE: 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Electricity by share [kWh]; it = job + heat_only + idle, total = it + overhead."""

    job_kwh: float
    heat_only_kwh: float
    idle_kwh: float
    overhead_kwh: float
    it_kwh: float
    total_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Carbon:
    """Operational carbon, location-based, without any credit for heat [gCO2e].

    Parameters
    ----------
    job_g, heat_only_g, idle_g, overhead_g : by share; total_g is their sum
    low_g, high_g : band of the total from how the energy was got (tier T4 and T5: half to double)
    factor : name of the grid factor
    """

    job_g: float
    heat_only_g: float
    idle_g: float
    overhead_g: float
    total_g: float
    low_g: float
    high_g: float
    factor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkHeatKwh:
    """Heat of one sink [kWh]; useful is Σ over bins of min(delivered, demanded)."""

    sink_id: SinkId
    name: str
    delivered_kwh: float
    demanded_kwh: float
    useful_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """Heat of the metered sinks [kWh].

    Parameters
    ----------
    delivered_kwh : handed over, as the heat meters have it
    useful_kwh, not_useful_kwh : the part that was demanded in the same bin, and the rest of the delivered
    bin_s : length of a bin [s]
    """

    delivered_kwh: float
    demanded_kwh: float
    useful_kwh: float
    not_useful_kwh: float
    bin_s: float
    sinks: tuple[SinkHeatKwh, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of one site or of several together, as ratios of sums.

    Parameters
    ----------
    heat : None where there is no heat meter
    pue, erf, ere : `ondol.accounting.kpi`; None where undefined or without a heat meter. ERF and ERE count useful heat,
        and are None where, in a window under four weeks, stores gave back more heat than electricity came in. Both, and
        `erf_handed_over`, are None where a unit's heat meter saw another time than its electricity
    erf_handed_over : the same with all the heat delivered, the hand-over point of ISO/IEC 30134-6
    cue_kg_per_kwh : operational carbon by kWh of IT
    kwh_by_tier : how much of the total is known how well, best tier first
    unmetered_sites : sites without a heat meter; their electricity is in the ratios, no heat is
    """

    start: dt.datetime
    end: dt.datetime
    energy: Energy
    carbon: Carbon
    heat: Heat | None
    pue: float | None
    erf: float | None
    erf_handed_over: float | None
    ere: float | None
    cue_kg_per_kwh: float | None
    kwh_by_tier: tuple[tuple[Tier, float], ...]
    unmetered_sites: tuple[SiteId, ...]


def figures(
    rows: Sequence[LedgerRow], resolved: Resolved, names: dict[str, str] | None = None, factor: str = FACTOR
) -> Figures:
    """Make the figures of the rows given; `resolved` must hold the sites of these rows.

    Raises InvalidFieldError where the ledger says the impossible, e.g. more heat useful than electricity taken.
    """
    energy_rows = [row for row in rows if isinstance(row, EnergyRow)]
    energy = energy_of(energy_rows)
    carbon = carbon_of(energy_rows, factor)
    sites = {row.site_id for row in rows}
    metered = {row.site_id for row in rows if isinstance(row, HeatRow) and row.metered}
    heat = _heat(resolved, metered, names or {}) if metered else None
    seen = None if heat is None or _apart(rows) else heat
    reuse_kwh = None if seen is None or _stores_gave_back(seen, energy, rows) else seen.useful_kwh
    return Figures(
        start=min(row.start for row in rows),
        end=max(row.end for row in rows),
        energy=energy,
        carbon=carbon,
        heat=heat,
        pue=kpi.pue(energy.total_kwh, energy.it_kwh),
        erf=kpi.erf(reuse_kwh, energy.total_kwh),
        erf_handed_over=_handed_over(seen, energy),
        ere=kpi.ere(energy.total_kwh, reuse_kwh, energy.it_kwh),
        cue_kg_per_kwh=kpi.cue(carbon.total_g / 1000.0, energy.it_kwh),
        kwh_by_tier=kwh_by_tier(energy_rows),
        unmetered_sites=tuple(sorted(sites - metered)),
    )


def _stores_gave_back(heat: Heat, energy: Energy, rows: Sequence[LedgerRow]) -> bool:
    """Whether loops and shells handed over heat from before a short window, so that its ratios say nothing.

    More heat than electricity over a month or more is no such thing and is refused.
    """
    span = max(row.end for row in rows) - min(row.start for row in rows)
    return heat.useful_kwh > energy.total_kwh and span < _INTERIM


def _apart(rows: Sequence[LedgerRow]) -> bool:
    """Whether a unit's heat meter saw another time than its electricity: of the two no ratio is made."""
    electricity, heat = defaultdict[UnitId, Cover](Cover), defaultdict[UnitId, Cover](Cover)
    for row in rows:
        if isinstance(row, HeatRow):
            if row.metered:
                heat[row.unit_id].add(row.start, row.end)
        elif row.unit_id is not None:
            electricity[row.unit_id].add(row.start, row.end)
    return any(unit in electricity and not coincide(own, electricity[unit]) for unit, own in heat.items())


def energy_of(rows: Iterable[EnergyRow]) -> Energy:
    """Sum electricity by share; exact sums, so that the order of rows does not matter."""
    parts: dict[Share, list[float]] = {share: [] for share in Share}
    for row in rows:
        parts[row.share].append(row.energy_j)
    it = [*parts[Share.JOB], *parts[Share.HEAT_ONLY], *parts[Share.IDLE]]
    return Energy(
        job_kwh=math.fsum(parts[Share.JOB]) / J_PER_KWH,
        heat_only_kwh=math.fsum(parts[Share.HEAT_ONLY]) / J_PER_KWH,
        idle_kwh=math.fsum(parts[Share.IDLE]) / J_PER_KWH,
        overhead_kwh=math.fsum(parts[Share.OVERHEAD]) / J_PER_KWH,
        it_kwh=math.fsum(it) / J_PER_KWH,
        total_kwh=math.fsum([*it, *parts[Share.OVERHEAD]]) / J_PER_KWH,
    )


def carbon_of(rows: Iterable[EnergyRow], factor: str = FACTOR) -> Carbon:
    """Sum operational carbon by share, energy × grid intensity window by window."""
    parts: dict[Share, list[float]] = {share: [] for share in Share}
    low: list[float] = []
    high: list[float] = []
    for row in rows:
        grams = carbon_g(row)
        band = band_of(row.tier)
        parts[row.share].append(grams)
        low.append(grams / band)
        high.append(grams * band)
    return Carbon(
        job_g=math.fsum(parts[Share.JOB]),
        heat_only_g=math.fsum(parts[Share.HEAT_ONLY]),
        idle_g=math.fsum(parts[Share.IDLE]),
        overhead_g=math.fsum(parts[Share.OVERHEAD]),
        total_g=math.fsum(gram for share in Share for gram in parts[share]),
        low_g=math.fsum(low),
        high_g=math.fsum(high),
        factor=factor,
    )


def band_of(tier: Tier) -> float:
    """Factor by which energy of this tier may be off, either way; 1 where the ledger knows of no band."""
    return _BAND.get(tier, 1.0)


def kwh_by_tier(rows: Iterable[EnergyRow]) -> tuple[tuple[Tier, float], ...]:
    """Sum electricity by data tier [kWh], best tier first; tiers that do not occur are left out."""
    parts: dict[Tier, list[float]] = defaultdict(list)
    for row in rows:
        parts[row.tier].append(row.energy_j)
    return tuple((tier, math.fsum(parts[tier]) / J_PER_KWH) for tier in Tier if tier in parts)


def _heat(resolved: Resolved, metered: set[SiteId], names: dict[str, str]) -> Heat:
    sinks = [sink for sink in resolved.sinks.values() if sink.site_id in metered]
    delivered_j = math.fsum(sink.delivered_j for sink in sinks)
    useful_j = math.fsum(sink.useful_j for sink in sinks)
    return Heat(
        delivered_kwh=delivered_j / J_PER_KWH,
        demanded_kwh=math.fsum(sink.demanded_j for sink in sinks) / J_PER_KWH,
        useful_kwh=useful_j / J_PER_KWH,
        not_useful_kwh=(delivered_j - useful_j) / J_PER_KWH,
        bin_s=resolved.bin_s,
        sinks=tuple(
            SinkHeatKwh(
                sink_id=sink.sink_id,
                name=names.get(sink.sink_id, sink.sink_id),
                delivered_kwh=sink.delivered_j / J_PER_KWH,
                demanded_kwh=sink.demanded_j / J_PER_KWH,
                useful_kwh=sink.useful_j / J_PER_KWH,
            )
            for sink in sinks
        ),
    )


def _handed_over(heat: Heat | None, energy: Energy) -> float | None:
    # Not refused above 1: a loop that was warm before the window hands over heat that the window did not buy.
    if heat is None or energy.total_kwh == 0:
        return None
    return heat.delivered_kwh / energy.total_kwh
