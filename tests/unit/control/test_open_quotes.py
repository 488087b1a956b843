"""Given quotes that hold, when tasks come by themselves, then the latest of the same run is found."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from ondol.control import open_quotes
from ondol.control.open_quotes import OpenQuotes
from ondol.model.errors import BusyError
from ondol.model.ids import AccountId
from ondol.model.quote import Quote

T0 = dt.datetime(2026, 1, 12, 6, tzinfo=dt.UTC)
TEN = dt.timedelta(minutes=10)
ALICE, BOB = AccountId("alice"), AccountId("bob")


def quote(key: str, *, runs: str = "r", account: AccountId = ALICE, at: dt.datetime = T0) -> Quote:
    return Quote(
        id=key, account_id=account, task_name="t", body="{}", digest=runs, made_at=at, valid_until=at + TEN, options=()
    )


def test_the_latest_of_equals_comes_first_and_those_of_others_never() -> None:
    held = OpenQuotes()
    for key, runs, account in (("1", "r", ALICE), ("2", "s", ALICE), ("3", "r", ALICE), ("4", "r", BOB)):
        held.add(quote(key, runs=runs, account=account))
    assert held.alike(ALICE, "r", T0) == ("3", "1")
    held.forget("3")
    held.forget("3")
    assert held.alike(ALICE, "r", T0 + TEN) == ("1",)
    assert held.alike(ALICE, "r", T0 + TEN + dt.timedelta(seconds=1)) == ()


def test_an_account_has_room_again_once_its_quotes_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_quotes, "MOST_OF_ONE", 3)
    held = OpenQuotes()
    for number in range(3):
        held.check_room(ALICE, T0)
        held.add(quote(str(number)))
    held.check_room(BOB, T0)
    with pytest.raises(BusyError, match="3 quotes of yours hold now"):
        held.check_room(ALICE, T0 + TEN)
    held.check_room(ALICE, T0 + TEN + dt.timedelta(seconds=1))
    assert not vars(held)["_quotes"]
    assert not vars(held)["_alike"]


def test_of_very_many_the_oldest_are_matched_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_quotes, "MOST", 2)
    held = OpenQuotes()
    for number in range(3):
        held.add(quote(str(number)))
    assert held.alike(ALICE, "r", T0) == ("2", "1")


def test_two_thousand_tasks_are_looked_up_among_ten_thousand_quotes_at_once() -> None:
    """The loop, and with it the heat, waits for the end of a submission: one look each through all took seconds."""
    held = OpenQuotes()
    for number in range(10_000):
        held.add(quote(str(number), runs=f"r{number}"))
    begun = time.perf_counter()
    assert all(held.alike(ALICE, f"r{number}", T0) for number in range(2_000))
    assert time.perf_counter() - begun < 0.5
