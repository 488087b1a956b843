"""A site's instruments, from points behind drivers to what its agent steers by."""

from __future__ import annotations

import datetime as dt
import json
import math

import pytest

from ondol.agent.instruments import SiteInstruments
from ondol.model.alarm import Severity
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.points import PointKey, PointReading, Quality
from ondol.model.power import PowerCurve
from ondol.model.sink import Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.thermal.water import WATER_CP_J_PER_KG_K

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
HOME, ROOM, TANK, DHW = SiteId("home"), SinkId("room"), SinkId("tank"), CircuitId("dhw")
HEATER, BIG, SMALL = UnitId("heater"), UnitId("big"), UnitId("small")
KWH = 3.6e6


class Desk:
    """A driver whose values a test sets."""

    def __init__(self) -> None:
        self.values: dict[PointKey, tuple[float, dt.datetime]] = {}

    def say(self, at: dt.datetime, values: dict[str, float]) -> None:
        for name, value in values.items():
            entity, point, *index = name.split(".")
            self.values[PointKey(entity, point, int(index[0]) if index else 0)] = (value, at)

    def readings(self) -> tuple[PointReading, ...]:
        said = sorted(self.values.items())
        return tuple(PointReading(key=key, value=value, measured_at=at) for key, (value, at) in said)


def fleet(*wired: str) -> Fleet:
    boiler = {"site_id": HOME, "kind": UnitKind.DIGITAL_BOILER, "circuit_id": DHW, "capture_fraction": 0.97}
    nodes = [(HEATER, 500.0), (BIG, 3000.0), (SMALL, 1000.0)]
    bindings = []
    for name in wired:
        entity, point, *index = name.split(".")
        bindings.append(
            Binding(
                entity_id=entity,
                point=point,
                index=int(index[0]) if index else 0,
                connection_id="bus",
                address=name,
            )
        )
    return Fleet(
        name="f",
        sites=(Site(id=HOME, name="Home"),),
        units=(
            Unit(id=HEATER, site_id=HOME, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM),
            Unit(id=BIG, **boiler),
            Unit(id=SMALL, **boiler),
        ),
        nodes=tuple(
            Node(id=NodeId(f"{unit}-n"), unit_id=unit, curve=PowerCurve(idle_w=10.0, max_w=max_w))
            for unit, max_w in nodes
        ),
        sinks=(Zone(id=ROOM, site_id=HOME, name="Room"), Tank(id=TANK, site_id=HOME, name="Tank", layers=4)),
        circuits=(HeatCircuit(id=DHW, site_id=HOME, kind="dhw", sink_id=TANK),),
        connections=(Connection(id="bus", site_id=HOME, driver="push", interval_s=30.0),),
        bindings=tuple(bindings),
    )


def site(*wired: str) -> tuple[SiteInstruments, Desk]:
    desk = Desk()
    return SiteInstruments(fleet(*wired), (desk,), lambda: START), desk


def after(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def codes(sensed) -> list[tuple[str, str]]:
    return [(note.entity_id, note.code) for note in sensed.alarms]


def test_a_room_a_tank_and_its_circuit_are_put_together():
    names = ["tank.temperature", "tank.temperature.1", "tank.temperature.2", "tank.temperature.3"]
    shared = ["dhw.supply_temperature", "dhw.return_temperature", "dhw.flow", "dhw.heat_meter"]
    instruments, desk = site("room.temperature", "home.outdoor_temperature", *names, *shared)
    said = dict(zip(names, (58.0, 55.0, 40.0, 20.0), strict=True))
    said |= {"dhw.supply_temperature": 60.0, "dhw.return_temperature": 50.0, "dhw.flow": 0.08}
    desk.say(START, said | {"dhw.heat_meter": 100 * KWH, "room.temperature": 19.5, "home.outdoor_temperature": 4.0})
    sensed = instruments.read(START)
    room, tank = sensed.readings.sinks
    assert (room.temp_c, room.layers_c) == (19.5, ())
    assert (tank.temp_c, tank.layers_c) == (58.0, (58.0, 55.0, 40.0, 20.0))
    big, small = sensed.readings.units
    assert (big.unit_id, big.loop_temp_c, big.return_temp_c) == (BIG, 60.0, 50.0)
    assert (big.flow_kg_s, small.flow_kg_s) == pytest.approx((0.06, 0.02))
    assert (big.heat_j, small.heat_j) == pytest.approx((75 * KWH, 25 * KWH))
    assert sensed.outdoor_temp_c == 4.0
    assert codes(sensed) == []


def test_one_sensor_in_a_tank_is_enough():
    instruments, desk = site("tank.temperature")
    desk.say(START, {"tank.temperature": 52.0})
    (tank,) = instruments.read(START).readings.sinks
    assert (tank.temp_c, tank.layers_c) == (52.0, ())


def test_what_is_lost_in_a_tank_is_filled_in_on_the_side_of_safety():
    names = ["tank.temperature", "tank.temperature.1", "tank.temperature.2", "tank.temperature.3"]
    instruments, desk = site(*names)
    desk.say(START, dict(zip(names, (58.0, 55.0, 40.0, 20.0), strict=True)))
    instruments.read(START)
    desk.say(after(300), {"tank.temperature.1": 56.0, "tank.temperature.2": 50.0})  # top and bottom are silent
    sensed = instruments.read(after(300))
    (tank,) = sensed.readings.sinks
    assert tank.layers_c == (58.0, 56.0, 50.0, 20.0)
    assert codes(sensed) == [("tank", "sensor-lost")]
    desk.say(after(360), {"tank.temperature": 60.0, "tank.temperature.3": 24.0})
    (tank,) = instruments.read(after(380)).readings.sinks
    assert tank.layers_c == (60.0, 56.0, 50.0, 24.0)


def test_a_sink_whose_sensor_lies_or_is_silent_is_left_out():
    instruments, desk = site("room.temperature")
    desk.say(START, {"room.temperature": -127.0})
    sensed = instruments.read(START)
    assert sensed.readings.sinks == ()
    assert sensed.points[0].quality is Quality.SUSPECT
    assert codes(sensed) == [("room", "sensor-out-of-range")]
    desk.say(after(60), {"room.temperature": 19.0})
    assert instruments.read(after(60)).readings.sinks[0].temp_c == 19.0
    sensed = instruments.read(after(1000))
    assert sensed.readings.sinks == ()
    assert sensed.points[0].quality is Quality.STALE
    assert codes(sensed) == [("room", "sensor-lost")]


def test_a_point_that_never_spoke_is_missed():
    instruments, _ = site("room.temperature")
    assert codes(instruments.read(START)) == []
    assert codes(instruments.read(after(120))) == [("room", "sensor-lost")]


def test_a_frozen_room_sensor_is_found_while_the_heater_runs():
    instruments, desk = site("room.temperature", "home.outdoor_temperature", "heater.electric_power")
    found = None
    for minute in range(60):
        desk.say(
            after(60 * minute),
            {"room.temperature": 17.0, "home.outdoor_temperature": 10.0, "heater.electric_power": 1500.0},
        )
        sensed = instruments.read(after(60 * minute))
        if ("room", "sensor-frozen") in codes(sensed):
            found = minute
            break
    assert found is not None
    assert 10 <= found <= 25
    assert sensed.readings.sinks == ()


def test_heat_without_a_meter_is_integrated_and_called_estimated():
    wired = ("dhw.supply_temperature", "dhw.return_temperature", "dhw.flow")
    instruments, desk = site(*wired)
    for minute in range(61):
        desk.say(after(60 * minute), dict(zip(wired, (60.0, 50.0, 0.1), strict=True)))
        sensed = instruments.read(after(60 * minute))
    heat_j = sum(unit.heat_j for unit in sensed.readings.units)
    assert heat_j == pytest.approx(3600.0 * 0.1 * WATER_CP_J_PER_KG_K * 10.0)
    (estimate,) = [point for point in sensed.points if point.key.point == "heat_meter"]
    assert estimate.quality is Quality.ESTIMATED


@pytest.mark.parametrize(("loop_c", "lost"), [(60.0, True), (41.0, False)])
def test_a_pump_that_rests_beside_a_cold_loop_is_in_order(loop_c, lost):
    instruments, desk = site("tank.temperature", "big.loop_temperature", "big.flow_switch")
    desk.say(START, {"tank.temperature": 40.0, "big.loop_temperature": loop_c, "big.flow_switch": 0.0})
    assert (BIG in instruments.read(START).readings.flow_lost) is lost


def test_alarms_of_meters_and_devices_are_told():
    instruments, desk = site("big.heat_meter", "big.fault")
    for minute, kwh in enumerate((500.0, 3.0, 3.01, 3.02)):
        desk.say(after(60 * minute), {"big.heat_meter": kwh * KWH, "big.fault": 1.0})
        sensed = instruments.read(after(60 * minute))
    assert codes(sensed) == [("big", "device-fault"), ("big", "meter-exchanged")]
    assert next(note for note in sensed.alarms if note.code == "meter-exchanged").severity is Severity.INFO
    (unit,) = sensed.readings.units
    assert unit.heat_j == pytest.approx(500.02 * KWH)
    assert math.isnan(unit.loop_temp_c)


def test_a_restart_goes_on_where_it_stood():
    wired = ("big.heat_meter", "tank.temperature")
    one, desk = site(*wired)
    for minute, kwh in enumerate((500.0, 3.0)):
        desk.say(after(60 * minute), {"big.heat_meter": kwh * KWH, "tank.temperature": 50.0 + minute})
        one.read(after(60 * minute))
    other = SiteInstruments(fleet(*wired), (desk,), lambda: after(60))
    other.restore(json.loads(json.dumps(one.snapshot())))
    for minute, kwh in enumerate((3.05, 3.1), start=2):
        desk.say(after(60 * minute), {"big.heat_meter": kwh * KWH, "tank.temperature": 50.0})
        assert repr(one.read(after(60 * minute))) == repr(other.read(after(60 * minute)))  # nan is not nan
    assert other.snapshot() == one.snapshot()
    with pytest.raises(InvalidFieldError, match="snapshot"):
        other.restore({"points": 7})


def _room_day(offset_k):
    """Codes of 30 h of a room at 20 °C whose sensor is off by so much from the third hour on."""
    wired = ("room.temperature", "home.outdoor_temperature", "heater.electric_power", "heater.loop_temperature")
    instruments, desk = site(*wired)
    found: dict[int, list[str]] = {}
    for minute in range(0, 30 * 60, 5):
        power_w = 300.0 + 100.0 * math.sin(minute / 200.0)
        room_c = 20.0 + 0.1 * ((minute // 5) % 3)
        loop_c = room_c + power_w / 15.0
        told_c = room_c + (offset_k * min((minute - 180) / 120.0, 1.0) if minute > 180 else 0.0)
        values = dict(zip(wired, (told_c, 5.0, power_w, loop_c), strict=True))
        desk.say(after(60 * minute), values)
        found[minute] = [code for _, code in codes(instruments.read(after(60 * minute)))]
    return found


def test_a_heater_whose_shell_contradicts_the_room_sensor_is_heard():
    assert "sensor-disagrees" in _room_day(-8.0)[360]
    assert all(not told for told in _room_day(0.0).values())


def test_a_contradiction_that_lasts_a_day_is_taken_for_a_changed_room():
    found = _room_day(-8.0)
    assert found[24 * 60] == ["sensor-disagrees"]
    assert found[29 * 60] == []
