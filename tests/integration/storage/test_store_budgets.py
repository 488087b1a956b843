"""Given any store, when budgets are kept in it, then all comes back equal, and nobody rewrites its history."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from integration.storage.samples import ALICE, NOON, make_task
from ondol.model.alarm import NO_SITE, Alarm, Severity
from ondol.model.budget import Act, Amount, Balance, BudgetRow, Every, Holder, Level, Tab, TabLine, UseBudget
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.ids import AttemptId, ProjectId, SiteId, TaskId
from ondol.storage.budget_ports import BudgetChanges
from ondol.storage.ports import Changes, Store
from ondol.storage.sql.store import SqlStore

HOUR = dt.timedelta(hours=1)
BUDGET = UseBudget(
    id="b", holder=Holder(level=Level.MEMBER, project_id=ProjectId("p"), account_id=ALICE), alias="winter ☀",
    co2e_g=1500.5, energy_kwh=None, every=Every.WEEK, timezone="Europe/Paris", start=NOON, carry_over=0.25,
)  # fmt: skip
TASK = TaskId("t-1")


def row(number: int, act: Act = Act.CHARGE, *, budget: str = "b", period: int = 0, **more: object) -> BudgetRow:
    made = BudgetRow(
        budget_id=budget, period_start=NOON + 24 * period * HOUR, at=NOON + number * HOUR, act=act,
        spent=Amount(number * 10**9, -number), reserved=Amount(-number * 10**9, 3), account_id=ALICE, task_id=TASK,
        attempt_id=AttemptId("t-1.000000.001"), window_start=NOON, window_end=NOON + HOUR, note="so it was",
    )  # fmt: skip
    return dataclasses.replace(made, **more)


def tab(key: str) -> Tab:
    line = TabLine(budget_id="b", period_start=NOON, asked=Amount(9, 8), reserved=Amount(7, 6), charged=Amount(2, 2))
    return Tab(
        task_id=TaskId(key), account_id=ALICE, project_id=ProjectId("p"), service="flex", submitted_at=NOON,
        pooled=True, lines=(line,), ran_s=60.5, saved_ug=-12,
    )  # fmt: skip


def test_a_budget_is_set_changed_and_read_again(store: Store) -> None:
    store.put_budget(dataclasses.replace(BUDGET, id="z"))
    store.put_budget(BUDGET)
    store.put_budget(dataclasses.replace(BUDGET, energy_kwh=2.0, archived=True))
    assert store.use_budgets() == (
        dataclasses.replace(BUDGET, energy_kwh=2.0, archived=True),
        dataclasses.replace(BUDGET, id="z"),
    )


def test_balances_are_the_sum_of_their_rows_however_they_come(store: Store) -> None:
    granted = row(0, Act.RENEW, granted=Amount(10**15, 5), carried=Amount(1, 1), warned_percent=80)
    store.commit(Changes(budgets=BudgetChanges(rows=(granted, row(1), row(2, period=1), row(3, budget="c")))))
    store.commit(Changes(budgets=BudgetChanges(rows=(row(4),))))
    balances = store.budget_balances()
    assert [(one.budget_id, one.period_start) for one in balances] == [
        ("b", NOON), ("b", NOON + 24 * HOUR), ("c", NOON),
    ]  # fmt: skip
    assert balances[0].granted == Amount(10**15, 5)
    assert balances[0].spent == Amount(5 * 10**9, -5)
    assert balances[0].warned_percent == 80
    assert all(store.budget_sum(one.budget_id, one.period_start) == one for one in balances)
    assert store.budget_sum("none", NOON) == Balance(budget_id="none", period_start=NOON)


def test_history_is_read_by_budget_task_time_and_page(store: Store) -> None:
    rows = [row(n, task_id=TaskId(f"t-{n % 2}")) for n in range(6)]
    store.commit(Changes(budgets=BudgetChanges(rows=(*rows[:3], row(9, budget="other"), *rows[3:]))))
    found = store.budget_rows("b")
    assert [one for _, one in found] == rows
    assert [number for number, _ in found] == sorted(number for number, _ in found)
    assert [one for _, one in store.budget_rows("b", after=found[3][0])] == rows[4:]
    assert [one for _, one in store.budget_rows("b", limit=2)] == rows[:2]
    assert [one for _, one in store.budget_rows("b", limit=2, latest=True)] == rows[-2:]
    assert [one for _, one in store.budget_rows("b", task_id=TaskId("t-1"))] == rows[1::2]
    between = store.budget_rows("b", start=NOON + HOUR, end=NOON + 3 * HOUR)
    assert [one for _, one in between] == rows[1:3]
    with pytest.raises(InvalidFieldError):
        store.budget_rows("b", limit=0)


def test_tabs_come_and_go_with_tasks(store: Store) -> None:
    task = make_task(1)
    store.commit(Changes(tasks=(task,), budgets=BudgetChanges(tabs=(tab("t-2"), tab("t-1")))))
    assert store.budget_tabs() == (tab("t-1"), tab("t-2"))
    changed = dataclasses.replace(tab("t-2"), ran_s=120.0)
    store.commit(Changes(budgets=BudgetChanges(tabs=(changed,), closed=(TaskId("t-1"),))))
    assert store.budget_tabs() == (changed,)
    assert store.task(task.id) == task


def test_a_wrong_balance_is_put_right(store: Store) -> None:
    store.commit(Changes(budgets=BudgetChanges(rows=(row(1),))))
    store.mend_balance(Balance(budget_id="b", period_start=NOON, spent=Amount(1, 1)))
    assert store.budget_balances()[0].spent == Amount(1, 1)
    store.mend_balance(store.budget_sum("b", NOON))
    assert store.budget_balances()[0].spent == row(1).spent


def test_a_commit_that_fails_leaves_nothing_of_either(tmp_path: Path) -> None:
    """Given a database in which a row of the history cannot be written, then the task is not there either."""
    store = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    with sqlite3.connect(tmp_path / "ondol.db") as raw:
        raw.execute("CREATE TRIGGER no BEFORE INSERT ON budget_row BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(UnavailableError):
        store.commit(Changes(tasks=(make_task(1),), budgets=BudgetChanges(rows=(row(1),), tabs=(tab("t-1"),))))
    assert store.task(make_task(1).id) is None
    assert store.budget_tabs() == ()
    assert store.budget_balances() == ()
    store.close()


@pytest.mark.parametrize("statement", ["UPDATE budget_row SET spent_ug = 0", "DELETE FROM budget_row"])
def test_nobody_rewrites_the_history(tmp_path: Path, statement: str) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    store.commit(Changes(budgets=BudgetChanges(rows=(row(1),))))
    with (
        sqlite3.connect(tmp_path / "ondol.db") as raw,
        pytest.raises(sqlite3.IntegrityError, match="only ever appended"),
    ):
        raw.execute(statement)
    assert len(store.budget_rows("b")) == 1
    store.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE budget_row SET spent_ug = 0", "DELETE FROM budget_row", "TRUNCATE budget_row"]
)
def test_nobody_rewrites_the_history_in_postgresql(postgres_url: str, statement: str) -> None:
    store = SqlStore(postgres_url)
    store.commit(Changes(budgets=BudgetChanges(rows=(row(1),))))
    engine = sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as raw, pytest.raises(sa.exc.DatabaseError, match="only ever appended"):
        raw.execute(sa.text(statement))
    assert len(store.budget_rows("b")) == 1
    engine.dispose()
    store.close()


def test_alarms_about_budgets_are_not_among_those_of_sites(store: Store) -> None:
    site = Alarm(
        id="s.u.c.1", site_id=SiteId("s"), entity_id="u", code="c", severity=Severity.FAULT, text="t", raised_at=NOON
    )
    budget = dataclasses.replace(site, id="budget.b.c.1", site_id=NO_SITE, entity_id="b")
    store.put_alarms([site, budget])
    assert store.alarms() == store.alarms(active=True) == store.alarms(SiteId("s")) == (site,)
    assert store.alarms(NO_SITE) == store.alarms(NO_SITE, active=True) == (budget,)
    assert store.alarm(budget.id) == budget
    store.put_alarms([dataclasses.replace(budget, cleared_at=NOON)])
    assert store.alarms(NO_SITE, active=True) == ()
    assert len(store.alarms(NO_SITE, active=False)) == 1
