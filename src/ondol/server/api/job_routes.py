"""Routes of jobs: create, list, look, terminate, delete."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.errors import InvalidFieldError, NotFoundError, OndolError
from ondol.model.ids import JobId
from ondol.server.api.group_pages import Groups, named, page_of, rows_of, searched
from ondol.server.api.job_wire import JobCreation, invalid_job, job_out, read_job
from ondol.server.api.pages import shown
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.wire_in import PageRequest, SearchRequest, read_body
from ondol.server.api.wire_out import task_out
from ondol.server.once.creation import Commit, OnceIn

router = APIRouter(tags=["jobs"])
Key = Annotated[str, Path(description="UUID or shortname of the job")]
_FIELDS = named(
    {
        "uuid": "id",
        "name": "name",
        "shortname": "shortname",
        "state": "state",
        "tags": "tags",
        "pooluuid": "pool_id",
        "creationdate": "created_at",
        "lastmodified": "modified_at",
        "enddate": "ended_at",
        "statetransitiontime": "state_since",
        "usedependencies": "use_dependencies",
    }
)
Tags = Annotated[list[str], Query(description="any of these; a comma parts several", default_factory=list)]


@router.post("/jobs", summary="Create a job", openapi_extra=body_docs(JobCreation))
def create(caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """Answers `{"uuid"}`."""
    return once.run(lambda commit: _created(caller, desk, body, commit))


@router.get("/jobs", summary="All jobs, or those with a tag")
def all_jobs(caller: Caller, desk: DeskIn, tag: Tags) -> JSONResponse:
    """Newest first."""
    return JSONResponse(rows_of(_jobs(desk), caller.id, desk.platform_time(), tag))


@router.post("/jobs/paginate", summary="A page of jobs", openapi_extra=body_docs(PageRequest))
def page(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """Newest first unless ordered otherwise; go on with `nextToken` while `isTruncated`."""
    return JSONResponse(page_of(_jobs(desk), caller.id, desk.platform_time(), read_body(PageRequest, body or {})))


@router.post(
    "/jobs/search", summary="Chosen fields of the jobs that a filter keeps", openapi_extra=body_docs(SearchRequest)
)
def search(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """All fields where none is selected; names of fields in any case."""
    return JSONResponse(searched(_jobs(desk), caller.id, desk.platform_time(), read_body(SearchRequest, body or {})))


@router.get("/jobs/{key}", summary="A job")
def get(key: Key, caller: Caller, desk: DeskIn) -> JSONResponse:
    """As it is now."""
    return JSONResponse(job_out(desk.jobs.get(caller.id, key), desk.platform_time()))


@router.get("/jobs/{key}/tasks", summary="The tasks of a job")
def tasks(key: Key, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Whole, newest first."""
    return JSONResponse(shown(desk, list(desk.jobs.tasks(caller.id, key)), task_out))


@router.post("/jobs/{key}/terminate", summary="End a job")
def terminate(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """Its tasks are cancelled and it takes no more; nothing happens where it is over."""
    desk.jobs.terminate(caller.id, key)
    return Response()


@router.delete("/jobs/{key}", summary="Delete a job")
def delete(key: Key, caller: Caller, desk: DeskIn, force: str = "false") -> Response:
    """403 where it has tasks left, unless `force=true`: then they are deleted with it."""
    desk.jobs.delete(caller.id, key, force=force.strip().lower() in ("true", "1"))
    return Response()


def _created(caller: Account, desk: Desk, body: object, commit: Commit) -> Response:
    job = read_job(body, job_id=JobId(str(uuid.uuid4())), account_id=caller.id, now=desk.platform_time())
    try:
        return commit({"uuid": job.id}, lambda reply: desk.jobs.create(job, reply), made=(job.id,))
    except (InvalidFieldError, NotFoundError) as error:
        raise _as_job_error(error) from error


def _jobs(desk: DeskIn) -> Groups:
    return Groups(fetch=desk.jobs.page, show=job_out, fields=_FIELDS)


def _as_job_error(error: InvalidFieldError | NotFoundError) -> OndolError:
    """A creation's 404 means a missing job to the SDKs: a pool that is missing is an invalid field."""
    if isinstance(error, InvalidFieldError):
        return invalid_job([error])
    return invalid_job([InvalidFieldError("poolUuid", error.key, "a pool of yours that takes tasks")])
