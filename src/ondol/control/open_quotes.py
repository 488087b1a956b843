"""Quotes that hold and that nobody took, remembered so that a task that is submitted by itself is matched with one."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter, OrderedDict

from ondol.model.errors import BusyError
from ondol.model.ids import AccountId
from ondol.model.quote import Quote

MOST = 10_000  # of all accounts; of more the oldest are not matched any more
MOST_OF_ONE = 1_000  # of an account: each is a row of the store for a day
_AGAIN_S = 30.0  # when to ask again [s, wall]


class OpenQuotes:
    """Remembers quotes until they are taken or hold no more; thread-safe. All of them hold equally long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quotes: OrderedDict[str, Quote] = OrderedDict()  # the oldest first
        self._alike: dict[tuple[AccountId, str], list[str]] = {}  # ids by what they run, the latest last
        self._numbers: Counter[AccountId] = Counter()

    def check_room(self, account_id: AccountId, now: dt.datetime) -> None:
        """Raise BusyError where an account has as many quotes that hold as it may have."""
        with self._lock:
            self._drop_old(now)
            if self._numbers[account_id] >= MOST_OF_ONE:
                text = f"{MOST_OF_ONE} quotes of yours hold now, as many as may: take some, or wait until they are over"
                raise BusyError(text, _AGAIN_S)

    def add(self, quote: Quote) -> None:
        """Remember a quote that was given."""
        with self._lock:
            self._drop_old(quote.made_at)
            self._quotes[quote.id] = quote
            self._alike.setdefault((quote.account_id, quote.digest), []).append(quote.id)
            self._numbers[quote.account_id] += 1
            if len(self._quotes) > MOST:
                self._drop(next(iter(self._quotes)))

    def forget(self, quote_id: str) -> None:
        """It was taken."""
        with self._lock:
            self._drop(quote_id)

    def of(self, account_id: AccountId) -> bool:
        """Whether an account has any."""
        return account_id in self._numbers

    def alike(self, account_id: AccountId, digest: str, at: dt.datetime) -> tuple[str, ...]:
        """Ids of an account's quotes of the same run that hold at a time, the latest first."""
        with self._lock:
            ids = self._alike.get((account_id, digest), ())
            return tuple(key for key in reversed(ids) if at <= self._quotes[key].valid_until)

    def _drop_old(self, now: dt.datetime) -> None:
        while self._quotes and (oldest := next(iter(self._quotes.values()))).valid_until < now:
            self._drop(oldest.id)

    def _drop(self, quote_id: str) -> None:
        quote = self._quotes.pop(quote_id, None)
        if quote is None:
            return
        alike = self._alike[quote.account_id, quote.digest]
        alike.remove(quote_id)
        if not alike:
            del self._alike[quote.account_id, quote.digest]
        self._numbers[quote.account_id] -= 1
        if not self._numbers[quote.account_id]:
            del self._numbers[quote.account_id]
