"""`/admission/v1`: what a fleet does with each class of work now, and what was said of a task when it was accepted."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from ondol.control.admission_notes import AdmissionNotes
from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.admission import AdmissionNote
from ondol.model.errors import NotFoundError, OndolError
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn
from ondol.server.errors import NotOfferedError

router = APIRouter(prefix="/admission/v1", tags=["admission"])
HEADER = "Ondol-Admission"
_MOST_SHOWN = 50  # tasks of a list that the header counts one by one


async def admissions_of(request: Request) -> AdmissionNotes:
    """Who writes notes here."""
    admissions = request.app.state.admissions
    if admissions is None:
        raise NotOfferedError("Telling beforehand what becomes of work is")
    return cast("AdmissionNotes", admissions)


@router.get("", summary="What each class of work would be told now")
def classes(_caller: Caller, admissions: Annotated[AdmissionNotes, Depends(admissions_of)]) -> JSONResponse:
    """With the size of the fleet now and in the worst week of the year ahead."""
    notes = admissions.classes()
    return JSONResponse({"classes": [note_out(one) for one in notes]})


@router.get("/tasks/{key}", summary="What was said of a task when it was accepted")
def of_task(
    key: Annotated[str, Path(description="UUID or shortname of the task")], caller: Caller, desk: DeskIn
) -> JSONResponse:
    """As it was said then; how the task stands is told by `GET /tasks/{key}`."""
    task = desk.detail(caller.id, key).task
    if task.admission is None:
        raise NotFoundError("admission of task", key)
    return JSONResponse({"task": task.id, **note_out(task.admission)})


def note_out(note: AdmissionNote) -> dict[str, Any]:
    """A note as JSON."""
    said = cast("dict[str, Any]", plain(note))
    worst = note.capacity.worst_week
    said["capacity"]["worst_week"] = None if worst is None else worst.isoformat()
    said["heat"] = note.heat or None
    return said


def with_admission(response: Response, desk: Desk, caller: Account) -> Response:
    """Add to the answer of a creation what was said of the tasks, as headers: its body is the wire's own.

    `Ondol-Admission` is a structured field (RFC 8941): `flex;verdict=waits_for_heat;heat=neutral;start_p50="…"` for one
    task, and such items with `tasks=N` for a list. `Link` leads to all of it.
    """
    answer = msgspec.json.decode(response.body)
    rows = answer if isinstance(answer, list) else [answer]
    ids = [str(one["uuid"]) for one in rows if isinstance(one, dict) and one.get("uuid")]
    notes = []
    for key in ids[:_MOST_SHOWN]:
        try:
            note = desk.detail(caller.id, key).task.admission
        except OndolError:  # gone already, or storage is silent: the task is there, its answer must not say otherwise
            continue
        if note is not None:
            notes.append(note)
    if not notes:
        return response
    if isinstance(answer, dict):
        response.headers[HEADER] = _item(notes[0])
        response.headers["Link"] = f'</admission/v1/tasks/{ids[0]}>; rel="describedby"'
        return response
    items = Counter(_item(note, brief=True) for note in notes)
    response.headers[HEADER] = ", ".join(f"{item};tasks={count}" for item, count in items.items())
    response.headers["Link"] = '</admission/v1>; rel="describedby"'
    return response


def _item(note: AdmissionNote, *, brief: bool = False) -> str:
    parts = [note.service, f"verdict={note.verdict}"]
    if note.heat:
        parts.append(f"heat={note.heat}")
    if not brief:
        for name in ("start_p50", "start_p90", "latest_start", "heat_wanted_at"):
            when = getattr(note, name)
            if when is not None:
                parts.append(f'{name}="{plain(when)}"')
    return ";".join(parts)
