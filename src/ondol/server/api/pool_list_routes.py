"""Routes that list pools: by tag, by page, by search; whole or as summaries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from ondol.control.group_ports import PoolDetail
from ondol.model.ids import AccountId
from ondol.model.pool import ComputePool
from ondol.server.api.group_pages import Groups, named, page_of, rows_of, searched
from ondol.server.api.pool_out import pool_out, pool_summary_out
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.wire_in import PageRequest, SearchRequest, read_body

router = APIRouter(tags=["pools"])
Tags = Annotated[list[str], Query(description="any of these; a comma parts several", default_factory=list)]
Out = Callable[[PoolDetail, dt.datetime], dict[str, Any]]
_FIELDS = named(
    {
        "uuid": "id",
        "name": "name",
        "shortname": "shortname",
        "profile": "profile",
        "state": "state",
        "tags": "tags",
        "creationdate": "created_at",
        "lastmodified": "modified_at",
        "enddate": "ended_at",
        "statetransitiontime": "state_since",
        "schedulingtype": "scheduling",
    }
)


@router.get("/pools", summary="All pools, or those with a tag")
def all_pools(caller: Caller, desk: DeskIn, tag: Tags) -> JSONResponse:
    """Newest first, whole."""
    return JSONResponse(rows_of(_pools(desk, caller.id, pool_out), caller.id, desk.platform_time(), tag))


@router.get("/pools/summaries", summary="All pools in short, or those with a tag")
def all_summaries(caller: Caller, desk: DeskIn, tag: Tags) -> JSONResponse:
    """Newest first."""
    return JSONResponse(rows_of(_pools(desk, caller.id, pool_summary_out), caller.id, desk.platform_time(), tag))


@router.post("/pools/paginate", summary="A page of pools", openapi_extra=body_docs(PageRequest))
def page(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """Newest first unless ordered otherwise; go on with `nextToken` while `isTruncated`."""
    asked = read_body(PageRequest, body or {})
    return JSONResponse(page_of(_pools(desk, caller.id, pool_out), caller.id, desk.platform_time(), asked))


@router.post("/pools/summaries/paginate", summary="A page of pools in short", openapi_extra=body_docs(PageRequest))
def summaries_page(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """As `/pools/paginate`, summaries."""
    asked = read_body(PageRequest, body or {})
    return JSONResponse(page_of(_pools(desk, caller.id, pool_summary_out), caller.id, desk.platform_time(), asked))


@router.post("/pools/search", summary="Chosen fields of the pools kept", openapi_extra=body_docs(SearchRequest))
def search(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """All fields where none is selected; names of fields in any case."""
    asked = read_body(SearchRequest, body or {})
    return JSONResponse(searched(_pools(desk, caller.id, pool_out), caller.id, desk.platform_time(), asked))


def _pools(desk: DeskIn, account_id: AccountId, out: Out) -> Groups:
    def show(pool: ComputePool, now: dt.datetime) -> dict[str, Any]:
        return out(desk.pools.detail(account_id, pool.id), now)

    return Groups(fetch=desk.pools.page, show=show, fields=_FIELDS)
