"""The ledger of a twin's run: the rows that the platform would have written, from what the twin lived through.

A unit stands for its nodes: the twin knows energy by unit, and by attempt the part that goes with load. Heat of a sink
is dealt out to its units by what each drew.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ondol.accounting.rows import energy_rows, it_energy_j, overhead_row
from ondol.accounting.split import AttemptUse, CpuTimeRule, NodeWindow
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, TaskId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share, Tier
from ondol.model.view import Floats, Ints, ServiceClass
from ondol.policy.contract import Policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.workload.jobs import Trace

_RULE = CpuTimeRule()
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class LedgerTwin(FleetTwin):
    """A twin that writes its ledger, a window a thermal step.

    Parameters
    ----------
    keep : is given the rows of every step, in the order of units
    """

    def __init__(
        self,
        scenario: Scenario,
        series: Series,
        trace: Trace,
        policy: Policy[Any],
        keep: Callable[[list[LedgerRow]], None],
    ) -> None:
        super().__init__(scenario, series, trace, policy)
        self._keep = keep
        self._work: dict[tuple[int, int, int], tuple[float, float]] = {}  # (unit, row, try) → dynamic J, slot-seconds
        slots = np.bincount(self.layout.node_unit, self.layout.node_slots, len(self.layout.unit_ids))
        self._slots = slots.astype(np.int64)
        self._users = trace.jobs.user

    def _advance(self, now_s: float, then_s: float) -> None:
        rows = self.attempts.held.copy()
        units, before_j = self.layout.node_unit[self.attempts.node[rows]], self.attempts.energy_j[rows]
        super()._advance(now_s, then_s)
        self._note(rows, units, self.attempts.energy_j[rows] - before_j, then_s - now_s)

    def _note(self, rows: Ints, units: Ints, spent_j: Floats, span_s: float) -> None:
        tries = self.attempts.attempts[rows]
        for unit, row, number, joules in zip(
            units.tolist(), rows.tolist(), tries.tolist(), spent_j.tolist(), strict=True
        ):
            dynamic_j, held_s = self._work.get((unit, row, number), (0.0, 0.0))
            self._work[unit, row, number] = (dynamic_j + joules, held_s + span_s)

    def _close(self, step: int) -> None:
        super()._close(step)
        start, end = (_utc(self.series.begin_s + (step + k) * self.series.step_s) for k in (0, 1))
        uses: dict[int, list[AttemptUse]] = {}
        for (unit, row, number), (dynamic_j, held_s) in sorted(self._work.items()):
            uses.setdefault(unit, []).append(self._use(row, number, dynamic_j, held_s))
        self._work = {}
        self._keep([*self._energy(step, start, end, uses), *self._heat(start, end)])

    def _energy(
        self, step: int, start: dt.datetime, end: dt.datetime, uses: dict[int, list[AttemptUse]]
    ) -> Iterator[EnergyRow]:
        layout, grid_g = self.layout, float(self.series.grid_g_per_kwh[step])
        of_site: dict[int, list[EnergyRow]] = {site: [] for site in range(len(layout.site_ids))}
        for unit, unit_id in enumerate(layout.unit_ids):
            own, energy_j = uses.get(unit, []), float(self.unit_energy_j[unit])
            span_s = (end - start).total_seconds()
            dynamic_j = math.fsum(use.cpu_s for use in own)
            window = NodeWindow(
                site_id=layout.site_ids[layout.unit_site[unit]],
                unit_id=unit_id,
                node_id=NodeId(str(unit_id)),
                start=start,
                end=end,
                energy_j=energy_j,
                idle_w=max(0.0, energy_j - dynamic_j) / span_s,
                slots=max(1, int(self._slots[unit])),
            )
            pieces = _RULE.split(window, own)
            of_site[int(layout.unit_site[unit])] += energy_rows(
                window, pieces, grid_g_per_kwh=grid_g, tier=Tier.T4_CURVE
            )
        for site, rows in of_site.items():
            yield from rows
            yield overhead_row(
                layout.site_ids[site],
                start,
                end,
                it_j=it_energy_j(rows),
                pue=float(layout.site_pue[site]),
                grid_g_per_kwh=grid_g,
                tier=Tier.T5_ARCHETYPE,
            )

    def _heat(self, start: dt.datetime, end: dt.datetime) -> Iterator[HeatRow]:
        layout, plant, step_s = self.layout, self.plant, self.series.step_s
        heats = np.flatnonzero(layout.heats)
        drawn_j = np.bincount(layout.unit_sink[heats], self.unit_energy_j[heats], len(layout.sink_ids))
        most_w = np.bincount(layout.unit_sink[heats], layout.unit_max_w[heats], len(layout.sink_ids))
        first: set[int] = set()
        for unit in heats.tolist():
            sink = int(layout.unit_sink[unit])
            electric_j = float(self.unit_energy_j[unit])
            part = electric_j / drawn_j[sink] if drawn_j[sink] > 0 else layout.unit_max_w[unit] / most_w[sink]
            felt_k = float(plant.short_k[sink] + plant.over_k[sink]) if sink not in first else 0.0
            first.add(sink)
            yield HeatRow(
                site_id=layout.site_ids[layout.unit_site[unit]],
                unit_id=layout.unit_ids[unit],
                sink_id=layout.sink_ids[sink],
                start=start,
                end=end,
                electric_j=electric_j,
                delivered_j=max(0.0, float(plant.heat_w[sink])) * step_s * float(part),
                demanded_j=max(0.0, float(plant.wanted_w[sink])) * step_s * float(part),
                temp_c=math.nan,
                setpoint_c=math.nan,
                lower_c=math.nan,
                upper_c=math.nan,
                discomfort_kh=felt_k * step_s / 3600.0,
                virtual=True,
            )

    def _use(self, row: int, number: int, dynamic_j: float, held_s: float) -> AttemptUse:
        filler = int(self.attempts.service[row]) == int(ServiceClass.FILLER)
        user = "filler" if filler else f"user-{int(self._users[row])}"
        task = f"task-{int(self.attempts.task[row])}"
        return AttemptUse(
            attempt_id=AttemptId(f"i{row:08d}.{number:03d}"),
            instance_id=InstanceId(f"i{row:08d}"),
            task_id=TaskId(task),
            account_id=AccountId(user),
            cpu_s=dynamic_j,  # the rule needs shares of it only, and the twin has joules in place of CPU time
            share=Share.HEAT_ONLY if filler else Share.JOB,
            held_s=min(held_s, self.series.step_s),
        )


def against_score(twin: FleetTwin, sums_j: float) -> float:
    """Relative difference of all energy rows' sum [J] to what the twin's own score counted, both with PUE."""
    counted_j = twin.score.electric_j + twin.score.overflow_j
    return abs(sums_j - counted_j) / counted_j if counted_j > 0 else abs(sums_j)


def _utc(seconds: float) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=round(seconds * 1e6))
