"""Sites, sinks, units and requests as `/heat/v1` shows them: requested, accepted and measured kept apart."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ondol.control.host_ports import Asked
from ondol.control.ports import Now, SinkNow, UnitNow
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import UnitId
from ondol.model.sink import Sink, SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit
from ondol.server.api.plain import plain
from ondol.storage.heat_ports import MadeRequest

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


def request_out(asked: Asked, now: Now, setpoint_c: float | None = None) -> dict[str, Any]:
    """What a host asks for, with the value of this moment, what counts, and what became of it.

    Parameters
    ----------
    setpoint_c : what counts for its sink now with all wishes; None where that is nothing
    """
    request, made = asked.request, asked.made
    status = next((one for one in now.requests if one.request_id == request.id), None)
    shown = plain(request)
    if request.kind == "energy":
        del shown["schedule"]
    # While a request lives the loop's book is ahead of what is stored; of one just made or ended it knows nothing.
    known = made is not None and (status is None or made.status.state.final)
    state, since, reason = (
        (made.status.state.value, made.status.since, made.status.reason)
        if made is not None and known
        else (status.state, status.since, status.reason)
        if status is not None
        else (None, None, None)
    )
    return {
        **shown,
        "value_now": None if request.kind == "energy" else request.schedule.at(now.at),
        "at": plain(now.at),
        "state": state,
        "since": plain(since),
        "reason": reason,
        "counts": asked.counts,
        "guarantee": _guarantee(request, made),
        "made_by": None if made is None else made.made_by,
        "created_at": None if made is None else plain(made.created_at),
        "requested": _asked(request, now.at),
        "accepted": {"counts": asked.counts, "setpoint_c": setpoint_c if asked.counts else None, "at": plain(now.at)},
        "measured": {
            "energy_kwh": None if made is None or request.kind != "energy" else made.delivered_j / 3.6e6,
            "backup_kwh": None if made is None or request.kind != "energy" else made.backup_j / 3.6e6,
        },
    }


def _guarantee(request: HeatRequest, made: MadeRequest | None) -> dict[str, Any] | None:
    """Whether what a request guarantees is agreed; None where it guarantees nothing."""
    if not request.guaranteed:
        return None
    if made is None or not made.guarantee:  # of the fleet file, or of before there was a choice
        return {"state": "agreed", "since": None if made is None else plain(made.created_at), "by": None}
    return {"state": made.guarantee, "since": plain(made.guarantee_at), "by": made.guarantee_by}


def _asked(request: HeatRequest, at: dt.datetime) -> dict[str, Any]:
    if request.kind == "energy":
        return {"energy_kwh": request.energy_kwh, "by": plain(request.by)}
    return {"setpoint_c" if request.kind == "temperature" else "power_w": request.schedule.at(at)}


def wish_out(sink_id: str, wish: HostWish | None, counting: HeatRequest | None, now: Now) -> dict[str, Any]:
    """What was wished of a sink, what counts for it now, and what is felt in it."""
    state = next((one for one in now.sinks if one.sink_id == sink_id), None)
    wished = None
    if wish is not None:
        wished = {
            "id": wish.id,
            "kind": wish.kind,
            "setpoint_c": wish.value if wish.kind == "setpoint" else None,
            "preset": wish.preset or None,
            "until": plain(wish.ends_at),
            "set_at": plain(wish.set_at),
            "source": wish.source,
        }
    value = None if counting is None or counting.kind == "energy" else counting.schedule.at(now.at)
    return {
        "sink_id": sink_id,
        "requested": wished,
        "accepted": {
            "request_id": None if counting is None else counting.id,
            "kind": None if counting is None else counting.kind,
            "setpoint_c": value if counting is not None and counting.kind == "temperature" else None,
            "power_w": value if counting is not None and counting.kind == "power" else None,
            "at": plain(now.at),
        },
        "measured": _temperature(state)["measured"],
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
