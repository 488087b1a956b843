"""What work used and no budget was charged yet: tried again with every window, and not forgotten by a restart.

The rows are in the ledger; what is kept beside them is only of which window and whose they are.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence

import msgspec

from ondol.control.budget_book import BudgetBook
from ondol.control.budget_use import Use
from ondol.model.ids import TaskId
from ondol.model.ledger import EnergyRow

_log = logging.getLogger(__name__)
_KEY = "budgets.owed"
_NONE = b"[]"


class _Debt(msgspec.Struct, frozen=True, order=True):
    """A window, and whose use of it is owed; "" for everybody's."""

    start: dt.datetime
    end: dt.datetime
    task_id: str = ""


class OwedUse:
    """Holds what is owed.

    Parameters
    ----------
    book : reads what was owed before a restart, and its rows
    shared_out : what tasks used, of rows of windows
    """

    def __init__(self, book: BudgetBook, shared_out: Callable[[Sequence[EnergyRow]], list[Use]]) -> None:
        self._shared_out = shared_out
        self._uses: list[Use] = []
        self._windows: list[tuple[list[EnergyRow], frozenset[str]]] = []  # not shared out; whose is owed, "" for all
        self._packed = book.document(_KEY) or _NONE
        whose: dict[tuple[dt.datetime, dt.datetime], set[str]] = {}
        for debt in msgspec.json.decode(self._packed, type=list[_Debt]):
            whose.setdefault((debt.start, debt.end), set()).add(debt.task_id)
        for (start, end), tasks in whose.items():
            rows = [row for row in book.energy_at(start) if row.end == end]
            self._windows.append((rows, frozenset(tasks)))

    def take(self, energy: Sequence[EnergyRow]) -> list[Use]:
        """Give all that is to be charged now: what was owed, and rows of windows that are written now."""
        windows, uses = [*self._windows, (list(energy), frozenset(("",)))], self._uses
        self._windows, self._uses = [], []
        for rows, tasks in windows:
            try:
                uses += [use for use in self._shared_out(rows) if "" in tasks or use.task_id in tasks]
            except Exception:  # noqa: BLE001  # whatever is wrong with a window, others are charged
                _log.exception("what was used in %d rows cannot be shared out now, trying again", len(rows))
                self._windows.append((rows, tasks))
        return uses

    def add(self, use: Use) -> None:
        """Owe a use that could not be charged."""
        self._uses.append(use)

    def whose(self) -> set[TaskId]:
        """Tasks of whose use something is owed, or may be."""
        found = {use.task_id for use in self._uses}
        for rows, tasks in self._windows:
            found |= {row.task_id for row in rows if row.task_id is not None and ("" in tasks or row.task_id in tasks)}
        return found

    def news(self) -> dict[str, bytes]:
        """What is owed, for the next commit; nothing where it is as that before has it."""
        debts = {_Debt(use.start, use.end, use.task_id) for use in self._uses}
        for rows, tasks in self._windows:
            debts |= {_Debt(row.start, row.end, task_id) for row in rows for task_id in tasks}
        packed = msgspec.json.encode(sorted(debts)) if debts else _NONE
        if packed == self._packed:
            return {}
        self._packed = packed
        return {_KEY: packed}
