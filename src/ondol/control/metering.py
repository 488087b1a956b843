"""From the engine's CPU counters to joules per node, and from joules per node to ledger rows.

Counters are cumulative and outlive the platform, so the first window after a restart reaches back to the end of the
last one that was written: windows of a node tile time, and no joule is lost or counted twice.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import math
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Protocol

import msgspec

from ondol.accounting.rows import energy_rows, it_energy_j, overhead_row
from ondol.accounting.split import AttemptUse, CpuTimeRule, NodeWindow, Piece, SplitRule
from ondol.drivers.power.curve import NodeEnergy
from ondol.model.compute import Attempt, Task
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId
from ondol.model.ledger import EnergyRow, Share, Tier
from ondol.model.view import ServiceClass

_log = logging.getLogger(__name__)
_FALLBACK = CpuTimeRule()


class NodeMeter(Protocol):
    """Gives the energy of every node from one sample to the next; `drivers.power.nodes.NodeMeters` is one."""

    def sample(self, at_s: float, cpu_s: Mapping[NodeId, float]) -> Iterable[NodeEnergy]:
        """Close the span since the last sample, at host time `at_s` [s], on cumulative CPU seconds per node."""
        ...


@dataclasses.dataclass(slots=True)
class _Tally:
    """What has come together since the window began."""

    energy_j: dict[NodeId, float]
    cpu_s: dict[AttemptId, float]
    tier: dict[NodeId, Tier]
    grid_gs: dict[str, float]
    memory_byte_s: dict[AttemptId, float]
    counted_j: dict[NodeId, tuple[float, float] | None]  # processors and memory; None once counters were silent [J]


class Counters(msgspec.Struct):
    """What must outlive the platform: when the last written window ended and what the counters said then."""

    window_start_s: float
    cpu_s: dict[str, float]


class MeterBook:
    """Meters nodes from tick to tick and closes ledger windows.

    Parameters
    ----------
    clock_rate : platform seconds per wall second; power is a matter of wall time, energy of platform time
    grid : carbon intensity of a country's grid at a time: (country, when_s) → gCO2e/kWh
    begin_s : platform time at which metering begins where no counters are given
    rule : how a node's energy is split; where in a window its counters are silent, that window is split by CPU time,
        and its rows are of tier T4
    """

    def __init__(
        self,
        fleet: Fleet,
        meter: NodeMeter,
        *,
        clock_rate: float,
        grid: Callable[[str, float], float],
        begin_s: float,
        counters: Counters | None = None,
        rule: SplitRule | None = None,
    ) -> None:
        self._fleet = fleet
        self._meter = meter
        self._rate = clock_rate
        self._grid = grid
        self._rule = rule or CpuTimeRule()
        self._window_start_s = begin_s if counters is None else counters.window_start_s
        self._last_s = self._window_start_s
        self._seen: dict[AttemptId, float] = (
            {} if counters is None else {AttemptId(key): value for key, value in counters.cpu_s.items()}
        )
        self._node_cpu_s = {node.id: 0.0 for node in fleet.nodes}
        self._tally = self._empty()
        meter.sample(self._last_s / clock_rate, self._node_cpu_s)

    @property
    def fleet(self) -> Fleet:
        """Whose nodes it meters."""
        return self._fleet

    @property
    def clock_rate(self) -> float:
        """Platform seconds per wall second."""
        return self._rate

    @property
    def window_s(self) -> float:
        """How long the open window is by now [s, platform]."""
        return self._last_s - self._window_start_s

    def sample(
        self,
        now_s: float,
        cpu_s: Mapping[AttemptId, float],
        node_of: Mapping[AttemptId, NodeId],
        memory_bytes: Mapping[AttemptId, int] | None = None,
    ) -> dict[NodeId, NodeEnergy]:
        """Meter from the last sample to `now_s`; gives what every node drew, empty where no time passed.

        Parameters
        ----------
        cpu_s, memory_bytes : CPU seconds so far and resident memory now, by attempt; None where nothing tells it
        """
        span_s = now_s - self._last_s
        if span_s <= 0:
            return {}
        for attempt_id in sorted(cpu_s):
            delta = max(0.0, cpu_s[attempt_id] - self._seen.get(attempt_id, 0.0))
            self._seen[attempt_id] = max(cpu_s[attempt_id], self._seen.get(attempt_id, 0.0))
            node_id = node_of.get(attempt_id)
            if node_id in self._node_cpu_s and delta > 0:
                self._node_cpu_s[node_id] += delta
                self._tally.cpu_s[attempt_id] = self._tally.cpu_s.get(attempt_id, 0.0) + delta
        for attempt_id, resident in sorted((memory_bytes or {}).items()):
            held = self._tally.memory_byte_s.get(attempt_id, 0.0)
            self._tally.memory_byte_s[attempt_id] = held + resident * span_s
        drawn: dict[NodeId, NodeEnergy] = {}
        for energy in self._meter.sample(now_s / self._rate, self._node_cpu_s):
            drawn[energy.node_id] = energy
            self._note_counters(energy)
            self._tally.energy_j[energy.node_id] = self._tally.energy_j.get(energy.node_id, 0.0) + energy.energy_j
        for site in self._fleet.sites:
            grid_g = self._grid(site.country, 0.5 * (now_s + self._last_s))
            self._tally.grid_gs[site.id] = self._tally.grid_gs.get(site.id, 0.0) + grid_g * span_s
        self._last_s = now_s
        return drawn

    def close(self, held: Iterable[tuple[Task, Attempt]]) -> tuple[list[EnergyRow], Counters]:
        """Draw up the window as it ends at the last sample: its rows, and the counters to be written with them.

        Nothing is forgotten before `settle`.

        Parameters
        ----------
        held : every attempt that held a slot at some time of the window
        """
        start, end = _utc(self._window_start_s), _utc(self._last_s)
        if not start < end:
            return [], self.counters()
        uses: dict[NodeId, list[AttemptUse]] = {node.id: [] for node in self._fleet.nodes}
        for task, attempt in held:
            uses.setdefault(attempt.node_id, []).append(self._use(task, attempt, start, end))
        rows: list[EnergyRow] = []
        for site in self._fleet.sites:
            grid_g = self._tally.grid_gs.get(site.id, 0.0) / self.window_s
            site_rows: list[EnergyRow] = []
            for unit in self._fleet.units_of(site.id):
                for node in self._fleet.nodes_of(unit.id):
                    package_j, dram_j = self._tally.counted_j.get(node.id) or (None, None)
                    window = NodeWindow(
                        site_id=site.id,
                        unit_id=unit.id,
                        node_id=node.id,
                        start=start,
                        end=end,
                        energy_j=self._tally.energy_j.get(node.id, 0.0),
                        idle_w=node.curve.idle_w,
                        slots=node.slots,
                        package_j=package_j,
                        dram_j=dram_j,
                    )
                    pieces = self._split(window, _fitted(window, uses[node.id]))
                    tier = self._tally.tier.get(node.id, Tier.T4_CURVE)
                    site_rows += energy_rows(window, pieces, grid_g_per_kwh=grid_g, tier=tier)
            it_j = it_energy_j(site_rows)
            rows += site_rows
            rows.append(
                overhead_row(
                    site.id, start, end, it_j=it_j, pue=site.pue, grid_g_per_kwh=grid_g, tier=Tier.T5_ARCHETYPE
                )
            )
        return rows, self.counters()

    def settle(self, known: Container[AttemptId]) -> None:
        """Begin the next window where the one drawn up ends; drop counters of attempts that nobody reports any more.

        A counter stays as long as its attempt may be reported: dropped too soon, all of it would count again.
        """
        self._window_start_s = self._last_s
        self._tally = self._empty()
        self._seen = {attempt_id: cpu_s for attempt_id, cpu_s in self._seen.items() if attempt_id in known}

    def counted_s(self, attempt_id: AttemptId) -> float:
        """CPU seconds of an attempt that were counted so far."""
        return self._seen.get(attempt_id, 0.0)

    def counters(self) -> Counters:
        """What a restart needs with the rows that were drawn up."""
        return Counters(window_start_s=self._last_s, cpu_s={str(k): v for k, v in sorted(self._seen.items())})

    def _note_counters(self, energy: NodeEnergy) -> None:
        """Note how well a span is known: a window is as well known as the worst of its spans."""
        tally, node_id = self._tally, energy.node_id
        worst = tally.tier.get(node_id, energy.tier)
        tally.tier[node_id] = max(worst, energy.tier, key=lambda tier: tier.value)
        before = tally.counted_j.get(node_id, (0.0, 0.0))
        if before is None or energy.package_j is None or energy.dram_j is None:
            tally.counted_j[node_id] = None
        else:
            tally.counted_j[node_id] = (before[0] + energy.package_j, before[1] + energy.dram_j)

    def _split(self, window: NodeWindow, uses: list[AttemptUse]) -> tuple[Piece, ...]:
        try:
            return self._rule.split(window, uses)
        except UnavailableError as error:
            _log.info("%s: this window is split by CPU time", error)
            return _FALLBACK.split(window, uses)

    def _use(self, task: Task, attempt: Attempt, start: dt.datetime, end: dt.datetime) -> AttemptUse:
        until = end if attempt.held_until is None else min(end, attempt.held_until)
        held_s = (until - max(start, attempt.created_at)).total_seconds()
        memory_byte_s = self._tally.memory_byte_s.get(attempt.id)
        return AttemptUse(
            attempt_id=attempt.id,
            instance_id=attempt.instance_id,
            task_id=task.id,
            account_id=task.account_id,
            cpu_s=self._tally.cpu_s.get(attempt.id, 0.0),
            share=Share.HEAT_ONLY if task.service is ServiceClass.FILLER else Share.JOB,
            # In a compute pool the slot, and with it the idle energy, is its holder's: nothing is counted twice.
            held_s=0.0 if attempt.held_by else max(0.0, held_s),
            memory_bytes=None if memory_byte_s is None else memory_byte_s / self.window_s,
        )

    def _empty(self) -> _Tally:
        return _Tally(energy_j={}, cpu_s={}, tier={}, grid_gs={}, memory_byte_s={}, counted_j={})


def _fitted(window: NodeWindow, uses: list[AttemptUse]) -> list[AttemptUse]:
    """Shorten reservations in proportion where together they are more than the node has.

    Clocks that were set and fleets that changed between two lives leave such windows behind. Joules stay what was
    metered; only how idle energy is shared moves a little, and the log says so.
    """
    capacity_s = window.slots * window.seconds
    held_s = [window.seconds if use.held_s is None else use.held_s for use in uses]
    taken_s = math.fsum(use.slots * held for use, held in zip(uses, held_s, strict=True))
    if taken_s <= capacity_s:
        return uses
    _log.warning("node %s: %.1f slot-seconds reserved of %.1f; shortened", window.node_id, taken_s, capacity_s)
    part = capacity_s / taken_s
    return [dataclasses.replace(use, held_s=part * held) for use, held in zip(uses, held_s, strict=True)]


def _utc(seconds: float) -> dt.datetime:
    # The ledger's clock ticks in microseconds; rounding here keeps one window's end equal to the next one's start.
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=math.floor(seconds * 1e6))
