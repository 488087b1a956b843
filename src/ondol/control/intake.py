"""New tasks on their way in: looked at, made room for, made durable together with those that come at the same time."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ondol.control.account_desk import PlatformAccounts
from ondol.control.admission_notes import AdmissionNotes
from ondol.control.budget_guard import BudgetGuard
from ondol.control.budget_reservations import Reservations
from ondol.control.command import check_command
from ondol.control.directory import Directory
from ondol.control.filler_rights import FillerRights
from ondol.control.loop import Loop
from ondol.control.profiles import Profiles
from ondol.control.secret_desk import PlatformSecrets
from ondol.control.turns import Turns
from ondol.control.works import Works
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError, NotFoundError, OndolError, UnavailableError
from ondol.model.ids import AccountId
from ondol.storage.ports import Reply, Store

_log = logging.getLogger(__name__)
_MOST = 2_000  # tasks of one turn: the loop, and with it the heat, waits for its end


@dataclass(frozen=True, slots=True)
class _Submission:
    tasks: tuple[Task, ...]
    reply: Reply | None


class Intake:
    """Takes tasks in; submissions of several threads share one commit."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        works: Works,
        loop: Loop,
        accounts: PlatformAccounts,
        secrets: PlatformSecrets,
        profiles: Profiles,
        now: Callable[[], dt.datetime],
        budgets: BudgetGuard | None = None,
        admissions: AdmissionNotes | None = None,
        filler: FillerRights | None = None,
    ) -> None:
        self._budgets, self._admissions, self._filler = budgets, admissions, filler
        self._store, self._directory, self._works, self._loop = store, directory, works, loop
        self._accounts, self._secrets, self._profiles, self._now = accounts, secrets, profiles, now
        self._turns = Turns(self._take_in, most=_MOST, weight=lambda submission: len(submission.tasks))

    def check_but_budgets(self, task: Task) -> None:
        """Raise what `submit` would raise for this task, were there room for it in every budget."""
        with self._works.lock:
            (task,) = self._loop.groups.admission.accepted((task,))
        self.look_at(task)

    def as_run(self, task: Task) -> Task:
        """A task in the service class in which it would run."""
        return task if self._filler is None else self._filler.accepted(task)

    def look_at(self, task: Task) -> None:
        """Raise what is wrong with a task as accepted: in a pool it has taken over what it takes over."""
        check_command(self._loop.groups.pools.at_launch(task)[0], self._profiles)
        if self._filler is not None:
            self._filler.check(task)
        self._secrets.check_rights(task)
        for bucket in (*(resource.bucket for resource in task.resources), task.result_bucket):
            if bucket and self._directory.backend_name(task.account_id, bucket) is None:
                raise NotFoundError("bucket", bucket)
        if task.shortname and self._store.task_by_shortname(task.account_id, task.shortname) is not None:
            raise _twin(task)

    def submit(self, tasks: Iterable[Task], reply: Reply | None) -> None:
        """Accept tasks, all or none, durably together with their answer; raises as `check_but_budgets`, and budgets."""
        tasks = tuple(tasks)
        if self._filler is not None:
            tasks = tuple(map(self._filler.accepted, tasks))
        if self._admissions is not None:
            tasks = self._admissions.noted(tasks)
        self._turns.run(_Submission(tasks, reply))

    def _take_in(self, submissions: Sequence[_Submission]) -> list[Exception | None]:
        errors: list[Exception | None] = [None] * len(submissions)
        taken: list[tuple[int, tuple[Task, ...]]] = []
        numbers: Counter[AccountId] = Counter()
        names: set[tuple[AccountId, str]] = set()
        promised = Reservations(self._budgets)
        with self._works.lock:
            for row, submission in enumerate(submissions):
                try:
                    taken.append((row, self._accepted(submission.tasks, numbers, names, promised)))
                except OndolError as error:
                    errors[row] = error
                except BaseException:  # nobody's task is taken in this turn
                    promised.undo()
                    raise
            replies = tuple(reply for row, _ in taken if (reply := submissions[row].reply) is not None)
            try:
                tasks = [task for _, own in taken for task in own]
                self._works.admit(tasks, self._now(), replies, promised.changes, promised.confirm)
            except OndolError as error:
                promised.undo()
                for row, _ in taken:
                    errors[row] = error
            except BaseException:
                promised.undo()
                raise
            self._loop.stir()
            try:
                self._loop.flush()
            except UnavailableError as error:
                # The tasks themselves are durable; to say otherwise would make clients submit them once more.
                _log.error("what changed beside new tasks cannot be written yet: %s", error)
        return errors

    def _accepted(
        self,
        tasks: tuple[Task, ...],
        numbers: Counter[AccountId],
        names: set[tuple[AccountId, str]],
        promised: Reservations,
    ) -> tuple[Task, ...]:
        """Tasks of one submission as accepted; what it takes is added to what those before it in this turn take."""
        groups = self._loop.groups
        tasks = groups.admission.accepted(tasks)
        own: set[tuple[AccountId, str]] = set()
        for task in tasks:
            self.look_at(task)
            if task.shortname:
                if (task.account_id, task.shortname) in names | own:
                    raise _twin(task)
                own.add((task.account_id, task.shortname))
        # Money does not depend on more than this: a list of 1,000 tasks asks once.
        payers = {(task.account_id, task.project_id, task.scheduling, task.service): task for task in tasks}
        for task in payers.values():
            self._accounts.check_money(task)
        wanted = Counter(task.account_id for task in tasks)
        for account_id, number in wanted.items():
            groups.room.for_tasks(account_id, numbers[account_id] + number, self._now(), self._loop.flush)
        promised.add(tasks, self._now())
        numbers += wanted  # counted only once nothing can refuse it any more
        names |= own
        return tasks


def _twin(task: Task) -> InvalidFieldError:
    return InvalidFieldError("shortname-uniqueness", task.shortname, "a shortname that no other task has")
