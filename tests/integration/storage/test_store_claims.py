"""Given any store, when heat is claimed in it, then each kilowatt-hour is claimed once, whoever is faster."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ondol.accounting.claims import whole_register
from ondol.control.asked_claims import AskedClaim
from ondol.control.claim_book import ClaimBook
from ondol.control.directory import OPERATOR
from ondol.control.host_rights import HostRights
from ondol.model.account import Account
from ondol.model.claim import Claim, ClaimRow
from ondol.model.errors import ConflictError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, SinkId, SiteId, UnitId
from ondol.model.ledger import HeatRow
from ondol.model.site import Site
from ondol.storage.ports import Changes, Store
from ondol.storage.sql.store import SqlStore

HOME = SiteId("home")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
KWH = 3.6e6


def heat_rows(hours: int = 24, kwh: float = 1.0) -> tuple[HeatRow, ...]:
    return tuple(
        HeatRow(
            site_id=HOME, unit_id=UnitId("unit"), sink_id=SinkId("tank"), start=START + n * HOUR,
            end=START + (n + 1) * HOUR, electric_j=KWH, delivered_j=kwh * KWH, demanded_j=2 * KWH, temp_c=50.0,
            setpoint_c=55.0, lower_c=50.0, upper_c=60.0, discomfort_kh=0.0,
        )
        for n in range(hours)
    )  # fmt: skip


def book_of(store: Store) -> ClaimBook:
    fleet = Fleet(name="f", sites=(Site(id=HOME, name="Home"),), units=(), nodes=())
    return ClaimBook(store, HostRights(fleet, store), lambda: START + 48 * HOUR)


def boss() -> Account:
    return Account(id=AccountId("boss"), email=OPERATOR, token_hash="x", token_sealed=b"", created_at=START)


def asked(holder: str = "Ann", *, start: int = 0, end: int = 24, **more: float) -> AskedClaim:
    return AskedClaim(site_id=HOME, start=START + start * HOUR, end=START + end * HOUR, holder=holder, **more)  # type: ignore[arg-type]


def test_a_register_comes_back_equal_and_whole(store: Store) -> None:
    store.commit(Changes(ledger=heat_rows()))
    book = book_of(store)
    first = book.add(boss(), asked(to_kwh=10.0))
    second = book.add(boss(), asked("Bob", from_kwh=10.0))
    book.withdraw(boss(), first.id, "sold to Bob")
    rows = store.claim_rows(HOME)
    assert [row.claim for row in rows[:2]] == [first, second]
    assert rows[2].withdrawal is not None
    assert rows == store.claim_rows()
    assert store.claim_rows(SiteId("none")) == ()
    assert store.claim_seal(HOME) == (3, rows[2].hash)
    assert whole_register(rows, store.claim_seal(HOME))
    assert not whole_register(rows[:2], store.claim_seal(HOME))


def test_a_row_that_does_not_follow_is_refused(store: Store) -> None:
    store.commit(Changes(ledger=heat_rows()))
    made = book_of(store).add(boss(), asked())
    (row,) = store.claim_rows(HOME)
    for wrong in (
        row,
        dataclasses.replace(row, number=2),
        dataclasses.replace(row, number=3, before=row.hash),
    ):
        with pytest.raises(ConflictError):
            store.append_claim(wrong)
    store.append_claim(ClaimRow(site_id=HOME, number=2, claim=made, withdrawal=None, before=row.hash))
    assert len(store.claim_rows(HOME)) == 2


def test_twenty_at_once_for_the_same_heat_and_exactly_one_has_it(store: Store) -> None:
    store.commit(Changes(ledger=heat_rows()))
    books = [book_of(store) for _ in range(20)]  # as if each were a process of its own: no lock in common
    at_once = threading.Barrier(20)
    won: list[Claim] = []
    lost: list[str] = []

    def claim(number: int) -> None:
        at_once.wait()
        try:
            won.append(books[number].add(boss(), asked(f"holder {number}", from_kwh=number * 0.01)))
        except ConflictError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(won) == 1
    assert len(lost) == 19
    assert all("claimed already" in text for text in lost)
    assert len(store.claim_rows(HOME)) == 1
    assert whole_register(store.claim_rows(HOME), store.claim_seal(HOME))


def test_twenty_at_once_for_shares_of_a_twentieth_all_have_theirs(store: Store) -> None:
    store.commit(Changes(ledger=heat_rows()))
    books = [book_of(store) for _ in range(20)]
    threads = [
        threading.Thread(target=books[n].add, args=(boss(), asked(f"holder {n}", share=0.05))) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(store.claim_rows(HOME)) == 20
    with pytest.raises(ConflictError):
        book_of(store).add(boss(), asked("too late", share=0.05))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_database_itself_refuses_to_change_the_register(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'ondol.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    store = SqlStore(url)
    store.commit(Changes(ledger=heat_rows()))
    book_of(store).add(boss(), asked())
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    statements = ["UPDATE heat_claim SET hash = 'x'", "DELETE FROM heat_claim"]
    if kind == "sqlite":
        columns = "site_id, number, at_us, body, hash"
        statements.append(f"INSERT OR REPLACE INTO heat_claim ({columns}) SELECT {columns} FROM heat_claim")  # noqa: S608
    for statement in statements + (["TRUNCATE heat_claim"] if kind == "postgresql" else []):
        with pytest.raises(sa.exc.DBAPIError, match="only ever appended"), engine.begin() as connection:
            connection.execute(sa.text(statement))
    engine.dispose()
    assert len(store.claim_rows()) == 1
    store.close()


def test_who_takes_the_triggers_away_and_changes_a_claim_is_found_out(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    store.commit(Changes(ledger=heat_rows()))
    book = book_of(store)
    book.add(boss(), asked(to_kwh=10.0))
    with sqlite3.connect(tmp_path / "ondol.db") as connection:
        connection.execute("DROP TRIGGER heat_claim_no_update")
        connection.execute("UPDATE heat_claim SET body = CAST(replace(CAST(body AS TEXT), 'Ann', 'Eve') AS BLOB)")
    assert not book.register(boss(), HOME, START, START + 24 * HOUR).whole
    book.add(boss(), asked("Bob", from_kwh=10.0))
    assert not book.register(boss(), HOME, START, START + 24 * HOUR).whole, "it stays found out"
    with sqlite3.connect(tmp_path / "ondol.db") as connection:
        connection.execute("UPDATE heat_claim SET body = x'ff' WHERE number = 1")
    with pytest.raises(UnavailableError, match="cannot be read"):
        book.claims(boss())
    store.close()


_CLAIMER = """
import sys
from integration.storage.test_store_claims import START, HOUR, asked, book_of, boss
from ondol.storage.sql.store import SqlStore

book = book_of(SqlStore(sys.argv[1]))
for number in range(1000):
    book.add(boss(), asked(f"holder {number}", from_kwh=number * 0.02, to_kwh=(number + 1) * 0.02))
    print(number, flush=True)
"""


def test_killed_while_claiming_nothing_is_half_and_nothing_twice(tmp_path: Path) -> None:
    # given a process that claims piece after piece
    url = f"sqlite:///{tmp_path / 'ondol.db'}"
    store = SqlStore(url)
    store.commit(Changes(ledger=heat_rows()))
    places = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", _CLAIMER, url]
    environment = os.environ | {"PYTHONPATH": places}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline(), "it did not begin"
        # when it is killed at some moment
        time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        told = 5 + len(process.stdout.read().split())
    # then every claim that it was told of is there, once and whole, and what is not there can be claimed
    rows = store.claim_rows(HOME)
    assert told <= len(rows) <= told + 1
    assert whole_register(rows, store.claim_seal(HOME))
    assert len({row.claim.from_kwh for row in rows if row.claim}) == len(rows)
    book_of(store).add(boss(), asked("next", from_kwh=len(rows) * 0.02))
    with pytest.raises(ConflictError):
        book_of(store).add(boss(), asked("again", to_kwh=len(rows) * 0.02))
    store.close()
