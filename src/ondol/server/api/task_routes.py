"""Routes of single tasks: create (one or many), get, update, abort, delete, snapshots."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.compute import Task
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError, NotFoundError, OndolError
from ondol.model.ids import TaskId
from ondol.server.api.intake import invalid_task, read_task, read_update
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.wire_in import Snapshot, TaskCreation, TaskUpdate, read_body
from ondol.server.api.wire_out import task_out
from ondol.server.errors import InvalidRequestError, NotOfferedError, status_of

router = APIRouter(tags=["tasks"])
Key = Annotated[str, Path(description="UUID or shortname of the task")]


@router.post("/tasks", summary="Create a task, or several", openapi_extra=body_docs(TaskCreation, or_list=True))
def create(caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """One object answers `{"uuid"}`; a list answers `[{"statusCode", "uuid", "message"}]` in its order.

    A list is answered with 200 where all were accepted, 207 where some were, 4xx where none was.
    """
    if isinstance(body, list):
        return _create_many(caller, desk, body)
    task = _read(caller, desk, body, set())
    try:
        desk.submit([task])
    except OndolError as error:
        raise _as_task_error(error) from error
    return JSONResponse({"uuid": task.id}, headers={"Location": f"/v1/tasks/{task.id}"})


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


@router.patch("/tasks/{key}", summary="Fetch resources again on the nodes (not offered yet)")
def refresh(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """404 for an unknown task, 400 for one that is over, else 501."""
    task = desk.detail(caller.id, key).task
    if task.state.final:
        raise InvalidRequestError(f"Task {key} is over ({task.state.value}): there is nothing to refresh")
    raise NotOfferedError("Refreshing the resources of a task is", "Submit a new task for new inputs")


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


@router.post("/tasks/{key}/snapshot", summary="Upload the results so far", openapi_extra=body_docs(Snapshot))
def snapshot(key: Key, caller: Caller, desk: DeskIn, body: JsonBody) -> dict[str, str]:
    """Answers the snapshot's id; follow `resultsCount` of the task to see it arrive."""
    _only_interval(read_body(Snapshot, body or {}))
    try:
        return {"id": desk.snapshot(caller.id, key)}
    except ConflictError as error:
        raise ForbiddenError(str(error)) from error


@router.post("/tasks/{key}/snapshot/periodic", summary="Upload results now and then", openapi_extra=body_docs(Snapshot))
def periodic(key: Key, caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """Every `interval` seconds of wall time; 0 stops it."""
    asked = read_body(Snapshot, body or {})
    _only_interval(asked)
    if asked.interval is None or not 0 <= asked.interval <= 10**9:
        raise InvalidFieldError("interval", asked.interval, "seconds, 0 (stop) to 1000000000")
    try:
        desk.set_snapshot_interval(caller.id, key, asked.interval)
    except ConflictError as error:
        raise ForbiddenError(str(error)) from error
    return Response()


@router.get("/tasks/{key}/snapshot/{snapshot_id}", summary="State of a snapshot (not offered yet)")
def snapshot_state(key: Key, snapshot_id: str, caller: Caller, desk: DeskIn) -> Response:
    """404 for an unknown task, else 501."""
    desk.detail(caller.id, key)
    raise NotOfferedError(f"The state of snapshot {snapshot_id} is", "Watch resultsCount of the task")


@router.get("/network/tasks/{key}/port-forward", summary="Open ports of a task's instances")
def port_forward(key: Key, caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """Always empty: jobs get no open ports here."""
    desk.detail(caller.id, key)
    return {}


def _create_many(caller: Account, desk: Desk, bodies: list[Any]) -> JSONResponse:
    answers: list[dict[str, Any]] = [{} for _ in bodies]
    good: dict[int, Task] = {}
    names: set[str] = set()
    for row, body in enumerate(bodies):
        try:
            task = _read(caller, desk, body, names)
            desk.check(task)
            good[row] = task
        except OndolError as error:
            answers[row] = _bulk_error(error)
    try:
        desk.submit(good.values())
        accepted = set(good)
    except OndolError:  # the world changed since the check: let each stand for itself
        accepted = set()
        for row, task in good.items():
            try:
                desk.submit([task])
                accepted.add(row)
            except OndolError as error:
                answers[row] = _bulk_error(error)
    for row in accepted:
        answers[row] = {"statusCode": 200, "uuid": good[row].id, "message": None}
    if len(accepted) == len(bodies):
        return JSONResponse(answers)
    statuses = {answer["statusCode"] for answer in answers}
    status = 207 if accepted else statuses.pop() if len(statuses) == 1 else 400
    return JSONResponse(answers, status)


def _bulk_error(error: OndolError) -> dict[str, Any]:
    error = _as_task_error(error)
    return {"statusCode": status_of(error), "uuid": None, "message": str(error)}


def _read(caller: Account, desk: Desk, body: object, names: set[str]) -> Task:
    task = read_task(
        body,
        task_id=TaskId(str(uuid.uuid4())),
        account_id=caller.id,
        now=desk.platform_time(),
        fleet=desk.fleet(),
    )
    if task.shortname:
        if task.shortname in names or _exists(desk, caller, task.shortname):
            taken = InvalidFieldError("shortname-uniqueness", task.shortname, "a shortname that no task of yours has")
            raise invalid_task([taken])
        names.add(task.shortname)
    return task


def _exists(desk: Desk, caller: Account, key: str) -> bool:
    try:
        desk.detail(caller.id, key)
    except NotFoundError:
        return False
    return True


def _as_task_error(error: OndolError) -> OndolError:
    """404 on creation means a missing bucket to the SDKs; anything else that is missing is an invalid field."""
    if isinstance(error, InvalidFieldError):
        return invalid_task([error])
    if isinstance(error, NotFoundError) and error.kind != "bucket":
        return InvalidRequestError(f"Invalid task file. Invalid fields: {error.kind}. {error}")
    return error


def _only_interval(asked: Snapshot) -> None:
    if asked.whitelist or asked.blacklist or asked.bucket or asked.bucket_prefix:
        raise NotOfferedError(
            "Snapshots with a filter, bucket or prefix of their own are",
            "Leave them out: a snapshot takes what the task's result filters let through, into its result bucket",
        )
