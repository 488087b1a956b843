"""Routes that list tasks: by tag, by page, by search; whole or as summaries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from ondol.server.api.pages import every_task, most_of, page_out, selected, shown, with_any_tag
from ondol.server.api.push_down import pushed_down
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.wire_in import PageRequest, SearchRequest, read_body
from ondol.server.api.wire_out import summary_out, task_out

router = APIRouter(tags=["tasks"])
Tags = Annotated[list[str], Query(description="any of these; a comma parts several", default_factory=list)]


@router.get("/tasks", summary="All tasks, or those with a tag")
def all_tasks(caller: Caller, desk: DeskIn, tag: Tags) -> JSONResponse:
    """Newest first, whole. Long lists are better read by pages."""
    tasks = list(every_task(desk, caller.id, with_any_tag(tag)))
    return JSONResponse(shown(desk, tasks, task_out))


@router.get("/tasks/summaries", summary="All tasks in short, or those with a tag")
def all_summaries(caller: Caller, desk: DeskIn, tag: Tags) -> JSONResponse:
    """Newest first: identity, progress, counts, times and state."""
    tasks = list(every_task(desk, caller.id, with_any_tag(tag)))
    return JSONResponse(shown(desk, tasks, summary_out))


@router.post("/tasks/paginate", summary="A page of tasks", openapi_extra=body_docs(PageRequest))
def page(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """Newest first unless ordered otherwise; go on with `nextToken` while `isTruncated`."""
    return JSONResponse(page_out(desk, caller.id, read_body(PageRequest, body or {}), task_out))


@router.post("/tasks/summaries/paginate", summary="A page of tasks in short", openapi_extra=body_docs(PageRequest))
def summaries_page(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """As `/tasks/paginate`, summaries."""
    return JSONResponse(page_out(desk, caller.id, read_body(PageRequest, body or {}), summary_out))


@router.post(
    "/tasks/search", summary="Chosen fields of the tasks that a filter keeps", openapi_extra=body_docs(SearchRequest)
)
def search(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """All fields where none is selected; names of fields in any case."""
    asked = read_body(SearchRequest, body or {})
    most = most_of(asked)
    tasks = []
    for task in every_task(desk, caller.id, *pushed_down(asked.filter)):
        tasks.append(task)
        if len(tasks) == most:
            break
    return JSONResponse(selected(shown(desk, tasks, task_out), asked))
