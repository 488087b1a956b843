"""Tasks, instances and attempts in SQL."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from ondol.model.compute import Attempt, Instance, InstanceState, Task
from ondol.model.ids import AccountId, TaskId, instance_id
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Changes
from ondol.storage.rows import decode, encode
from ondol.storage.sql import tables
from ondol.storage.sql.database import Database
from ondol.storage.sql.listing import page
from ondol.storage.sql.writing import write_listed
from ondol.storage.times import to_us


class _Begun(msgspec.Struct):
    """What of a task tells about its instances before anything happened to them."""

    instance_numbers: tuple[int, ...]
    created_at: dt.datetime


_BEGUN = msgspec.json.Decoder(_Begun)


class SqlTasks:
    """The tasks' part of the store."""

    _database: Database

    def task(self, task_id: TaskId) -> Task | None:
        return self._database.noun(tables.task, Task, id=task_id)

    def task_by_shortname(self, account_id: AccountId, shortname: str) -> Task | None:
        return self._database.noun(tables.task, Task, account_id=account_id, shortname=shortname)

    def tasks(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Task]:
        with self._database.reading() as connection:
            bodies, following = page(connection, tables.task, account_id, query, token, limit)
        return Page(tuple(decode(body, Task) for body in bodies), following)

    def open_tasks(self) -> tuple[Task, ...]:
        t = tables.task.c
        return self._database.decoded(sa.select(t.body).where(t.open).order_by(t.id), Task)

    def mortal_tasks(self, before: dt.datetime | None = None) -> tuple[Task, ...]:
        t = tables.task.c
        query = sa.select(t.body).where(t.expires_us.is_not(None))
        if before is not None:
            query = query.where(t.expires_us < to_us(before))
        return self._database.decoded(query.order_by(t.expires_us, t.id), Task)

    def instances(self, task_id: TaskId) -> tuple[Instance, ...]:
        t, i = tables.task.c, tables.instance.c
        with self._database.reading() as connection:
            body = connection.execute(sa.select(t.body).where(t.id == task_id)).scalar()
            rows = connection.execute(sa.select(i.body).where(i.task_id == task_id)).scalars().all()
        known = [decode(bytes(row), Instance) for row in rows]
        if body is None:
            return tuple(sorted(known, key=lambda one: one.number))
        begun = _BEGUN.decode(bytes(body))
        return _completed(task_id, known, begun.instance_numbers, begun.created_at)

    def attempts(self, task_id: TaskId) -> tuple[Attempt, ...]:
        a = tables.attempt.c
        return self._database.decoded(sa.select(a.body).where(a.task_id == task_id).order_by(a.id), Attempt)

    def parts(self, tasks: Sequence[Task]) -> dict[TaskId, tuple[tuple[Instance, ...], tuple[Attempt, ...]]]:
        i, a = tables.instance.c, tables.attempt.c
        keys = [task.id for task in tasks]
        with self._database.reading() as connection:
            instances = connection.execute(sa.select(i.body).where(self._database.among(i.task_id, keys))).scalars()
            known: dict[TaskId, list[Instance]] = defaultdict(list)
            for body in instances:
                instance = decode(bytes(body), Instance)
                known[instance.task_id].append(instance)
            rows = connection.execute(
                sa.select(a.body).where(self._database.among(a.task_id, keys)).order_by(a.id)
            ).scalars()
            tries: dict[TaskId, list[Attempt]] = defaultdict(list)
            for body in rows:
                attempt = decode(bytes(body), Attempt)
                tries[attempt.task_id].append(attempt)
        return {
            task.id: (
                _completed(task.id, known[task.id], task.instance_numbers, task.created_at),
                tuple(tries[task.id]),
            )
            for task in tasks
        }


def _completed(
    task_id: TaskId, known: list[Instance], numbers: tuple[int, ...], created_at: dt.datetime
) -> tuple[Instance, ...]:
    """Instances by number, with those of which no row was written."""
    seen = {one.number for one in known}
    return tuple(
        sorted(
            [*known, *(queued(task_id, number, created_at) for number in numbers if number not in seen)],
            key=lambda one: one.number,
        )
    )


def queued(task_id: TaskId, number: int, created_at: dt.datetime) -> Instance:
    """Give an instance to which nothing has happened since its task was created."""
    return Instance(id=instance_id(task_id, number), task_id=task_id, number=number, since=created_at)


def write_tasks(database: Database, connection: sa.Connection, changes: Changes) -> None:
    """Write tasks with their parts; instances of new tasks that are merely queued need no row."""
    new = write_listed(database, connection, tables.task, changes.tasks, changes.deleted_tasks)
    created = {task.id: task for task in changes.tasks if task.id in new}
    parts = [one for one in changes.instances if not _merely_queued(one, created.get(one.task_id))]
    database.upsert(connection, tables.instance, [_part_columns(one) for one in parts])
    database.upsert(connection, tables.attempt, [_part_columns(one) for one in changes.attempts])
    if changes.deleted_tasks:
        for table in (tables.instance, tables.attempt):
            connection.execute(table.delete().where(database.among(table.c.task_id, changes.deleted_tasks)))


def _merely_queued(one: Instance, new: Task | None) -> bool:
    if new is None or one.state is not InstanceState.QUEUED or one.attempts or one.failures:
        return False
    return one.since == new.created_at and one.number in new.instance_numbers


def _part_columns(part: Instance | Attempt) -> tuple[str, str, bytes]:
    return part.id, part.task_id, encode(part)
