"""Given a database in trouble, when it is asked, then one of our errors says what to do, and nothing is half done."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ondol.model.account import Account, Bucket
from ondol.model.errors import ConflictError, NotFoundError, UnavailableError
from ondol.model.ids import AccountId
from ondol.storage.ports import Changes
from ondol.storage.sql.faults import translated
from ondol.storage.sql.store import SqlStore

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
ALICE = AccountId("alice")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    yield made
    made.close()


def account(key: str, email: str) -> Account:
    return Account(id=AccountId(key), email=email, token_hash=key, token_sealed=b"x", created_at=NOON)


@pytest.mark.parametrize("token", ["²", "1" * 30, "-" + "9" * 40, "--1", "٣.a", "one"])
def test_a_token_of_no_page_is_not_found(store: SqlStore, token: str) -> None:
    with pytest.raises(NotFoundError, match="page"):
        store.tasks(ALICE, token=token)


def test_a_lost_table_is_told_as_unavailable_for_reading_and_writing(store: SqlStore, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ondol.db") as raw:
        raw.execute("DROP TABLE document")
        raw.execute("DROP TABLE ledger_energy")
    raw.close()
    with pytest.raises(UnavailableError, match="could not be read"):
        store.document("clock")
    with pytest.raises(UnavailableError, match="could not be read"):
        list(store.energy())
    with pytest.raises(UnavailableError, match="could not be written"):
        store.commit(Changes(documents={"clock": b"1"}))


def test_a_broken_file_is_told_as_unavailable(tmp_path: Path) -> None:
    (tmp_path / "ondol.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(UnavailableError, match="could not be opened"):
        SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")


def test_uniqueness_is_a_conflict_where_it_is_known(store: SqlStore) -> None:
    store.add_account(account("a", "a@x"))
    with pytest.raises(ConflictError, match="choose another e-mail"):
        store.add_account(account("b", "a@x"))
    store.add_bucket(Bucket(account_id=ALICE, name="in", backend_name="one", created_at=NOON))
    with pytest.raises(UnavailableError, match="contradict"):
        store.add_bucket(Bucket(account_id=ALICE, name="out", backend_name="one", created_at=NOON))


def test_a_busy_pool_says_try_again() -> None:
    with pytest.raises(UnavailableError, match="busy"), translated("read"):
        raise sa.exc.TimeoutError("QueuePool limit")
