"""Given secrets of two accounts, when they are asked for, then each has its own, sealed at rest, folder by folder."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ondol.control.secret_desk import PlatformSecrets
from ondol.model.compute import Task
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, TaskId
from ondol.storage.memory.store import MemoryStore
from ondol.storage.tokens import Keyring

ALICE, BOB = AccountId("alice"), AccountId("bob")
T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def secrets(store: MemoryStore, tmp_path: Path) -> PlatformSecrets:
    desk = PlatformSecrets(store, Keyring(tmp_path / "key"))
    for key in ("a/b/c", "a/d", "top", "a"):
        desk.create(ALICE, key, f"value of {key}")
    return desk


def task(**rights: tuple[str, ...]) -> Task:
    return Task(
        id=TaskId("t"), account_id=ALICE, name="w", profile="process", created_at=T0, modified_at=T0, state_since=T0,
        **rights,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_folder_lists_what_is_directly_in_it(secrets: PlatformSecrets) -> None:
    assert secrets.search(ALICE, "") == ("a", "a/", "top")
    assert secrets.search(ALICE, "a") == ("b/", "d")
    assert secrets.search(ALICE, "/a/b/") == ("c",)
    assert secrets.search(BOB, "") == ()


def test_nobody_reads_the_secret_of_another_and_storage_holds_no_value(
    secrets: PlatformSecrets, store: MemoryStore
) -> None:
    assert secrets.get(ALICE, "a/d") == "value of a/d"
    for call in (
        lambda: secrets.get(BOB, "a/d"),
        lambda: secrets.update(BOB, "a/d", "x"),
        lambda: secrets.delete(BOB, "a/d"),
    ):
        with pytest.raises(NotFoundError):
            call()
    kept = store.secret(ALICE, "a/d")
    assert kept is not None
    assert b"value" not in kept.sealed
    with pytest.raises(ConflictError):
        secrets.create(ALICE, "a/d", "again")


def test_a_task_is_given_what_it_was_granted(secrets: PlatformSecrets) -> None:
    given = secrets.environment(task(secrets_by_key=("top", "gone"), secrets_by_prefix=("a/b",)))
    assert given == {
        "ONDOL_SECRET__top": "value of top",
        "top": "value of top",
        "ONDOL_SECRET__a__b__c": "value of a/b/c",
    }
    with pytest.raises(InvalidFieldError, match="bySecret"):
        secrets.check_rights(task(secrets_by_key=("gone",)))


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/", "a\nb", "x" * 513])
def test_a_bad_key_is_refused(secrets: PlatformSecrets, key: str) -> None:
    with pytest.raises(InvalidFieldError, match="key"):
        secrets.create(ALICE, key, "value")


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 65_537])
def test_a_bad_value_is_refused_and_not_repeated(secrets: PlatformSecrets, value: str) -> None:
    with pytest.raises(InvalidFieldError) as told:
        secrets.create(ALICE, "fresh", value)
    assert value[:40] not in str(told.value)


def test_of_many_who_create_one_secret_at_once_one_does(secrets: PlatformSecrets) -> None:
    def create(number: int) -> bool:
        try:
            secrets.create(ALICE, "race", str(number))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(create, range(64))) == 1
