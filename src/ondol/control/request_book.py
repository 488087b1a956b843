"""What became of every heat request: active while it can be met, limited with the reason while it cannot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from ondol.agent.orders import SiteOrders, UnitOrder
from ondol.lifecycle.request import RequestEvent, RequestState, RequestStatus, next_request_status
from ondol.model.fleet import Fleet
from ondol.model.ids import RequestId

_SLACK_W = 1.0
_SHORT_S = 600.0  # a shortfall counts once it has lasted so long: work comes and goes by the minute [s, platform]


class RequestBook:
    """Statuses of a fleet's requests, from what its agents ordered and what its units drew."""

    def __init__(self, fleet: Fleet, begin: dt.datetime) -> None:
        self._units = {
            request.id: [
                unit.id for unit in fleet.units if (sink := fleet.sink_of(unit)) and sink.id == request.target_id
            ]
            for request in fleet.requests
        }
        power_max_w = {unit.id: sum(n.curve.max_w for n in fleet.nodes_of(unit.id)) for unit in fleet.units}
        self._power_max_w = {
            request: sum(power_max_w[unit] for unit in units) for request, units in self._units.items()
        }
        self._short_since: dict[RequestId, dt.datetime] = {}
        self.statuses: dict[RequestId, RequestStatus] = {
            request.id: self._accepted(request.id, begin) for request in fleet.requests
        }

    def sample(self, now: dt.datetime, orders: Iterable[SiteOrders]) -> None:
        """Take one step's orders."""
        by_unit = {order.unit_id: order for site in orders for order in site.units}
        for request_id, units in self._units.items():
            if self.statuses[request_id].state.final:
                continue
            shortfall = self._shortfall(request_id, [by_unit[unit] for unit in units if unit in by_unit])
            if not shortfall:
                self._short_since.pop(request_id, None)
                self._take(request_id, RequestEvent.MET_AGAIN, now)
            elif (now - self._short_since.setdefault(request_id, now)).total_seconds() >= _SHORT_S:
                self._take(request_id, RequestEvent.FELL_SHORT, now, shortfall)

    def _accepted(self, request_id: RequestId, begin: dt.datetime) -> RequestStatus:
        fresh = RequestStatus(since=begin)
        if not self._units[request_id]:
            return next_request_status(fresh, RequestEvent.REFUSED, begin, "no unit heats what it asks for")
        return next_request_status(fresh, RequestEvent.BEGAN, begin)

    def _shortfall(self, request_id: RequestId, orders: list[UnitOrder]) -> str:
        """Why the request cannot be met now, in words; empty where it is."""
        limited = next((order for order in orders if order.safety), None)
        if limited is not None:
            return limited.reason
        demand_w = sum(order.demand_w for order in orders)
        measured_w = sum(order.measured_w for order in orders)
        most_w = self._power_max_w[request_id]
        if demand_w > most_w + _SLACK_W and measured_w >= 0.9 * most_w:
            return f"asks for {demand_w:.0f} W, its units have {most_w:.0f} W"
        if min(demand_w, most_w) > measured_w / 0.9 + _SLACK_W:
            return f"asks for {min(demand_w, most_w):.0f} W, there is work for {measured_w:.0f} W"
        return ""

    def _take(self, request_id: RequestId, event: RequestEvent, now: dt.datetime, reason: str = "") -> None:
        before = self.statuses[request_id]
        if before.state is RequestState.LIMITED and event is RequestEvent.FELL_SHORT:
            return  # the first reason stands; watts change with every sample
        self.statuses[request_id] = next_request_status(before, event, now, reason)
