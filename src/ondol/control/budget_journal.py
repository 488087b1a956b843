"""What was booked of budgets and is not handed to a commit yet."""

from __future__ import annotations

from ondol.control.budget_book import BudgetBook
from ondol.model.budget import BudgetRow, Tab
from ondol.model.compute import Task
from ondol.model.ids import TaskId
from ondol.storage.budget_ports import BudgetChanges


class BudgetJournal:
    """Books rows in a book and gathers them for the next commit."""

    def __init__(self, book: BudgetBook) -> None:
        self._book = book
        self._rows: list[BudgetRow] = []
        self._tabs: dict[TaskId, Tab] = {}
        self._closed: dict[TaskId, None] = {}

    def __bool__(self) -> bool:
        return bool(self._rows or self._tabs or self._closed)

    def note(self, row: BudgetRow) -> None:
        """Book a row."""
        self._book.apply([row])
        self._rows.append(row)

    def keep(self, tab: Tab) -> None:
        """Replace what is known of an unsettled task."""
        self._book.tabs[tab.task_id] = tab
        self._tabs[tab.task_id] = tab

    def close(self, task_id: TaskId) -> Tab | None:
        """Forget a task that is settled now; gives what was known of it."""
        tab = self._book.tabs.pop(task_id, None)
        if tab is not None:
            self._tabs.pop(task_id, None)
            self._closed[task_id] = None
        return tab

    def hand_over(self) -> BudgetChanges:
        """Give all, in the order of its booking, and begin anew."""
        booked = BudgetChanges(
            rows=tuple(self._rows),
            tabs=tuple(tab for key, tab in sorted(self._tabs.items()) if key not in self._closed),
            closed=tuple(self._closed),
        )
        self._rows, self._tabs, self._closed = [], {}, {}
        return booked


def tab_of(task: Task) -> Tab:
    """What a task begins with."""
    return Tab(
        task_id=task.id,
        account_id=task.account_id,
        project_id=task.project_id,
        service=task.service.name.lower(),
        submitted_at=task.created_at,
        pooled=bool(task.pool_id or task.holds_pool),
    )
