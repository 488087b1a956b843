"""The twin's heat layer in the place of the platform's agents: what each unit is wanted to draw, and how sinks stand.

With it the platform's loop is shown what the twin shows its policy, so that all else can be compared exactly.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ondol.agent.orders import NodeOrder, NodeStatus, SinkOrder, SiteOrders, SiteReadings, UnitOrder
from ondol.agent.site_agent import SiteAgent
from ondol.control.works import Works
from ondol.control.world import World
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import AttemptId, NodeId, SinkId, SiteId, UnitId
from ondol.model.view import View
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.same.hardware import Hardware
from ondol.twin.seeing import Present, Seeing


class HeatLayer:
    """What a twin's thermostats say at the step at which the hardware stands.

    Parameters
    ----------
    parts : a twin that is not lived itself: its thermostats, stores and forecasts are used, on the hardware's plant
    """

    def __init__(self, parts: FleetTwin, hardware: Hardware) -> None:
        self._parts, self._hardware = parts, hardware
        self._step, self._next_plan_s = -1, 0.0
        self._levels = parts.stores.levels(0)
        self._ahead = parts.outlook.issue(0)
        nothing_w = np.zeros(len(parts.layout.unit_ids))
        present = Present(
            attempts=parts.attempts,
            machines=parts.machines,
            caches=parts.caches,
            levels=lambda: self._levels,
            ahead=lambda: self._ahead,
            power_w=lambda: nothing_w,
        )
        self._seeing = Seeing(parts.layout, parts.stores, present, parts.series.begin_s, parts.scenario.seed)
        self._shown = self._seeing.view(0.0)

    def shown(self) -> View:
        """Give the twin's View of the present step; its instances, nodes and measured powers mean nothing here."""
        parts, step = self._parts, self._hardware.step
        if step != self._step:
            now_s = step * parts.series.step_s
            self._levels = parts.stores.levels(step)
            if now_s >= self._next_plan_s:
                self._ahead, self._next_plan_s = parts.outlook.issue(step), now_s + parts.scenario.plan_s
            wanted_w = parts.thermostats.wanted_w(step, self._levels, self._ahead)
            parts.machines.wanted_w = wanted_w * self._seeing.share
            self._shown, self._step = self._seeing.view(now_s), step
        return self._shown


class SteadyAgent(SiteAgent):
    """A site that obeys the twin's heat layer: no loops, no safety; work gets what it would get in the twin."""

    def __init__(self, fleet: Fleet, site_id: SiteId, layer: HeatLayer) -> None:
        super().__init__(fleet, site_id)
        self._site = fleet.site(site_id)
        self._units = tuple((unit, fleet.nodes_of(unit.id), fleet.sink_of(unit)) for unit in fleet.units_of(site_id))
        self._sinks = tuple(sink for sink in fleet.sinks if sink.site_id == site_id)
        self._row = {unit.id: row for row, unit in enumerate(fleet.units)}
        self._layer = layer

    def step(
        self,
        now: dt.datetime,
        *,
        readings: SiteReadings,
        nodes: tuple[NodeStatus, ...],
        floors: Mapping[UnitId, float] | None = None,
        outdoor_temp_c: float | None = None,  # noqa: ARG002  # as an agent's; the twin's thermostats know the weather
        outdoor_ahead: Callable[[dt.datetime], float] | None = None,  # noqa: ARG002
        requests: Mapping[SinkId, HeatRequest] | None = None,  # noqa: ARG002
        unit_limits: Mapping[UnitId, float] | None = None,  # noqa: ARG002
        price_ahead: Callable[[dt.datetime], float] | None = None,  # noqa: ARG002
    ) -> SiteOrders:
        """Pass on what the twin's thermostats want, and share it out as the twin does."""
        shown = self._layer.shown().units
        status = {one.node_id: one for one in nodes}
        units: list[UnitOrder] = []
        node_orders: list[NodeOrder] = []
        for unit, own, _ in self._units:
            row = self._row[unit.id]
            wanted_w, most_w = float(shown.wanted_w[row]), float(shown.power_max_w[row])
            target_w = min(max(wanted_w, (floors or {}).get(unit.id, 0.0)), most_w)
            units.append(
                UnitOrder(
                    unit_id=unit.id,
                    wanted_w=wanted_w,
                    demand_w=wanted_w,
                    target_w=target_w,
                    measured_w=math.fsum(status[node.id].power_w for node in own),
                    wanted_ahead_w=tuple(shown.wanted_ahead_w[row].tolist()),
                    temp_c=float(shown.temp_c[row]),
                    setpoint_c=float(shown.setpoint_c[row]),
                    lower_c=float(shown.lower_c[row]),
                    upper_c=float(shown.upper_c[row]),
                    room_j=float(shown.room_j[row]),
                    safety=False,
                    limited_by="",
                    reason="as the twin's thermostats want it",
                )
            )
            idle_w = math.fsum(node.curve.idle_w for node in own)
            busy = {node.id: status[node.id].busy_slots for node in own}
            slot_w = {node.id: (node.curve.max_w - node.curve.idle_w) / node.slots for node in own}
            dynamic_w = math.fsum(busy[key] * slot_w[key] for key in busy)
            share = min(max((target_w - idle_w) / dynamic_w, 0.0), 1.0) if dynamic_w > 0 else 1.0
            node_orders += [
                NodeOrder(
                    node_id=node.id,
                    cap_w=node.curve.max_w
                    if share >= 1.0
                    else node.curve.idle_w + share * busy[node.id] * slot_w[node.id],
                    hot=busy[node.id] > 0,
                    accepts=True,
                )
                for node in own
            ]
        felt = {reading.sink_id: reading.temp_c for reading in readings.sinks}
        return SiteOrders(
            now=now,
            dt_s=0.0,
            units=tuple(units),
            nodes=tuple(sorted(node_orders, key=lambda order: order.node_id)),
            sinks=tuple(
                SinkOrder(
                    sink_id=sink.id,
                    temp_c=felt[sink.id],
                    heat_wanted_w=0.0,
                    comfort_lower_c=math.nan,
                    comfort_upper_c=math.nan,
                    discomfort_kh=0.0,
                )
                for sink in self._sinks
            ),
        )


class SteadyWorld(World):
    """The platform's View with the twin's stores and forecasts in it; nodes, instances and slots are the platform's."""

    def __init__(self, fleet: Fleet, *args: Any, layer: HeatLayer, **options: Any) -> None:  # as World's
        super().__init__(fleet, *args, **options)
        self._layer = layer

    def view(
        self,
        now_s: float,
        orders: Iterable[SiteOrders],
        works: Works,
        cpu_s: Mapping[AttemptId, float],
        accepts: Callable[[NodeId], bool] = lambda _node: True,
    ) -> View:
        """Give the platform's snapshot at `now_s`, with what only the twin's heat layer knows."""
        view, shown = super().view(now_s, orders, works, cpu_s, accepts), self._layer.shown()
        return dataclasses.replace(
            view,
            sites=shown.sites,
            sinks=shown.sinks,
            ahead_s=shown.ahead_s,
            ahead_grid_g_per_kwh=shown.ahead_grid_g_per_kwh,
            ahead_work_s=shown.ahead_work_s,
        )
