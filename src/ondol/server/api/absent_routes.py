"""Routes of the contract that are not served yet: 501, which no SDK retries."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ondol.server.api.request import Caller, DeskIn
from ondol.server.errors import NotOfferedError

router = APIRouter(tags=["not offered yet"])


@router.post("/tasks/{key}/clone", summary="Clone a task (not offered yet)")
@router.post("/tasks/{key}/retry", summary="Run failed instances again (not offered yet)")
@router.post("/tasks/{key}/recover", summary="Run failed and cancelled instances again (not offered yet)")
@router.post("/tasks/{key}/resume", summary="Run cancelled instances again (not offered yet)")
@router.post("/tasks/{key}/restart", summary="Restart a task (not offered yet)")
def again(key: str, caller: Caller, desk: DeskIn) -> Response:
    """404 for an unknown task, else 501."""
    desk.detail(caller.id, key)
    raise NotOfferedError("Cloning, retrying, recovering and resuming tasks are", "Submit a new task")
