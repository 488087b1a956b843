"""One life of a platform's acceptance of work under a budget, which may end by `kill -9` about its commit."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
import time
from pathlib import Path

from ondol.control.budget_book import BudgetBook
from ondol.control.budget_guard import BudgetGuard
from ondol.control.budget_reservations import Reservations
from ondol.control.works import Works
from ondol.demo.fleet import demo_fleet
from ondol.model.budget import Every, Holder, Level, UseBudget
from ondol.model.compute import Task
from ondol.model.ids import AccountId, TaskId
from ondol.storage.ports import Changes
from ondol.storage.sql.store import SqlStore
from scenario.control.budget_said import Said, basis_of

NOW = dt.datetime(2026, 1, 12, 6, 0, tzinfo=dt.UTC)
ACCOUNT = AccountId("a")
BUDGET = UseBudget(
    id="b", holder=Holder(level=Level.ACCOUNT, account_id=ACCOUNT), alias="b", co2e_g=None, energy_kwh=10.0,
    every=Every.DAY, timezone="UTC", start=NOW - dt.timedelta(days=1),
)  # fmt: skip


def make_task(number: int) -> Task:
    return Task(
        id=TaskId(f"task-{number}"), account_id=ACCOUNT, name="t", profile="process", created_at=NOW, modified_at=NOW,
        state_since=NOW,
    )  # fmt: skip


class Store(SqlStore):
    """Dies before or after the commit in which the second task is."""

    point = ""

    def commit(self, changes: Changes) -> None:
        second = any(task.id == "task-2" for task in changes.tasks)
        if second and self.point == "before":
            die()
        super().commit(changes)
        if second and self.point == "after":
            die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


class Life:
    """Store, works and guard of one life; a loop's flush is played by `written`."""

    def __init__(self, folder: Path, point: str = "") -> None:
        fleet = demo_fleet()
        self.store = Store(f"sqlite:///{folder / 'ondol.db'}")
        self.store.point = point
        self.store.put_budget(BUDGET)
        self.works = Works(self.store)
        self.guard = BudgetGuard(
            BudgetBook(self.store, NOW), self.works, fleet, now=lambda: NOW, basis=basis_of(fleet),
            grid=lambda _country, _at: 50.0, estimates=Said(), flush=self.written,
        )  # fmt: skip

    def written(self) -> None:
        changes, _ = self.works.take_changes()
        self.store.commit(self.guard.book_use(changes))

    def submit(self, number: int) -> None:
        with self.works.lock:
            promised = Reservations(self.guard)
            task = make_task(number)
            promised.add([task], NOW)
            self.works.admit([task], NOW, (), promised.changes, promised.confirm)


if __name__ == "__main__":
    life = Life(Path(sys.argv[1]), sys.argv[2])
    life.submit(1)
    life.submit(2)
