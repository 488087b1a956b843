"""What a site knows without a link: its last plan for a while, and what its hosts ask for."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from ondol.agent.asked import Asked, wish_of_command
from ondol.agent.orders import NodeStatus
from ondol.agent.plan import PLAN_HOLDS_S, PlanNote, guidance_of
from ondol.agent.wire import VERSION, Down, Outlook, Up, pack, pack_any, read_down, read_up
from ondol.drivers.ports import Command, SinkReading
from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind

T0 = dt.datetime(2026, 1, 12, 8, 0, tzinfo=dt.UTC)
HOME, ROOM = SiteId("home"), SinkId("room")
WARM = HeatRequest(id=RequestId("warm"), site_id=HOME, target_id=ROOM, schedule=constant(20.0))
FLEET = Fleet(
    name="home",
    sites=(Site(id=HOME, name="Home"),),
    units=(Unit(id=UnitId("heater"), site_id=HOME, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM),),
    nodes=(Node(id=NodeId("node"), unit_id=UnitId("heater"), curve=PowerCurve(20.0, 220.0)),),
    sinks=(Zone(id=ROOM, site_id=HOME, name="Room"),),
    requests=(WARM,),
)


def later(seconds: float) -> dt.datetime:
    return T0 + dt.timedelta(seconds=seconds)


def command(name: str, *, number: float | None = None, text: str = "") -> Command:
    return Command(entity_id="room", name=name, number=number, text=text, received_at=T0, source="app")


def wish(kind: str, at: dt.datetime, **more: object) -> HostWish:
    return HostWish(id=f"w{at.timestamp():.0f}", site_id=HOME, sink_id=ROOM, kind=kind, set_at=at, **more)  # type: ignore[arg-type]


def test_the_last_plan_holds_for_two_hours_and_then_the_site_goes_by_itself() -> None:
    nodes = (NodeStatus(node_id=NodeId("node"), power_w=200.0, busy_slots=1),)
    plan = PlanNote(told_s=T0.timestamp(), nodes=nodes, floors={UnitId("heater"): 100.0})
    held = guidance_of(plan, {ROOM: WARM}, later(PLAN_HOLDS_S))
    assert (held.nodes, dict(held.floors)) == (nodes, {UnitId("heater"): 100.0})
    alone = guidance_of(plan, {ROOM: WARM}, later(PLAN_HOLDS_S + 1))
    assert (alone.nodes, dict(alone.floors)) == ((), {})
    assert alone.requests == {ROOM: WARM}, "what hosts ask for does not end with the link"


def test_the_forecast_is_followed_and_beyond_its_end_days_are_alike() -> None:
    hours = tuple(5.0 + 3.0 * math.sin(2 * math.pi * k / 24) for k in range(49))
    outlook = Outlook(made_s=T0.timestamp(), begin_s=T0.timestamp(), step_s=3600.0, outdoor_c=hours)
    ahead = guidance_of(PlanNote(outlook=outlook), {}, T0).outdoor_ahead
    assert ahead is not None
    assert ahead(later(1800.0)) == pytest.approx((hours[0] + hours[1]) / 2)
    assert ahead(later(48 * 3600.0)) == pytest.approx(hours[48])
    assert ahead(later(54 * 3600.0)) == pytest.approx(hours[30])
    assert ahead(later(7 * 86_400.0 + 6 * 3600.0)) == pytest.approx(hours[30])
    assert ahead(later(-3600.0)) == pytest.approx(hours[0])


def test_wishes_of_both_sides_agree_however_late_they_come() -> None:
    asked = Asked(FLEET)
    assert asked.effective(T0)[ROOM].schedule.at(T0) == 20.0
    asked.wish(wish("setpoint", T0, value=17.0), later(60))
    assert asked.effective(later(60))[ROOM].schedule.at(later(60)) == 17.0
    # an older wish of the server comes late: the one that was made last counts
    asked.told(None, "", [(7, wish("setpoint", later(-600), value=23.0))], later(120))
    assert asked.effective(later(120))[ROOM].schedule.at(later(120)) == 17.0
    assert asked.note.after == 7
    asked.told(None, "", [(8, wish("off", later(180)))], later(200))
    assert ROOM not in asked.effective(later(200))
    again = Asked(FLEET, asked.note)
    assert ROOM not in again.effective(later(200)), "a restart forgets nothing"
    assert len(asked.note.wishes) == 1, "what was wished over is not kept"


def test_requests_of_the_server_replace_those_of_the_kept_fleet() -> None:
    asked = Asked(FLEET)
    asked.told((), "none", [], T0)
    assert not asked.effective(T0)
    assert not Asked(FLEET, asked.note).effective(T0), "an empty list is a list"


def test_commands_become_wishes_and_nonsense_is_refused_with_its_name() -> None:
    def made(one: Command, standing: HostWish | None = None) -> HostWish | None:
        return wish_of_command(one, HOME, ROOM, standing=standing, number=1)

    turned = made(command("setpoint", number=21.5))
    assert turned is not None
    assert (turned.kind, turned.value, turned.source) == ("setpoint", 21.5, "app")
    boost = made(command("preset", text="boost"))
    assert boost is not None
    assert boost.preset == "boost"
    off = made(command("mode", text="off"))
    assert off is not None
    assert off.kind == "off"
    assert made(command("mode", text="heat")) is None, "heat changes nothing unless it was off"
    back = made(command("mode", text="heat"), standing=off)
    assert back is not None
    assert back.kind == "schedule"
    for wrong in (command("setpoint", number=120.0), command("preset", text="sauna"), command("mode", text="cool")):
        with pytest.raises(InvalidFieldError):
            made(wrong)


def test_an_unknown_temperature_and_another_version_over_the_wire() -> None:
    reading = SinkReading(sink_id=ROOM, measured_at=T0, temp_c=math.nan)
    up = Up(outbox="o", now=T0, sinks=(reading,))
    assert math.isnan(read_up(pack(up)).sinks[0].temp_c)
    down = Down(platform_s=1.0, rate=1.0, acknowledged=0, fleet="f", requests=(WARM,))
    assert read_down(pack(down)).requests == (WARM,)
    with pytest.raises(ConflictError, match="install the same release"):
        read_up(pack_any({"version": VERSION + 1, "whatever": 1}))
    with pytest.raises(InvalidFieldError, match="a message of version"):
        read_up(b"\xc1")
    with pytest.raises(InvalidFieldError):
        read_up(pack_any({"version": VERSION, "outbox": 3}))
