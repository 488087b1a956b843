"""Drives what a site's orders say beside its nodes: backups, contactors, power limits of units, other set-points."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ondol.agent.knob_queue import LastWins
from ondol.agent.orders import AlarmNote, SiteOrders
from ondol.drivers.ports import Driver, WritesPoints, Written
from ondol.model.alarm import Severity
from ondol.model.errors import OndolError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import COLDEST_C, HeatRequest
from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.model.points import PointKey
from ondol.model.sink import Zone

_log = logging.getLogger(__name__)
REPEAT_S = 60.0
"""An unchanged value is written again so often, should someone else have changed it [s, platform]."""
STRIKES = 3
"""Writes in a row that a device did not take until it counts as disobedient."""
_WORKERS_MAX = 16
_WORKERS_EACH = 2
"""So many writes to one connection at once: a device that does not answer must not delay another one's contactor."""
_WORTH_WRITING = {"power_cap": 1.0, "setpoint": 0.05}
_TOLERANCE = {"power_cap": 5.0, "setpoint": 0.3}


@dataclass(slots=True)
class _Actuator:
    driver: WritesPoints
    lock: threading.Lock
    ordered: float | None = None
    ordered_s: float = 0.0
    written: Written | None = None
    strikes: int = 0
    refusal: str = ""


class Actuators:
    """Every writable point of a site but the power limits of its nodes (`NodeKnobs` has those).

    `switch` is a contactor: it opens where safety lets a unit or a node draw nothing at all. `backup` follows the
    site's backup orders, `setpoint` what is asked of a sink now, `power_cap` of a unit its target. All is written in
    worker threads, when it changes and every `REPEAT_S`, and read back.

    Parameters
    ----------
    fleet : the part of one site
    drivers : of its connections; those that do not write are passed over
    """

    def __init__(self, fleet: Fleet, drivers: Sequence[Driver]) -> None:
        writers = {one.connection_id: one for one in drivers if hasattr(one, "write")}
        nodes = {node.id for node in fleet.nodes}
        self._nodes = {unit.id: tuple(node.id for node in fleet.nodes_of(unit.id)) for unit in fleet.units}
        self._unit_of = {node.id: node.unit_id for node in fleet.nodes}
        self._rooms = frozenset(str(sink.id) for sink in fleet.sinks if isinstance(sink, Zone))
        self._actuators: dict[PointKey, _Actuator] = {
            one.key: _Actuator(driver=writers[one.connection_id], lock=threading.Lock())  # type: ignore[arg-type]
            for one in fleet.bindings
            if one.connection_id in writers
            and one.key.kind.writable
            and not (one.point == "power_cap" and one.entity_id in nodes)
        }
        self._keys = {str(key): key for key in self._actuators}
        self._lane_of = {str(key): one.driver.connection_id for key, one in self._actuators.items()}
        self._queue = LastWins(
            self._write,
            workers=min(_WORKERS_EACH * max(len(writers), 1), _WORKERS_MAX),
            lane_of=self._lane_of.__getitem__,
            lane_workers=_WORKERS_EACH,
        )

    def drive(self, orders: SiteOrders, requests: Mapping[SinkId, HeatRequest]) -> None:
        """Order what follows from a step; returns at once."""
        for key, value in self._wanted(orders, requests).items():
            self._order(key, value, orders.now.timestamp())

    def hold_back(self, now: dt.datetime, *, warm: frozenset[SinkId] = frozenset()) -> None:
        """Order that units draw nothing and no other heater of water runs, where nobody decides any more.

        Parameters
        ----------
        warm : rooms whose other heater is switched on, so that its own thermostat decides
        """
        for key in self._actuators:
            if key.point == "power_cap" or (key.point == "backup" and key.entity_id not in self._rooms):
                self._order(key, 0.0, now.timestamp())
            elif key.point == "backup" and SinkId(key.entity_id) in warm:
                self._order(key, 1.0, now.timestamp())

    def alarms(self) -> tuple[AlarmNote, ...]:
        """All that does not obey now, by point."""
        notes = []
        for key in sorted(self._actuators):
            actuator = self._actuators[key]
            with actuator.lock:
                if actuator.strikes < STRIKES:
                    continue
                words = f"{key} does not obey: {actuator.refusal}. It is tried again every minute; look at the device."
            danger = key.point in ("switch", "backup")
            severity = Severity.DANGER if danger and key.point == "switch" else Severity.FAULT
            notes.append(
                AlarmNote(entity_id=key.entity_id, code="actuator-disobeys", severity=severity, text=words[:1000])
            )
        return tuple(notes)

    def written(self) -> dict[PointKey, Written]:
        """What became of the last write of every point: requested and accepted."""
        return {key: one.written for key, one in sorted(self._actuators.items()) if one.written is not None}

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until all that was ordered is written; False where that took too long."""
        return self._queue.wait_idle(timeout_s)

    def close(self) -> None:
        """End; devices keep what they were told last."""
        self._queue.close()

    def _order(self, key: PointKey, value: float, now_s: float) -> None:
        actuator = self._actuators[key]
        before = actuator.ordered
        same = before is not None and abs(value - before) < _WORTH_WRITING.get(key.point, 0.5)
        if same and 0.0 <= now_s - actuator.ordered_s < REPEAT_S:
            return
        actuator.ordered, actuator.ordered_s = value, now_s
        self._queue.put(str(key), value)

    def _wanted(self, orders: SiteOrders, requests: Mapping[SinkId, HeatRequest]) -> dict[PointKey, float]:
        backups = {order.sink_id: order.on for order in orders.backups}
        units = {order.unit_id: order for order in orders.units}
        caps = {order.node_id: order.cap_w for order in orders.nodes}
        tripped: set[str] = set()
        for unit_id, order in units.items():
            dead = [node_id for node_id in self._nodes[unit_id] if order.safety and caps.get(node_id, 0.0) <= 0.0]
            tripped |= set(dead)
            if dead and len(dead) == len(self._nodes[unit_id]):
                tripped.add(unit_id)
        wanted: dict[PointKey, float] = {}
        for key in self._actuators:
            if key.point == "backup":
                wanted[key] = float(backups.get(SinkId(key.entity_id), False))
            elif key.point == "switch" and (UnitId(key.entity_id) in units or NodeId(key.entity_id) in self._unit_of):
                wanted[key] = 0.0 if key.entity_id in tripped else 1.0
            elif key.point == "power_cap" and UnitId(key.entity_id) in units:
                wanted[key] = max(units[UnitId(key.entity_id)].target_w, 0.0)
            elif key.point == "setpoint":
                wanted[key] = _setpoint_c(requests.get(SinkId(key.entity_id)), orders.now)
        return wanted

    def _write(self, name: str, value: float) -> None:
        key = self._keys[name]
        actuator = self._actuators[key]
        try:
            written = actuator.driver.write(key, value)
        except Exception as error:  # noqa: BLE001 - whatever it is, the device has not obeyed, and that is told
            if not isinstance(error, (OndolError, OSError)):
                _log.exception("%s: a fault in the driver", key)
            written = Written(
                key=key, requested=value, accepted=None, at=dt.datetime.now(dt.UTC), reason=str(error) or "no answer"
            )
        obeyed = written.obeyed(max(_TOLERANCE.get(key.point, 1e-6), 0.01 * abs(value)))
        with actuator.lock:
            actuator.written = written
            actuator.strikes = 0 if obeyed else actuator.strikes + 1
            accepted = "nothing that could be read" if written.accepted is None else f"{written.accepted:g}"
            actuator.refusal = f"{value:g} was requested, it accepted {accepted} {written.reason}".rstrip()
            strikes = actuator.strikes
        if not obeyed:
            if strikes < STRIKES:
                actuator.ordered_s = 0.0  # again at the next step
            if strikes == 1:
                _log.warning("%s: %s", key, actuator.refusal)


def _setpoint_c(request: HeatRequest | None, now: dt.datetime) -> float:
    """Set-point for another controller; where nothing is asked, frost protection [°C]."""
    return COLDEST_C + 1.0 if request is None or request.kind != "temperature" else request.schedule.at(now)
