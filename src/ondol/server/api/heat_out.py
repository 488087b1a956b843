"""Sites, sinks, units and requests as `/heat/v1` shows them: requested, accepted and measured kept apart."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ondol.control.ports import Now, SinkNow, UnitNow
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import UnitId
from ondol.model.sink import Sink, SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit
from ondol.server.api.plain import plain

KINDS: dict[type[Sink], str] = {Zone: "zone", Tank: "tank", SwimmingPool: "pool"}


def site_out(site: Site, fleet: Fleet, now: Now) -> dict[str, Any]:
    """A site with its units' power together and the ids of what it has."""
    units = fleet.units_of(site.id)
    ids = {unit.id for unit in units}
    return {
        **plain(site),
        "units": [unit.id for unit in units],
        "sinks": [sink.id for sink in fleet.sinks if sink.site_id == site.id],
        "circuits": [circuit.id for circuit in fleet.circuits if circuit.site_id == site.id],
        "requests": [request.id for request in fleet.requests if request.site_id == site.id],
        "power": _power([one for one in now.units if one.unit_id in ids], now),
    }


def unit_out(unit: Unit, fleet: Fleet, now: Now) -> dict[str, Any]:
    """A unit with its nodes and its power."""
    sink = fleet.sink_of(unit)
    state = next((one for one in now.units if one.unit_id == unit.id), None)
    return {
        **plain(unit),
        "sink_id": sink.id if sink else None,
        "nodes": [node_out(node, now) for node in fleet.nodes_of(unit.id)],
        "power": _power([state] if state else [], now),
        "reason": state.reason if state else None,
        "loop_temp_c": plain(state.loop_temp_c) if state else None,
    }


def sink_out(sink: Sink, fleet: Fleet, now: Now) -> dict[str, Any]:
    """A zone, tank or pool with what is asked of it and what is felt in it."""
    state = next((one for one in now.sinks if one.sink_id == sink.id), None)
    return {
        **plain(sink),
        "kind": KINDS[type(sink)],
        "units": [unit.id for unit in fleet.units if _heats(fleet, unit, sink)],
        "requests": [request.id for request in fleet.requests if request.target_id == sink.id],
        **_temperature(state),
    }


def circuit_out(circuit: HeatCircuit, fleet: Fleet) -> dict[str, Any]:
    """A circuit with the units on it."""
    return {**plain(circuit), "units": [unit.id for unit in fleet.units if unit.circuit_id == circuit.id]}


def request_out(request: HeatRequest, now: Now) -> dict[str, Any]:
    """What a host asks for, with the value of this moment."""
    status = next((one for one in now.requests if one.request_id == request.id), None)
    return {
        **plain(request),
        "value_now": request.schedule.at(now.at),
        "at": plain(now.at),
        "state": status.state if status else None,
        "since": plain(status.since) if status else None,
        "reason": status.reason if status else None,
    }


def node_out(node: Node, now: Now) -> dict[str, Any]:
    """A node with its state, what it draws and what it may draw."""
    state = next((one for one in now.nodes if one.node_id == node.id), None)
    return {
        **plain(node),
        "state": state.state if state else None,
        "power_w": plain(state.power_w) if state else None,
        "cap_w": plain(state.cap_w) if state else None,
        "busy_slots": state.busy_slots if state else None,
    }


def now_out(now: Now) -> dict[str, Any]:
    """The platform at one moment."""
    return {
        "at": plain(now.at),
        "clock_rate": now.clock_rate,
        "policy": now.policy,
        "sinks": [{"sink_id": one.sink_id, **_temperature(one)} for one in now.sinks],
        "units": [{"unit_id": one.unit_id, "reason": one.reason, "power": _power([one], now)} for one in now.units],
        "decisions": plain(now.decisions),
    }


def known_unit(fleet: Fleet, key: str) -> UnitId | None:
    """Id of a unit that the fleet has, else None."""
    return next((unit.id for unit in fleet.units if unit.id == key), None)


def _heats(fleet: Fleet, unit: Unit, sink: Sink) -> bool:
    heated = fleet.sink_of(unit)
    return heated is not None and heated.id == sink.id


def _power(units: list[UnitNow], now: Now) -> dict[str, Any]:
    """Sums over units, each with its time; quality is "missing" where nothing was measured."""
    at = plain(now.at)
    return {
        "requested": {"power_w": plain(sum(one.wanted_w for one in units)), "at": at},
        "accepted": {"power_w": plain(sum(one.target_w for one in units)), "at": at},
        "measured": {
            "power_w": plain(sum(one.measured_w for one in units)),
            "heat_j": plain(sum(one.heat_j for one in units)),
            "at": at,
            "quality": "good" if units else "missing",
        },
    }


def _temperature(state: SinkNow | None) -> dict[str, Any]:
    if state is None:
        return {"requested": None, "measured": {"temp_c": None, "layers_c": [], "at": None, "quality": "missing"}}
    measured_at: dt.datetime | None = state.measured_at
    missing = state.measured_temp_c is None or measured_at is None
    quality = "missing" if missing else "stale" if state.stale else "good"
    return {
        "requested": plain({"setpoint_c": state.setpoint_c, "lower_c": state.lower_c, "upper_c": state.upper_c}),
        "measured": {
            "temp_c": plain(state.measured_temp_c),
            "layers_c": plain(state.layers_c),
            "at": plain(measured_at),
            "quality": quality,
        },
    }
