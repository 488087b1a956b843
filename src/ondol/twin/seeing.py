"""Builds the View of the twin: the same columns that the live platform shows its policy."""

from __future__ import annotations

from dataclasses import dataclass

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
from ondol.policy.urgency import MARGIN_S, PATIENCE_S, STRETCH
from ondol.twin.attempts import Attempts
from ondol.twin.caches import Caches
from ondol.twin.columns import HORIZON, STEP_S, coarse, instance_columns, unit_levels, wanted_ahead
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.machines import Machines
from ondol.twin.outlook import Ahead
from ondol.twin.stores import Levels, Stores
from ondol.twin.transitions import PHASE_OF

ROOM_S = 1800.0  # a network, which stores nothing, has room for what it will take in so long
LEAST_SHOWN = 256  # of each class, as in `control.columns`


class Seeing:
    """Keeps what does not change, and gives Views.

    Parameters
    ----------
    begin_s : of the scenario [s since the epoch]
    """

    def __init__(self, layout: Layout, stores: Stores, begin_s: float, seed: int) -> None:
        self._layout, self._stores, self._begin_s, self._seed = layout, stores, begin_s, seed
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
        self._heats = heats
        self._names, self._named = np.empty(0, dtype=object), np.zeros(0, dtype=np.bool_)
        self._issue: _Issue | None = None
        self._moment: _Moment | None = None

    def view(
        self, now_s: float, attempts: Attempts, machines: Machines, levels: Levels, ahead: Ahead, caches: Caches
    ) -> View:
        """Give the View of a moment [s from the begin]."""
        rows, beyond = self._rows(attempts)
        missing, data = caches.columns(attempts.data, rows)
        layout = self._layout
        moment = self._at(levels, ahead, machines.wanted_w)
        issue, units = moment.issue, moment.units
        return View(
            now_s=self._begin_s + now_s,
            step_s=STEP_S,
            seed=self._seed,
            sites=issue.sites,
            units=UnitColumns(
                ids=layout.unit_ids,
                site=layout.unit_site,
                heats=self._heats,
                sink=layout.unit_sink,
                power_max_w=layout.unit_max_w,
                power_w=machines.power_w(),
                wanted_w=units[0],
                wanted_ahead_w=issue.wanted_ahead_w,
                temp_c=units[1],
                setpoint_c=units[2],
                lower_c=units[3],
                upper_c=units[4],
                room_j=units[5],
            ),
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
            sinks=moment.sinks,
            ahead_s=ahead.ahead_s,
            ahead_grid_g_per_kwh=issue.ahead_grid_g_per_kwh,
            ahead_work_s=ahead.work_s,
        )

    def forget(self, rows: Ints) -> None:
        """These instances are over: their names are not needed again."""
        if len(self._names):
            self._names[rows] = None
            self._named[rows] = False

    def _rows(self, attempts: Attempts) -> tuple[Ints, Ints]:
        """Held rows and of each class the first in line, of flex also the most urgent; and how many stay behind."""
        parts, beyond = [attempts.held], np.zeros(len(ServiceClass), dtype=np.int64)
        for kind, line in attempts.lines.items():
            if not len(line):
                continue
            shown = line
            if len(line) > self._most:
                shown = line[: self._most]
                if kind is ServiceClass.FLEX:
                    urgent = np.argpartition(_latest_start_s(attempts, line), self._most)[: self._most]
                    shown = np.union1d(shown, line[urgent])
                beyond[kind] = len(line) - len(shown)
            parts.append(shown)
        return (np.sort(np.concatenate(parts)) if len(parts) > 1 else parts[0]), beyond

    def _instances(self, attempts: Attempts, rows: Ints, data: Ints, now_s: float) -> InstanceColumns:
        numbers, times, resumable = instance_columns(
            rows,
            attempts.attempt,
            PHASE_OF,
            attempts.task,
            attempts.service,
            attempts.node,
            attempts.submitted_s,
            attempts.deadline_s,
            attempts.since_s,
            attempts.run_s,
            attempts.done_s,
            attempts.attempts,
            attempts.resumable,
            self._begin_s,
            now_s,
        )
        task, phase, service, node, tries = numbers
        submitted, deadline, since, expected, done = times
        return InstanceColumns(
            ids=self._ids(rows, len(attempts.run_s)),
            task=task,
            phase=phase,
            service=service,
            node=node,
            submitted_s=submitted,
            deadline_s=deadline,
            since_s=since,
            expected_s=expected,
            done_s=done,
            attempts=tries,
            resumable=resumable,
            allowed=np.zeros(len(rows), dtype=np.int64),
            data=data,
        )

    def _ids(self, rows: Ints, count: int) -> tuple[InstanceId, ...]:
        if not len(self._names):
            self._names, self._named = np.full(count, None), np.zeros(count, dtype=np.bool_)
        new = rows[~self._named[rows]]
        if len(new):
            self._named[new] = True
            for row in new.tolist():
                self._names[row] = InstanceId(f"i{row:08d}")
        return tuple(self._names[rows].tolist())

    def _at(self, levels: Levels, ahead: Ahead, wanted_w: Floats) -> _Moment:
        """What changes only when levels are read anew, forecasts are issued or thermostats ask for something else."""
        known = self._moment
        if known is None or not (known.levels is levels and known.wanted_w is wanted_w and known.issue.ahead is ahead):
            issue = self._of_issue(ahead)
            units = self._units(levels, wanted_w, issue)
            known = self._moment = _Moment(levels, wanted_w, issue, self._sinks(levels, ahead), units)
        return known

    def _of_issue(self, ahead: Ahead) -> _Issue:
        if self._issue is None or self._issue.ahead is not ahead:
            layout, stores = self._layout, self._stores
            sites, grid = len(layout.site_ids), ahead.grid_g_per_kwh
            edges = np.concatenate(([0.0], np.cumsum(ahead.ahead_s)))
            at = np.minimum(np.arange(HORIZON + 1) * STEP_S, edges[-1])
            demand = coarse(ahead.demand_w[stores.first], ahead.ahead_s, edges, at)
            near_w = np.maximum(demand[:, 0], 0.0)[stores.kind] if len(demand) else np.zeros(0)
            self._issue = _Issue(
                ahead=ahead,
                sites=SiteColumns(
                    ids=layout.site_ids,
                    pue=layout.site_pue,
                    grid_g_per_kwh=np.broadcast_to(coarse(grid[None], ahead.ahead_s, edges, at), (sites, HORIZON)),
                    electrical_limit_w=layout.site_limit_w,
                ),
                ahead_grid_g_per_kwh=np.broadcast_to(grid, (sites, len(grid))),
                wanted_ahead_w=wanted_ahead(
                    self._heats,
                    layout.unit_sink,
                    stores.kind,
                    layout.unit_capture,
                    layout.unit_max_w,
                    self.share,
                    demand,
                ),
                network_room_j=near_w * ROOM_S,
            )
        return self._issue

    def _units(self, levels: Levels, wanted_w: Floats, issue: _Issue) -> tuple[Floats, ...]:
        """Columns of units: what is wanted, temperature, set-point and limits of the sink, and room in it."""
        columns = unit_levels(
            self._heats,
            self._layout.unit_sink,
            wanted_w,
            self.share,
            levels.temp_c,
            levels.setpoint_c,
            levels.lower_c,
            levels.upper_c,
            levels.capacity_j,
            levels.store_j,
            self._network,
            issue.network_room_j,
        )
        return tuple(columns)

    def _sinks(self, levels: Levels, ahead: Ahead) -> SinkColumns:
        layout = self._layout
        return SinkColumns(
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
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Issue:
    """What a View shows of one issue of forecasts."""

    ahead: Ahead
    sites: SiteColumns
    ahead_grid_g_per_kwh: Floats
    wanted_ahead_w: Floats
    network_room_j: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """What a View shows of one step."""

    levels: Levels
    wanted_w: Floats
    issue: _Issue
    sinks: SinkColumns
    units: tuple[Floats, ...]


def _latest_start_s(attempts: Attempts, line: Ints) -> Floats:
    """By when each must begin: `queued_latest_start_s` of whole columns, whose run times are all known."""
    deadline = attempts.deadline_s[line]
    return np.where(
        np.isfinite(deadline),
        deadline - STRETCH * attempts.run_s[line] - MARGIN_S,
        attempts.submitted_s[line] + PATIENCE_S,
    )
