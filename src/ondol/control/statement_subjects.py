"""Who may ask for a statement of what: tenants of their own work, hosts of their sites, the operator of all."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from ondol.accounting.account.statement import KINDS, Subject
from ondol.control.fact_pages import all_work_facts
from ondol.control.host_ports import HostDesk
from ondol.control.host_rights import is_operator
from ondol.model.account import Account, Project
from ondol.model.checks import check_choice
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, JobId, PoolId, SiteId, TaskId, attempts_of, instance_id
from ondol.model.ledger import WorkFact
from ondol.storage.ports import Store

ME = ("", "me")
LIVES = ("instance", "task", "job", "pool")
"""Of these, all of it where no window is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A subject that the caller may see.

    Parameters
    ----------
    tasks : of work, its tasks; None for all work of `account_id`, or of places
    attempts : of an instance, how the ids of its attempts begin; "" for all of the tasks
    account_id : of a user
    sites : of places, which; None for work, wherever it ran
    named_for : account whose tasks are named among others' in one project; None where all may be
    since : of work, when the first of it was submitted; None where that is not known
    """

    subject: Subject
    tasks: frozenset[str] | None = None
    attempts: str = ""
    account_id: AccountId | None = None
    sites: tuple[SiteId, ...] | None = None
    named_for: AccountId | None = None
    since: dt.datetime | None = None


class Subjects:
    """Finds subjects by kind and id; what a caller may not see is, for that caller, not there."""

    def __init__(self, fleet: Fleet, store: Store, hosts: HostDesk) -> None:
        self._fleet, self._store, self._hosts = fleet, store, hosts

    def choose(self, caller: Account, kind: str, key: str) -> Chosen:
        """Give the subject.

        Parameters
        ----------
        kind : one of `KINDS`
        key : id or shortname, of an instance its task's with .NUMBER; an e-mail or "me" of a user and a host; "" of the
            fleet

        Raises
        ------
        InvalidFieldError : another kind
        NotFoundError : there is no such thing, or none that the caller may see
        """
        check_choice("kind", kind, KINDS)
        find: dict[str, Callable[[Account, str], Chosen]] = {
            "instance": self._instance,
            "task": self._task,
            "job": self._job,
            "pool": self._pool,
            "user": self._user,
            "project": self._project,
            "site": self._site,
            "host": self._host,
            "fleet": self._whole_fleet,
        }
        return find[kind](caller, key)

    def _instance(self, caller: Account, key: str) -> Chosen:
        task_key, _, number = key.rpartition(".")
        if not task_key or not (number.isascii() and number.isdigit()):
            raise InvalidFieldError("id", key, "TASK.NUMBER: id or shortname of a task, a dot, number of an instance")
        task = self._task(caller, task_key)
        instance = instance_id(TaskId(task.subject.id), int(number))
        subject = Subject(
            kind="instance", id=f"{task.subject.id}.{int(number)}", name=f"{task.subject.name}, instance {int(number)}"
        )
        return dataclasses.replace(task, subject=subject, attempts=attempts_of(instance))

    def _task(self, caller: Account, key: str) -> Chosen:
        facts = self._store.work_facts(task_ids=[TaskId(key)])
        fact = facts[0] if facts else None
        task = self._store.task(TaskId(key)) or self._store.task_by_shortname(caller.id, key)
        owner = fact.account_id if fact else task.account_id if task else None
        if owner is None or not (owner == caller.id or is_operator(caller)):
            raise NotFoundError("task", key)
        task_id = task.id if task else fact.task_id if fact else TaskId(key)
        name = task.name if task else fact.name if fact else key
        since = fact.submitted_at if fact else None
        return Chosen(subject=Subject(kind="task", id=task_id, name=name), tasks=frozenset((task_id,)), since=since)

    def _job(self, caller: Account, key: str) -> Chosen:
        job = self._store.job(JobId(key)) or self._store.job_by_shortname(caller.id, key)
        job_id = JobId(key) if job is None else job.id
        facts = all_work_facts(self._store, job_id=job_id)
        owner = job.account_id if job else facts[0].account_id if facts else None
        return self._group(caller, "job", job_id, job.name if job else key, owner, facts)

    def _pool(self, caller: Account, key: str) -> Chosen:
        pool = self._store.pool(PoolId(key)) or self._store.pool_by_shortname(caller.id, key)
        pool_id = PoolId(key) if pool is None else pool.id
        facts = all_work_facts(self._store, pool_id=pool_id)
        owner = pool.account_id if pool else facts[0].account_id if facts else None
        return self._group(caller, "pool", pool_id, pool.name if pool else key, owner, facts)

    def _group(
        self, caller: Account, kind: str, key: str, name: str, owner: AccountId | None, facts: tuple[WorkFact, ...]
    ) -> Chosen:
        if owner is None or not (owner == caller.id or is_operator(caller)):
            raise NotFoundError(kind, key)
        return Chosen(
            subject=Subject(kind=kind, id=key, name=name),
            tasks=frozenset(str(fact.task_id) for fact in facts),
            since=min((fact.submitted_at for fact in facts), default=None),
        )

    def _user(self, caller: Account, key: str) -> Chosen:
        account = self._account(caller, key, "user")
        return Chosen(subject=Subject(kind="user", id=account.id, name=account.email), account_id=account.id)

    def _project(self, caller: Account, key: str) -> Chosen:
        found = [one for one in self._store.projects() if key in (str(one.id), one.slug)]
        if not found or not (is_operator(caller) or caller.id in _members(found[0])):
            raise NotFoundError("project", key)
        project = found[0]
        facts = all_work_facts(self._store, project_id=str(project.id))
        return Chosen(
            subject=Subject(kind="project", id=str(project.id), name=project.name),
            tasks=frozenset(str(fact.task_id) for fact in facts),
            named_for=None if is_operator(caller) else caller.id,
            since=min((fact.submitted_at for fact in facts), default=None),
        )

    def _site(self, caller: Account, key: str) -> Chosen:
        if SiteId(key) not in self._hosts.seen(caller):
            raise NotFoundError("site", key)
        name = self._fleet.site(SiteId(key)).name
        return Chosen(subject=Subject(kind="site", id=key, name=name), sites=(SiteId(key),))

    def _host(self, caller: Account, key: str) -> Chosen:
        account = self._account(caller, key, "host")
        sites = tuple(
            site_id
            for site_id in sorted(self._hosts.seen(caller))
            if account.email in self._hosts.agreement(caller, site_id).hosts
        )
        if not sites:
            raise NotFoundError("host", key or account.email)
        return Chosen(subject=Subject(kind="host", id=account.email, name=account.email), sites=sites)

    def _whole_fleet(self, caller: Account, key: str) -> Chosen:
        if key not in ("", "all"):
            raise NotFoundError("fleet", key)
        sites = tuple(sorted(self._hosts.seen(caller)))
        if not sites:
            raise NotFoundError("fleet", "with a site that this account may see")
        name = self._fleet.name if len(sites) == len(self._fleet.sites) else f"the {len(sites)} sites that you see"
        return Chosen(subject=Subject(kind="fleet", id="", name=name), sites=sites)

    def _account(self, caller: Account, key: str, kind: str) -> Account:
        if key in ME or key in (caller.email, str(caller.id)):
            return caller
        found = self._store.account_by_email(key) or self._store.account(AccountId(key))
        if found is None or not is_operator(caller):
            raise NotFoundError(kind, key)
        return found


def _members(project: Project) -> tuple[AccountId, ...]:
    return (*project.members, *project.default_for)
