"""Given what sites note step by step, when it begins and ends, then alarms, hygiene and other heaters stand written."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from ondol.agent.orders import AlarmNote, BackupOrder, HygieneStatus, SiteOrders
from ondol.control.alarm_book import AlarmBook
from ondol.control.hygiene_book import HygieneBook
from ondol.control.site_books import SiteBooks, backup_key
from ondol.model.alarm import Severity
from ondol.model.errors import NotFoundError, UnavailableError
from ondol.model.ids import SinkId, SiteId
from ondol.storage.heat_ports import CHAIN_BEGIN, checked_chain
from ondol.storage.memory.store import MemoryStore

HOME, TANK = SiteId("home"), SinkId("tank")
T0 = dt.datetime(2026, 1, 14, 12, 0, tzinfo=dt.UTC)
SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)


def note(code: str = "sensor-lost", severity: Severity = Severity.FAULT, entity: str = "tank") -> AlarmNote:
    return AlarmNote(entity_id=entity, code=code, severity=severity, text=f"{code}: look at it")


def status(coldest_c: float = 61.0, *, kept: bool = True, cycle: str = "", due: dt.datetime = T0) -> HygieneStatus:
    return HygieneStatus(
        sink_id=TANK, coldest_c=coldest_c, above_s=((60.0, 3600.04),), kept=kept, due_at=due, cycle=cycle
    )


def test_an_alarm_lasts_from_the_first_note_to_the_first_step_without() -> None:
    store = MemoryStore()
    book = AlarmBook(store)
    (raised,) = book.note(HOME, [note()], T0)
    assert book.note(HOME, [note()], T0 + MINUTE) == ()
    assert book.active(HOME) == (raised,)
    (cleared,) = book.note(HOME, [], T0 + 2 * MINUTE)
    assert (cleared.id, cleared.raised_at, cleared.cleared_at) == (raised.id, T0, T0 + 2 * MINUTE)
    (again,) = book.note(HOME, [note()], T0 + 3 * MINUTE)
    assert again.id != raised.id
    assert [one.id for one in store.alarms(HOME)] == [again.id, raised.id]


def test_an_alarm_goes_on_over_a_restart_and_stays_acknowledged() -> None:
    store = MemoryStore()
    (raised,) = AlarmBook(store).note(HOME, [note()], T0)
    book = AlarmBook(store)
    seen = book.ack(raised.id, "a@b.c", T0 + MINUTE)
    assert book.ack(raised.id, "other@b.c", T0 + 2 * MINUTE) == seen
    assert AlarmBook(store).note(HOME, [note()], T0 + 3 * MINUTE) == ()
    (cleared,) = AlarmBook(store).note(HOME, [], T0 + 4 * MINUTE)
    assert (cleared.acknowledged_by, cleared.acknowledged_at) == ("a@b.c", T0 + MINUTE)
    with pytest.raises(NotFoundError):
        book.ack("none", "a@b.c", T0)


def test_what_gets_worse_has_to_be_seen_again() -> None:
    book = AlarmBook(MemoryStore())
    (raised,) = book.note(HOME, [note("hygiene-due", Severity.WARNING)], T0)
    book.ack(raised.id, "a@b.c", T0)
    (worse,) = book.note(HOME, [note("hygiene-due", Severity.DANGER)], T0 + MINUTE)
    assert (worse.id, worse.severity, worse.acknowledged_at) == (raised.id, Severity.DANGER, None)
    assert book.note(HOME, [note("hygiene-due", Severity.WARNING)], T0 + 2 * MINUTE) == ()


def test_sites_and_entities_have_their_own() -> None:
    book = AlarmBook(MemoryStore())
    book.note(HOME, [note(), note(entity="room")], T0)
    book.note(SiteId("other"), [note()], T0)
    book.note(HOME, [note(entity="room")], T0 + MINUTE)
    assert [one.entity_id for one in book.active(HOME)] == ["room"]
    assert len(book.active(SiteId("other"))) == 1


def test_alarms_wait_for_a_silent_store(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    book = AlarmBook(store)
    with monkeypatch.context() as silent:
        silent.setattr(store, "put_alarms", _silent)
        assert book.note(HOME, [note()], T0) == ()
    (raised,) = book.note(HOME, [note()], T0 + MINUTE)
    assert store.alarms() == (raised,)


def test_the_log_has_a_row_a_minute_and_one_at_every_change() -> None:
    store = MemoryStore()
    book = HygieneBook(store)
    for second in range(130):
        book.note(HOME, [status(61.0 + second / 100)], T0 + second * SECOND)
    assert [row.at - T0 for row in store.hygiene(TANK)] == [0 * MINUTE, MINUTE, 2 * MINUTE]
    changes = [status(kept=False), status(kept=False, cycle="running"), status(math.nan, kept=False, cycle="running")]
    for number, one in enumerate(changes):
        book.note(HOME, [one], T0 + (131 + number) * SECOND)
    book.note(HOME, [status(math.nan, kept=False, cycle="running", due=T0 + 2 * MINUTE)], T0 + 135 * SECOND)
    rows = store.hygiene(TANK)
    assert len(rows) == 7
    assert rows[-1].coldest_c is None
    assert checked_chain(rows, CHAIN_BEGIN) == 7


def test_the_chain_goes_on_over_a_restart_and_passes_over_what_came_before() -> None:
    store = MemoryStore()
    HygieneBook(store).note(HOME, [status()], T0)
    book = HygieneBook(store)
    assert book.note(HOME, [status(kept=False)], T0) == ()
    assert book.note(HOME, [status(kept=False)], T0 - MINUTE) == ()
    assert book.note(HOME, [status()], T0 + MINUTE)[0].number == 2
    assert checked_chain(store.hygiene(TANK), CHAIN_BEGIN) == 2


def test_a_clock_that_was_ahead_and_is_right_again_stops_no_log() -> None:
    """Given a row that a wrong clock dated a day ahead, when it is right again, then rows go on, and nothing twice."""
    store = MemoryStore()
    book = HygieneBook(store)
    book.note(HOME, [status()], T0)
    book.note(HOME, [status()], T0 + 1440 * MINUTE, now=T0 + MINUTE)
    for minute in range(2, 5):
        assert len(book.note(HOME, [status()], T0 + minute * MINUTE, now=T0 + minute * MINUTE)) == 1
    assert book.note(HOME, [status(kept=False)], T0 + 3 * MINUTE, now=T0 + 5 * MINUTE) == (), "it was written before"
    rows = store.hygiene(TANK)
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert [(row.at - T0) // MINUTE for row in rows] == [0, 1440, 2, 3, 4]
    assert checked_chain(rows, CHAIN_BEGIN) == 5
    again = HygieneBook(store)
    assert again.note(HOME, [status()], T0 + 5 * MINUTE, now=T0 + 5 * MINUTE)[0].number == 6, "also after a restart"


def test_the_log_waits_for_a_silent_store_and_has_no_gap_in_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    book = HygieneBook(store)
    book.note(HOME, [status()], T0)
    for name in ("append_hygiene", "last_hygiene"):
        with monkeypatch.context() as silent:
            silent.setattr(store, name, _silent)
            assert book.note(HOME, [status(kept=False)], T0 + MINUTE) == ()
    book.note(HOME, [status(kept=False)], T0 + 2 * MINUTE)
    assert [row.number for row in store.hygiene(TANK)] == [1, 2]


def test_other_heaters_are_written_at_every_change_and_now_and_then() -> None:
    store = MemoryStore()
    books = SiteBooks(store)
    for minute in range(25):
        backup = BackupOrder(sink_id=TANK, on=5 <= minute < 20, reason="")
        at = T0 + minute * MINUTE
        books.note(HOME, SiteOrders(now=at, dt_s=60.0, units=(), nodes=(), sinks=(), backups=(backup,)))
    rows = store.point_readings(HOME, backup_key(TANK))
    assert [((row.measured_at - T0) // MINUTE, row.value) for row in rows] == [(0, 0.0), (5, 1.0), (15, 1.0), (20, 0.0)]


def test_one_call_writes_all_that_a_site_tells() -> None:
    store = MemoryStore()
    orders = SiteOrders(
        now=T0, dt_s=1.0, units=(), nodes=(), sinks=(), hygiene=(status(),), alarms=(note(),),
        backups=(BackupOrder(sink_id=TANK, on=True, reason="below what is guaranteed"),),
    )  # fmt: skip
    SiteBooks(store).note(HOME, orders)
    assert (len(store.alarms()), len(store.hygiene(TANK)), len(store.latest_readings(HOME))) == (1, 1, 1)


def _silent(*_: object, **__: object) -> None:
    raise UnavailableError("no disk")
