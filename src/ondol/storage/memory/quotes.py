"""Quotes in memory."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable

from ondol.model.checks import check_whole
from ondol.model.ids import AccountId, TaskId
from ondol.model.quote import Quote
from ondol.storage.quote_ports import MOST_QUOTES


class MemoryQuotes:
    """Quotes' part of a store in memory."""

    _lock: threading.RLock

    def __init__(self) -> None:
        super().__init__()
        self._quotes: dict[str, Quote] = {}

    def put_quotes(self, quotes: Iterable[Quote]) -> None:
        with self._lock:
            self._quotes.update({quote.id: quote for quote in quotes})

    def quote(self, quote_id: str) -> Quote | None:
        return self._quotes.get(quote_id)

    def quote_of_task(self, task_id: TaskId) -> Quote | None:
        with self._lock:
            return next((one for _, one in sorted(self._quotes.items()) if task_id and one.task_id == task_id), None)

    def quotes(
        self, account_id: AccountId | None = None, *, taken: bool = False, limit: int = 100
    ) -> tuple[Quote, ...]:
        check_whole("limit", limit, 1, MOST_QUOTES)
        with self._lock:
            rows = [
                one
                for one in self._quotes.values()
                if account_id in (None, one.account_id) and (one.task_id or not taken)
            ]
        return tuple(sorted(rows, key=lambda one: (-one.made_at.timestamp(), one.id))[:limit])

    def unsettled_quotes(self) -> tuple[Quote, ...]:
        with self._lock:
            return tuple(one for _, one in sorted(self._quotes.items()) if one.task_id and one.outcome is None)

    def forget_quotes(self, before: dt.datetime) -> int:
        with self._lock:
            gone = [key for key, one in self._quotes.items() if one.made_at < before and not one.task_id]
            for key in gone:
                del self._quotes[key]
        return len(gone)
