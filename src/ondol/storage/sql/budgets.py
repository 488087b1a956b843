"""Budgets in SQL: history and balances grow in the transaction of what they are about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.model.budget import Act, Amount, Balance, BudgetRow, Tab, UseBudget
from ondol.model.checks import check_whole
from ondol.model.ids import AccountId, AttemptId, TaskId
from ondol.storage.budget_ports import MOST_ROWS, BudgetChanges, balances_of
from ondol.storage.rows import encode
from ondol.storage.sql import budget_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.times import from_us, to_us


class _More(msgspec.Struct, omit_defaults=True):
    """What of a row has no column of its own: there are as many rows as the ledger has, so each is kept small."""

    act: Act
    account_id: str = ""
    attempt_id: str = ""
    window_start: dt.datetime | None = None
    window_end: dt.datetime | None = None
    note: str = ""


_MORE = msgspec.json.Decoder(_More)


class SqlBudgets:
    """Budgets' part of the store."""

    _database: Database

    def put_budget(self, budget: UseBudget) -> None:
        with self._database.writing() as connection:
            self._database.upsert(connection, tables.budget, [(budget.id, encode(budget))])

    def use_budgets(self) -> tuple[UseBudget, ...]:
        return self._database.decoded(sa.select(tables.budget.c.body).order_by(tables.budget.c.id), UseBudget)

    def budget_balances(self) -> tuple[Balance, ...]:
        t = tables.balance.c
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(tables.balance).order_by(t.budget_id, t.period_us)).all()
        return tuple(_balance(key, from_us(int(us)), sums) for key, us, *sums in rows)

    def budget_sum(self, budget_id: str, period_start: dt.datetime) -> Balance:
        t = tables.row.c
        sums = [sa.func.coalesce(sa.func.sum(t[name]), 0) for name in tables.SUMS]
        query = sa.select(*sums).where(t.budget_id == budget_id, t.period_us == to_us(period_start))
        with self._database.reading() as connection:
            return _balance(budget_id, period_start, connection.execute(query).one())

    def mend_balance(self, balance: Balance) -> None:
        with self._database.writing() as connection:
            self._database.upsert(connection, tables.balance, [_balance_row(balance)])

    def budget_tabs(self) -> tuple[Tab, ...]:
        return self._database.decoded(sa.select(tables.tab.c.body).order_by(tables.tab.c.task_id), Tab)

    def budget_rows(
        self,
        budget_id: str,
        *,
        task_id: TaskId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        after: int = 0,
        limit: int = 1000,
        latest: bool = False,
    ) -> tuple[tuple[int, BudgetRow], ...]:
        check_whole("limit", limit, 1, MOST_ROWS)
        t = tables.row.c
        query = sa.select(tables.row).where(t.budget_id == budget_id, t.number > after)
        if task_id is not None:
            query = query.where(t.task_id == task_id)
        if start is not None:
            query = query.where(t.at_us >= to_us(start))
        if end is not None:
            query = query.where(t.at_us < to_us(end))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(t.number.desc() if latest else t.number).limit(limit)).all()
        return tuple((int(row[0]), _row(row[1:])) for row in (reversed(rows) if latest else rows))


def write_budgets(database: Database, connection: sa.Connection, changes: BudgetChanges) -> None:
    """Append rows, add them to their balances, and keep what is not settled; in the caller's transaction."""
    if not changes:
        return
    if changes.rows:
        names = ("budget_id", "period_us", "at_us", "task_id", *tables.SUMS, "body")
        values = [
            (row.budget_id, to_us(row.period_start), to_us(row.at), row.task_id, *_sums(row), _more(row))
            for row in changes.rows
        ]
        connection.execute(tables.row.insert(), [dict(zip(names, one, strict=True)) for one in values])
        database.add(connection, tables.balance, [_balance_row(one) for one in balances_of(changes.rows)], tables.SUMS)
    database.upsert(connection, tables.tab, [(tab.task_id, encode(tab)) for tab in changes.tabs])
    database.delete(connection, tables.tab, [(task_id,) for task_id in changes.closed])


def _more(row: BudgetRow) -> bytes:
    return encode(
        _More(
            act=row.act,
            account_id=row.account_id,
            attempt_id=row.attempt_id,
            window_start=row.window_start,
            window_end=row.window_end,
            note=row.note,
        )
    )


def _row(columns: Sequence[Any]) -> BudgetRow:
    budget_id, period_us, at_us, task_id, *sums, body = columns
    more, summed = _MORE.decode(bytes(body)), _balance(budget_id, from_us(int(period_us)), sums)
    return BudgetRow(
        budget_id=budget_id,
        period_start=summed.period_start,
        at=from_us(int(at_us)),
        act=more.act,
        granted=summed.granted,
        carried=summed.carried,
        spent=summed.spent,
        reserved=summed.reserved,
        warned_percent=summed.warned_percent,
        account_id=AccountId(more.account_id),
        task_id=TaskId(task_id),
        attempt_id=AttemptId(more.attempt_id),
        window_start=more.window_start,
        window_end=more.window_end,
        note=more.note,
    )


def _balance_row(balance: Balance) -> tuple[str | int, ...]:
    return (balance.budget_id, to_us(balance.period_start), *_sums(balance))


def _sums(row: BudgetRow | Balance) -> tuple[int, ...]:
    amounts = (row.granted, row.carried, row.spent, row.reserved)
    return (*(part for amount in amounts for part in (amount.co2e_ug, amount.energy_uwh)), row.warned_percent)


def _balance(budget_id: str, period_start: dt.datetime, sums: Sequence[int]) -> Balance:
    granted, carried, spent, reserved = (Amount(int(sums[i]), int(sums[i + 1])) for i in range(0, 8, 2))
    return Balance(
        budget_id=budget_id,
        period_start=period_start,
        granted=granted,
        carried=carried,
        spent=spent,
        reserved=reserved,
        warned_percent=int(sums[8]),
    )
