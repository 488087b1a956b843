"""What accounts and projects spent: booked when an attempt ends, in the same write as its end, so once and for good."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Callable, Iterable

import msgspec

from ondol.accounting.price import Tariff, core_hours
from ondol.model.compute import Attempt, Task
from ondol.model.ids import AccountId, NodeId, ProjectId, TaskId
from ondol.storage.ports import Changes, Store

KEY = "charges"
TARIFF_KEY = "tariff"
_FRESH_S = 5.0  # so soon a changed tariff holds [s, wall]


class Spent(msgspec.Struct):
    """All that was ever booked [EUR]; project spending by UTC day, so that a budget's span can be summed."""

    accounts: dict[str, float] = {}
    projects: dict[str, dict[str, float]] = {}


class Charges:
    """Books the cost of ended attempts.

    Parameters
    ----------
    tariff : gives the prices of now; the operator may change them while the platform runs
    cores_of : cores that a slot of a node has
    task_of : a task by its id, None where it is gone
    """

    def __init__(
        self,
        tariff: Callable[[], Tariff],
        cores_of: Callable[[NodeId], float],
        task_of: Callable[[TaskId], Task | None],
        spent: Spent | None = None,
    ) -> None:
        self._tariff = tariff
        self._cores_of, self._task_of = cores_of, task_of
        self._spent = spent or Spent()

    @property
    def tariff(self) -> Tariff:
        """Prices of now."""
        return self._tariff()

    def book(self, changes: Changes) -> Changes:
        """Add the document of charges to changes that hold attempts which have just ended."""
        ended = [attempt for attempt in changes.attempts if _billed(attempt)]
        if not ended or self.tariff.free:
            return changes
        for attempt in ended:
            task = self._task_of(attempt.task_id)
            if task is not None and not task.pool_id:  # the slot of a pool is paid for by its holder
                self._add(task, attempt)
        packed = {KEY: msgspec.json.encode(self._spent)}
        return dataclasses.replace(changes, documents={**changes.documents, **packed})

    def of_account(self, account_id: AccountId) -> float:
        """What an account spent since the beginning [EUR]."""
        return self._spent.accounts.get(account_id, 0.0)

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
        accounts, projects = self._spent.accounts, self._spent.projects
        accounts[task.account_id] = accounts.get(task.account_id, 0.0) + eur
        if task.project_id:
            days = projects.setdefault(task.project_id, {})
            day = attempt.ended_at.date().isoformat()
            days[day] = days.get(day, 0.0) + eur


def tariff_in(store: Store) -> Tariff:
    """Read the tariff that the operator set; free of charge where none was."""
    data = store.document(TARIFF_KEY)
    return Tariff() if data is None else msgspec.json.decode(data, type=Tariff)


def set_tariff(store: Store, tariff: Tariff) -> None:
    """Keep a tariff; a running platform follows it at once."""
    store.commit(Changes(documents={TARIFF_KEY: msgspec.json.encode(tariff)}))


def now_and_then(read: Callable[[], Tariff]) -> Callable[[], Tariff]:
    """Read a tariff again only after `_FRESH_S`: it is asked for with every task."""
    last: list[tuple[float, Tariff]] = []

    def tariff() -> Tariff:
        if not last or time.monotonic() - last[0][0] > _FRESH_S:
            last[:] = [(time.monotonic(), read())]
        return last[0][1]

    return tariff


def _billed(attempt: Attempt) -> bool:
    """Whether the time of an attempt is paid for: that in a slot of a compute pool is paid with the slot."""
    return attempt.state.final and attempt.started_at is not None and not attempt.held_by
