"""Builds the View of the twin: the same columns that the live platform shows its policy."""

from __future__ import annotations

import numpy as np

from ondol.model.ids import InstanceId
from ondol.model.view import (
    Floats,
    InstanceColumns,
    Ints,
    NodeColumns,
    ServiceClass,
    SinkColumns,
    SiteColumns,
    UnitColumns,
    View,
)
from ondol.policy.urgency import queued_latest_start_s
from ondol.twin.attempts import Attempts
from ondol.twin.caches import Caches
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.machines import Machines
from ondol.twin.outlook import Ahead
from ondol.twin.stores import Levels
from ondol.twin.transitions import PHASE_OF

STEP_S = 900.0
HORIZON = 8
ROOM_S = 1800.0  # a network, which stores nothing, has room for what it will take in so long
LEAST_SHOWN = 256  # of each class, as in `control.columns`


class Seeing:
    """Keeps what does not change, and gives Views.

    Parameters
    ----------
    begin_s : of the scenario [s since the epoch]
    """

    def __init__(self, layout: Layout, begin_s: float, seed: int) -> None:
        self._layout, self._begin_s, self._seed = layout, begin_s, seed
        self._most = max(LEAST_SHOWN, int(layout.node_slots.sum()))
        sinks = len(layout.sink_ids)
        capacity_w = np.bincount(layout.unit_sink[layout.heats], layout.unit_max_w[layout.heats], sinks)
        self.share = np.zeros(len(layout.unit_ids))
        heats = layout.heats
        self.share[heats] = layout.unit_max_w[heats] / capacity_w[layout.unit_sink[heats]]
        self._capture = np.ones(sinks)
        captured = np.bincount(layout.unit_sink[heats], (layout.unit_capture * layout.unit_max_w)[heats], sinks)
        np.divide(captured, capacity_w, out=self._capture, where=capacity_w > 0)
        self._network = layout.sink_kind == SinkKind.NETWORK
        self._everywhere = np.ones((1, len(layout.node_ids)), dtype=np.bool_)
        self._names: dict[int, InstanceId] = {}

    def view(
        self, now_s: float, attempts: Attempts, machines: Machines, levels: Levels, ahead: Ahead, caches: Caches
    ) -> View:
        """Give the View of a moment [s from the begin]."""
        rows, beyond = self._rows(attempts)
        missing, data = caches.columns(attempts.data[rows])
        layout = self._layout
        grid = self._coarse(ahead.grid_g_per_kwh[None], ahead)
        return View(
            now_s=self._begin_s + now_s,
            step_s=STEP_S,
            seed=self._seed,
            sites=SiteColumns(
                ids=layout.site_ids,
                pue=layout.site_pue,
                grid_g_per_kwh=np.broadcast_to(grid, (len(layout.site_ids), HORIZON)),
                electrical_limit_w=layout.site_limit_w,
            ),
            units=self._units(machines, levels, ahead),
            nodes=NodeColumns(
                ids=layout.node_ids,
                unit=layout.node_unit,
                slots=layout.node_slots,
                slots_free=layout.node_slots - machines.held,
                idle_w=layout.node_idle_w,
                max_w=layout.node_max_w,
                cap_w=layout.node_max_w,
                accepts=machines.accepts(now_s),
                up=machines.up > 0,
            ),
            instances=self._instances(attempts, rows, data, now_s),
            allowances=self._everywhere,
            missing_bytes=missing,
            beyond=beyond,
            sinks=SinkColumns(
                ids=layout.sink_ids,
                site=layout.sink_site,
                store_j=levels.store_j,
                capacity_j=levels.capacity_j,
                loss_per_s=levels.loss_per_s,
                capture=self._capture,
                demand_w=ahead.demand_w,
                demand_high_w=ahead.demand_high_w,
                backup_g_per_kwh=ahead.backup_g_per_kwh,
                backup_eur_per_kwh=ahead.backup_eur_per_kwh,
            ),
            ahead_s=ahead.ahead_s,
            ahead_grid_g_per_kwh=np.broadcast_to(
                ahead.grid_g_per_kwh, (len(layout.site_ids), len(ahead.grid_g_per_kwh))
            ),
            ahead_work_s=ahead.work_s,
        )

    def forget(self, rows: Ints) -> None:
        """These instances are over: their names are not needed again."""
        for row in rows.tolist():
            self._names.pop(row, None)

    def _rows(self, attempts: Attempts) -> tuple[Ints, Ints]:
        """Held rows and of each class the first in line, of flex also the most urgent; and how many stay behind."""
        parts, beyond = [attempts.held], np.zeros(len(ServiceClass), dtype=np.int64)
        for kind, line in attempts.lines.items():
            shown = line
            if len(line) > self._most:
                shown = line[: self._most]
                if kind is ServiceClass.FLEX:
                    urgent = np.argpartition(_latest_start_s(attempts, line), self._most)[: self._most]
                    shown = np.union1d(shown, line[urgent])
                beyond[kind] = len(line) - len(shown)
            parts.append(shown)
        return np.sort(np.concatenate(parts)), beyond

    def _instances(self, attempts: Attempts, rows: Ints, data: Ints, now_s: float) -> InstanceColumns:
        begin = self._begin_s
        state = attempts.attempt[rows]
        held = attempts.node[rows] >= 0
        names = self._names
        ids = tuple([names.get(row) or self._name(row) for row in rows.tolist()])
        expected = attempts.run_s[rows]
        return InstanceColumns(
            ids=ids,
            task=attempts.task[rows],
            phase=np.where(held, PHASE_OF[state], 0),
            service=attempts.service[rows],
            node=attempts.node[rows],
            submitted_s=begin + attempts.submitted_s[rows],
            deadline_s=begin + attempts.deadline_s[rows],
            since_s=begin + np.minimum(attempts.since_s[rows], now_s),
            expected_s=np.where(np.isfinite(expected), expected, np.nan),
            done_s=attempts.done_s[rows],
            attempts=attempts.attempts[rows],
            resumable=attempts.resumable[rows],
            allowed=np.zeros(len(rows), dtype=np.int64),
            data=data,
        )

    def _name(self, row: int) -> InstanceId:
        name = InstanceId(f"i{row:08d}")
        self._names[row] = name
        return name

    def _units(self, machines: Machines, levels: Levels, ahead: Ahead) -> UnitColumns:
        layout, sink = self._layout, np.maximum(self._layout.unit_sink, 0)
        heats = layout.heats

        def of_sink(values: Floats) -> Floats:
            if not len(layout.sink_ids):
                return np.full(len(heats), np.nan)
            return np.where(heats, values[sink], np.nan)

        demand = self._coarse(ahead.demand_w, ahead)
        room = np.maximum(levels.capacity_j - levels.store_j, 0.0)
        if len(layout.sink_ids):
            room = np.where(self._network, np.maximum(demand[:, 0], 0.0) * ROOM_S, room)
        ahead_w = np.zeros((len(heats), HORIZON))
        if len(layout.sink_ids):
            wanted = np.maximum(demand, 0.0)[sink] / np.maximum(layout.unit_capture, 0.05)[:, None]
            ahead_w[heats] = np.minimum(wanted * self.share[:, None], layout.unit_max_w[:, None])[heats]
        return UnitColumns(
            ids=layout.unit_ids,
            site=layout.unit_site,
            heats=heats,
            sink=layout.unit_sink,
            power_max_w=layout.unit_max_w,
            power_w=machines.power_w(),
            wanted_w=np.where(heats, machines.wanted_w, 0.0),
            wanted_ahead_w=ahead_w,
            temp_c=of_sink(levels.temp_c),
            setpoint_c=of_sink(levels.setpoint_c),
            lower_c=of_sink(levels.lower_c),
            upper_c=of_sink(levels.upper_c),
            room_j=np.where(heats, np.nan_to_num(of_sink(room)) * self.share, 0.0),
        )

    def _coarse(self, values: Floats, ahead: Ahead) -> Floats:
        """Means over `HORIZON` steps of `STEP_S`."""
        edges = np.concatenate(([0.0], np.cumsum(ahead.ahead_s)))
        sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values * ahead.ahead_s, axis=1)], axis=1)
        at = np.minimum(np.arange(HORIZON + 1) * STEP_S, edges[-1])
        cut = np.stack([np.interp(at, edges, row) for row in sums]) if len(values) < 64 else _interp(at, edges, sums)
        return np.asarray(np.diff(cut, axis=1) / STEP_S)


def _interp(at: Floats, edges: Floats, sums: Floats) -> Floats:
    right = np.clip(np.searchsorted(edges, at, side="left"), 1, len(edges) - 1)
    share = (at - edges[right - 1]) / (edges[right] - edges[right - 1])
    return np.asarray(sums[:, right - 1] * (1.0 - share) + sums[:, right] * share)


def _latest_start_s(attempts: Attempts, line: Ints) -> Floats:
    """By when each must begin, as `urgency` says it, in array form."""
    probe = queued_latest_start_s(1e6, 0.0, 1000.0)
    stretch = queued_latest_start_s(1e6, 0.0, 0.0) - probe
    margin = 1e6 - queued_latest_start_s(1e6, 0.0, 0.0)
    deadline = attempts.deadline_s[line]
    patience = queued_latest_start_s(float("inf"), 0.0, 0.0)
    return np.where(
        np.isfinite(deadline),
        deadline - stretch / 1000.0 * attempts.run_s[line] - margin,
        attempts.submitted_s[line] + patience,
    )
