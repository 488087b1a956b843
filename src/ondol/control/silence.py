"""What counts for a site that is not heard: no new work, and no more heat than somebody there can stop."""

from __future__ import annotations

import datetime as dt
import math

from ondol.agent.orders import AlarmNote, NodeOrder, SinkOrder, SiteOrders, UnitOrder
from ondol.model.alarm import Severity
from ondol.model.fleet import Fleet
from ondol.model.site import Node

SILENT_S = 60.0
"""A site that was not heard for this long gets no new work [s, platform]."""
HOLD_S = 600.0
"""Nodes that are limited at the site keep their last limits for this long, then idle power [s, platform]."""


def silent_orders(
    part: Fleet,
    last: SiteOrders | None,
    now: dt.datetime,
    *,
    heard_at: dt.datetime | None,
    notes: tuple[AlarmNote, ...],
    left: bool = False,
) -> SiteOrders:
    """Give the orders that stand for a site's own while it is silent.

    No node accepts new work. A node that has a power limit at the site keeps its last one for `HOLD_S`, since the agent
    there may well be at work behind a broken link; any other node has nobody but the platform to limit it, and goes to
    idle power at once. After `HOLD_S` all do: the agent may be dead.

    Parameters
    ----------
    part : the site's part of the fleet
    last : its last own orders, None where it was never heard
    heard_at : when it was last heard
    notes : alarms that it told last
    left : its agent said that it ends: nobody is at work there, so that no node keeps a limit for a while
    """
    site = part.sites[0]
    since = "since this platform started" if heard_at is None else f"since {heard_at:%Y-%m-%d %H:%M:%S} UTC"
    reason = f"site {site.id} has not been heard {since}" + (": its agent was ended" if left else "")
    silent_s = math.inf if heard_at is None else (now - heard_at).total_seconds()
    knobs = {one.entity_id for one in part.bindings if one.point == "power_cap" and one.connection_id}
    caps = {} if last is None or left or silent_s > HOLD_S else {order.node_id: order.cap_w for order in last.nodes}
    nodes = tuple(_node(node, caps.get(node.id) if node.id in knobs else None) for node in part.nodes)
    by_id = {order.node_id: order for order in nodes}
    units = []
    for unit in part.units:
        target_w = sum(by_id[node.id].cap_w for node in part.nodes_of(unit.id))
        units.append(
            UnitOrder(
                unit_id=unit.id,
                wanted_w=0.0,
                demand_w=0.0,
                target_w=target_w,
                measured_w=0.0,
                wanted_ahead_w=(0.0,),
                temp_c=math.nan,
                setpoint_c=math.nan,
                lower_c=math.nan,
                upper_c=math.nan,
                room_j=0.0,
                safety=True,
                limited_by="safety",
                reason=reason,
            )
        )
    sinks = tuple(
        SinkOrder(
            sink_id=sink.id,
            temp_c=math.nan,
            heat_wanted_w=0.0,
            comfort_lower_c=math.nan,
            comfort_upper_c=math.nan,
            discomfort_kh=0.0,
        )
        for sink in part.sinks
    )
    return SiteOrders(now=now, dt_s=0.0, units=tuple(units), nodes=nodes, sinks=sinks, alarms=notes)


def silent_note(part: Fleet, heard_at: dt.datetime | None, *, left: bool = False) -> AlarmNote:
    """The alarm that a site is silent.

    Parameters
    ----------
    left : its agent was ended in order
    """
    site = part.sites[0]
    since = "since the platform started" if heard_at is None else f"since {heard_at:%Y-%m-%d %H:%M} UTC"
    text = (
        f"The agent of {site.name} has not been heard {since}. It goes on by itself if it runs; look at its link, "
        "and at 'ondol agent' there."
    )
    if left:
        text = (
            f"The agent of {site.name} was ended in order. Its work is taken away and water is not heated there, rooms "
            "only by their own thermostats; start 'ondol agent' there again, and look after hygiene meanwhile."
        )
    return AlarmNote(entity_id=site.id, code="site-silent", severity=Severity.FAULT, text=text)


def twins_note(part: Fleet) -> AlarmNote:
    """The alarm that two agents steer one site."""
    site = part.sites[0]
    return AlarmNote(
        entity_id=site.id,
        code="two-agents",
        severity=Severity.FAULT,
        text=f"Two agents of {site.name} come in turns and steer it against each other: end one of them. "
        "'ondol site token' makes a new token, with which only the agent that you give it to is heard.",
    )


def _node(node: Node, cap_w: float | None) -> NodeOrder:
    return NodeOrder(node_id=node.id, cap_w=node.curve.idle_w if cap_w is None else cap_w, hot=False, accepts=False)
