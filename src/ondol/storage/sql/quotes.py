"""Quotes in SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa

from ondol.model.checks import check_whole
from ondol.model.ids import AccountId, TaskId
from ondol.model.quote import Quote
from ondol.storage.quote_ports import MOST_QUOTES
from ondol.storage.rows import encode
from ondol.storage.sql import quote_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.times import to_us


class SqlQuotes:
    """Quotes' part of the store."""

    _database: Database

    def put_quotes(self, quotes: Iterable[Quote]) -> None:
        rows = [
            (one.id, one.account_id, one.task_id, to_us(one.made_at), one.outcome is not None, encode(one))
            for one in quotes
        ]
        if rows:
            with self._database.writing() as connection:
                self._database.upsert(connection, tables.quote, rows)

    def quote(self, quote_id: str) -> Quote | None:
        return self._database.noun(tables.quote, Quote, id=quote_id)

    def quote_of_task(self, task_id: TaskId) -> Quote | None:
        if not task_id:
            return None
        t = tables.quote.c
        query = sa.select(t.body).where(t.task_id == task_id).order_by(t.id).limit(1)
        return next(iter(self._database.decoded(query, Quote)), None)

    def quotes(
        self, account_id: AccountId | None = None, *, taken: bool = False, limit: int = 100
    ) -> tuple[Quote, ...]:
        check_whole("limit", limit, 1, MOST_QUOTES)
        t = tables.quote.c
        query = sa.select(t.body)
        if account_id is not None:
            query = query.where(t.account_id == account_id)
        if taken:
            query = query.where(t.task_id > "")
        return self._database.decoded(query.order_by(t.made_us.desc(), t.id).limit(limit), Quote)

    def unsettled_quotes(self) -> tuple[Quote, ...]:
        t = tables.quote.c
        query = sa.select(t.body).where(t.task_id > "", sa.not_(t.settled)).order_by(t.id)
        return self._database.decoded(query, Quote)

    def forget_quotes(self, before: dt.datetime) -> int:
        t = tables.quote.c
        with self._database.writing() as connection:
            done = connection.execute(sa.delete(tables.quote).where(t.made_us < to_us(before), t.task_id == ""))
        return int(done.rowcount)
