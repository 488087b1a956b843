"""Given budgets that begin anew, when days pass with and without use, then a share of the rest is carried over."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.budget_book import BudgetBook
from ondol.control.budget_calendar import BudgetCalendar
from ondol.control.budget_journal import BudgetJournal
from ondol.model.budget import NOTHING, Act, Amount, BudgetRow, Every, Holder, Level, Tab, TabLine, UseBudget
from ondol.model.ids import AccountId, TaskId
from ondol.storage.memory.store import MemoryStore

DAY = dt.timedelta(days=1)
T0 = dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
BUDGET = UseBudget(
    id="b", holder=Holder(level=Level.ACCOUNT, account_id=AccountId("a")), alias="b", co2e_g=None, energy_kwh=10.0,
    every=Every.DAY, timezone="UTC", start=MIDNIGHT - DAY, carry_over=0.25,
)  # fmt: skip


class Days:
    """A calendar over a store."""

    def __init__(self, budget: UseBudget = BUDGET) -> None:
        self.store = MemoryStore()
        self.store.put_budget(budget)
        self.book = BudgetBook(self.store, T0)
        self.journal = BudgetJournal(self.book)
        self.calendar = BudgetCalendar(self.book, self.journal)

    def spend(self, kwh: float, at: dt.datetime, period: dt.datetime) -> None:
        self.journal.note(
            BudgetRow(budget_id="b", period_start=period, at=at, act=Act.CHARGE, spent=Amount.of(0.0, kwh))
        )
        self.calendar.late_use(self.book.active[0], at)

    def carried(self, day: int) -> float:
        return self.book.balance("b", MIDNIGHT + day * DAY).carried.energy_kwh


@pytest.fixture
def days() -> Days:
    made = Days()
    made.calendar.turn(T0, anyway=False)
    return made


def test_a_share_of_what_is_left_is_carried_over_again_and_again(days: Days) -> None:
    days.spend(6.0, T0, MIDNIGHT)
    days.calendar.turn(T0 + DAY, anyway=False)
    days.calendar.turn(T0 + 2 * DAY, anyway=False)
    assert [days.carried(n) for n in range(3)] == [0.0, 1.0, 2.75]


def test_what_nobody_uses_of_the_largest_budget_stays_below_what_a_store_holds() -> None:
    """Given 1e9 kWh a day and all that is left carried over, when a month passes, then no more is carried than that."""
    days = Days(dataclasses.replace(BUDGET, energy_kwh=1e9, carry_over=1.0))
    for n in range(31):
        days.calendar.turn(T0 + n * DAY, anyway=False)
    last = days.book.balance("b", MIDNIGHT + 30 * DAY)
    assert last.carried.energy_kwh == 1e9
    assert last.total.energy_uwh < 2**63


def test_days_on_which_nobody_looked_are_made_up_for(days: Days) -> None:
    days.calendar.turn(T0 + 3 * DAY, anyway=False)
    assert [days.carried(n) for n in range(4)] == [0.0, 2.5, 3.125, 3.28125]


def test_use_that_comes_in_late_takes_from_what_was_carried_over_too_much(days: Days) -> None:
    days.calendar.turn(T0 + DAY, anyway=False)
    days.calendar.turn(T0 + 2 * DAY, anyway=False)
    days.spend(8.0, MIDNIGHT + 0.99 * DAY, MIDNIGHT)
    assert [days.carried(n) for n in range(3)] == [0.0, 0.5, 2.625]
    assert any("less is carried over" in row.note for row in days.journal.hand_over().rows)


def test_more_spent_than_there_was_is_no_debt_of_the_next_day(days: Days) -> None:
    days.spend(25.0, T0, MIDNIGHT)
    days.calendar.turn(T0 + DAY, anyway=False)
    assert days.carried(1) == 0.0
    assert days.book.balance("b", MIDNIGHT + DAY).left.energy_kwh == 10.0


def test_nothing_is_begun_twice(days: Days) -> None:
    before = days.journal.hand_over()
    assert [row.act for row in before.rows] == [Act.RENEW]
    days.calendar.turn(T0, anyway=True)
    days.calendar.turn(T0 + 0.4 * DAY, anyway=False)
    assert not days.journal


def test_reservations_go_on_into_the_next_day_and_end_with_the_budget() -> None:
    days = Days(dataclasses.replace(BUDGET, end=MIDNIGHT + 2 * DAY))
    days.calendar.turn(T0, anyway=False)
    line = TabLine(budget_id="b", period_start=MIDNIGHT, asked=Amount(0, 7), reserved=Amount(0, 7))
    days.journal.note(BudgetRow(budget_id="b", period_start=MIDNIGHT, at=T0, act=Act.RESERVE, reserved=line.reserved))
    days.journal.keep(
        Tab(task_id=TaskId("t"), account_id=AccountId("a"), service="flex", submitted_at=T0, lines=(line,))
    )
    days.calendar.turn(T0 + DAY, anyway=False)
    assert days.book.balance("b", MIDNIGHT).reserved == NOTHING
    assert days.book.balance("b", MIDNIGHT + DAY).reserved == Amount(0, 7)
    days.calendar.turn(T0 + 2 * DAY, anyway=False)
    assert days.book.balance("b", MIDNIGHT + DAY).reserved == NOTHING
    assert days.book.tabs[TaskId("t")].lines[0].reserved == NOTHING


def test_a_removed_budget_gives_back_what_it_promised(days: Days) -> None:
    line = TabLine(budget_id="b", period_start=MIDNIGHT, reserved=Amount(0, 7))
    days.journal.keep(
        Tab(task_id=TaskId("t"), account_id=AccountId("a"), service="flex", submitted_at=T0, lines=(line,))
    )
    days.store.put_budget(dataclasses.replace(BUDGET, archived=True))
    assert days.book.read()
    days.calendar.turn(T0, anyway=True)
    assert days.book.tabs[TaskId("t")].lines == ()
    assert [row.act for row in days.journal.hand_over().rows] == [Act.RENEW, Act.REFUND]


def test_a_long_idle_budget_without_carry_over_begins_only_the_day_of_now() -> None:
    days = Days(dataclasses.replace(BUDGET, carry_over=0.0, start=MIDNIGHT - 9000 * DAY))
    days.calendar.turn(T0, anyway=False)
    days.calendar.turn(T0 + 900 * DAY, anyway=False)
    assert len(days.journal.hand_over().rows) == 2


def test_what_was_told_is_told_again_where_the_operator_gives_more(days: Days) -> None:
    """Given 9 of 10 kWh used and told of, when there are 20, then nothing is told; with 11, it stays as it was."""
    days.spend(9.0, T0, MIDNIGHT)
    days.journal.note(BudgetRow(budget_id="b", period_start=MIDNIGHT, at=T0, act=Act.ALERT, warned_percent=80))
    for energy_kwh, told in ((11.0, 80), (20.0, 0)):
        days.store.put_budget(dataclasses.replace(BUDGET, energy_kwh=energy_kwh))
        assert days.book.read()
        days.calendar.turn(T0, anyway=True)
        assert days.book.balance("b", MIDNIGHT).granted.energy_kwh == energy_kwh
        assert days.book.balance("b", MIDNIGHT).warned_percent == told
