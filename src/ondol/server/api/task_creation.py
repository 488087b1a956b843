"""Creates tasks, one or many in one go, and says of each what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from fastapi import Response

from ondol.control.ports import Desk
from ondol.control.quote_book import LABEL
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError, NotFoundError, OndolError
from ondol.model.ids import TaskId
from ondol.server.api.intake import invalid_task, read_task
from ondol.server.api.lookups import Lookups
from ondol.server.api.quote_taking import as_quoted
from ondol.server.errors import InvalidRequestError, status_of
from ondol.server.once.creation import Commit
from ondol.storage.ports import Reply

MOST_AT_ONCE = 10_000  # tasks of one list: each is held in memory whole until all are stored


def create_one(desk: Desk, lookups: Lookups, body: object, commit: Commit) -> Response:
    """Create a task, answer `{"uuid"}`."""
    asked = read_task(body, task_id=TaskId(str(uuid.uuid4())), lookups=lookups)
    try:
        with as_quoted(desk, asked) as task:
            return commit({"uuid": task.id}, _submit(desk, [task]), made=(task.id,))
    except OndolError as error:
        raise as_task_error(error) from error


def create_many(desk: Desk, lookups: Lookups, bodies: list[Any], commit: Commit) -> Response:
    """Create tasks, answer `[{"statusCode", "uuid", "message"}]` in their order.

    Those that can be accepted are, all in one step; 200 where that is all, 207 where it is some, else 4xx.
    """
    if len(bodies) > MOST_AT_ONCE:
        raise InvalidRequestError(f"At most {MOST_AT_ONCE} tasks at once; send {len(bodies)} in several lists")
    answers: list[dict[str, Any]] = [{} for _ in bodies]
    good: dict[int, Task] = {}
    names: set[str] = set()
    for row, body in enumerate(bodies):
        try:
            task = read_task(body, task_id=TaskId(str(uuid.uuid4())), lookups=lookups)
            if LABEL in task.labels:
                raise InvalidFieldError(f"labels.{LABEL}", task.labels[LABEL], "a task sent alone, or no such label")
            if task.shortname and task.shortname in names:
                raise _twin(task.shortname)
        except OndolError as error:
            answers[row] = _refused(error)
            continue
        names.add(task.shortname)
        good[row] = task
        answers[row] = {"statusCode": 200, "uuid": task.id, "message": None}
    # As a rule all that could be read is accepted in the first round; only where the desk refuses, each is looked at.
    while good or not bodies:
        try:
            return commit(
                answers,
                _submit(desk, list(good.values())),
                made=tuple(task.id for task in good.values()),
                status=200 if len(good) == len(bodies) else 207,
            )
        except OndolError as error:
            if status_of(error) >= 500:
                raise
            refused = _refused_by(desk, good) or dict.fromkeys(good, error)
            for row, why in refused.items():
                answers[row] = _refused(why)
                del good[row]
    statuses = {answer["statusCode"] for answer in answers}
    return commit(answers, _nothing, made=(), status=statuses.pop() if len(statuses) == 1 else 400)


def as_task_error(error: OndolError) -> OndolError:
    """404 on creation means a missing bucket to the SDKs; anything else that is missing is an invalid field."""
    if isinstance(error, InvalidFieldError):
        return invalid_task([error])
    if isinstance(error, NotFoundError) and error.kind != "bucket":
        return InvalidRequestError(f"Invalid task file. Invalid fields: {error.kind}. {error}")
    return error


def _submit(desk: Desk, tasks: list[Task]) -> Callable[[Reply | None], None]:
    return (lambda reply: desk.submit(tasks, reply)) if tasks else _nothing


def _nothing(_reply: Reply | None) -> None:
    """Nothing is stored where nothing was accepted."""


def _refused_by(desk: Desk, tasks: dict[int, Task]) -> dict[int, OndolError]:
    """Which tasks the desk would refuse by themselves, and why."""
    refused: dict[int, OndolError] = {}
    for row, task in tasks.items():
        try:
            desk.check(task)
        except OndolError as error:
            refused[row] = error
    return refused


def _refused(error: OndolError) -> dict[str, Any]:
    error = as_task_error(error)
    return {"statusCode": status_of(error), "uuid": None, "message": str(error)}


def _twin(shortname: str) -> InvalidFieldError:
    return InvalidFieldError("shortname-uniqueness", shortname, "a shortname that no task of yours has")
