"""What a creation refers to: pools, jobs, projects, other tasks, reservations; each looked up once a request."""

from __future__ import annotations

import datetime as dt

from ondol.control.ports import Desk
from ondol.model.account import Account, ReservedQuota
from ondol.model.compute import TaskState
from ondol.model.conditions import Dependency, FinalState
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import NO_PROJECT, JobId, ProjectId, TaskId
from ondol.model.job import Job, JobState
from ondol.model.pool import ComputePool
from ondol.server.api.names import id_of
from ondol.server.api.wire_in import Dependencies

MOST_DEPENDENCIES = 2048
_ENDS = {
    TaskState.SUCCESS: FinalState.SUCCESS,
    TaskState.FAILURE: FinalState.FAILURE,
    TaskState.CANCELLED: FinalState.CANCELLED,
}
_STATES = {state.value: state for state in FinalState}


class Lookups:
    """The surroundings of the tasks that one request creates.

    Parameters
    ----------
    account : who creates them
    """

    def __init__(self, desk: Desk, account: Account) -> None:
        self._desk = desk
        self.account = account
        self.now: dt.datetime = desk.platform_time()
        self.fleet: Fleet = desk.fleet()
        self._pools: dict[str, ComputePool | None] = {}
        self._jobs: dict[str, Job | None] = {}
        self._tasks: dict[str, tuple[TaskId, JobId, FinalState | None] | None] = {}
        self._given = 0
        self._projects: dict[str, ProjectId] | None = None
        self._project_by_default = NO_PROJECT

    def moment(self) -> dt.datetime:
        """Now, a microsecond later each time: the tasks of one list keep its order."""
        self._given += 1
        return self.now + dt.timedelta(microseconds=self._given - 1)

    def pool(self, key: str) -> ComputePool:
        """Pool of the account that takes tasks; raises InvalidFieldError("poolUuid") otherwise."""
        if key not in self._pools:
            try:
                self._pools[key] = self._desk.pools.detail(self.account.id, key).pool
            except NotFoundError:
                self._pools[key] = None
        pool = self._pools[key]
        if pool is None:
            raise InvalidFieldError("poolUuid", key, "the id of a pool of yours")
        if pool.state.final or pool.closing_wanted or pool.delete_wanted:
            raise InvalidFieldError("poolUuid", key, f"a pool that takes tasks; this one is {pool.state.value}")
        return pool

    def job(self, key: str) -> Job:
        """Job of the account that takes tasks; raises InvalidFieldError("jobUuid") otherwise."""
        if key not in self._jobs:
            try:
                self._jobs[key] = self._desk.jobs.get(self.account.id, key)
            except NotFoundError:
                self._jobs[key] = None
        job = self._jobs[key]
        if job is None:
            raise InvalidFieldError("jobUuid", key, "the id of a job of yours")
        if job.state is not JobState.ACTIVE or job.delete_wanted:
            raise InvalidFieldError("jobUuid", key, f"a job that takes tasks; this one is {job.state.value}")
        return job

    def project(self, key: str) -> ProjectId:
        """Project that the account may book on, its default one for ""; raises InvalidFieldError("projectUuid")."""
        if self._projects is None:
            self._projects = {}
            for project in self._desk.accounts.projects(self.account.id):
                self._projects[project.id] = self._projects[project.slug] = project.id
                if self.account.id in project.default_for:
                    self._project_by_default = project.id
        if not key:
            return self._project_by_default
        if key not in self._projects:
            raise InvalidFieldError(
                "projectUuid", key, "the id of a project that you may book on: GET /info lists them"
            )
        return self._projects[key]

    def reservation(self, name: str, machine_key: str) -> ReservedQuota:
        """Machines kept for the account; raises InvalidFieldError where there are none of that name or key."""
        kept = self.account.limits.reserved
        if not kept:
            raise InvalidFieldError("schedulingType", "Reserved", "Flex or OnDemand: no machines are kept for you")
        for one in kept:
            if name in ("", one.reservation) and machine_key in ("", one.machine_key):
                return one
        field, value = ("targetedReservationName", name) if name else ("targetedReservedMachineKey", machine_key)
        known = ", ".join(f"{one.reservation} ({one.machine_key})" for one in kept)
        raise InvalidFieldError(field, value, f"a reservation of yours: {known}")

    def dependencies(self, given: Dependencies, job: Job | None) -> tuple[Dependency, ...]:
        """Ends of other tasks that a task waits for; raises InvalidFieldError("dependencies")."""
        simple = [key for key in given.depends_on if id_of(key)]
        if not simple and not given.advanced_depends_on:
            return ()
        if job is None or not job.use_dependencies:
            raise InvalidFieldError(
                "dependencies", simple[:3] or "…", "empty: only tasks of a job with useDependencies may have some"
            )
        if simple and given.advanced_depends_on:
            raise InvalidFieldError("dependencies", "…", "dependsOn or advancedDependsOn, not both")
        if len(simple) + len(given.advanced_depends_on) > MOST_DEPENDENCIES:
            raise InvalidFieldError("dependencies", "…", f"at most {MOST_DEPENDENCIES} tasks")
        found: dict[TaskId, Dependency] = {}
        for key in simple:
            task_id, ended = self._other(key, job)
            found[task_id] = Dependency(task_id=task_id, ended=ended)
        for one in given.advanced_depends_on:
            task_id, ended = self._other(one.task_uuid, job)
            accepts = tuple(_state(text) for text in dict.fromkeys(one.task_final_state_condition))
            found[task_id] = Dependency(
                task_id=task_id, accepts=accepts or tuple(FinalState), ended=ended, simple=False
            )
        return tuple(found.values())

    def _other(self, key: str, job: Job) -> tuple[TaskId, FinalState | None]:
        if key not in self._tasks:
            try:
                task = self._desk.detail(self.account.id, key).task
                self._tasks[key] = (task.id, task.job_id, _ENDS.get(task.state))
            except NotFoundError:
                self._tasks[key] = None
        other = self._tasks[key]
        if other is None or other[1] != job.id:
            raise InvalidFieldError("dependencies", key, f"a task of the same job, {job.id}")
        return other[0], other[2]


def _state(text: str) -> FinalState:
    found = _STATES.get(text.strip().lower())
    if found is None:
        allowed = "a list of success, failure and cancelled; null or empty for any"
        raise InvalidFieldError("dependencies.advancedDependsOn.taskFinalStateCondition", text, allowed)
    return found
