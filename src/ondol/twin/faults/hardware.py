"""Nodes and backup of a drawn site: what they draw, given orders that reach them or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ondol.agent.orders import NodeStatus, SiteOrders
from ondol.model.ids import NodeId, UnitId
from ondol.model.sink import SwimmingPool, Tank
from ondol.model.site import Node
from ondol.twin.faults.fault import Fault
from ondol.twin.faults.site_of import DrawnSite
from ondol.twin.faults.work import LEASE_S, DrawnWork

CONTACTOR_S = 60.0
"""A cap that is disobeyed so long opens the node's contactor (`switch`): the next knob of `agent.knobs`."""
CONTACTOR_REST_S = 3_600.0  # after an hour the failed knob is tried again
DISOBEYED = 0.05  # of a node's full power above its cap
SERVER_CAPS_S = 60.0
"""A server that hears nothing from a site for so long caps its nodes at idle (`control.remote_sites`)."""
ROOM_THERMOSTAT_K = 3.0
TANK_THERMOSTAT_K = 5.0
"""An electric heater has a thermostat of its own (EN 60335-2-21, EN 60335-2-30): set so much above what is asked of a
room, and so much below the hard limit of a tank."""
LIMITER_K = 4.0
"""A boiler's own temperature limiter (EN 14597) opens its feed so much above the loop's limit. It is left out while the
agent lives, for then it must never be needed."""


@dataclass(slots=True)
class Hardware:
    """All that draws power; `draws_w` says how much, by node."""

    site: DrawnSite
    work: DrawnWork
    faults: Sequence[Fault]
    caps_w: dict[NodeId, float] = field(init=False)
    accepts: dict[NodeId, bool] = field(init=False)
    busy: dict[NodeId, bool] = field(init=False)
    draws_w: dict[NodeId, float] = field(init=False)
    disobeys_s: dict[NodeId, float] = field(default_factory=dict)
    open_until_s: dict[NodeId, float] = field(default_factory=dict)
    limited: set[UnitId] = field(default_factory=set)
    backup_on: bool = False
    backup_w: float = 0.0
    ordered_s: float = 0.0

    def __post_init__(self) -> None:
        nodes = self.site.fleet.nodes
        self.caps_w = {node.id: node.curve.idle_w for node in nodes}
        self.accepts = {node.id: False for node in nodes}
        self.busy = {node.id: False for node in nodes}
        self.draws_w = {node.id: node.curve.idle_w for node in nodes}

    def obey(self, orders: SiteOrders, now_s: float) -> None:
        """Take the agent's orders."""
        for order in orders.nodes:
            self.caps_w[order.node_id], self.accepts[order.node_id] = order.cap_w, order.accepts
        self.backup_on = any(order.on for order in orders.backups)
        self.ordered_s = now_s

    def live(
        self, now_s: float, dt_s: float, *, hottest_c: float, loops_c: Mapping[UnitId, float]
    ) -> dict[NodeId, float]:
        """Say what every node draws from now on for a step [W]; `backup_w` says what the other heater gives."""
        active = [fault for fault in self.faults if fault.at(now_s)]
        codes = {fault.code for fault in active}
        silent = codes & {"link-lost", "server-killed"}
        if "agent-killed" in codes and not silent and now_s - self.ordered_s > SERVER_CAPS_S:
            for node in self.site.fleet.nodes:
                self.caps_w[node.id] = min(self.caps_w[node.id], node.curve.idle_w)
                self.accepts[node.id] = False
        ended = any(fault.code in silent and now_s - fault.begin_s > LEASE_S for fault in active)
        self._limit(loops_c, alive="agent-killed" not in codes)
        deaf = {fault.target for fault in active if fault.code == "cap-ignored"}
        for node in self.site.fleet.nodes:
            spell = self.work.spell(node.id, now_s)
            runs = spell is not None and not ended
            fresh = self.accepts[node.id] and not silent
            self.busy[node.id] = runs and (self.busy[node.id] or fresh)
            self.draws_w[node.id] = self._draw_w(node, now_s, dt_s, deaf=node.unit_id in deaf)
        self.backup_w = self._backup_w(codes, hottest_c)
        return dict(self.draws_w)

    def statuses(self, link: bool, before: Mapping[NodeId, NodeStatus], now_s: float) -> tuple[NodeStatus, ...]:
        """What the agent is told of nodes: power by instruments at the site, work by the server while it answers."""
        told = []
        for node in self.site.fleet.nodes:
            spell = self.work.spell(node.id, now_s) if self.busy[node.id] else None
            status = NodeStatus(
                node_id=node.id,
                power_w=self.draws_w[node.id],
                busy_slots=int(spell is not None),
                service=None if spell is None else spell.service,
            )
            if not link and node.id in before:
                old = before[node.id]
                status = NodeStatus(
                    node_id=node.id, power_w=status.power_w, busy_slots=old.busy_slots, service=old.service
                )
            told.append(status)
        return tuple(told)

    def _limit(self, loops_c: Mapping[UnitId, float], *, alive: bool) -> None:
        """Open feeds by the boilers' limiters; they are set back by hand, by whoever starts the agent again."""
        if alive or self.site.kind == "room":
            self.limited.clear()
            return
        units = self.site.fleet.units
        self.limited |= {unit.id for unit in units if loops_c[unit.id] >= unit.loop_temp_max_c + LIMITER_K}

    def _draw_w(self, node: Node, now_s: float, dt_s: float, *, deaf: bool) -> float:
        curve, cap_w = node.curve, self.caps_w[node.id]
        if now_s < self.open_until_s.get(node.id, 0.0) or node.unit_id in self.limited:
            return 0.0
        if deaf:
            draw_w = curve.max_w if self.busy[node.id] else curve.idle_w
        elif cap_w <= 0:
            draw_w = 0.0
        else:
            draw_w = max(min(cap_w, curve.max_w), curve.idle_w) if self.busy[node.id] else curve.idle_w
        if draw_w > cap_w + DISOBEYED * curve.max_w:
            disobeys_s = self.disobeys_s.get(node.id, 0.0) + dt_s
            self.disobeys_s[node.id] = disobeys_s
            if disobeys_s >= CONTACTOR_S:
                self.open_until_s[node.id] = now_s + dt_s + CONTACTOR_REST_S
                self.disobeys_s[node.id] = 0.0
        else:
            self.disobeys_s[node.id] = 0.0
        return draw_w

    def _backup_w(self, codes: set[str], hottest_c: float) -> float:
        on = (self.backup_on or "backup-stuck-on" in codes) and "backup-stuck-off" not in codes
        return self.site.backup_w if on and hottest_c < self.thermostat_c else 0.0

    @property
    def thermostat_c(self) -> float:
        """Where the backup's own thermostat switches it off [°C]."""
        sink = self.site.sink
        if isinstance(sink, Tank):
            return sink.temp_max_c - TANK_THERMOSTAT_K
        if isinstance(sink, SwimmingPool):
            return self.site.setpoint_c + 1.0
        return min(self.site.setpoint_c + ROOM_THERMOSTAT_K, sink.temp_max_c - 1.0)
