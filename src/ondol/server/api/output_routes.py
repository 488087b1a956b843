"""Routes of what jobs said: GET gives all of it, POST what is new since the last POST."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from ondol.control.ports import Desk
from ondol.model.errors import NotFoundError
from ondol.model.ids import AccountId
from ondol.server.api.request import Caller, DeskIn


def said(request: Request, text: str) -> Response:
    """Give a text as plain text; as JSON to who sends no `Accept` at all: the Go SDK reads nothing else."""
    return PlainTextResponse(text) if "accept" in request.headers else JSONResponse(text)


router = APIRouter(tags=["output"], default_response_class=PlainTextResponse)
Key = Annotated[str, Path(description="UUID or shortname of the task")]
Number = Annotated[str, Path(description="number of the instance")]


@router.get("/tasks/{key}/stdout", summary="All of stdout")
def stdout(key: Key, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Of every instance; several are told apart by `<number>> ` before each line."""
    return said(request, desk.output(caller.id, key, "stdout", fresh=False))


@router.post("/tasks/{key}/stdout", summary="What is new on stdout")
def fresh_stdout(key: Key, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Since the last such call for this task."""
    return said(request, desk.output(caller.id, key, "stdout", fresh=True))


@router.get("/tasks/{key}/stderr", summary="All of stderr")
def stderr(key: Key, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Of every instance; several are told apart by `<number>> ` before each line."""
    return said(request, desk.output(caller.id, key, "stderr", fresh=False))


@router.post("/tasks/{key}/stderr", summary="What is new on stderr")
def fresh_stderr(key: Key, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Since the last such call for this task."""
    return said(request, desk.output(caller.id, key, "stderr", fresh=True))


@router.get("/tasks/{key}/stdout/{number}", summary="All of stdout of an instance")
def instance_stdout(key: Key, number: Number, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Over all its attempts."""
    return said(
        request, desk.output(caller.id, key, "stdout", number=_number(desk, caller.id, key, number), fresh=False)
    )


@router.post("/tasks/{key}/stdout/{number}", summary="What is new on stdout of an instance")
def fresh_instance_stdout(key: Key, number: Number, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Since the last such call for this instance."""
    return said(
        request, desk.output(caller.id, key, "stdout", number=_number(desk, caller.id, key, number), fresh=True)
    )


@router.get("/tasks/{key}/stderr/{number}", summary="All of stderr of an instance")
def instance_stderr(key: Key, number: Number, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Over all its attempts."""
    return said(
        request, desk.output(caller.id, key, "stderr", number=_number(desk, caller.id, key, number), fresh=False)
    )


@router.post("/tasks/{key}/stderr/{number}", summary="What is new on stderr of an instance")
def fresh_instance_stderr(key: Key, number: Number, caller: Caller, desk: DeskIn, request: Request) -> Response:
    """Since the last such call for this instance."""
    return said(
        request, desk.output(caller.id, key, "stderr", number=_number(desk, caller.id, key, number), fresh=True)
    )


def _number(desk: Desk, account_id: AccountId, key: str, text: str) -> int:
    """Number of an instance that the task has; raises NotFoundError("task instance", …) otherwise."""
    task = desk.detail(account_id, key).task
    if not text.isdecimal() or len(text) > 9 or int(text) not in task.instance_numbers:
        raise NotFoundError("task instance", f"{text} of task {key}")
    return int(text)
