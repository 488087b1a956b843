"""One site's sums over a window, in one pass over its rows, so that a year of them needs no room."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ondol.accounting.basis import Basis
from ondol.accounting.bins import BIN_S, carbon_g, resolve
from ondol.accounting.coverage import Cover, Tiling, coincide
from ondol.accounting.kpi_metered import Read, at_meter
from ondol.model.ids import NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import HeatRow, MeterRow, Share, Tier

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFlows:
    """What a site took and gave in a window.

    Parameters
    ----------
    total_j, it_j : electricity, and of that the servers' [J]; what its own meter counted beyond them is at their mean
        carbon intensity
    e_dc_said : "metered", "metered in part" or "the sum of rows"
    handed_over_j, useful_j : heat of the units whose meter saw the same time as their electricity [J]; None without
    carbon_g, recorded_g : of it, on the basis and by the intensity that was recorded [gCO2e]
    tier : worst one of its electricity
    tasks : that ran
    cpu : by server, CPU time and time on [s]
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
    tasks: frozenset[TaskId]
    cpu: Mapping[NodeId, tuple[float, float]]
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
) -> SiteFlows:
    """Sum one site's rows; rows of other sites are passed over.

    Parameters
    ----------
    energy : gives the site's rows from the first on, each time it is called
    meters : of the site; where its own meter of electricity is among them, the rows are held against it
    basis : carbon basis; the recorded intensity where left out
    bin_s : length of a bin of useful heat [s]
    """
    total, it, grams, recorded = _Sum(), _Sum(), _Sum(), _Sum()
    tasks: dict[TaskId, None] = {}
    cover, by_unit = Cover(), defaultdict[UnitId, Cover](Cover)
    cpu, on = defaultdict[NodeId, _Sum](_Sum), defaultdict[NodeId, Cover](Cover)
    worst: Tier | None = None
    tiling = Tiling()
    known = at_meter(site_id, energy, meters)
    for row in known.rows:
        if row.site_id != site_id:
            continue
        total.add(row.energy_j)
        grams.add(carbon_g(row) if basis is None else basis.g_of(row))
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
    more = known.e_dc_j / total.value if known.e_dc_j is not None and total.value > 0 else 1.0
    kept, findings = _seen_heat(site_id, heat, by_unit)
    sinks = resolve(kept, bin_s).sinks.values() if kept else None
    return SiteFlows(
        site_id=site_id,
        total_j=total.value * more,
        e_dc_said=known.said,
        it_j=it.value,
        handed_over_j=None if sinks is None else math.fsum(sink.delivered_j for sink in sinks),
        useful_j=None if sinks is None else math.fsum(sink.useful_j for sink in sinks),
        carbon_g=grams.value * more,
        recorded_g=recorded.value * more,
        tier=worst,
        tasks=frozenset(tasks),
        cpu={node: (cpu[node].value, on[node].total_s) for node in sorted(cpu)},
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
