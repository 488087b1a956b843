"""Routes of single tasks: create (one or many), make anew, get, update, refresh, abort, delete, open ports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.errors import ConflictError, ForbiddenError
from ondol.server.api.admission_routes import with_admission
from ondol.server.api.again import body_again
from ondol.server.api.intake import read_update
from ondol.server.api.lookups import Lookups
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.status_out import forwards_out
from ondol.server.api.task_creation import create_many, create_one
from ondol.server.api.wire_in import TaskCreation, TaskUpdate
from ondol.server.api.wire_out import task_out
from ondol.server.errors import InvalidRequestError, NotOfferedError
from ondol.server.once.creation import Once, OnceIn

router = APIRouter(tags=["tasks"])
Key = Annotated[str, Path(description="UUID or shortname of the task")]
_AGAIN = body_docs(TaskCreation)
_ABSENT: dict[int | str, dict[str, Any]] = {501: {}}


@router.post("/tasks", summary="Create a task, or several", openapi_extra=body_docs(TaskCreation, or_list=True))
def create(caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """One object answers `{"uuid"}`; a list answers `[{"statusCode", "uuid", "message"}]` in its order.

    A list is answered with 200 where all were accepted, 207 where some were, 4xx where none was.
    """
    lookups = Lookups(desk, caller)
    if isinstance(body, list):
        answer = once.run(lambda commit: create_many(desk, lookups, body, commit))
    else:
        answer = once.run(lambda commit: create_one(desk, lookups, body, commit))
    return with_admission(answer, desk, caller)


@router.post("/tasks/force", summary="Create a task over quotas (not offered)", responses=_ABSENT)
def force(_caller: Caller) -> Response:
    """501: quotas hold for everybody; the administrator of an installation changes them."""
    raise NotOfferedError("Creating tasks over quotas is", "Create tasks with POST /tasks")


@router.get("/tasks/{key}", summary="A task")
def get(key: Key, caller: Caller, desk: DeskIn) -> JSONResponse:
    """All of it, as the platform knows it now."""
    return JSONResponse(task_out(desk.detail(caller.id, key), desk.platform_time()))


@router.put("/tasks/{key}", summary="Change constants and tags", openapi_extra=body_docs(TaskUpdate))
def update(key: Key, caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """Other fields of the body are passed over: clients send the whole task. Running attempts keep what they have."""
    constants, tags = read_update(body, desk.detail(caller.id, key).task)
    desk.update(caller.id, key, constants=constants, tags=tags)
    return Response()


@router.patch("/tasks/{key}", summary="Fetch new and changed resources on the nodes")
def refresh(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """For its running instances; nothing is removed there. 400 where none runs."""
    try:
        desk.refresh(caller.id, key)
    except ConflictError as error:
        raise InvalidRequestError(str(error)) from error
    return Response()


@router.delete("/tasks/{key}", summary="Delete a task")
def delete(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """Aborts it first where it runs. Its rows stay in the ledger."""
    desk.delete(caller.id, key)
    return Response()


@router.post("/tasks/{key}/abort", summary="Abort a task")
def abort(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """403 where it is over already."""
    try:
        desk.abort(caller.id, key)
    except ConflictError as error:
        raise ForbiddenError(str(error)) from error
    return Response()


@router.post("/tasks/{key}/clone", summary="A new task like this one", openapi_extra=_AGAIN)
def clone(key: Key, caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """What the body says is different. Answers the new task's `{"uuid"}`."""
    return _again(key, "clone", caller, desk, body, once)


@router.post("/tasks/{key}/retry", summary="A new task of the failed instances", openapi_extra=_AGAIN)
def retry(key: Key, caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """400 where none failed."""
    return _again(key, "retry", caller, desk, body, once)


@router.post("/tasks/{key}/recover", summary="A new task of the failed and cancelled instances", openapi_extra=_AGAIN)
def recover(key: Key, caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """400 where there is none."""
    return _again(key, "recover", caller, desk, body, once)


@router.post("/tasks/{key}/resume", summary="A new task of the cancelled instances", openapi_extra=_AGAIN)
def resume(key: Key, caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """400 where none was cancelled."""
    return _again(key, "resume", caller, desk, body, once)


@router.post("/tasks/{key}/restart", summary="Restart a task (not offered)", deprecated=True, responses=_ABSENT)
def restart(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """404 for an unknown task, else 501: its answer could not name the new task."""
    desk.detail(caller.id, key)
    raise NotOfferedError("Restarting a task is", "Use retry, recover, resume or clone: they answer the new task")


@router.get("/network/tasks/{key}/port-forward", summary="Open ports of a task's instances")
def port_forward(key: Key, caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """By number of instance, then by name of the rule; empty for instances that have none or do not run."""
    return forwards_out(desk.detail(caller.id, key))


def _again(key: str, word: str, caller: Account, desk: Desk, body: object, once: Once) -> Response:
    lookups = Lookups(desk, caller)
    answer = once.run(
        lambda commit: create_one(desk, lookups, body_again(desk.detail(caller.id, key), body, word), commit)
    )
    return with_admission(answer, desk, caller)
