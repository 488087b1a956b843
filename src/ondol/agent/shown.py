"""What displays of a site's hosts are told, from one step's orders and readings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ondol.agent.instruments import Sensed
from ondol.agent.orders import SinkOrder, SiteOrders, UnitOrder
from ondol.drivers.ports import Shown, SinkReading, UnitReading
from ondol.model.alarm import Severity
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import SinkId, UnitId

_J_PER_KWH = 3.6e6
_HEATS_W = 5.0


class Display:
    """Makes what is shown of a site; it remembers heat meters, to tell heating power from them.

    Parameters
    ----------
    fleet : the part of one site
    """

    def __init__(self, fleet: Fleet) -> None:
        self._units_of: dict[SinkId, list[UnitId]] = {sink.id: [] for sink in fleet.sinks}
        for unit in fleet.units:
            sink = fleet.sink_of(unit)
            if sink is not None:
                self._units_of[sink.id].append(unit.id)
        self._meters: dict[UnitId, tuple[float, float]] = {}

    def shown(
        self,
        orders: SiteOrders,
        sensed: Sensed,
        requests: Mapping[SinkId, HeatRequest],
        wish_of: Callable[[SinkId], HostWish | None],
        limits_w: Mapping[UnitId, float],
    ) -> tuple[Shown, ...]:
        """Give sinks, then units, each by id.

        Parameters
        ----------
        requests : that count now; a sink without one is off
        wish_of : the wish that stands over a sink's request
        limits_w : power limits that the host set, by unit [W]
        """
        sinks = {reading.sink_id: reading for reading in sensed.readings.sinks}
        meters = {reading.unit_id: reading for reading in sensed.readings.units}
        units = {order.unit_id: order for order in orders.units}
        backups = {order.sink_id: order.on for order in orders.backups}
        due = {status.sink_id: status.due_at for status in orders.hygiene}
        faults = {note.entity_id for note in orders.alarms if note.severity >= Severity.FAULT}
        found = []
        for order in orders.sinks:
            own = [units[unit_id] for unit_id in self._units_of[order.sink_id] if unit_id in units]
            values = self._sink(order, own, sinks.get(order.sink_id), requests.get(order.sink_id), orders)
            values["preset"] = _preset(wish_of(order.sink_id))
            values["backup"] = backups.get(order.sink_id)
            due_at = due.get(order.sink_id)
            values["hygiene_due_h"] = None if due_at is None else (due_at - orders.now).total_seconds() / 3600
            found.append(Shown(entity_id=order.sink_id, at=orders.now, values=values))
        found += [
            Shown(
                entity_id=unit_id,
                at=orders.now,
                values={
                    **self._unit(order, meters.get(unit_id), orders),
                    "power_limit_w": limits_w.get(unit_id),
                    "fault": unit_id in faults,
                },
            )
            for unit_id, order in sorted(units.items())
        ]
        return tuple(found)

    @staticmethod
    def _sink(
        order: SinkOrder,
        units: list[UnitOrder],
        reading: SinkReading | None,
        request: HeatRequest | None,
        orders: SiteOrders,
    ) -> dict[str, float | str | bool | None]:
        setpoint_c = _known(units[0].setpoint_c) if units else None
        scheduled_c = None
        if request is not None and request.kind == "temperature":
            scheduled_c = request.schedule.at(orders.now)
        heats = sum(unit.target_w for unit in units) > _HEATS_W and order.heat_wanted_w > _HEATS_W
        preheats = heats and scheduled_c is not None and setpoint_c is not None and setpoint_c > scheduled_c + 0.05
        off = request is None
        layers = () if reading is None else reading.layers_c
        return {
            "temp_c": None if reading is None else reading.temp_c,
            "setpoint_c": scheduled_c if scheduled_c is not None else setpoint_c,
            "lower_c": _known(order.comfort_lower_c),
            "upper_c": _known(order.comfort_upper_c),
            "mode": "off" if off else "heat",
            "action": "off" if off else "preheating" if preheats else "heating" if heats else "idle",
            **{f"layer_{number}_c": layer_c for number, layer_c in enumerate(layers, 1)},
            "reason": units[0].reason if units else "",
        }

    def _unit(
        self, order: UnitOrder, reading: UnitReading | None, orders: SiteOrders
    ) -> dict[str, float | str | bool | None]:
        heat_j = None if reading is None else _known(reading.heat_j)
        heat_w = None
        if heat_j is not None:
            now_s = orders.now.timestamp()
            since_s, since_j = self._meters.get(order.unit_id, (now_s, heat_j))
            if now_s - since_s > 0:
                heat_w = max(heat_j - since_j, 0.0) / (now_s - since_s)
            # meters count in steps: power is told over a minute or more
            if order.unit_id not in self._meters or now_s - since_s >= 60.0 or now_s < since_s:
                self._meters[order.unit_id] = (now_s, heat_j)
        return {
            "power_w": order.measured_w,
            "target_w": order.target_w,
            "heat_w": heat_w,
            "heat_kwh": None if heat_j is None else heat_j / _J_PER_KWH,
            "loop_temp_c": None if reading is None else _known(reading.loop_temp_c),
            "flow_kg_s": None if reading is None else _known(reading.flow_kg_s),
            "reason": order.reason,
        }


def _preset(wish: HostWish | None) -> str | None:
    return wish.preset if wish is not None and wish.kind == "preset" else None


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
