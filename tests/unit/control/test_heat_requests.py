"""Given requests and wishes of hosts, when time passes and the platform starts again, then it counts as before."""

from __future__ import annotations

import datetime as dt

import pytest

from integration.api.memory_desk import small_fleet
from ondol.agent.orders import SinkReport, SiteOrders, UnitOrder
from ondol.control.directory import OPERATOR
from ondol.control.heat_requests import HeatRequests
from ondol.control.host_desk import PlatformHosts
from ondol.control.request_book import RequestBook
from ondol.lifecycle.request import RequestState
from ondol.model.account import Account
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import AccountId, RequestId, SinkId, SiteId, UnitId
from ondol.model.schedule import constant
from ondol.storage.memory.store import MemoryStore

HOME, ROOM, TANK, POOL = SiteId("home"), SinkId("room"), SinkId("tank"), SinkId("pool")
T0 = dt.datetime(2026, 1, 14, 12, 0, tzinfo=dt.UTC)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
KWH = 3.6e6


class Life:
    """A platform's requests with a clock that tests turn, and a store that can fall silent."""

    def __init__(self) -> None:
        self.now, self.store, self.silent = T0, MemoryStore(), False
        put = self.store.put_heat_request

        def write(made: object) -> None:
            if self.silent:
                raise UnavailableError("no disk")
            put(made)  # type: ignore[arg-type]

        self.store.put_heat_request = write  # type: ignore[method-assign]
        self.start()

    def start(self) -> None:
        self.requests = HeatRequests(small_fleet(), self.store, lambda: self.now)
        self.book = RequestBook(small_fleet(), self.now, self.requests)

    def wish(self, key: str, kind: str, sink: SinkId = ROOM, **more: object) -> bool:
        given = {"set_at": self.now} | more
        return self.requests.add_wish(HostWish(id=key, site_id=HOME, sink_id=sink, kind=kind, **given))

    def setpoint_c(self, sink: SinkId = ROOM) -> float | None:
        request = self.requests.effective(HOME).get(sink)
        return None if request is None else request.schedule.at(self.now)

    def step(self, *, heat_j: float | None = 0.0, demand_w: float = 100.0, measured_w: float = 100.0) -> None:
        unit = UnitOrder(
            unit_id=UnitId("boiler"), wanted_w=demand_w, demand_w=demand_w, target_w=measured_w, measured_w=measured_w,
            wanted_ahead_w=(), temp_c=50.0, setpoint_c=55.0, lower_c=50.0, upper_c=60.0, room_j=1e6, safety=False,
            limited_by="", reason="",
        )  # fmt: skip
        report = SinkReport(
            sink_id=TANK, store_j=0.0, capacity_j=1.0, loss_per_s=0.0, lacks_j=0.0, walls_lack_j=0.0, held_j=0.0,
            excess_w=0.0, wanted_ahead_w=(), heat_j=heat_j,
        )  # fmt: skip
        self.book.sample(
            self.now, [SiteOrders(now=self.now, dt_s=1.0, units=(unit,), nodes=(), sinks=(), reports=(report,))]
        )


@pytest.fixture
def life() -> Life:
    return Life()


def ask(key: str = "bath", **more: object) -> HeatRequest:
    return HeatRequest(id=RequestId(key), site_id=HOME, target_id=TANK, **({"schedule": constant(55.0)} | more))


def energy(kwh: float = 2.0, hours: float = 3.0) -> HeatRequest:
    return ask(kind="energy", energy_kwh=kwh, by=T0 + hours * HOUR)


def state(life: Life, key: str = "bath") -> RequestState:
    """As the API has it: of a request that is over, from what is kept."""
    made = life.requests.made(RequestId(key))
    over = made is not None and made.status.state.final
    return made.status.state if made is not None and over else life.book.statuses[RequestId(key)].state


def test_a_wish_counts_at_once_and_after_a_restart(life: Life) -> None:
    assert life.setpoint_c() == 20.0
    assert life.wish("a", "setpoint", value=22.0, until=T0 + HOUR)
    assert life.setpoint_c() == 22.0
    life.start()
    assert life.setpoint_c() == 22.0
    life.now = T0 + HOUR
    assert life.setpoint_c() == 20.0


def test_the_same_wish_again_changes_nothing(life: Life) -> None:
    life.wish("a", "setpoint", value=22.0)
    version = life.requests.version(HOME)
    assert not life.wish("a", "setpoint", value=25.0)
    assert life.setpoint_c() == 22.0
    assert life.requests.version(HOME) == version


def test_a_late_wish_of_a_site_does_not_undo_a_later_one(life: Life) -> None:
    """Given a link that was cut, when an older wish comes after a newer one, then the newer one goes on."""
    life.wish("new", "setpoint", value=22.0)
    life.wish("old", "off", set_at=T0 - HOUR)
    assert life.setpoint_c() == 22.0
    assert [wish.id for _, wish in life.requests.wishes(HOME)] == ["new", "old"]


def test_what_counts_is_the_same_mapping_until_it_changes(life: Life) -> None:
    first = life.requests.effective(HOME)
    life.now += MINUTE
    assert life.requests.effective(HOME) is first
    life.wish("a", "off")
    assert ROOM not in life.requests.effective(HOME)
    assert life.requests.wish_of(ROOM) is not None
    life.now += MINUTE
    life.wish("b", "schedule")
    assert life.requests.wish_of(ROOM) is None
    assert life.setpoint_c() == 20.0


def test_a_wish_for_a_sink_of_another_site_is_refused(life: Life) -> None:
    with pytest.raises(InvalidFieldError, match="pool of site home"):
        life.wish("a", "off", SinkId("elsewhere"))


def test_a_request_is_taken_once_and_named_where_it_cannot_be(life: Life) -> None:
    made = life.requests.add_request(ask(), "a@b.c")
    assert life.requests.add_request(ask(), "a@b.c") == made
    with pytest.raises(ConflictError, match="already a heat request bath"):
        life.requests.add_request(ask(priority=3), "a@b.c")
    with pytest.raises(ConflictError, match="already a heat request warm"):
        life.requests.add_request(ask("warm"), "a@b.c")
    with pytest.raises(InvalidFieldError, match="after now"):
        life.requests.add_request(ask("late", valid_until=T0), "a@b.c")
    assert life.setpoint_c(TANK) == 55.0


def test_a_request_for_what_nothing_heats_is_kept_as_refused(life: Life) -> None:
    request = HeatRequest(id=RequestId("swim"), site_id=HOME, target_id=POOL)
    made = life.requests.add_request(request, "a@b.c")
    assert (made.status.state, made.status.reason) == (RequestState.REFUSED, "no unit heats what it asks for")
    life.step()
    assert POOL not in life.requests.effective(HOME)
    assert state(life, "swim") is RequestState.REFUSED


def test_a_cancelled_request_no_longer_counts_also_after_a_restart(life: Life) -> None:
    life.requests.add_request(ask(), "a@b.c")
    life.step()
    assert state(life) is RequestState.ACTIVE
    life.requests.cancel(RequestId("bath"), "cancelled by a@b.c")
    life.step()
    assert state(life) is RequestState.CANCELLED
    life.start()
    life.step()
    assert state(life) is RequestState.CANCELLED
    assert life.setpoint_c(TANK) is None
    with pytest.raises(ConflictError, match="cannot take"):
        life.requests.cancel(RequestId("bath"), "again")
    with pytest.raises(ConflictError, match="fleet file"):
        life.requests.cancel(RequestId("warm"), "no")
    with pytest.raises(NotFoundError):
        life.requests.cancel(RequestId("none"), "no")


def test_energy_is_counted_by_the_meter_and_done_when_it_came(life: Life) -> None:
    life.requests.add_request(energy(2.0), "a@b.c")
    for heat_j in (100 * KWH, None, 101 * KWH):
        life.step(heat_j=heat_j)
        life.now += MINUTE
    assert state(life) is RequestState.ACTIVE
    life.now += MINUTE
    life.step(heat_j=101.5 * KWH)
    life.start()  # what came is known again
    life.step(heat_j=101.9 * KWH)
    assert state(life) is RequestState.ACTIVE
    life.step(heat_j=102.0 * KWH)
    assert state(life) is RequestState.DONE
    made = life.requests.made(RequestId("bath"))
    assert made is not None
    assert made.delivered_j == pytest.approx(2 * KWH)
    assert made.status.reason == "2.000 of 2 kWh came"
    assert TANK not in life.requests.effective(HOME)


def test_energy_that_did_not_come_in_time_is_done_with_what_came(life: Life) -> None:
    life.requests.add_request(energy(2.0, hours=1.0), "a@b.c")
    life.step(heat_j=0.0)
    life.step(heat_j=0.5 * KWH)
    life.now = T0 + HOUR
    life.step(heat_j=0.5 * KWH)
    assert state(life) is RequestState.DONE
    assert life.book.statuses[RequestId("bath")].reason == "0.500 of 2 kWh came"


def test_a_request_waits_for_its_begin_and_ends_with_its_time(life: Life) -> None:
    life.requests.add_request(ask(valid_from=T0 + HOUR, valid_until=T0 + 2 * HOUR), "a@b.c")
    life.step()
    assert state(life) is RequestState.ACCEPTED
    life.now = T0 + HOUR
    life.step()
    assert state(life) is RequestState.ACTIVE
    life.now = T0 + 2 * HOUR
    life.step()
    assert state(life) is RequestState.DONE


def test_a_request_that_falls_short_says_by_what_and_one_that_does_not_count_does_not(life: Life) -> None:
    life.requests.add_request(ask("low", priority=10), "a@b.c")
    life.requests.add_request(ask("high", priority=90), "a@b.c")
    for _ in range(3):
        life.step(demand_w=200.0, measured_w=20.0)
        life.now += 6 * MINUTE
    assert state(life, "high") is RequestState.LIMITED
    assert "there is work for 20 W" in life.book.statuses[RequestId("high")].reason
    assert state(life, "low") is RequestState.ACCEPTED


def test_a_silent_store_does_not_stop_the_book_and_is_told_later(life: Life) -> None:
    life.requests.add_request(ask(), "a@b.c")
    life.silent = True
    life.step()
    assert state(life) is RequestState.ACTIVE
    assert life.store.heat_requests()[0].status.state is RequestState.ACCEPTED
    life.silent = False
    life.now += HOUR
    life.requests.add_request(energy().__class__(  # any other step that tells something writes it too
        id=RequestId("more"), site_id=HOME, target_id=TANK, kind="energy", energy_kwh=1.0, by=T0 + 9 * HOUR, priority=99
    ), "a@b.c")  # fmt: skip
    life.step(heat_j=1.0)
    assert {one.status.state for one in life.store.heat_requests()} == {RequestState.ACTIVE}


def test_a_schedule_that_is_set_replaces_the_one_set_before_and_keeps_the_rest(life: Life) -> None:
    first = life.requests.set_schedule(ROOM, constant(18.0), "a@b.c")
    assert (life.setpoint_c(), first.request.priority) == (18.0, 51)
    second = life.requests.set_schedule(ROOM, constant(19.0), "a@b.c")
    assert life.setpoint_c() == 19.0
    assert second.request.priority == 51
    assert second.request.id < first.request.id, "of the two, where a crash leaves both, the later counts"
    replaced = life.requests.made(first.request.id)
    assert replaced is not None
    assert replaced.status.state is RequestState.CANCELLED
    life.requests.cancel(second.request.id, "back")
    assert life.setpoint_c() == 20.0
    with pytest.raises(NotFoundError):
        life.requests.set_schedule(SinkId("none"), constant(19.0), "a@b.c")


def test_the_fleet_files_requests_go_on_as_without_any_others() -> None:
    book = RequestBook(small_fleet(), T0)
    assert book.statuses[RequestId("warm")].state is RequestState.ACTIVE
    book.sample(T0, [])
    assert book.statuses[RequestId("warm")].state is RequestState.ACTIVE


def test_what_is_promised_or_cancelled_today_leaves_the_months_before_as_they_were(life: Life) -> None:
    hosts = PlatformHosts(small_fleet(), life.store, lambda: life.now, requests=life.requests)
    operator = Account(id=AccountId("a"), email=OPERATOR, token_hash="x", token_sealed=b"", created_at=T0)
    life.requests.add_request(ask("old", guaranteed_c=50.0), "boss", agreed=True)
    life.now += 30 * 24 * HOUR  # the 13th of February
    life.requests.cancel(RequestId("old"), "over")
    life.requests.add_request(ask("new", guaranteed_c=52.0), "boss", agreed=True)
    life.now += HOUR
    (row,) = [one for one in hosts.statement(operator, HOME, "2026-01").sinks if one.sink_id == TANK]
    assert [one.guaranteed_c for one in row.promises] == [50.0]
    assert [day.promise is not None for day in row.days] == [day.date.day >= 14 for day in row.days]
    (row,) = [one for one in hosts.statement(operator, HOME, "2026-02").sinks if one.sink_id == TANK]
    assert [one.guaranteed_c for one in row.promises] == [50.0, 52.0]


def test_requests_that_are_over_are_kept_and_cost_no_step_anything(life: Life) -> None:
    for number in range(50):
        life.requests.add_request(ask(f"old-{number}"), "a@b.c")
        life.step()
        life.requests.cancel(RequestId(f"old-{number}"), "over")
    life.requests.add_request(ask("new"), "a@b.c")
    life.step()
    assert len(life.requests.all_made()) == 51
    assert [one.request.id for one in life.requests.open_made()] == ["new"]
    assert set(life.book.statuses) - {one.id for one in small_fleet().requests} == {"new"}
    life.start()
    assert set(life.book.statuses) - {one.id for one in small_fleet().requests} == {"new"}
    assert state(life, "old-7") is RequestState.CANCELLED
