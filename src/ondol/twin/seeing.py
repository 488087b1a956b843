"""Builds the View of the twin: the same columns that the live platform shows its policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ondol.model.view import Floats, Ints, SinkColumns, SiteColumns, View
from ondol.twin.attempts import Attempts
from ondol.twin.caches import Caches
from ondol.twin.columns import HORIZON, STEP_S, coarse, unit_levels, wanted_ahead
from ondol.twin.late_columns import LateInstances, LateNodes, LateUnits, LateView, late, refuse
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.machines import Machines
from ondol.twin.outlook import Ahead
from ondol.twin.shown import Shown
from ondol.twin.stores import Levels, Stores

ROOM_S = 1800.0  # a network, which stores nothing, has room for what it will take in so long
_OF_UNITS = {name: row for row, name in enumerate(("wanted_w", "temp_c", "setpoint_c", "lower_c", "upper_c", "room_j"))}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Present:
    """Where the View finds what stands now.

    Parameters
    ----------
    levels, ahead, power_w : read only where a policy looks at what they tell
    """

    attempts: Attempts
    machines: Machines
    caches: Caches
    levels: Callable[[], Levels]
    ahead: Callable[[], Ahead]
    power_w: Callable[[], Floats]


class Seeing:
    """Keeps what does not change, and gives Views.

    Parameters
    ----------
    begin_s : of the scenario [s since the epoch]
    """

    def __init__(self, layout: Layout, stores: Stores, present: Present, begin_s: float, seed: int) -> None:
        self._layout, self._stores, self._present = layout, stores, present
        self._begin_s, self._seed = begin_s, seed
        self.shown = Shown(present.attempts, int(layout.node_slots.sum()), begin_s)
        sinks = len(layout.sink_ids)
        capacity_w = np.bincount(layout.unit_sink[layout.heats], layout.unit_max_w[layout.heats], sinks)
        self.share = np.zeros(len(layout.unit_ids))
        heats = layout.heats
        self.share[heats] = layout.unit_max_w[heats] / capacity_w[layout.unit_sink[heats]]
        self._capture = np.ones(sinks)
        captured = np.bincount(layout.unit_sink[heats], (layout.unit_capture * layout.unit_max_w)[heats], sinks)
        np.divide(captured, capacity_w, out=self._capture, where=capacity_w > 0)
        self._network = layout.sink_kind == SinkKind.NETWORK
        self._networks = bool(self._network.any())
        self._no_room_j = np.zeros(sinks)
        self._everywhere = np.ones((1, len(layout.node_ids)), dtype=np.bool_)
        self._issue: _Issue | None = None
        self._levels: _Levels | None = None
        self._free_slots, self._free_at = np.zeros(0, dtype=np.int64), -1
        self._now_s = 0.0
        self._open: tuple[object, ...] = ()
        self._units = (
            ("ids", layout.unit_ids),
            ("site", layout.unit_site),
            ("heats", layout.heats),
            ("sink", layout.unit_sink),
            ("power_max_w", layout.unit_max_w),
        )
        self._nodes = (
            ("ids", layout.node_ids),
            ("unit", layout.node_unit),
            ("slots", layout.node_slots),
            ("idle_w", layout.node_idle_w),
            ("max_w", layout.node_max_w),
            ("cap_w", layout.node_max_w),
        )

    def view(self, now_s: float) -> View:
        """Give the View of a moment [s from the begin]; until `close`, more of it may be looked at."""
        self._now_s = now_s
        shown = self.shown
        shown.look()
        units = late(LateUnits, self._of_units, self._units)
        nodes = late(LateNodes, self._of_nodes, self._nodes)
        instances = late(LateInstances, self._of_instances, shown.columns.items())
        known = (
            ("now_s", self._begin_s + now_s),
            ("step_s", STEP_S),
            ("seed", self._seed),
            ("units", units),
            ("nodes", nodes),
            ("instances", instances),
            ("allowances", self._everywhere),
            ("beyond", shown.beyond),
        )
        view = late(LateView, self._part, known)
        self._open = (view, units, nodes, instances)
        return view

    def close(self) -> None:
        """Something happens now: what nobody has looked at in the last View cannot be told any more."""
        for columns in self._open:
            refuse(columns)

    def _part(self, name: str) -> object:
        """What a View shows beside units, nodes and instances."""
        if name == "missing_bytes":
            return self._inputs()[0]
        if name == "sinks":
            return self._sinks()
        if name == "sites":
            return self._issued().sites
        if name == "ahead_grid_g_per_kwh":
            return self._issued().ahead_grid_g_per_kwh
        ahead = self._present.ahead()
        return ahead.work_s if name == "ahead_work_s" else ahead.ahead_s

    def _of_units(self, name: str) -> object:
        if name == "power_w":
            return self._present.power_w()
        if name == "wanted_ahead_w":
            return self._issued().wanted_ahead_w
        return self._of_levels()[_OF_UNITS[name]]

    def _of_nodes(self, name: str) -> object:
        machines = self._present.machines
        if name == "up":
            return machines.up > 0
        if name == "accepts":
            return machines.accepts(self._now_s)
        if self._free_at != machines.changes:
            self._free_slots, self._free_at = self._layout.node_slots - machines.held, machines.changes
        return self._free_slots

    def _of_instances(self, name: str) -> object:
        return self._inputs()[1] if name == "data" else self.shown.column(name, self._now_s)

    def _inputs(self) -> tuple[Floats, Ints]:
        return self._present.caches.columns(self._present.attempts.data, self.shown.rows)

    def _issued(self) -> _Issue:
        """What changes only when forecasts are issued."""
        ahead = self._present.ahead()
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
                    layout.heats,
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

    def _of_levels(self) -> Floats:
        """Per unit what is wanted, temperature, set-point and limits of the sink, and room in it; kept for a step."""
        levels, wanted_w = self._present.levels(), self._present.machines.wanted_w
        room_j = self._issued().network_room_j if self._networks else self._no_room_j
        known = self._levels
        if known is None or not (
            known.levels is levels and known.wanted_w is wanted_w and known.network_room_j is room_j
        ):
            units = unit_levels(
                self._layout.heats,
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
                room_j,
            )
            known = self._levels = _Levels(levels=levels, wanted_w=wanted_w, network_room_j=room_j, units=units)
        return known.units

    def _sinks(self) -> SinkColumns:
        layout, levels, ahead = self._layout, self._present.levels(), self._present.ahead()
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Levels:
    """What a View shows of units in one step, (6, units), and what it was made of."""

    levels: Levels
    wanted_w: Floats
    network_room_j: Floats
    units: Floats
