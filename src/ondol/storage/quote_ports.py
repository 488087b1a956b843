"""The port of quotes: those that were given, and what came of those that were taken."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Protocol

from ondol.model.ids import AccountId, TaskId
from ondol.model.quote import Quote

MOST_QUOTES = 1_000  # read at once


class QuoteStore(Protocol):
    """Quotes' part of the store; every call is a commit of its own, durable when it returns."""

    def put_quotes(self, quotes: Iterable[Quote]) -> None:
        """Add or replace quotes, all or none."""
        ...

    def quote(self, quote_id: str) -> Quote | None: ...

    def quote_of_task(self, task_id: TaskId) -> Quote | None:
        """The quote that a task came of."""
        ...

    def quotes(
        self, account_id: AccountId | None = None, *, taken: bool = False, limit: int = 100
    ) -> tuple[Quote, ...]:
        """Quotes, the latest first, ties by id; of everybody where no account is named.

        Parameters
        ----------
        taken : only those that a task came of
        limit : 1 to `MOST_QUOTES`
        """
        ...

    def unsettled_quotes(self) -> tuple[Quote, ...]:
        """Quotes that a task came of whose outcome is not known, by id."""
        ...

    def forget_quotes(self, before: dt.datetime) -> int:
        """Remove quotes made before a moment that no task came of; gives how many."""
        ...
