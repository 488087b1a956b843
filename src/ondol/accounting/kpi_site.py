"""One site's sums over a window, in one pass over its rows, so that a year of them needs no room."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ondol.accounting.basis import Basis
from ondol.accounting.bins import BIN_S, carbon_g, pieces, resolve
from ondol.accounting.coverage import Cover, Tiling, coincide
from ondol.accounting.embodied import share_of_life
from ondol.accounting.kpi_metered import Read, at_meter
from ondol.accounting.kpi_utilization import Busy, Hours
from ondol.model.ids import AttemptId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, MeterRow, Share, Tier

_PATIENCE = 8192  # summands that are kept before they are summed


@dataclass(slots=True)
class _Sum:
    """A sum that is exact but for one rounding in thousands of summands."""

    parts: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.parts.append(value)
        if len(self.parts) > _PATIENCE:
            self.parts = [math.fsum(self.parts)]

    @property
    def value(self) -> float:
        return math.fsum(self.parts)


@dataclass(slots=True)
class _Filler:
    """What work run for heat alone took: its own, and by bin its part of the site's overhead.

    Parameters
    ----------
    bins : by number, the servers' electricity [J], such work's part of it [J], carbon of the overhead [gCO2e]
    """

    bin_s: float
    ends: Mapping[NodeId, dt.datetime]
    energy: _Sum = field(default_factory=_Sum)
    own: _Sum = field(default_factory=_Sum)
    bins: dict[int, list[float]] = field(default_factory=dict)
    held: dict[AttemptId, tuple[NodeId, _Sum]] = field(default_factory=dict)

    def add(self, row: EnergyRow, grams: float, begin_s: float, end_s: float) -> None:
        if row.share is Share.HEAT_ONLY:
            self.energy.add(row.energy_j)
            self.own.add(grams)
            if row.attempt_id is not None and row.node_id is not None:
                living = share_of_life(self.ends.get(row.node_id), row.start, row.end)
                held = self.held.setdefault(row.attempt_id, (row.node_id, _Sum()))[1]
                held.add((row.end - row.start).total_seconds() * living)
        for number, fraction in pieces(begin_s, end_s, self.bin_s):
            into = self.bins.get(number)
            if into is None:
                into = self.bins[number] = [0.0, 0.0, 0.0]
            if row.share is Share.OVERHEAD:
                into[2] += grams * fraction
                continue
            into[0] += row.energy_j * fraction
            if row.share is Share.HEAT_ONLY:
                into[1] += row.energy_j * fraction

    @property
    def grams(self) -> float:
        owed = (over_g * part_j / it_j for it_j, part_j, over_g in self.bins.values() if it_j > 0.0)
        return math.fsum([self.own.value, *owed])


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFlows:
    """What a site took and gave in a window.

    Parameters
    ----------
    total_j, it_j : electricity, and of that the servers' [J]; what its own meter counted beyond them is at their mean
        carbon intensity of that window
    e_dc_said : "metered", "metered in part" or "the sum of rows"
    handed_over_j, useful_j : heat of the units whose meter saw the same time as their electricity [J]; None without
    carbon_g, recorded_g : of it, on the basis and by the intensity that was recorded [gCO2e]
    tier : worst one of its electricity
    filler_j, filler_g : of the servers' electricity and of its carbon with overhead, work run for heat alone [J],
        [gCO2e]; overhead bin by bin, as statements share it out
    filler_s : by attempt of such work, its server and for how long there are rows of it in the life of that [s]
    tasks : that ran, work run for heat alone not among them
    cpu : by server, CPU time and time on [s]
    living_s : by server, time on before its life was over [s]: see `written_off`
    busy : how busy servers were whose cores are known
    cover : the time for which it has electricity in the ledger
    virtual : some of its heat meters are equations in place of hardware
    findings : what was left out, and why
    """

    site_id: SiteId
    total_j: float
    it_j: float
    e_dc_said: str
    handed_over_j: float | None
    useful_j: float | None
    carbon_g: float
    recorded_g: float
    tier: Tier | None
    filler_j: float
    filler_g: float
    filler_s: Mapping[AttemptId, tuple[NodeId, float]]
    tasks: frozenset[TaskId]
    cpu: Mapping[NodeId, tuple[float, float]]
    living_s: Mapping[NodeId, float]
    busy: Busy
    cover: Cover
    virtual: bool
    findings: tuple[str, ...]


def site_flows(
    site_id: SiteId,
    energy: Read,
    heat: Iterable[HeatRow],
    meters: Iterable[MeterRow] = (),
    *,
    basis: Basis | None = None,
    bin_s: float = BIN_S,
    written_off: Mapping[NodeId, dt.datetime] | None = None,
    cores: Mapping[NodeId, float] | None = None,
) -> SiteFlows:
    """Sum one site's rows; rows of other sites are passed over.

    Parameters
    ----------
    energy : gives the site's rows from the first on, each time it is called
    meters : of the site; where its own meter of electricity is among them, the rows are held against it
    basis : carbon basis; the recorded intensity where left out
    bin_s : length of a bin of useful heat [s]
    written_off : by server, when its life was over and its making counted
    cores : by server that counts in ITEUsv, CPU seconds that it has in a second
    """
    ends = written_off or {}
    total, it, grams, recorded = _Sum(), _Sum(), _Sum(), _Sum()
    tasks: dict[TaskId, None] = {}
    cover, by_unit = Cover(), defaultdict[UnitId, Cover](Cover)
    cpu, on = defaultdict[NodeId, _Sum](_Sum), defaultdict[NodeId, Cover](Cover)
    filler, hours = _Filler(bin_s, ends), Hours(cores or {})
    worst: Tier | None = None
    tiling = Tiling()
    known = at_meter(site_id, energy, meters)
    for row in known.rows:
        if row.site_id != site_id:
            continue
        total.add(row.energy_j)
        grams.add(own_g := carbon_g(row) if basis is None else basis.g_of(row))
        begin_s, end_s = row.start.timestamp(), row.end.timestamp()
        filler.add(row, own_g, begin_s, end_s)
        hours.add(row, begin_s, end_s)
        recorded.add(carbon_g(row))
        cover.add(row.start, row.end)
        tiling.add((row.node_id, row.share, row.task_id, row.attempt_id), row.start, row.end)
        if row.share is not Share.OVERHEAD:
            it.add(row.energy_j)
        if row.task_id is not None and row.share is Share.JOB:
            tasks[row.task_id] = None
        if row.unit_id is not None:
            by_unit[row.unit_id].add(row.start, row.end)
        if row.node_id is not None:
            cpu[row.node_id].add(row.cpu_s)
            on[row.node_id].add(row.start, row.end)
        if row.energy_j > 0 and (worst is None or row.tier.value > worst.value):
            worst = row.tier
    kept, findings = _seen_heat(site_id, heat, by_unit)
    sinks = resolve(kept, bin_s).sinks.values() if kept else None
    return SiteFlows(
        site_id=site_id,
        total_j=total.value,
        e_dc_said=known.said,
        it_j=it.value,
        handed_over_j=None if sinks is None else math.fsum(sink.delivered_j for sink in sinks),
        useful_j=None if sinks is None else math.fsum(sink.useful_j for sink in sinks),
        carbon_g=grams.value,
        recorded_g=recorded.value,
        tier=worst,
        filler_j=filler.energy.value,
        filler_g=filler.grams,
        filler_s={attempt: (node, held.value) for attempt, (node, held) in sorted(filler.held.items())},
        tasks=frozenset(tasks),
        cpu={node: (cpu[node].value, on[node].total_s) for node in sorted(cpu)},
        busy=hours.busy(),
        living_s={node: on[node].before_s(ends[node]) if node in ends else on[node].total_s for node in sorted(cpu)},
        cover=cover,
        virtual=any(row.virtual for row in kept),
        findings=(*known.findings, *findings, *_overlaps(site_id, "electricity", tiling)),
    )


def _seen_heat(
    site_id: SiteId, heat: Iterable[HeatRow], electricity: Mapping[UnitId, Cover]
) -> tuple[list[HeatRow], list[str]]:
    """Give metered heat of the units whose meter saw the time of their electricity, and what was left out."""
    by_unit: dict[UnitId, list[HeatRow]] = defaultdict(list)
    estimated: dict[UnitId, None] = {}
    for row in heat:
        if row.site_id != site_id:
            continue
        if row.metered:
            by_unit[row.unit_id].append(row)
        else:
            estimated[row.unit_id] = None
    kept: list[HeatRow] = []
    findings: list[str] = []
    tiling = Tiling()
    for unit, own in sorted(by_unit.items()):
        taken = electricity.get(unit)
        if taken is not None and not coincide(Cover.of((row.start, row.end) for row in own), taken):
            findings.append(f"Heat meter and electricity of {unit} cover different times; its heat is left out.")
        else:
            kept += own
            for row in own:
                tiling.add((unit, row.sink_id), row.start, row.end)
    if estimated:
        findings.append("Heat is only estimated, and left out, for: " + ", ".join(sorted(estimated)))
    return kept, [*findings, *_overlaps(site_id, "heat", tiling)]


def _overlaps(site_id: SiteId, what: str, tiling: Tiling) -> list[str]:
    if not tiling.overlap_s:
        return []
    return [f"Rows of {what} of {site_id} overlap for {tiling.overlap_s:.6g} s in all: what is in them counts twice."]
