"""From agents' orders and heat meters to the ledger's heat rows, window by window."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping

import msgspec

from ondol.agent.orders import SinkOrder, SiteOrders
from ondol.drivers.ports import UnitReading
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.model.ledger import HeatRow


class HeatCounters(msgspec.Struct):
    """What must outlive the platform: the heat meters as they stood at the end of the last written window [J]."""

    heat_j: dict[str, float]


@dataclasses.dataclass(slots=True)
class _Window:
    electric_j: float = 0.0
    demanded_j: float = 0.0
    temp_cs: float = 0.0
    seen_s: float = 0.0
    discomfort_kh: float = 0.0
    last: SinkOrder | None = None


class HeatBook:
    """Adds up what every heating unit was asked for and gave.

    Parameters
    ----------
    counters : of an earlier life; without them the first reading of a meter is its beginning
    asked : the request that counts for a sink at a time; those of the fleet where left out
    """

    def __init__(
        self,
        fleet: Fleet,
        counters: HeatCounters | None = None,
        asked: Callable[[SinkId, dt.datetime], HeatRequest | None] | None = None,
    ) -> None:
        self._units = [(unit, sink) for unit in fleet.units if (sink := fleet.sink_of(unit)) is not None]
        requests = {sink.id: fleet.request_for(sink.id) for _, sink in self._units}
        self._asked = asked or (lambda sink_id, _: requests[sink_id])
        self._power_max_w = {unit.id: sum(n.curve.max_w for n in fleet.nodes_of(unit.id)) for unit, _ in self._units}
        self._nodes = {unit.id: [node.id for node in fleet.nodes_of(unit.id)] for unit, _ in self._units}
        self._first_of_sink: dict[SinkId, UnitId] = {}
        self._sink_power_w: dict[SinkId, float] = {}
        for unit, sink in self._units:
            self._first_of_sink.setdefault(sink.id, unit.id)
            self._sink_power_w[sink.id] = self._sink_power_w.get(sink.id, 0.0) + self._power_max_w[unit.id]
        known = {str(unit.id) for unit, _ in self._units}  # a unit that left and comes back has a new meter
        self._meter_j: dict[str, float] = (
            {} if counters is None else {unit: heat_j for unit, heat_j in counters.heat_j.items() if unit in known}
        )
        self._windows: dict[UnitId, _Window] = {unit.id: _Window() for unit, _ in self._units}

    def sample(
        self,
        span_s: float,
        orders: Iterable[SiteOrders],
        energy_j: Mapping[NodeId, float],
        units: Iterable[UnitReading],
    ) -> None:
        """Add one step of `span_s` platform seconds."""
        by_site = tuple(orders)
        sink_orders = {order.sink_id: order for site in by_site for order in site.sinks}
        for reading in units:
            self._meter_j.setdefault(reading.unit_id, reading.heat_j)
        for unit, sink in self._units:
            window, asked = self._windows[unit.id], sink_orders.get(sink.id)
            share = self._power_max_w[unit.id] / self._sink_power_w[sink.id]
            window.electric_j += math.fsum(energy_j.get(node, 0.0) for node in self._nodes[unit.id])
            if asked is None:
                continue
            window.demanded_j += max(0.0, asked.heat_wanted_w) * share * span_s
            if not math.isnan(asked.temp_c):
                window.temp_cs += asked.temp_c * span_s
                window.seen_s += span_s
            if self._first_of_sink[sink.id] == unit.id:
                window.discomfort_kh += asked.discomfort_kh
            window.last = asked

    def close(
        self, start: dt.datetime, end: dt.datetime, units: Iterable[UnitReading]
    ) -> tuple[list[HeatRow], HeatCounters]:
        """Draw up the window: one row per heating unit whose meter speaks, and the counters to be written with them.

        Nothing is forgotten before `settle`.
        """
        readings = {reading.unit_id: reading for reading in units}
        rows: list[HeatRow] = []
        for unit, sink in self._units:
            window, reading = self._windows[unit.id], readings.get(unit.id)
            if reading is None or window.last is None or not start < end:
                continue  # a lost meter gives no row, rather than a zero; its next reading covers the gap
            rows.append(
                HeatRow(
                    site_id=unit.site_id,
                    unit_id=unit.id,
                    sink_id=sink.id,
                    start=start,
                    end=end,
                    electric_j=window.electric_j,
                    delivered_j=max(0.0, reading.heat_j - self._meter_j.get(unit.id, reading.heat_j)),
                    demanded_j=window.demanded_j,
                    temp_c=window.temp_cs / window.seen_s if window.seen_s > 0 else math.nan,
                    setpoint_c=self._setpoint_c(sink.id, end),
                    lower_c=window.last.comfort_lower_c,
                    upper_c=window.last.comfort_upper_c,
                    discomfort_kh=window.discomfort_kh,
                )
            )
        meters_j = dict(self._meter_j)
        meters_j.update({str(row.unit_id): readings[row.unit_id].heat_j for row in rows})
        return rows, HeatCounters(heat_j=dict(sorted(meters_j.items())))

    def settle(self, rows: Iterable[HeatRow], counters: HeatCounters) -> None:
        """Begin the next window of every unit that has a row."""
        self._meter_j = dict(counters.heat_j)
        for row in rows:
            self._windows[row.unit_id] = _Window()

    def _setpoint_c(self, sink_id: SinkId, at: dt.datetime) -> float:
        """What the host asked for at a time, without preheat; nan where nothing or power was asked."""
        request = self._asked(sink_id, at)
        return request.schedule.at(at) if request is not None and request.kind == "temperature" else math.nan
