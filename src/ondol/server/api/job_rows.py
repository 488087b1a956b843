"""The ledger rows that a task's statement needs: all of the sites where it ran, while it ran."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.accounting.bins import BIN_S
from ondol.control.ports import Desk
from ondol.model.ids import AccountId, TaskId
from ondol.model.ledger import EnergyRow, LedgerRow

_BIN = dt.timedelta(seconds=BIN_S)
_LONGEST_ROW = dt.timedelta(hours=6)  # rows are sought by their start; one is a minute long, or as a platform was down


def task_rows(
    desk: Desk, account_id: AccountId, key: str, *, start: dt.datetime | None = None, end: dt.datetime | None = None
) -> tuple[TaskId, list[EnergyRow]]:
    """Id and rows of the caller's task by id or shortname, also of a deleted one that left rows.

    Only rows that begin in [start, end), if given. A task's rows are found by its id, however long the ledger is.
    Raises NotFoundError where it is neither: another tenant's task is not found.
    """
    rows = own_rows(desk, account_id, TaskId(key))
    task_id = TaskId(key)
    if not rows:
        task_id = desk.detail(account_id, key).task.id
        rows = own_rows(desk, account_id, task_id) if task_id != key else rows
    return task_id, [row for row in rows if (start is None or row.start >= start) and (end is None or row.start < end)]


def pool_rows(desk: Desk, account_id: AccountId, key: str) -> tuple[TaskId, list[EnergyRow]]:
    """Id and rows of the caller's pool, as if it were one task: of its slots and of the tasks that ran in them.

    Raises NotFoundError where there is no such pool.
    """
    detail = desk.pools.detail(account_id, key)
    pool_id = TaskId(detail.pool.id)
    parts = [holder.task.id for holder in detail.holders]
    parts += [task.id for task in desk.pools.tasks(account_id, detail.pool.id)]
    own = [row for part in parts for row in own_rows(desk, account_id, part)]
    return pool_id, [dataclasses.replace(row, task_id=pool_id) for row in own]


def own_rows(desk: Desk, account_id: AccountId, task_id: TaskId) -> list[EnergyRow]:
    """Rows of a task that are the caller's."""
    return [row for row in desk.energy(task_id=task_id) if row.account_id == account_id]


def rows_around(desk: Desk, own: list[EnergyRow]) -> list[LedgerRow]:
    """Rows of the sites of `own`, in whole bins around them: its overhead and useful heat are shares of these.

    Rows of `own` are given as they are there, not as the desk has them.
    """
    named = {(row.site_id, row.attempt_id, row.start): row for row in own}
    rows: list[LedgerRow] = []
    for site_id in sorted({row.site_id for row in own}):
        times = [(row.start, row.end) for row in own if row.site_id == site_id]
        start = _floor(min(start for start, _ in times))
        end = _floor(max(end for _, end in times)) + _BIN
        reach = start - _LONGEST_ROW
        energy = (row for row in desk.energy(site_id=site_id, start=reach, end=end) if row.end > start)
        rows += [named.get((row.site_id, row.attempt_id, row.start), row) for row in energy]
        rows += [row for row in desk.heat(site_id=site_id, start=reach, end=end) if row.end > start]
    return rows


def _floor(when: dt.datetime) -> dt.datetime:
    return dt.datetime.fromtimestamp(when.timestamp() // BIN_S * BIN_S, dt.UTC)
