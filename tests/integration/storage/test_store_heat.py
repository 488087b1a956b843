"""Given any store, when the heat side is kept in it, then it comes back equal and once, and nobody rewrites its log."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from integration.storage.samples import NOON
from ondol.agent.orders import HygieneStatus
from ondol.control.hygiene_book import HygieneBook
from ondol.lifecycle.request import RequestState, RequestStatus
from ondol.model.alarm import Alarm, Severity, alarm_id
from ondol.model.errors import ConflictError, UnavailableError
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import AccountId, RequestId, SinkId, SiteId
from ondol.model.points import PointKey, PointReading, Quality
from ondol.storage.heat_ports import CHAIN_BEGIN, HygieneRow, MadeRequest, SiteTerms, checked_chain, whole_log
from ondol.storage.ports import Store
from ondol.storage.sql.store import SqlStore

HOME, ROOM, TANK = SiteId("home"), SinkId("room"), SinkId("tank")
MINUTE = dt.timedelta(minutes=1)
KEY = PointKey("tank", "temperature", 3)
KEPT_NO = """CAST(replace(CAST(body AS TEXT), '"kept":true', '"kept":false') AS BLOB)"""


def wish(key: str, *, at: dt.datetime = NOON, sink: SinkId = ROOM, site: SiteId = HOME) -> HostWish:
    return HostWish(id=key, site_id=site, sink_id=sink, kind="setpoint", value=21.5, until=at + MINUTE, set_at=at)


def reading(minute: int, value: float = 50.0, quality: Quality = Quality.GOOD) -> PointReading:
    return PointReading(key=KEY, value=value, measured_at=NOON + minute * MINUTE, quality=quality)


def log_rows(count: int, last: HygieneRow | None = None) -> list[HygieneRow]:
    rows: list[HygieneRow] = []
    for number in range(1, count + 1):
        row = HygieneRow(
            site_id=HOME, sink_id=TANK, number=(last.number if last else 0) + 1, at=NOON + number * MINUTE,
            coldest_c=None if number == 2 else 61.25, above_s=((60.0, 120.5), (65.0, 0.0)), kept=number > 1,
            due_at=NOON + dt.timedelta(days=1), cycle="running", before=last.hash if last else CHAIN_BEGIN,
        )  # fmt: skip
        rows.append(row)
        last = row
    return rows


def test_a_wish_that_comes_twice_is_there_once_and_keeps_its_number(store: Store) -> None:
    first, second, foreign = wish("a"), wish("b", at=NOON + MINUTE), wish("c", site=SiteId("other"), sink=SinkId("x"))
    assert store.add_wishes([first, second, foreign]) == 3
    assert store.add_wishes([second, first, second]) == 0
    numbers = [number for number, _ in store.wishes(HOME)]
    assert [one for _, one in store.wishes(HOME)] == [first, second]
    assert numbers == sorted(set(numbers))
    assert [one for _, one in store.wishes(HOME, after=numbers[0])] == [second]


def test_in_force_are_the_latest_of_every_sink_and_those_to_come(store: Store) -> None:
    old, tie_a, tie_b = wish("old", at=NOON - MINUTE), wish("tie-a"), wish("tie-b")
    future, other = wish("future", at=NOON + MINUTE), wish("other", at=NOON - 5 * MINUTE, sink=TANK)
    store.add_wishes([tie_b, future, old, other, tie_a])
    assert {one.id for _, one in store.wishes_in_force(NOON)} == {"tie-b", "future", "other"}


def test_a_made_request_comes_back_equal_with_what_became_of_it(store: Store) -> None:
    request = HeatRequest(
        id=RequestId("r"), site_id=HOME, target_id=TANK, kind="energy", energy_kwh=4.5, by=NOON + MINUTE, firm=True
    )
    made = MadeRequest(
        request=request, status=RequestStatus(state=RequestState.LIMITED, since=NOON, reason="no work"),
        made_by="a@b.c", created_at=NOON, delivered_j=1.5, meter_j=9e9,
    )  # fmt: skip
    store.put_heat_request(made)
    assert store.heat_requests() == (made,)
    done = dataclasses.replace(made, status=RequestStatus(state=RequestState.DONE, since=NOON + MINUTE))
    store.put_heat_request(done)
    assert store.heat_requests() == (done,)


def test_alarms_are_listed_by_site_and_state_the_latest_first(store: Store) -> None:
    def alarm(code: str, minute: int, site: SiteId = HOME, cleared: bool = False) -> Alarm:
        at = NOON + minute * MINUTE
        return Alarm(
            id=alarm_id(site, "tank", code, at), site_id=site, entity_id="tank", code=code, text="say what to do",
            severity=Severity.FAULT, raised_at=at, cleared_at=at + MINUTE if cleared else None,
        )  # fmt: skip

    first, second, foreign = alarm("a", 0), alarm("b", 1, cleared=True), alarm("a", 2, SiteId("other"))
    store.put_alarms([first, second, foreign])
    assert store.alarms() == (foreign, second, first)
    assert store.alarms(HOME) == (second, first)
    assert store.alarms(HOME, active=True) == (first,)
    assert store.alarms(active=False, limit=1) == (second,)
    seen = dataclasses.replace(first, acknowledged_at=NOON, acknowledged_by="a@b.c")
    store.put_alarms([seen])
    assert store.alarm(first.id) == seen
    assert store.alarm("none") is None


def test_readings_sent_again_are_there_once_and_in_order(store: Store) -> None:
    rows = [reading(minute, 50.0 + minute, Quality.SUSPECT if minute == 1 else Quality.GOOD) for minute in (2, 0, 1)]
    assert store.add_readings(HOME, rows, documents={"seq": b"7"}) == 3
    assert store.add_readings(HOME, [reading(0, 99.0), reading(3)]) == 1, "the first value of a time stays"
    found = store.point_readings(HOME, KEY)
    assert [(one.measured_at, one.value) for one in found] == [
        (NOON, 50.0), (NOON + MINUTE, 51.0), (NOON + 2 * MINUTE, 52.0), (NOON + 3 * MINUTE, 50.0)
    ]  # fmt: skip
    assert found[1].quality is Quality.SUSPECT
    assert store.document("seq") == b"7"
    assert len(store.point_readings(HOME, KEY, NOON + MINUTE, NOON + 3 * MINUTE)) == 2
    assert len(store.point_readings(HOME, KEY, limit=1)) == 1
    assert store.point_readings(SiteId("other"), KEY) == ()
    assert store.latest_readings(HOME) == (found[-1],)
    assert store.forget_readings(NOON + 2 * MINUTE) == 2
    assert store.point_readings(HOME, KEY) == found[2:]


def test_readings_of_many_threads_are_all_there(store: Store) -> None:
    def send(number: int) -> None:
        keys = [PointKey(f"n{number}", "electric_power", place) for place in range(3)]
        for minute in range(5):
            at = NOON + minute * MINUTE
            store.add_readings(HOME, [PointReading(key=key, value=float(minute), measured_at=at) for key in keys])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    latest = store.latest_readings(HOME)
    assert len(latest) == 24
    assert {one.value for one in latest} == {4.0}
    assert all(len(store.point_readings(HOME, one.key)) == 5 for one in latest)


def test_a_row_of_whole_numbers_has_the_same_hash_when_it_is_read_back(store: Store) -> None:
    status = HygieneStatus(sink_id=TANK, coldest_c=35, above_s=((60, 0), (65.0, 12)), kept=True, due_at=None, cycle="")
    for minute in range(3):
        assert len(HygieneBook(store).note(HOME, [status], NOON + minute * MINUTE)) == 1, "also after a restart"
    rows = store.hygiene(TANK)
    assert checked_chain(rows, CHAIN_BEGIN) == 3
    assert whole_log(rows, None, store.hygiene_seal(TANK))


def test_the_hygiene_log_is_a_chain_that_only_grows(store: Store) -> None:
    rows = log_rows(3)
    store.append_hygiene(rows)
    store.append_hygiene(log_rows(1, store.last_hygiene(TANK)))
    kept = store.hygiene(TANK)
    assert kept[:3] == tuple(rows)
    assert checked_chain(kept, CHAIN_BEGIN) == 4
    assert store.hygiene(TANK, NOON + 2 * MINUTE, NOON + 3 * MINUTE) == (rows[1],)
    assert store.last_hygiene(SinkId("none")) is None
    for wrong in (rows[2], dataclasses.replace(log_rows(1, kept[-1])[0], before=CHAIN_BEGIN)):
        with pytest.raises(ConflictError, match="does not follow"):
            store.append_hygiene([wrong])
    assert store.hygiene(TANK) == kept
    forged = [*kept[:1], dataclasses.replace(kept[1], kept=False), *kept[2:]]
    assert checked_chain(forged, CHAIN_BEGIN) == 2, "the row after the forged one gives it away"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_database_itself_refuses_to_change_the_log(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'ondol.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    store = SqlStore(url)
    store.append_hygiene(log_rows(2))
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    statements = ["UPDATE hygiene_log SET hash = 'x'", "DELETE FROM hygiene_log"]
    if kind == "sqlite":
        columns = "sink_id, number, at_us, body, hash"
        statements.append(f"INSERT OR REPLACE INTO hygiene_log ({columns}) SELECT {columns} FROM hygiene_log")  # noqa: S608
    for statement in statements + (["TRUNCATE hygiene_log"] if kind == "postgresql" else []):
        with pytest.raises(sa.exc.DBAPIError, match="only ever appended"), engine.begin() as connection:
            connection.execute(sa.text(statement))
    engine.dispose()
    assert len(store.hygiene(TANK)) == 2
    store.close()


@pytest.mark.parametrize(
    ("act", "whole"),
    [
        ("UPDATE hygiene_log SET hash = hash", True),
        (f"UPDATE hygiene_log SET body = {KEPT_NO} WHERE number = 4", False),  # noqa: S608  # the last: none follows it
        (f"UPDATE hygiene_log SET body = {KEPT_NO} WHERE number = 2", False),  # noqa: S608
        ("UPDATE hygiene_log SET hash = 'x' WHERE number = 2", True),  # its content is sealed by the next one
        ("UPDATE hygiene_log SET hash = 'x' WHERE number = 4", False),
        ("DELETE FROM hygiene_log WHERE number = 1", False),
        ("DELETE FROM hygiene_log WHERE number = 3", False),
        ("UPDATE hygiene_log SET at_us = 0 WHERE number = 3", False),  # moved out of the month
    ],
)
def test_who_takes_the_triggers_away_and_changes_the_log_is_found_out(act: str, whole: bool, tmp_path: Path) -> None:
    store, since, until = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}"), NOON - MINUTE, NOON + 60 * MINUTE
    store.append_hygiene(log_rows(4))
    with sqlite3.connect(tmp_path / "ondol.db") as connection:
        for trigger in ("update", "delete", "replace"):
            connection.execute(f"DROP TRIGGER hygiene_log_no_{trigger}")
        assert connection.execute(act).rowcount > 0

    def told() -> bool:
        seals = store.hygiene_seal(TANK, since), store.hygiene_seal(TANK, until)
        return whole_log(store.hygiene(TANK, since, until), *seals)

    assert told() is whole
    status = HygieneStatus(sink_id=TANK, coldest_c=60.0, above_s=(), kept=True, due_at=None, cycle="")
    assert HygieneBook(store).note(HOME, [status], NOON + 30 * MINUTE), "the log goes on"
    assert told() is whole, "and what was changed stays found out"
    store.close()


def test_a_row_that_cannot_be_read_is_an_outage_and_no_crash(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    store.append_hygiene(log_rows(2))
    with sqlite3.connect(tmp_path / "ondol.db") as connection:
        connection.execute("DROP TRIGGER hygiene_log_no_update")
        connection.execute("UPDATE hygiene_log SET body = x'ff' WHERE number = 2")
    with pytest.raises(UnavailableError, match="cannot be read"):
        store.hygiene(TANK)
    status = HygieneStatus(sink_id=TANK, coldest_c=60.0, above_s=(), kept=True, due_at=None, cycle="")
    assert HygieneBook(store).note(HOME, [status], NOON + 30 * MINUTE) == ()
    store.close()


def test_terms_of_sites_are_replaced_whole(store: Store) -> None:
    store.put_site_terms(SiteTerms(site_id=HOME, hosts=(AccountId("a"),)))
    last = SiteTerms(site_id=HOME, hosts=(AccountId("b"),), electricity_eur_per_kwh=0.21)
    store.put_site_terms(last)
    assert store.site_terms() == (last,)


def test_what_cannot_be_written_is_told_to_whom_it_belongs(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'ondol.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE point_reading"))
    with pytest.raises(UnavailableError):
        store.add_readings(HOME, [reading(0)])
    engine.dispose()
    store.close()
