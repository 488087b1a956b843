"""Loop 4 for one unit: from what is wanted and allowed to a cap per node."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ondol.agent.layout import UnitLayout
from ondol.agent.orders import NodeOrder, NodeStatus
from ondol.agent.power_caps import has_jumped, is_partial, spread_caps, step_reach, step_trim
from ondol.agent.safety import SafetyMemory
from ondol.agent.sigma_delta import IDLE_URGENCY, NodeSeat, SwitchMemory, SwitchRules, choose_hot
from ondol.model.ids import NodeId
from ondol.model.view import ServiceClass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitMemory:
    """What is kept of a unit; all of it is JSON.

    Parameters
    ----------
    caps_w, reach_w : per node, the last cap and what its work can draw [W]
    target_w : of the last step [W]
    steady_s : time since the target last jumped [s]
    """

    safety: SafetyMemory = field(default_factory=SafetyMemory)
    switch: SwitchMemory = field(default_factory=SwitchMemory)
    trim_w: float = 0.0
    target_w: float = 0.0
    steady_s: float = 0.0
    steerable: bool = False
    caps_w: Mapping[NodeId, float] = field(default_factory=dict)
    reach_w: Mapping[NodeId, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitGrant:
    """What the unit's nodes have to share.

    Parameters
    ----------
    target_w : power to aim at [W]
    urgent_w : part of it that cannot wait [W]
    bounded : whether more than a wish stands behind the target, so that no least on-time may exceed it
    trip : everything off
    accepts : whether new work may come
    """

    target_w: float
    urgent_w: float
    bounded: bool
    trip: bool
    accepts: bool


def rules_for(layout: UnitLayout, *, partial: bool) -> SwitchRules:
    """Rules of a unit; a rack has no heat to be steady about, so it waits for nothing."""
    if layout.sink is None:
        return SwitchRules(min_on_s=0.0, min_off_s=0.0, restarts_per_hour=1_000_000, partial=partial)
    return SwitchRules(min_on_s=layout.unit.min_on_s, min_off_s=layout.unit.min_off_s, partial=partial)


def step_unit(
    layout: UnitLayout,
    *,
    now_s: float,
    dt_s: float,
    statuses: Mapping[NodeId, NodeStatus],
    grant: UnitGrant,
    memory: UnitMemory,
    rules: SwitchRules,
) -> tuple[tuple[NodeOrder, ...], UnitMemory]:
    """Give every node of the unit its cap, by node id."""
    reach_w = {node.id: _reach(layout, node.id, statuses, memory, dt_s) for node in layout.nodes}
    if grant.trip:
        orders = tuple(NodeOrder(node_id=node.id, cap_w=0.0, hot=False, accepts=False) for node in layout.nodes)
        caps = dict.fromkeys((node.id for node in layout.nodes), 0.0)
        return orders, UnitMemory(safety=memory.safety, caps_w=caps, reach_w=reach_w)
    seats = tuple(_seat(layout, node_id, statuses, reach_w[node_id]) for node_id in _able(layout, statuses))
    measured_w = sum(statuses[node.id].power_w for node in layout.nodes if node.id in statuses)
    steady_s = memory.steady_s + dt_s
    trim_w = step_trim(
        memory.trim_w, memory.target_w, measured_w, steerable=memory.steerable, steady_s=steady_s, dt_s=dt_s
    )
    if has_jumped(memory.target_w, grant.target_w):  # what was learnt of the curves holds in proportion
        trim_w *= min(grant.target_w / max(memory.target_w, 1.0), 3.0)
        steady_s = 0.0
    able = {seat.node_id for seat in seats}
    lost_w = sum(statuses[n.id].power_w for n in layout.nodes if n.id in statuses and n.id not in able)
    aim_w = grant.target_w + trim_w - lost_w
    idle_w = sum(seat.idle_w for seat in seats)
    hot, switch = choose_hot(
        now_s,
        dt_s,
        extra_w=aim_w - idle_w,
        forced_w=max(min(grant.urgent_w, grant.target_w) - lost_w - idle_w, 0.0),
        seats=seats,
        memory=memory.switch,
        rules=rules,
    )
    if rules.partial:
        caps = spread_caps(aim_w, seats, hot)
    else:
        caps = _whole(seats, hot, grant.target_w - lost_w if grant.bounded else math.inf)
    orders = tuple(_order(layout, node_id, caps, hot, grant) for node_id in (node.id for node in layout.nodes))
    return orders, UnitMemory(
        safety=memory.safety,
        switch=switch,
        trim_w=trim_w if rules.partial else 0.0,
        target_w=grant.target_w,
        steady_s=steady_s,
        steerable=rules.partial and is_partial(caps, seats),
        caps_w={order.node_id: order.cap_w for order in orders},
        reach_w=reach_w,
    )


def _able(layout: UnitLayout, statuses: Mapping[NodeId, NodeStatus]) -> list[NodeId]:
    return [node.id for node in layout.nodes if node.id in statuses and statuses[node.id].healthy]


def _seat(layout: UnitLayout, node_id: NodeId, statuses: Mapping[NodeId, NodeStatus], reach_w: float) -> NodeSeat:
    node = next(node for node in layout.nodes if node.id == node_id)
    status = statuses[node_id]
    busy = status.busy_slots > 0
    return NodeSeat(
        node_id=node_id,
        idle_w=node.curve.idle_w,
        max_w=node.curve.max_w,
        reach_w=reach_w,
        busy=busy,
        urgency=int(ServiceClass.FILLER if status.service is None else status.service) if busy else IDLE_URGENCY,
    )


def _reach(
    layout: UnitLayout, node_id: NodeId, statuses: Mapping[NodeId, NodeStatus], memory: UnitMemory, dt_s: float
) -> float:
    curve = next(node for node in layout.nodes if node.id == node_id).curve
    status = statuses.get(node_id)
    return step_reach(
        memory.reach_w.get(node_id),
        busy=status is not None and status.busy_slots > 0,
        cap_w=memory.caps_w.get(node_id, curve.max_w),
        measured_w=curve.max_w if status is None else status.power_w,
        idle_w=curve.idle_w,
        max_w=curve.max_w,
        dt_s=dt_s,
    )


def _whole(seats: tuple[NodeSeat, ...], hot: frozenset[NodeId], bound_w: float) -> dict[NodeId, float]:
    """Hot nodes at full power, urgent ones first, as many as fit below a bound."""
    left_w = bound_w - sum(seat.idle_w for seat in seats)
    caps = {seat.node_id: seat.idle_w for seat in seats}
    for seat in sorted(seats, key=lambda seat: (not seat.busy, seat.urgency, seat.node_id)):
        if seat.node_id in hot and seat.max_w - seat.idle_w <= left_w:
            caps[seat.node_id] = seat.max_w
            left_w -= seat.max_w - seat.idle_w
    return caps


def _order(
    layout: UnitLayout, node_id: NodeId, caps: Mapping[NodeId, float], hot: frozenset[NodeId], grant: UnitGrant
) -> NodeOrder:
    curve = next(node for node in layout.nodes if node.id == node_id).curve
    able = node_id in caps
    cap_w = caps.get(node_id, curve.idle_w)
    return NodeOrder(node_id=node_id, cap_w=cap_w, hot=node_id in hot, accepts=able and grant.accepts)
