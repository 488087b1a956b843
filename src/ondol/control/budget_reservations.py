"""What is promised to all submissions of one turn; they are written together, or none of them is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from ondol.control.budget_guard import BudgetGuard, Reservation
from ondol.model.compute import Task
from ondol.storage.budget_ports import BudgetChanges


class Reservations:
    """Gathers reservations; does nothing where there are no budgets.

    Callers hold the lock of the works.
    """

    def __init__(self, guard: BudgetGuard | None) -> None:
        self._guard = guard
        self._made: list[tuple[BudgetGuard, Reservation]] = []

    def add(self, tasks: Iterable[Task], at: dt.datetime) -> None:
        """Promise to the tasks of a submission what they need, all or none; raises as `BudgetGuard.reserve`."""
        if self._guard is not None:
            self._made.append((self._guard, self._guard.reserve(tasks, at)))

    @property
    def changes(self) -> BudgetChanges:
        """What is to be written with the tasks."""
        return BudgetChanges(
            rows=tuple(row for _, made in self._made for row in made.rows),
            # As they are now: a period may have ended since they were made.
            tabs=tuple(guard.book.tabs[tab.task_id] for guard, made in self._made for tab in made.tabs),
        )

    def undo(self) -> None:
        """Take everything back."""
        for guard, made in self._made:
            guard.undo(made)

    def confirm(self) -> None:
        """Promise again what was taken back and turned out to be written."""
        for guard, made in self._made:
            guard.confirm(made)
