"""Routes of the contract for what this installation has none of yet: pools, jobs, secrets, credits, clones.

Lists are empty and look-ups find nothing, which is true; whatever would create something answers 501, which no SDK
retries.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from ondol.model.errors import NotFoundError
from ondol.server.api.pages import empty_page
from ondol.server.api.request import Caller, DeskIn
from ondol.server.errors import NotOfferedError

router = APIRouter(tags=["not offered yet"])
_READ = ("GET", "PUT", "PATCH", "DELETE", "POST")


@router.get("/pools", summary="Pools: none")
@router.get("/pools/summaries", summary="Pools: none")
@router.post("/pools/search", summary="Pools: none")
@router.get("/jobs", summary="Jobs: none")
@router.post("/jobs/search", summary="Jobs: none")
def none_listed(_caller: Caller) -> list[dict[str, Any]]:
    """An empty list: there can be none yet."""
    return []


@router.post("/pools/paginate", summary="Pools: none")
@router.post("/pools/summaries/paginate", summary="Pools: none")
@router.post("/jobs/paginate", summary="Jobs: none")
def none_paged(_caller: Caller) -> dict[str, Any]:
    """An empty page: there can be none yet."""
    return empty_page()


@router.post("/pools", summary="Create a pool (not offered yet)")
@router.post("/sanity-checks/pools/scaling", summary="Check a pool's scaling (not offered yet)")
def create_pool(_caller: Caller) -> Response:
    """501."""
    raise NotOfferedError("Pools are", "Submit tasks with a profile in place of a pool")


@router.post("/jobs", summary="Create a job (not offered yet)")
def create_job(_caller: Caller) -> Response:
    """501."""
    raise NotOfferedError("Jobs are", "Submit tasks without a job; use tags to keep them together")


@router.api_route("/pools/{key}", methods=list(_READ), summary="A pool: none", include_in_schema=False)
@router.api_route("/pools/{key}/{what}", methods=list(_READ), summary="A pool: none", include_in_schema=False)
@router.api_route("/pools/{key}/{what}/{part}", methods=list(_READ), summary="A pool: none", include_in_schema=False)
@router.get("/carbon/v1/pools/{key}/carbon-facts", summary="Carbon facts of a pool: none")
def no_pool(key: str, _caller: Caller) -> Response:
    """404: there can be none yet."""
    raise NotFoundError("pool", key)


@router.api_route("/jobs/{key}", methods=list(_READ), summary="A job: none", include_in_schema=False)
@router.api_route("/jobs/{key}/{what}", methods=list(_READ), summary="A job: none", include_in_schema=False)
def no_job(key: str, _caller: Caller) -> Response:
    """404: there can be none yet."""
    raise NotFoundError("job", key)


@router.post("/tasks/{key}/clone", summary="Clone a task (not offered yet)")
@router.post("/tasks/{key}/retry", summary="Run failed instances again (not offered yet)")
@router.post("/tasks/{key}/recover", summary="Run failed and cancelled instances again (not offered yet)")
@router.post("/tasks/{key}/resume", summary="Run cancelled instances again (not offered yet)")
@router.post("/tasks/{key}/restart", summary="Restart a task (not offered yet)")
def again(key: str, caller: Caller, desk: DeskIn) -> Response:
    """404 for an unknown task, else 501."""
    desk.detail(caller.id, key)
    raise NotOfferedError("Cloning, retrying, recovering and resuming tasks are", "Submit a new task")
