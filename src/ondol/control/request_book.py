"""What became of every heat request: active while it can be met, limited with the reason while it cannot."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterable

from ondol.agent.orders import SiteOrders, UnitOrder
from ondol.control.heat_requests import HeatRequests
from ondol.lifecycle.request import RequestEvent, RequestState, RequestStatus, next_request_status
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import RequestId, SinkId, UnitId
from ondol.storage.heat_ports import MadeRequest

_SLACK_W = 1.0
_J_PER_KWH = 3.6e6
_LONGEST_S = 900.0  # what lies longer between two samples was a standstill, not a time that an order held
_SHORT_S = 600.0  # a shortfall counts once it has lasted so long: work comes and goes by the minute [s, platform]


class RequestBook:
    """Statuses of a fleet's requests, from what its agents ordered and what its units drew.

    Parameters
    ----------
    begin : since when the fleet file's requests count
    requests : also those made over the API, and what counts at a moment; None: those of the fleet file always count
    """

    def __init__(self, fleet: Fleet, begin: dt.datetime, requests: HeatRequests | None = None) -> None:
        self._requests = requests
        self._sites = tuple(site.id for site in fleet.sites)
        self._filed = {request.id: request for request in fleet.requests}
        units_of: dict[SinkId, list[UnitId]] = {}
        for unit in fleet.units:
            if (sink := fleet.sink_of(unit)) is not None:
                units_of.setdefault(sink.id, []).append(unit.id)
        self._units_of = units_of
        power_max_w = {unit.id: sum(n.curve.max_w for n in fleet.nodes_of(unit.id)) for unit in fleet.units}
        self._power_max_w = {sink: sum(power_max_w[unit] for unit in units) for sink, units in units_of.items()}
        self._short_since: dict[RequestId, dt.datetime] = {}
        self._backup_w = {sink.id: sink.backup_power_w for sink in fleet.sinks}
        self._backup_on: frozenset[SinkId] = frozenset()
        self._sampled_at = begin
        self.statuses: dict[RequestId, RequestStatus] = {
            request.id: self._accepted(request, begin) for request in fleet.requests
        }
        for made in () if requests is None else requests.open_made():
            self.statuses[made.request.id] = made.status

    def sample(self, now: dt.datetime, orders: Iterable[SiteOrders]) -> None:
        """Take one step's orders."""
        steps = tuple(orders)
        by_unit = {order.unit_id: order for site in steps for order in site.units}
        meters_j = {report.sink_id: report.heat_j for site in steps for report in site.reports}
        made = {} if self._requests is None else {one.request.id: one for one in self._requests.open_made()}
        for key in [key for key in self.statuses if key not in made and key not in self._filed]:
            del self.statuses[key]  # it is over, and `HeatRequests` tells how it ended
            self._short_since.pop(key, None)
        counts = self._counting(now)
        on_s = min(max((now - self._sampled_at).total_seconds(), 0.0), _LONGEST_S)
        backup_j = {sink_id: self._backup_w.get(sink_id, 0.0) * on_s for sink_id in sorted(self._backup_on)}
        self._backup_on = frozenset(order.sink_id for site in steps for order in site.backups if order.on)
        self._sampled_at = now
        for request in (*self._filed.values(), *(one.request for one in made.values())):
            own = made.get(request.id)
            status = self.statuses[request.id] = self.statuses.get(request.id) or RequestStatus(since=now)
            if status.state.final:
                continue
            if counts is None or counts.get(request.target_id) == request.id:
                self._serve(
                    request, now, [by_unit[u] for u in self._units_of.get(request.target_id, ()) if u in by_unit]
                )
            else:
                self._short_since.pop(request.id, None)  # another one counts, or none: nothing is short of it
            if own is not None:
                backup = backup_j.get(request.target_id, 0.0)
                own = self._measured(own, meters_j.get(request.target_id), backup)
            self._end(request, own, now)
            if own is not None and self._requests is not None:
                after = dataclasses.replace(own, status=self.statuses[request.id])
                if after != made[request.id]:
                    self._requests.told(after)

    def _counting(self, now: dt.datetime) -> dict[SinkId, RequestId] | None:
        """Which request counts for every sink; None where that is not known here, so that all do."""
        if self._requests is None:
            return None
        return {
            sink_id: request.id
            for site_id in self._sites
            for sink_id, request in self._requests.effective(site_id, now).items()
        }

    def _serve(self, request: HeatRequest, now: dt.datetime, orders: list[UnitOrder]) -> None:
        if self.statuses[request.id].state is RequestState.ACCEPTED:
            self._take(request.id, RequestEvent.BEGAN, now)
        shortfall = self._shortfall(request.target_id, orders)
        if not shortfall:
            self._short_since.pop(request.id, None)
            self._take(request.id, RequestEvent.MET_AGAIN, now)
        elif (now - self._short_since.setdefault(request.id, now)).total_seconds() >= _SHORT_S:
            self._take(request.id, RequestEvent.FELL_SHORT, now, shortfall)

    def _measured(self, made: MadeRequest, meter_j: float | None, backup_j: float) -> MadeRequest:
        """With the heat that came since it began, for a request of energy; a meter that is silent tells it later."""
        begun = self.statuses[made.request.id].state is not RequestState.ACCEPTED
        if made.request.kind != "energy" or not begun:
            return made
        made = dataclasses.replace(made, backup_j=made.backup_j + backup_j) if backup_j > 0.0 else made
        if meter_j is None or not math.isfinite(meter_j):
            return made
        came_j = 0.0 if made.meter_j is None else max(0.0, meter_j - made.meter_j)
        return dataclasses.replace(made, delivered_j=made.delivered_j + came_j, meter_j=meter_j)

    def _end(self, request: HeatRequest, made: MadeRequest | None, now: dt.datetime) -> None:
        """End what got its energy, and whose time is over."""
        asked_j = request.energy_kwh * _J_PER_KWH
        backup_j = 0.0 if made is None else made.backup_j
        delivered_j = 0.0 if made is None else made.delivered_j + backup_j
        full = request.kind == "energy" and delivered_j >= asked_j
        ends = [when for when in (request.by, request.valid_until) if when is not None]
        if not full and all(now < when for when in ends):
            return
        words = ""
        if request.kind == "energy":
            words = f"{delivered_j / _J_PER_KWH:.3f} of {request.energy_kwh:g} kWh came"
            if backup_j > 0.0:
                words += f", {backup_j / _J_PER_KWH:.3f} kWh of it from the other heater, as ordered"
        if self.statuses[request.id].state is RequestState.ACCEPTED:
            self._take(request.id, RequestEvent.BEGAN, now)
        self._take(request.id, RequestEvent.ENDED, now, words)
        self._short_since.pop(request.id, None)

    def _accepted(self, request: HeatRequest, begin: dt.datetime) -> RequestStatus:
        fresh = RequestStatus(since=begin)
        if request.target_id not in self._units_of:
            return next_request_status(fresh, RequestEvent.REFUSED, begin, "no unit heats what it asks for")
        if request.valid_from is not None and begin < request.valid_from:
            return fresh
        return next_request_status(fresh, RequestEvent.BEGAN, begin)

    def _shortfall(self, sink_id: SinkId, orders: list[UnitOrder]) -> str:
        """Why the request cannot be met now, in words; empty where it is."""
        limited = next((order for order in orders if order.safety), None)
        if limited is not None:
            return limited.reason
        demand_w = sum(order.demand_w for order in orders)
        measured_w = sum(order.measured_w for order in orders)
        most_w = self._power_max_w.get(sink_id, 0.0)
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
