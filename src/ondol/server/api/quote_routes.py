"""`/quotes/v1`: what a task would take in several ways; accept one; how good they were."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from ondol.control.directory import OPERATOR
from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.errors import ConflictError, InvalidFieldError, OndolError
from ondol.model.ids import TaskId
from ondol.model.quote import NAMES
from ondol.server.api.intake import read_task
from ondol.server.api.lookups import Lookups
from ondol.server.api.quote_out import quality_out, quote_out
from ondol.server.api.quote_taking import taken_task
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.task_creation import as_task_error
from ondol.server.api.wire_in import TaskCreation
from ondol.server.errors import InvalidRequestError
from ondol.server.once.creation import Commit, OnceIn

router = APIRouter(prefix="/quotes/v1", tags=["quotes"])
Id = Annotated[str, Path(description="id of a quote of yours")]
_ACCEPT = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["option"],
                    "properties": {"option": {"type": "string", "enum": list(NAMES)}},
                }
            }
        },
    }
}


@router.post("", summary="Quote a task", openapi_extra=body_docs(TaskCreation))
def give(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """The body of a task's creation; nothing is submitted. What creation would refuse is refused alike."""
    if isinstance(body, list):
        raise InvalidRequestError("One task at a time: a quote is of one body")
    task = read_task(body, task_id=TaskId("quoted"), lookups=Lookups(desk, caller))
    try:
        return JSONResponse(quote_out(desk.quotes.give(task, json.dumps(body))))
    except OndolError as error:
        raise as_task_error(error) from error


@router.get("", summary="Your quotes, the latest first")
def listed(caller: Caller, desk: DeskIn, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> JSONResponse:
    """Those that nobody took are kept for a day."""
    desk.quotes.settle()
    return JSONResponse([quote_out(one) for one in desk.quotes.list(caller.id, limit)])


@router.get("/quality", summary="How good quotes were")
def quality(
    caller: Caller,
    desk: DeskIn,
    last: Annotated[int, Query(ge=1, le=1000, description="of so many quotes that were taken")] = 500,
    days: Annotated[int | None, Query(ge=1, le=3660, description="and of the last so many days")] = None,
    every: Annotated[bool, Query(alias="all", description="of all accounts; for the operator")] = False,
) -> JSONResponse:
    """Share kept, its interval of 95 % and median error of your quotes that were taken.

    Of every task, quoted or not, the share of p90 that was kept.
    """
    operator = caller.email == OPERATOR
    if every and not operator:
        raise InvalidFieldError("all", every, "false: only the operator sees quotes of others")
    rows = desk.quotes.quality(None if every else caller.id, last, days)
    return JSONResponse(quality_out(rows, desk.quotes.of_all_tasks(), counted=operator))


@router.get("/{quote_id}", summary="A quote")
def get(quote_id: Id, caller: Caller, desk: DeskIn) -> JSONResponse:
    """With what came of it, once its task is over."""
    desk.quotes.settle()
    return JSONResponse(quote_out(desk.quotes.get(caller.id, quote_id)))


@router.post("/{quote_id}/accept", summary="Take an option: create its task", openapi_extra=_ACCEPT)
def accept(quote_id: Id, caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """Answers `{"uuid"}` of the task, the same one when asked again; 409 for what is not valid any more or was taken.

    The task has exactly the body, class and deadline of the option, and is held to budgets as any other.
    """
    name = body.get("option") if isinstance(body, dict) else None
    if not isinstance(name, str) or name not in NAMES:
        raise InvalidFieldError("option", name, "one of " + ", ".join(NAMES))
    before = desk.quotes.taken(caller.id, quote_id, name)
    if before is not None:
        return JSONResponse({"uuid": before})
    try:
        return once.run(lambda commit: _take(desk, caller, quote_id, name, commit))
    except ConflictError:
        before = desk.quotes.taken(caller.id, quote_id, name)  # by another request meanwhile
        if before is None:
            raise
        return JSONResponse({"uuid": before})


def _take(desk: Desk, caller: Account, quote_id: str, name: str, commit: Commit) -> Response:
    with desk.quotes.claim(caller.id, quote_id, name) as (quote, option, task_id):
        body = json.loads(quote.body)
        task = taken_task(desk, read_task(body, task_id=task_id, lookups=Lookups(desk, caller)), quote, option)
        try:
            return commit({"uuid": task.id}, lambda reply: desk.submit([task], reply), made=(task.id,))
        except OndolError as error:
            raise as_task_error(error) from error
