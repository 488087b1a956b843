"""What Home Assistant is to show of a site: device discovery, from the fleet alone.

One device per sink and per unit, below one for the site (`via_device`), not one for all: a host looks for the room, not
for the plant; Home Assistant gives areas to devices, so that a thermostat stands in its room and a boiler in the
cellar; and a unit that is taken out takes its device with it.

Source: Home Assistant, MQTT integration, device discovery (https://www.home-assistant.io/integrations/mqtt), and the
pages of the platforms used here. `object_id` is not used: it ends with Home Assistant 2026.4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ondol.drivers.mqtt.board import EXPIRY_S
from ondol.drivers.mqtt.commands import WATER_MODES
from ondol.drivers.mqtt.limits import power_span, setpoint_span
from ondol.drivers.mqtt.topics import OFFLINE, ONLINE, Topics
from ondol.model.fleet import Fleet
from ondol.model.heat_request import PRESETS
from ondol.model.ids import SiteId
from ondol.model.sink import Sink, Tank, Zone
from ondol.model.site import Unit, UnitKind

Component = dict[str, Any]

EVENTS = ("alarm", "cleared", "refused")
"""Kinds of events: an alarm was raised, is over, or a command was refused."""

_SITE = "_site"  # stands where others have their id, and is none
_KINDS = {
    UnitKind.DIGITAL_HEATER: "Digital heater",
    UnitKind.DIGITAL_BOILER: "Digital boiler",
    UnitKind.SERVER_RACK: "Server rack",
}


def discovery(fleet: Fleet, topics: Topics, version: str) -> dict[str, dict[str, Any]]:
    """Give topic → payload of every device of a site, the site's own first: the others refer to it.

    Parameters
    ----------
    fleet : the site's part
    version : of Ondol, for Home Assistant's log
    """
    site = next(site for site in fleet.sites if site.id == topics.site_id)
    origin = {"name": "Ondol", "sw_version": version}
    hub = {"identifiers": [_identity(site.id)], "name": site.name, "manufacturer": "Ondol", "model": "Site"}
    found = {topics.config(_SITE): _device(hub, origin, topics, _site_parts(topics), always=True)}
    for sink in fleet.sinks:
        model = "Room" if isinstance(sink, Zone) else "Hot-water tank" if isinstance(sink, Tank) else "Swimming pool"
        device = _part_of(site.id, sink.id, sink.name, model) | {"suggested_area": sink.name}
        found[topics.config(sink.id)] = _device(device, origin, topics, _sink_parts(fleet, sink, topics))
    for unit in fleet.units:
        kind = _KINDS[unit.kind]
        device = _part_of(site.id, unit.id, f"{kind} {unit.id}", kind)
        found[topics.config(unit.id)] = _device(device, origin, topics, _unit_parts(fleet, unit, topics))
    return found


def fields(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Give the keys that the state of each sink and unit always has; the templates of `discovery` read no others."""
    sink_keys = ("temp_c", "setpoint_c", "lower_c", "upper_c", "mode", "preset", "action", "backup", "hygiene_due_h")
    unit_keys = ("power_w", "target_w", "power_limit_w", "heat_w", "heat_kwh", "loop_temp_c", "flow_kg_s", "fault")
    return {
        **{sink.id: (*sink_keys, *_layer_keys(fleet, sink), "reason") for sink in fleet.sinks},
        **{unit.id: (*unit_keys, "reason") for unit in fleet.units},
    }


def retire(old: bytes, new: Mapping[str, Any] | None) -> list[bytes]:
    """What to publish on the topic of an older announcement so that nothing that is gone stays in Home Assistant.

    Parameters
    ----------
    old : the announcement that the broker has kept
    new : what is announced there now; None where the device is gone

    Returns
    -------
    payloads in order: an empty one ends a device; entities that are gone are named once with their platform alone
    """
    if new is None:
        return [b""]
    try:
        told = json.loads(old)
        before = told["components"] if "components" in told else told["cmps"]
        gone = {
            key: {"platform": part.get("platform", part.get("p"))}
            for key, part in sorted(before.items())
            if key not in new["components"]
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []  # not ours, or not to be read; what is announced now takes its place anyway
    gone = {key: part for key, part in gone.items() if isinstance(part["platform"], str)}
    if not gone:
        return []
    return [encode({**new, "components": {**new["components"], **gone}}), encode(new)]


def encode(payload: Mapping[str, Any]) -> bytes:
    """Write an announcement as it goes out."""
    return json.dumps(payload, sort_keys=True).encode()


def _identity(site_id: SiteId, part: str = "") -> str:
    # A dot parts them: ids have none, so that no two names can meet ("a-b" + "c", "a" + "b-c").
    return f"ondol.{site_id}.{part}" if part else f"ondol.{site_id}"


def _part_of(site_id: SiteId, part: str, name: str, model: str) -> dict[str, Any]:
    return {
        "identifiers": [_identity(site_id, part)],
        "name": name,
        "manufacturer": "Ondol",
        "model": model,
        "via_device": _identity(site_id),
    }


def _device(
    device: dict[str, Any], origin: dict[str, str], topics: Topics, parts: dict[str, Component], *, always: bool = False
) -> dict[str, Any]:
    payload: dict[str, Any] = {"device": device, "origin": origin, "components": parts, "qos": 1}
    if not always:
        payload |= {
            "availability": [
                {"topic": topics.status, "payload_available": ONLINE, "payload_not_available": OFFLINE},
            ]
        }
    return payload


def _entity(topics: Topics, part: str, key: str, platform: str, name: str | None, **more: Any) -> Component:
    slug = "_".join(("ondol", topics.site_id, part.lstrip("_"), *(() if name is None else (key,)))).replace("-", "_")
    return {
        "platform": platform,
        "unique_id": f"{_identity(topics.site_id, part)}.{key}",
        "default_entity_id": f"{platform}.{slug}",
        "name": name,
        **more,
    }


def _site_parts(topics: Topics) -> dict[str, Component]:
    # The link tells of the last will itself: it may not become unavailable with it.
    link = _entity(topics, _SITE, "link", "binary_sensor", "Link", state_topic=topics.status)
    link |= {
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "payload_on": ONLINE,
        "payload_off": OFFLINE,
    }
    event = _entity(topics, _SITE, "event", "event", "Event", state_topic=topics.event, event_types=list(EVENTS))
    return {"link": link, "event": event}


def _sink_parts(fleet: Fleet, sink: Sink, topics: Topics) -> dict[str, Component]:
    span, state = setpoint_span(sink), topics.state(sink.id)
    shared = {
        "current_temperature_topic": state,
        "current_temperature_template": "{{ value_json.temp_c }}",
        "temperature_state_topic": state,
        "temperature_state_template": "{{ value_json.setpoint_c }}",
        "temperature_command_topic": topics.set(sink.id, "setpoint"),
        "temperature_unit": "C",
        "min_temp": span.low,
        "max_temp": span.high,
        "precision": 0.1,
        "mode_state_topic": state,
        "mode_command_topic": topics.set(sink.id, "mode"),
        "optimistic": False,
    }
    parts: dict[str, Component] = {}
    if isinstance(sink, Zone):
        parts["thermostat"] = _entity(topics, sink.id, "thermostat", "climate", None, **shared) | {
            "temp_step": span.step,
            "modes": ["off", "heat"],
            "mode_state_template": "{{ value_json.mode }}",
            "preset_modes": list(PRESETS),
            "preset_mode_state_topic": state,
            "preset_mode_value_template": "{{ value_json.preset if value_json.preset else 'None' }}",
            "preset_mode_command_topic": topics.set(sink.id, "preset"),
            "action_topic": state,
            "action_template": "{{ value_json.action }}",
        }
    else:
        mode = (
            "{% if value_json.mode == 'off' %}off{% elif value_json.preset in ('eco', 'away') %}eco"
            "{% elif value_json.preset == 'boost' %}performance{% elif value_json.mode %}electric"
            "{% else %}None{% endif %}"
        )
        parts["water"] = _entity(topics, sink.id, "water", "water_heater", None, **shared) | {
            "modes": list(WATER_MODES),
            "mode_state_template": mode,
        }
    parts["temperature"] = _sensor(topics, sink.id, "temperature", "Temperature", "temp_c", "temperature", "°C", 1)
    for key in _layer_keys(fleet, sink):
        name = f"Layer {key.split('_')[1]}"
        parts[key] = _sensor(topics, sink.id, key, name, key, "temperature", "°C", 1)
    if isinstance(sink, Tank):
        parts["hygiene_due"] = _sensor(
            topics, sink.id, "hygiene_due", "Hygiene due in", "hygiene_due_h", "duration", "h", 1
        )
    parts["backup"] = _flag(topics, sink.id, "backup", "Backup heater", "backup", "running")
    parts["reason"] = _reason(topics, sink.id)
    return parts


def _unit_parts(fleet: Fleet, unit: Unit, topics: Topics) -> dict[str, Component]:
    span = power_span(fleet, unit)
    parts = {
        "power": _sensor(topics, unit.id, "power", "Electric power", "power_w", "power", "W", 0),
        "target": _sensor(topics, unit.id, "target", "Target power", "target_w", "power", "W", 0),
        "power_limit": _entity(
            topics,
            unit.id,
            "power_limit",
            "number",
            "Power limit",
            state_topic=topics.state(unit.id),
            value_template="{{ value_json.power_limit_w }}",
            command_topic=topics.set(unit.id, "power_limit"),
            min=span.low,
            max=span.high,
            step=span.step,
            mode="box",
            device_class="power",
            unit_of_measurement="W",
            optimistic=False,
        ),
        "fault": _flag(topics, unit.id, "fault", "Fault", "fault", "problem"),
        "reason": _reason(topics, unit.id),
    }
    if unit.kind is not UnitKind.SERVER_RACK:
        parts["heat_power"] = _sensor(topics, unit.id, "heat_power", "Heat power", "heat_w", "power", "W", 0)
        parts["heat"] = _sensor(
            topics, unit.id, "heat", "Heat", "heat_kwh", "energy", "kWh", 2, state_class="total_increasing"
        )
        name = "Loop temperature" if unit.kind is UnitKind.DIGITAL_BOILER else "Shell temperature"
        parts["loop"] = _sensor(topics, unit.id, "loop", name, "loop_temp_c", "temperature", "°C", 1)
    if unit.kind is UnitKind.DIGITAL_BOILER:
        # Home Assistant has no mass flow: a kilogram of water is a litre within 4 % up to 90 °C.
        flow = _sensor(topics, unit.id, "flow", "Flow", "flow_kg_s", "volume_flow_rate", "L/min", 1)
        flow["value_template"] = (
            "{{ (value_json.flow_kg_s * 60) | round(2) if value_json.flow_kg_s is number else 'None' }}"
        )
        parts["flow"] = flow
    return parts


def _sensor(
    topics: Topics,
    part: str,
    key: str,
    name: str,
    field: str,
    device_class: str,
    unit: str,
    decimals: int,
    state_class: str = "measurement",
) -> Component:
    return _entity(topics, part, key, "sensor", name, state_topic=topics.state(part)) | {
        "value_template": f"{{{{ value_json.{field} }}}}",
        "device_class": device_class,
        "state_class": state_class,
        "unit_of_measurement": unit,
        "suggested_display_precision": decimals,
        "expire_after": EXPIRY_S,
    }


def _flag(topics: Topics, part: str, key: str, name: str, field: str, device_class: str) -> Component:
    return _entity(topics, part, key, "binary_sensor", name, state_topic=topics.state(part)) | {
        "value_template": f"{{{{ 'None' if value_json.{field} is none else 'ON' if value_json.{field} else 'OFF' }}}}",
        "device_class": device_class,
        "expire_after": EXPIRY_S,
    }


def _reason(topics: Topics, part: str) -> Component:
    return _entity(topics, part, "reason", "sensor", "Reason", state_topic=topics.state(part)) | {
        # A state of Home Assistant has at most 255 characters.
        "value_template": "{{ (value_json.reason or '')[:255] }}",
        "entity_category": "diagnostic",
        "expire_after": EXPIRY_S,
    }


def _layer_keys(fleet: Fleet, sink: Sink) -> tuple[str, ...]:
    """Keys of a tank's layers, top first: one per sensor, those of the model where the hardware is virtual."""
    if not isinstance(sink, Tank):
        return ()
    sensors = sum(
        one.entity_id == sink.id and one.point == "temperature" and bool(one.connection_id) for one in fleet.bindings
    )
    count = sensors or sink.layers
    return tuple(f"layer_{number}_c" for number in range(1, count + 1)) if count > 1 else ()
