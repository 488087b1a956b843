"""What a site tells is looked at before it counts: only of its own things, and only numbers that can be."""

from __future__ import annotations

import math
from dataclasses import replace

from ondol.agent.orders import SinkReport, SiteOrders
from ondol.agent.wire import Told
from ondol.model.errors import InvalidFieldError


def own(told: Told, ids: frozenset[str]) -> Told:
    """What a site tells of its own things."""
    return Told(
        at=told.at,
        alarms=tuple(note for note in told.alarms if note.entity_id in ids),
        hygiene=tuple(status for status in told.hygiene if status.sink_id in ids),
        backups=tuple(order for order in told.backups if order.sink_id in ids),
    )


def own_orders(orders: SiteOrders, ids: frozenset[str]) -> SiteOrders:
    """What a site orders and reports of its own things, without reports by which nobody can plan."""
    return replace(
        orders,
        sinks=tuple(one for one in orders.sinks if one.sink_id in ids),
        reports=tuple(one for one in orders.reports if one.sink_id in ids and _is_sound(one)),
        backups=tuple(one for one in orders.backups if one.sink_id in ids),
        hygiene=tuple(one for one in orders.hygiene if one.sink_id in ids),
        alarms=tuple(one for one in orders.alarms if one.entity_id in ids),
    )


def _is_sound(report: SinkReport) -> bool:
    """Whether a report's numbers are such; of a sink that is not known all but its wants may be nan."""
    numbers = [*report.wanted_ahead_w, 0.0 if report.heat_j is None else report.heat_j]
    if not math.isnan(report.store_j):
        numbers += [report.store_j, report.capacity_j, report.loss_per_s, report.lacks_j, report.walls_lack_j]
    return all(math.isfinite(number) and number >= 0.0 for number in numbers)


def check_orders(orders: SiteOrders) -> None:
    """Refuse numbers that no agent of ours gives: one site's must not confuse the plan of all.

    Raises
    ------
    InvalidFieldError : a power that is not a number from 0
    """
    numbers = [(f"orders.nodes[{one.node_id}].cap_w", one.cap_w) for one in orders.nodes]
    for unit in orders.units:
        where = f"orders.units[{unit.unit_id}]"
        powers = (unit.wanted_w, unit.demand_w, unit.target_w, unit.measured_w, *unit.wanted_ahead_w)
        numbers += [(where, value) for value in powers]
        if not math.isfinite(unit.room_j):
            raise InvalidFieldError(f"{where}.room_j", unit.room_j, "a number")
    numbers += [(f"orders.sinks[{one.sink_id}].heat_wanted_w", one.heat_wanted_w) for one in orders.sinks]
    numbers += [(f"orders.sinks[{one.sink_id}].discomfort_kh", one.discomfort_kh) for one in orders.sinks]
    for field_name, value in numbers:
        if not (math.isfinite(value) and value >= 0.0):
            raise InvalidFieldError(field_name, value, "a number from 0")
