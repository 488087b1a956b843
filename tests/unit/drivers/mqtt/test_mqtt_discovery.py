"""What Home Assistant is told, checked against a schema written from its documentation, and its templates rendered.

https://www.home-assistant.io/integrations/mqtt (device discovery) and the pages of climate.mqtt, water_heater.mqtt,
sensor.mqtt, number.mqtt, binary_sensor.mqtt, event.mqtt. `docs/howto/home-assistant.md` says which versions of Home
Assistant itself took these payloads.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import jinja2
import pytest

from ondol.drivers.mqtt.board import Board
from ondol.drivers.mqtt.commands import WATER_MODES
from ondol.drivers.mqtt.discovery import discovery, encode, fields, retire
from ondol.drivers.ports import Shown
from ondol.model.binding import Binding
from ondol.model.ids import SinkId
from ondol.model.sink import Zone
from unit.drivers.contract import START
from unit.drivers.mqtt.mqtt_house import BATH, TOPICS, fleet

TOPIC = re.compile(r"homeassistant/device/([a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config")
ENTITY_ID = re.compile(r"[a-z_]+\.[a-z0-9_]+")
SHARED = {"platform", "unique_id", "default_entity_id", "name", "entity_category", "device_class"}
STATE = {"state_topic", "value_template"}
CLIMATE_STATE = {f"{what}_{end}" for what in ("mode", "temperature") for end in ("command_topic", "state_topic")} | {
    f"{what}_template" for what in ("mode_state", "temperature_state", "current_temperature")
}
CLIMATE = CLIMATE_STATE | {
    "current_temperature_topic",
    "temperature_unit",
    "min_temp",
    "max_temp",
    "precision",
    "modes",
}
KEYS: dict[str, tuple[set[str], set[str]]] = {  # platform → keys that are needed here, others that there are
    "climate": (
        CLIMATE | {"temp_step", "preset_modes", "preset_mode_command_topic", "preset_mode_state_topic"},
        {"action_topic", "action_template", "preset_mode_value_template", "optimistic"},
    ),
    "water_heater": (CLIMATE, {"optimistic"}),
    "sensor": (STATE, {"state_class", "unit_of_measurement", "suggested_display_precision", "expire_after"}),
    "number": (STATE | {"command_topic", "min", "max", "step"}, {"mode", "unit_of_measurement", "optimistic"}),
    "binary_sensor": ({"state_topic"}, {"value_template", "expire_after", "payload_on", "payload_off"}),
    "event": ({"state_topic", "event_types"}, set()),
}
UNITS = {  # device class → units that Home Assistant takes for it and that are used here
    "temperature": {"°C"},
    "power": {"W"},
    "energy": {"kWh"},
    "volume_flow_rate": {"L/min"},
    "duration": {"h"},
}
FLAGS = {"problem", "running", "connectivity"}
CLIMATE_MODES = {"auto", "off", "cool", "heat", "dry", "fan_only", "heat_cool"}
WATER_HEATER_MODES = {"off", "eco", "electric", "gas", "heat_pump", "high_demand", "performance"}
ACTIONS = {"off", "heating", "cooling", "drying", "idle", "fan", "preheating", "defrosting"}

Payloads = dict[str, dict[str, Any]]


@pytest.fixture
def told() -> Payloads:
    return discovery(fleet(), TOPICS, "1.2.3")


def parts(told: Payloads, object_id: str) -> dict[str, Any]:
    return dict(told[TOPICS.config(object_id)]["components"])


def test_every_announcement_has_what_the_documentation_asks_for(told: Payloads) -> None:
    for topic, payload in told.items():
        assert TOPIC.fullmatch(topic)
        assert set(payload) <= {"device", "origin", "components", "availability", "qos"}
        assert payload["device"]["identifiers"]
        assert payload["device"]["name"]
        assert payload["origin"] == {"name": "Ondol", "sw_version": "1.2.3"}
        for part in payload["components"].values():
            needed, also = KEYS[part["platform"]]
            assert needed | {"platform", "unique_id"} <= set(part), part
            assert set(part) <= needed | also | SHARED, set(part) - needed - also - SHARED
            assert ENTITY_ID.fullmatch(part["default_entity_id"])
            assert part["default_entity_id"].startswith(part["platform"] + ".")
            assert "object_id" not in part  # it ends with Home Assistant 2026.4
        assert json.loads(encode(payload)) == payload


def test_units_fit_their_classes_and_heat_counts_in_the_energy_dashboard(told: Payloads) -> None:
    for payload in told.values():
        for part in payload["components"].values():
            if part["platform"] in ("sensor", "number") and "device_class" in part:
                assert part["unit_of_measurement"] in UNITS[part["device_class"]]
            if part["platform"] == "binary_sensor":
                assert part["device_class"] in FLAGS
    heat = parts(told, "boiler")["heat"]
    assert (heat["device_class"], heat["state_class"], heat["unit_of_measurement"]) == (
        "energy",
        "total_increasing",
        "kWh",
    )


def test_unique_ids_are_unique_and_do_not_change_with_names_or_versions(told: Payloads) -> None:
    ids = [part["unique_id"] for payload in told.values() for part in payload["components"].values()]
    assert len(ids) == len(set(ids))
    entities = [part["default_entity_id"] for payload in told.values() for part in payload["components"].values()]
    assert len(entities) == len(set(entities))
    renamed = fleet(sinks=tuple(dataclasses.replace(sink, name="Renamed") for sink in fleet().sinks))
    later = discovery(renamed, TOPICS, "9.0")
    assert ids == [part["unique_id"] for payload in later.values() for part in payload["components"].values()]


def test_the_site_comes_first_and_all_others_lie_below_it(told: Payloads) -> None:
    first, *others = told.values()
    assert first["device"]["name"] == "Bath"
    assert "availability" not in first  # its link shows just when the rest is not available
    for payload in others:
        assert payload["device"]["via_device"] in first["device"]["identifiers"]
        assert payload["availability"][0]["topic"] == "ondol/bath/status"


def test_a_room_is_a_thermostat_within_its_limits(told: Payloads) -> None:
    thermostat = parts(told, "hall")["thermostat"]
    assert set(thermostat["modes"]) == {"off", "heat"} <= CLIMATE_MODES
    assert thermostat["preset_modes"] == ["eco", "comfort", "boost", "away"]  # "none" may not be named
    assert (thermostat["min_temp"], thermostat["max_temp"], thermostat["temp_step"]) == (4.0, 26.0, 0.5)
    assert thermostat["temperature_command_topic"] == "ondol/bath/hall/setpoint/set"
    assert thermostat["name"] is None  # the device's name alone


def test_tanks_and_pools_are_water_heaters_whose_limits_are_always_set(told: Payloads) -> None:
    # Home Assistant's own are 110 and 140 °F.
    assert [parts(told, one)["water"]["max_temp"] for one in ("showers", "basin")] == [70.0, 30.0]
    for one in ("showers", "basin"):
        water = parts(told, one)["water"]
        assert set(water["modes"]) <= WATER_HEATER_MODES
        assert set(water["modes"]) == set(WATER_MODES)
        assert water["temperature_unit"] == "C"
        assert water["min_temp"] == 4.0


def test_layers_are_counted_over_the_sensors_that_there_are(told: Payloads) -> None:
    assert [key for key in parts(told, "showers") if key.startswith("layer")] == [f"layer_{n}_c" for n in (1, 2, 3, 4)]
    bound = [
        Binding(entity_id="showers", point="temperature", index=i, connection_id="line", address=f"T{i}")
        for i in (0, 3)
    ]
    two = discovery(fleet(*bound), TOPICS, "1")
    assert [key for key in parts(two, "showers") if key.startswith("layer")] == ["layer_1_c", "layer_2_c"]
    one = discovery(fleet(bound[0]), TOPICS, "1")
    assert not [key for key in parts(one, "showers") if key.startswith("layer")]  # it is the temperature


def test_the_power_limit_goes_up_to_what_the_nodes_draw_and_a_rack_shows_no_heat(told: Payloads) -> None:
    limit = parts(told, "boiler")["power_limit"]
    assert (limit["min"], limit["max"], limit["device_class"]) == (0.0, 800.0, "power")
    assert not {"heat", "heat_power", "loop", "flow"} & set(parts(told, "rack"))
    assert "flow" not in parts(told, "heater")


KNOWN = {
    "hall": {"temp_c": 20.123456, "setpoint_c": 21.0, "mode": "heat", "preset": "eco", "action": "preheating"},
    "showers": {
        "temp_c": 55.0,
        "setpoint_c": 56.0,
        "mode": "heat",
        "preset": "boost",
        "layer_1_c": 55.0,
        "backup": True,
    },
    "basin": {"temp_c": 27.0, "setpoint_c": 28.0, "mode": "off", "reason": "x" * 400},
    "boiler": {"power_w": 700.0, "heat_w": 690.0, "heat_kwh": 1234.5678, "flow_kg_s": 0.1, "fault": False},
    "heater": {"power_w": float("nan"), "fault": True, "power_limit_w": 300.0},
    "rack": {},
}


def rendered(values: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What Home Assistant makes of states: its templates are Jinja over `value_json`."""
    board = Board(TOPICS, fields(fleet()))
    board.show(tuple(Shown(entity_id=key, at=START, values=state) for key, state in values.items()))
    states = {one.topic: json.loads(one.payload) for one in board.due(0.0)}
    engine = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - as Home Assistant does: no HTML comes of it
    found = {}
    for topic, payload in discovery(fleet(), TOPICS, "1").items():
        for key, part in payload["components"].items():
            for name, template in part.items():
                if name.endswith("_template"):
                    state = states[part.get("state_topic", f"ondol/bath/{topic.split('/')[3]}/state")]
                    text = engine.from_string(template).render(value_json=state)
                    found[f"{topic.split('/')[3]}.{key}.{name}"] = text
    return found


def test_templates_show_what_is_known() -> None:
    shown = rendered(KNOWN)
    wanted = {
        "hall.thermostat.current_temperature_template": "20.123",
        "hall.thermostat.preset_mode_value_template": "eco",
        "hall.thermostat.action_template": "preheating",
        "showers.water.mode_state_template": "performance",
        "showers.backup.value_template": "ON",
        "basin.water.mode_state_template": "off",
        "boiler.flow.value_template": "6.0",
        "boiler.heat.value_template": "1234.568",
        "boiler.fault.value_template": "OFF",
        "heater.power.value_template": "None",
        "heater.power_limit.value_template": "300.0",
    }
    assert {key: shown[key] for key in wanted} == wanted
    assert len(shown["basin.reason.value_template"]) == 255  # longer states are refused


def test_what_is_not_known_is_unknown_and_never_a_number() -> None:
    for key, text in rendered({name: {} for name in KNOWN}).items():
        # An empty text sets nothing: only the reason may be empty.
        assert text == ("" if ".reason." in key else "None"), key


@pytest.mark.parametrize(
    ("mode", "preset", "word"),
    [("off", "eco", "off"), ("heat", None, "electric"), ("heat", "away", "eco"), ("heat", "boost", "performance")],
)
def test_a_water_heater_s_mode_is_one_that_it_announced(mode: str, preset: str | None, word: str) -> None:
    assert rendered({**KNOWN, "basin": {"mode": mode, "preset": preset}})["basin.water.mode_state_template"] == word
    assert word in WATER_MODES


def test_what_is_gone_is_named_once_more_with_its_platform_alone(told: Payloads) -> None:
    new = told[TOPICS.config("rack")]
    old = {**new, "components": {**new["components"], "fan": {"platform": "sensor", "unique_id": "x"}}}
    first, second = (json.loads(payload) for payload in retire(encode(old), new))
    assert first["components"]["fan"] == {"platform": "sensor"}
    assert second == new
    assert retire(encode(new), new) == []
    assert retire(encode(old), None) == [b""]
    strange = b'{"components": {"\\ud800": {"platform": "sensor"}}}'
    assert "\ud800" in json.loads(retire(strange, new)[0])["components"]
    short = b'{"cmps": {"fan": {"p": "sensor"}}}'
    assert json.loads(retire(short, new)[0])["components"]["fan"] == {"platform": "sensor"}


@pytest.mark.parametrize(
    "old", [b"", b"[]", b"{", b'{"components": 3}', b'{"components": {"x": null}}', b"\xff", b"[" * 9999]
)
def test_an_announcement_that_cannot_be_read_harms_nobody(told: Payloads, old: bytes) -> None:
    assert retire(old, told[TOPICS.config("rack")]) == []


def test_a_room_called_like_the_site_s_own_part_stays_apart() -> None:
    zones = tuple(Zone(id=SinkId(name), site_id=BATH, name=name) for name in ("site", "hall"))
    sinks = (*zones, *(sink for sink in fleet().sinks if not isinstance(sink, Zone)))
    assert len(discovery(fleet(sinks=sinks), TOPICS, "1")) == 1 + 4 + 3
