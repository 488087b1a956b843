"""What accounts and projects spent: booked when an attempt ends, in the same write as its end, so once and for good."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Callable, Iterable

import msgspec

from ondol.accounting.price import Tariff, core_hours
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, Task
from ondol.model.errors import UnavailableError
from ondol.model.ids import AccountId, NodeId, PoolId, ProjectId
from ondol.storage.ports import Changes, Store

KEY = "charges"
TARIFF_KEY = "tariff"
_FRESH_S = 2.0  # so soon a changed tariff holds [s, wall]


class Spent(msgspec.Struct):
    """All that was ever booked [EUR]; project spending by UTC day, so that a budget's span can be summed."""

    accounts: dict[str, float] = {}
    projects: dict[str, dict[str, float]] = {}
    pools: dict[str, float] = {}


class Charges:
    """Books the cost of attempts as they end; it is one of the observers of `Works`.

    Parameters
    ----------
    tariff : gives the prices of now; the operator may change them while the platform runs
    cores_of : cores that a slot of a node has
    """

    def __init__(
        self, tariff: Callable[[], Tariff], cores_of: Callable[[NodeId], float], spent: Spent | None = None
    ) -> None:
        self._tariff = tariff
        self._cores_of = cores_of
        self._spent = spent or Spent()
        self._unwritten = False

    @property
    def tariff(self) -> Tariff:
        """Prices of now."""
        return self._tariff()

    def observe(self, before: Work | None, after: Work, change: Change) -> None:
        """Book what just ended; of a task that is being deleted too."""
        for attempt in change.attempts:
            known = None if before is None else before.attempt(attempt.id)
            if _billed(attempt) and (known is None or not known.state.final):
                self._add(after.task, attempt)

    def book(self, changes: Changes) -> Changes:
        """Add what was booked since the last time to the changes in which it ended."""
        if not self._unwritten:
            return changes
        self._unwritten = False
        packed = {KEY: msgspec.json.encode(self._spent)}
        return dataclasses.replace(changes, documents={**changes.documents, **packed})

    def of_account(self, account_id: AccountId) -> float:
        """What an account spent since the beginning [EUR]."""
        return self._spent.accounts.get(account_id, 0.0)

    def of_pool(self, pool_id: PoolId) -> float:
        """What the slots of a pool cost that are no longer held [EUR]."""
        return self._spent.pools.get(pool_id, 0.0)

    def of_project(self, project_id: ProjectId, start: dt.date, end: dt.date) -> float:
        """What was booked on a project on the days from `start` to `end`, both included [EUR]."""
        days = self._spent.projects.get(project_id, {})
        return sum(eur for day, eur in days.items() if start.isoformat() <= day <= end.isoformat())

    def cost(self, task: Task, attempts: Iterable[Attempt], now: dt.datetime) -> float:
        """What a task's attempts cost, those that still run up to now [EUR]."""
        price = self.tariff.price(task.scheduling, task.service)
        return price * sum(core_hours(attempt, self._cores_of(attempt.node_id), now) for attempt in attempts)

    def _add(self, task: Task, attempt: Attempt) -> None:
        assert attempt.ended_at is not None  # noqa: S101  # what being final means
        eur = self.cost(task, (attempt,), attempt.ended_at)
        if not eur:
            return
        self._unwritten = True
        spent, day = self._spent, (attempt.exited_at or attempt.ended_at).date().isoformat()
        spent.accounts[task.account_id] = spent.accounts.get(task.account_id, 0.0) + eur
        if task.holds_pool:
            spent.pools[task.holds_pool] = spent.pools.get(task.holds_pool, 0.0) + eur
        if task.project_id:
            days = spent.projects.setdefault(task.project_id, {})
            days[day] = days.get(day, 0.0) + eur


def tariff_in(store: Store) -> Tariff:
    """Read the tariff that the operator set; free of charge where none was."""
    data = store.document(TARIFF_KEY)
    return Tariff() if data is None else msgspec.json.decode(data, type=Tariff)


def set_tariff(store: Store, tariff: Tariff) -> None:
    """Keep a tariff; a running platform follows it at once."""
    store.commit(Changes(documents={TARIFF_KEY: msgspec.json.encode(tariff)}))


def now_and_then(read: Callable[[], Tariff], fresh_s: float = _FRESH_S) -> Callable[[], Tariff]:
    """Read a tariff again only after `fresh_s` [s, wall]: it is asked for with every task."""
    last: list[tuple[float, Tariff]] = []

    def tariff() -> Tariff:
        if not last or time.monotonic() - last[0][0] >= fresh_s:
            try:
                fresh = read()
            except UnavailableError:  # the prices of before hold on; work that ends must be booked
                fresh = last[0][1] if last else Tariff()
            last[:] = [(time.monotonic(), fresh)]
        return last[0][1]

    return tariff


def _billed(attempt: Attempt) -> bool:
    """Whether the time of an attempt is paid for: that in a slot of a compute pool is paid with the slot."""
    return attempt.state.final and attempt.started_at is not None and not attempt.held_by
