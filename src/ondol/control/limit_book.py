"""What accounts may have, read from storage now and then: asked for at every decision, changed once a month."""

from __future__ import annotations

import time
from collections.abc import Callable

from ondol.model.account import AccountLimits, ReservedQuota
from ondol.model.ids import AccountId
from ondol.storage.ports import Store

NO_LIMITS = AccountLimits()
FRESH_S = 2.0  # after which it is read again: an operator's word is heard within that time [s, wall]


class LimitBook:
    """Limits of every account as of `FRESH_S` ago at most.

    Parameters
    ----------
    elapsed_s : a monotonic clock [s]
    """

    def __init__(self, store: Store, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._store, self._elapsed_s = store, elapsed_s
        self._read_s = float("-inf")
        self._limits: dict[AccountId, AccountLimits] = {}

    def limits_of(self, account_id: AccountId) -> AccountLimits:
        """What an account may have; no limits for one that is not there."""
        return self._all().get(account_id, NO_LIMITS)

    def reserved(self) -> dict[AccountId, tuple[ReservedQuota, ...]]:
        """Every reservation, by account."""
        return {account_id: limits.reserved for account_id, limits in self._all().items() if limits.reserved}

    def forget(self) -> None:
        """Have it read again at once."""
        self._read_s = float("-inf")

    def _all(self) -> dict[AccountId, AccountLimits]:
        now_s = self._elapsed_s()
        if now_s - self._read_s >= FRESH_S:
            self._limits = {account.id: account.limits for account in self._store.accounts()}
            self._read_s = now_s
        return self._limits
