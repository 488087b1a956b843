"""The server's side: what a site tells is taken once and kept within its rights; a silent site gets no new work."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest

from ondol.agent.orders import AlarmNote, HygieneStatus, NodeOrder, NodeStatus, SiteOrders
from ondol.agent.wire import Have, Item, ReadingRow, Told, Up, pack
from ondol.control.clock import LeapingClock
from ondol.control.heat_requests import HeatRequests
from ondol.control.remote_sites import RemoteSites
from ondol.control.silence import HOLD_S, SILENT_S, silent_orders
from ondol.control.site_books import SiteBooks
from ondol.control.site_tokens import SiteTokens
from ondol.drivers.ports import UnitReading
from ondol.model.alarm import Severity
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.points import PointKey, Quality
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.storage.heat_ports import CHAIN_BEGIN, checked_chain
from ondol.storage.memory.store import MemoryStore

T0_S = dt.datetime(2026, 1, 12, 8, 0, tzinfo=dt.UTC).timestamp()
FARM, ROOM, HEATER = SiteId("farm"), SinkId("room"), UnitId("heater")
KNOB, BARE = NodeId("heater-1"), NodeId("heater-2")
CURVE = PowerCurve(20.0, 220.0)
FLEET = Fleet(
    name="farm",
    sites=(Site(id=FARM, name="Farm", agent="own"), Site(id=SiteId("flat"), name="Flat")),
    units=(
        Unit(id=HEATER, site_id=FARM, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM),
        Unit(id=UnitId("other"), site_id=SiteId("flat"), kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("bedroom")),
    ),
    nodes=(
        Node(id=KNOB, unit_id=HEATER, curve=CURVE),
        Node(id=BARE, unit_id=HEATER, curve=CURVE),
        Node(id=NodeId("other-1"), unit_id=UnitId("other"), curve=CURVE),
    ),
    sinks=(
        Zone(id=ROOM, site_id=FARM, name="Room"),
        Zone(id=SinkId("bedroom"), site_id=SiteId("flat"), name="Bedroom"),
    ),
    requests=(HeatRequest(id=RequestId("warm"), site_id=FARM, target_id=ROOM, schedule=constant(20.0)),),
    connections=(Connection(id="bus", site_id=FARM, driver="http", url="http://127.0.0.1:9/"),),
    bindings=(Binding(entity_id=KNOB, point="power_cap", connection_id="bus", address="cap"),),
)


class Server:
    """The platform's side, with a clock that leaps and a store that can fall silent."""

    def __init__(self, store: MemoryStore | None = None, at_s: float = T0_S) -> None:
        self.clock, self.store = LeapingClock(at_s), store or MemoryStore()
        self.requests = HeatRequests(FLEET, self.store, self.clock.now)
        self.books = SiteBooks(self.store)
        self.remote = RemoteSites(
            FLEET,
            store=self.store,
            requests=self.requests,
            books=self.books,
            clock=self.clock,
            outdoor_at=lambda _site: lambda at: float(at.hour),
        )

    def exchange(self, *items: Item, have: Have | None = None, orders: SiteOrders | None = None) -> object:
        up = Up(
            outbox="box",
            now=self.clock.now(),
            orders=orders or own_orders(self.clock.now()),
            units=(UnitReading(unit_id=HEATER, measured_at=self.clock.now(), heat_j=1e6, loop_temp_c=math.nan),),
            items=items,
            have=have or Have(),
        )
        return self.remote.exchange(FARM, pack(up))

    def values(self) -> list[float]:
        return [one.value for one in self.store.point_readings(FARM, PointKey("room", "temperature"))]


def own_orders(now: dt.datetime, cap_w: float = 150.0) -> SiteOrders:
    """What the farm's own agent might say."""
    blank = silent_orders(FLEET.of_site(FARM), None, now, heard_at=now, notes=())
    nodes = tuple(NodeOrder(node_id=node, cap_w=cap_w, hot=True, accepts=True) for node in (KNOB, BARE))
    return dataclasses.replace(blank, nodes=nodes)


def reading(number: int, value: float, entity: str = "room") -> Item:
    row = ReadingRow(entity, "temperature", 0, value, round((T0_S + number) * 1e6), Quality.GOOD)
    return Item(number=number, readings=(row,))


def test_items_are_taken_once_and_in_order_also_over_a_restart_of_the_server() -> None:
    server = Server()
    assert server.exchange(reading(1, 18.0), reading(2, 18.1)).acknowledged == 2  # type: ignore[attr-defined]
    # the answer got lost: the same again, and one more
    assert server.exchange(reading(2, 99.0), reading(3, 18.2)).acknowledged == 3  # type: ignore[attr-defined]
    again = Server(server.store)
    assert again.exchange(reading(3, 99.0), reading(4, 18.3)).acknowledged == 4  # type: ignore[attr-defined]
    assert again.values() == [18.0, 18.1, 18.2, 18.3]


def test_nothing_is_acknowledged_that_is_not_durable() -> None:
    server = Server()

    def silent(*_: object, **__: object) -> int:
        raise UnavailableError("the disk is full")

    server.store.add_readings = silent  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        server.exchange(reading(1, 18.0))
    del server.store.add_readings  # type: ignore[method-assign]
    assert server.exchange(reading(1, 18.0)).acknowledged == 1  # type: ignore[attr-defined]
    assert server.values() == [18.0]


def test_a_site_writes_nothing_of_another_and_nonsense_holds_up_nothing() -> None:
    server = Server()
    wish = HostWish(
        id="w", site_id=SiteId("flat"), sink_id=SinkId("bedroom"), kind="off", source="app", set_at=server.clock.now()
    )
    note = AlarmNote(entity_id="bedroom", code="sensor-lost", severity=Severity.FAULT, text="not its own")
    poison = AlarmNote(entity_id="room", code="NOT A CODE", severity=Severity.FAULT, text="nonsense")
    down = server.exchange(
        reading(1, 30.0, entity="bedroom"),
        Item(number=2, wish=wish),
        Item(number=3, told=Told(at=server.clock.now(), alarms=(note,))),
        Item(number=4, told=Told(at=server.clock.now(), alarms=(poison,))),
        reading(5, 18.0),
    )
    assert down.acknowledged == 5  # type: ignore[attr-defined]
    assert server.values() == [18.0]
    assert not server.store.point_readings(SiteId("flat"), PointKey("bedroom", "temperature"))
    assert not server.store.point_readings(FARM, PointKey("bedroom", "temperature"))
    assert server.requests.wish_of(SinkId("bedroom")) is None
    assert not server.store.alarms()
    bad = own_orders(server.clock.now(), cap_w=math.nan)
    with pytest.raises(InvalidFieldError, match="cap_w"):
        server.exchange(orders=bad)
    with pytest.raises(NotFoundError):
        server.remote.setup(SiteId("flat"))


def test_hygiene_that_a_wrong_clock_dates_far_ahead_is_not_taken_and_what_follows_is() -> None:
    """Given an agent that woke up in another year, when it is set right, then its tank's log has right rows alone."""
    server = Server()
    status = HygieneStatus(sink_id=ROOM, coldest_c=61.0, above_s=((60.0, 1.0),), kept=True, due_at=None)
    wrong = server.clock.now() + dt.timedelta(days=400)
    server.exchange(Item(number=1, told=Told(at=wrong, hygiene=(status,))))
    assert server.store.hygiene(ROOM) == ()
    ahead = server.clock.now() + dt.timedelta(minutes=90)  # within what a clock is set right at: taken as it is told
    server.exchange(Item(number=2, told=Told(at=ahead, hygiene=(status,))))
    right = server.clock.now()
    server.exchange(Item(number=3, told=Told(at=right, hygiene=(status,))))
    assert [row.at for row in server.store.hygiene(ROOM)] == [ahead, right]
    assert checked_chain(server.store.hygiene(ROOM), CHAIN_BEGIN) == 2


def test_alarms_and_hygiene_of_a_silence_are_written_with_their_times() -> None:
    server = Server()
    at = server.clock.now()
    lost = AlarmNote(entity_id="room", code="sensor-lost", severity=Severity.FAULT, text="lost")
    status = HygieneStatus(sink_id=ROOM, coldest_c=55.0, above_s=((60.0, 0.0),), kept=True, due_at=None)
    later = [at + dt.timedelta(minutes=k) for k in range(4)]
    items = (
        Item(number=1, told=Told(at=later[1], alarms=(lost,), hygiene=(status,))),
        Item(number=2, told=Told(at=later[2], hygiene=(status,))),
    )
    server.clock.leap(3600.0)
    server.exchange(*items)
    server.exchange(*items)  # and once more, since the answer got lost before
    (alarm,) = server.store.alarms(FARM)
    assert (alarm.raised_at, alarm.cleared_at) == (later[1], later[2])
    assert [row.at for row in server.store.hygiene(ROOM)] == [later[1], later[2]]


def test_a_silent_site_gets_no_new_work_and_holds_only_what_somebody_there_can_stop() -> None:
    server = Server()
    remote, clock = server.remote, server.clock
    first, heard = remote.orders(FARM, clock.now())
    assert not heard
    assert [node.accepts for node in first.nodes] == [False, False]
    server.exchange()
    orders, heard = remote.orders(FARM, clock.now())
    assert heard
    assert all(node.accepts for node in orders.nodes)
    clock.leap(SILENT_S + 1)
    orders, heard = remote.orders(FARM, clock.now())
    assert not heard
    caps = {node.node_id: node.cap_w for node in orders.nodes}
    assert caps == {KNOB: 150.0, BARE: CURVE.idle_w}, "the site limits the one, nobody the other"
    assert not any(node.accepts for node in orders.nodes)
    assert orders.units[0].wanted_w == 0.0
    remote.note_alarms(FARM, clock.now())
    assert [alarm.code for alarm in server.store.alarms(FARM, active=True)] == ["site-silent"]
    clock.leap(HOLD_S)
    orders, _ = remote.orders(FARM, clock.now())
    assert {node.cap_w for node in orders.nodes} == {CURVE.idle_w}, "the agent may be dead"
    # and it is heard again
    server.exchange()
    _, heard = remote.orders(FARM, clock.now())
    remote.note_alarms(FARM, clock.now())
    assert heard
    assert not server.store.alarms(FARM, active=True)


def test_what_is_known_is_not_told_again() -> None:
    server = Server()
    server.remote.tell(FARM, (NodeStatus(node_id=KNOB, power_w=99.0),), {HEATER: 50.0})
    first = server.exchange()
    assert first.requests[0].id == "warm"  # type: ignore[attr-defined]
    assert first.floors == {HEATER: 50.0}  # type: ignore[attr-defined]
    assert len(first.outlook.outdoor_c) == 96  # type: ignore[attr-defined]
    assert first.outlook.outdoor_c[2] == 10.0, "hours from 8:00 on"  # type: ignore[attr-defined]
    server.requests.add_wish(
        HostWish(id="w", site_id=FARM, sink_id=ROOM, kind="setpoint", value=22.0, set_at=server.clock.now())
    )
    have = Have(requests=first.requests_digest, outlook_s=first.outlook.made_s)  # type: ignore[attr-defined]
    second = server.exchange(have=have)
    assert (second.requests, second.outlook) == (None, None)  # type: ignore[attr-defined]
    assert [wish.value for _, wish in second.wishes] == [22.0]  # type: ignore[attr-defined]
    server.clock.leap(3601.0)
    third = server.exchange(have=have)
    assert third.outlook is not None  # type: ignore[attr-defined]


def test_wishes_are_sought_in_storage_only_when_something_came() -> None:
    # given a site that has heard that there are no wishes
    class Counting(MemoryStore):
        asked = 0

        def wishes(self, site_id: SiteId, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, HostWish], ...]:
            self.asked += 1
            return super().wishes(site_id, after=after, limit=limit)

    store = Counting()
    server = Server(store)
    server.exchange()
    asked = store.asked
    # when it comes again and again
    for _ in range(3):
        assert server.exchange().wishes == ()  # type: ignore[attr-defined]
    # then storage is left alone
    assert store.asked == asked
    # when a host asks for something, it is told, and again until the site has it
    wish = HostWish(
        id="w", site_id=FARM, sink_id=ROOM, kind="setpoint", value=22.0, set_at=server.clock.now(), source="api"
    )
    assert server.requests.add_wish(wish)
    for _ in range(2):
        told = server.exchange().wishes  # type: ignore[attr-defined]
        assert [one.value for _, one in told] == [22.0]
    number = told[-1][0]
    for _ in range(2):
        assert server.exchange(have=Have(wishes_after=number)).wishes == ()  # type: ignore[attr-defined]
    # and one that begins afresh hears it anew
    assert len(server.exchange().wishes) == 1  # type: ignore[attr-defined]


def test_a_token_is_its_sites_and_the_last_one_counts() -> None:
    store = MemoryStore()
    tokens = SiteTokens(store)
    old = tokens.renew(FLEET, "farm")
    assert tokens.site_of(old) == "farm"
    new = tokens.renew(FLEET, "farm")
    assert tokens.site_of(old) is None
    assert tokens.site_of(new) == "farm"
    assert tokens.site_of("site-flat-" + new[-48:]) is None
    assert tokens.site_of("") is None
    assert new.encode() not in (store.document("site-token.farm") or b"")
    with pytest.raises(NotFoundError):
        tokens.renew(FLEET, "nowhere")
