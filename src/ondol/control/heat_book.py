"""From agents' orders and heat meters to the ledger's heat rows, window by window."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping

import msgspec

from ondol.agent.orders import SinkOrder, SiteOrders
from ondol.control.heat_ways import case_loss_w, estimated_heat_j, heat_ways
from ondol.drivers.ports import UnitReading
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.model.ledger import HeatRow, Tier

_SEEN = 0.5  # share of a row in which a temperature was seen, below which it has none
_STANDSTILL_S = 60.0  # a life's first sample that spans more reaches back over a time in which nobody was heard


class OpenHeat(msgspec.Struct):
    """What came together of a unit since its last row: of windows for which its meter was lost."""

    electric_j: float = 0.0
    demanded_j: float = 0.0
    temp_cs: float = 0.0
    seen_s: float = 0.0
    discomfort_kh: float = 0.0
    loss_j: float = 0.0


class HeatCounters(msgspec.Struct):
    """What must outlive the platform: the heat meters as they stood when they were last written.

    Parameters
    ----------
    heat_j : by unit [J]
    since_s : end of each unit's last row [s since the epoch, platform]: its next one begins there
    open : of units that have no row in the last window
    """

    heat_j: dict[str, float]
    since_s: dict[str, float] = {}
    open: dict[str, OpenHeat] = {}


@dataclasses.dataclass(slots=True)
class _Window:
    sums: OpenHeat = dataclasses.field(default_factory=OpenHeat)
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
        self._ways = heat_ways(fleet)
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
        self._since_s: dict[str, float] = {
            unit: since_s for unit, since_s in ({} if counters is None else counters.since_s).items() if unit in known
        }
        opened = {} if counters is None else counters.open
        self._resumed = counters is not None
        self._windows = {unit.id: _Window(opened.get(str(unit.id), OpenHeat())) for unit, _ in self._units}

    def sample(
        self,
        span_s: float,
        orders: Iterable[SiteOrders],
        energy_j: Mapping[NodeId, float],
        units: Iterable[UnitReading],
    ) -> None:
        """Add one step of `span_s` platform seconds.

        The first one after a restart reaches back to the last window: its electricity was metered, but what was asked
        for and felt while the platform was dead is not made up.

        Parameters
        ----------
        units : latest readings; `heat_j` is nan of a unit without a heat meter
        """
        held_s = 0.0 if self._resumed and span_s > _STANDSTILL_S else span_s
        self._resumed = False
        by_site = tuple(orders)
        sink_orders = {order.sink_id: order for site in by_site for order in site.sinks}
        readings = {reading.unit_id: reading for reading in units}
        for reading in readings.values():
            if math.isfinite(reading.heat_j):
                self._meter_j.setdefault(reading.unit_id, reading.heat_j)
        for unit, sink in self._units:
            window, asked = self._windows[unit.id], sink_orders.get(sink.id)
            share = self._power_max_w[unit.id] / self._sink_power_w[sink.id]
            window.sums.electric_j += math.fsum(energy_j.get(node, 0.0) for node in self._nodes[unit.id])
            if self._ways[unit.id].tier is Tier.T4_CURVE:
                told = readings.get(unit.id)
                window.sums.loss_j += case_loss_w(unit, math.nan if told is None else told.loop_temp_c) * span_s
            if asked is None:
                continue
            window.sums.demanded_j += max(0.0, asked.heat_wanted_w) * share * held_s
            if not math.isnan(asked.temp_c):
                window.sums.temp_cs += asked.temp_c * held_s
                window.sums.seen_s += held_s
            if self._first_of_sink[sink.id] == unit.id:
                window.sums.discomfort_kh += asked.discomfort_kh
            window.last = asked

    def close(
        self, start: dt.datetime, end: dt.datetime, units: Iterable[UnitReading]
    ) -> tuple[list[HeatRow], HeatCounters]:
        """Draw up the window: one row per heating unit whose meter speaks, and the counters to be written with them.

        A unit that has no meter at all has a row with an estimate, of tier T4. A row begins where the unit's last one
        ended: after a silence of its site or of the platform it spans all that its meter counted meanwhile, and has no
        temperature, for nobody felt one: its end says nothing of a night.

        Nothing is forgotten before `settle`.
        """
        readings = {reading.unit_id: reading for reading in units if math.isfinite(reading.heat_j)}
        rows: list[HeatRow] = []
        for unit, sink in self._units:
            window, reading = self._windows[unit.id], readings.get(unit.id)
            way = self._ways[unit.id]
            if window.last is None or not start < end:
                continue
            if reading is not None:
                heat_j = max(0.0, reading.heat_j - self._meter_j.get(unit.id, reading.heat_j))
            elif way.tier is Tier.T4_CURVE:
                heat_j = estimated_heat_j(unit, window.sums.electric_j, window.sums.loss_j)
            else:
                continue  # a lost meter gives no row, rather than a zero; its next reading covers the gap
            begin = self._begin(unit.id, start, end)
            rows.append(
                HeatRow(
                    site_id=unit.site_id,
                    unit_id=unit.id,
                    sink_id=sink.id,
                    start=begin,
                    end=end,
                    electric_j=window.sums.electric_j,
                    delivered_j=heat_j,
                    demanded_j=window.sums.demanded_j,
                    temp_c=_felt_c(window.sums, (end - begin).total_seconds()),
                    setpoint_c=self._setpoint_c(sink.id, end),
                    lower_c=window.last.comfort_lower_c,
                    upper_c=window.last.comfort_upper_c,
                    discomfort_kh=window.sums.discomfort_kh,
                    tier=way.tier if reading is None or way.tier is not Tier.T4_CURVE else Tier.T2_BMC,
                    virtual=way.virtual,
                )
            )
        meters_j = dict(self._meter_j)
        meters_j.update({str(row.unit_id): readings[row.unit_id].heat_j for row in rows if row.unit_id in readings})
        since_s = self._since_s | {str(row.unit_id): end.timestamp() for row in rows}
        done = {row.unit_id for row in rows}
        left = {
            str(unit.id): msgspec.structs.replace(self._windows[unit.id].sums)
            for unit, _ in self._units
            if unit.id not in done
        }
        counters = HeatCounters(
            heat_j=dict(sorted(meters_j.items())),
            since_s=dict(sorted(since_s.items())),
            open={key: sums for key, sums in left.items() if sums != OpenHeat()},
        )
        return rows, counters

    def settle(self, rows: Iterable[HeatRow], counters: HeatCounters) -> None:
        """Begin the next window of every unit that has a row."""
        self._meter_j, self._since_s = dict(counters.heat_j), dict(counters.since_s)
        for row in rows:
            self._windows[row.unit_id] = _Window()

    def _begin(self, unit_id: UnitId, start: dt.datetime, end: dt.datetime) -> dt.datetime:
        """When a unit's row begins: where its last one ended, unless a clock that was set has put that later."""
        since_s = self._since_s.get(unit_id)
        since = start if since_s is None else dt.datetime.fromtimestamp(since_s, dt.UTC)
        return since if since < end else start

    def _setpoint_c(self, sink_id: SinkId, at: dt.datetime) -> float:
        """What the host asked for at a time, without preheat; nan where nothing or power was asked."""
        request = self._asked(sink_id, at)
        return request.schedule.at(at) if request is not None and request.kind == "temperature" else math.nan


def _felt_c(sums: OpenHeat, span_s: float) -> float:
    """Mean temperature of a row; nan where too little of it was seen [°C]."""
    return sums.temp_cs / sums.seen_s if sums.seen_s > 0.0 and sums.seen_s >= _SEEN * span_s else math.nan
