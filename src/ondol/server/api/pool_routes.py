"""Routes of single pools: create, look, change, refresh, close, delete, clone, what their preparation said."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError, NotFoundError, OndolError
from ondol.model.ids import PoolId
from ondol.server.api.job_wire import job_out
from ondol.server.api.lookups import Lookups
from ondol.server.api.pages import shown
from ondol.server.api.pool_in import PoolCreation, PoolUpdate, invalid_pool, read_pool, read_pool_update
from ondol.server.api.pool_out import creation_of, pool_out
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.scaling_wire import InvalidScalingError, read_scaling, scaling_out
from ondol.server.api.wire_out import task_out
from ondol.server.errors import InvalidRequestError
from ondol.server.once.creation import Commit, OnceIn

router = APIRouter(tags=["pools"])
Key = Annotated[str, Path(description="UUID or shortname of the pool")]


@router.post("/pools", summary="Create a pool", openapi_extra=body_docs(PoolCreation))
def create(caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """Answers `{"uuid"}`. What its slots cannot be given (an image, say) is told by the pool's errors later."""
    return once.run(lambda commit: _created(caller, desk, body, commit))


@router.get("/pools/{key}", summary="A pool")
def get(key: Key, caller: Caller, desk: DeskIn) -> JSONResponse:
    """All of it, as the platform knows it now."""
    return JSONResponse(pool_out(desk.pools.detail(caller.id, key), desk.platform_time()))


@router.put("/pools/{key}", summary="Change a pool", openapi_extra=body_docs(PoolUpdate))
def update(key: Key, caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """Constants, tags, slots, elastic property and scaling; what the body leaves out stays, the rest is passed over."""
    change = read_pool_update(body, desk.pools.detail(caller.id, key).pool)
    desk.pools.update(
        caller.id,
        key,
        constants=change.constants,
        tags=change.tags,
        slots=change.slots,
        elastic=change.elastic,
        scaling=change.scaling,
        inelastic=change.inelastic,
    )
    return Response()


@router.patch("/pools/{key}", summary="Fetch resources again on the slots")
def refresh(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """New and changed files; 400 where the pool is over."""
    try:
        desk.pools.refresh(caller.id, key)
    except ConflictError as error:
        raise InvalidRequestError(str(error)) from error
    return Response()


@router.delete("/pools/{key}", summary="Delete a pool")
def delete(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """Its tasks are cancelled. Its rows stay in the ledger."""
    desk.pools.delete(caller.id, key)
    return Response()


@router.post("/pools/{key}/close", summary="Close a pool")
def close(key: Key, caller: Caller, desk: DeskIn) -> Response:
    """It takes no more tasks and ends when those it has are over; 403 where it is over already."""
    try:
        desk.pools.close(caller.id, key)
    except ConflictError as error:
        raise ForbiddenError(str(error)) from error
    return Response()


@router.post("/pools/{key}/clone", summary="A pool like another", openapi_extra=body_docs(PoolCreation))
def clone(key: Key, caller: Caller, desk: DeskIn, body: JsonBody, once: OnceIn) -> Response:
    """As the other one is now, but for what the body says otherwise. Answers the new `{"uuid"}`."""
    if body is not None and not isinstance(body, dict):
        raise InvalidRequestError("The body must be an object with what is to be different, {} for nothing")
    like = creation_of(desk.pools.detail(caller.id, key).pool)
    names = {name.lower(): name for name in like}
    other = {names.get(str(name).lower(), name): value for name, value in (body or {}).items() if value is not None}
    if any(name in other for name in ("resourceBuckets", "advancedResourceBuckets")):
        like["resourceBuckets"] = like["advancedResourceBuckets"] = []
    return once.run(lambda commit: _created(caller, desk, like | other, commit))


@router.get("/pools/{key}/scaling", summary="How a pool is scaled")
def scaling(key: Key, caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """The policies, and which is followed now."""
    pool = desk.pools.detail(caller.id, key).pool
    return scaling_out(pool.scaling, pool.active_policy)


@router.put("/pools/{key}/scaling", summary="Change how a pool is scaled")
def set_scaling(key: Key, caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """`{"policies": […]}`; none: the pool holds `instanceCount` slots."""
    desk.pools.update(caller.id, key, scaling=read_scaling(body or {}))
    return Response()


@router.post("/sanity-checks/pools/scaling", summary="Check how a pool would be scaled")
def check_scaling(_caller: Caller, body: JsonBody) -> Response:
    """Empty where the policies can be followed, else a problem whose `errors` name each policy at fault."""
    try:
        read_scaling(body or {})
    except InvalidScalingError as error:
        problem = {
            "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
            "title": "One or more validation errors occurred.",
            "status": 400,
            "errors": error.errors,
            "message": str(error),
        }
        return JSONResponse(problem, 400, media_type="application/problem+json")
    return Response()


@router.get("/pools/{key}/tasks", summary="The tasks of a pool")
def tasks(key: Key, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Whole, newest first."""
    return JSONResponse(shown(desk, list(desk.pools.tasks(caller.id, key)), task_out))


@router.get("/pools/{key}/jobs", summary="The jobs of a pool")
def jobs(key: Key, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Newest first."""
    now = desk.platform_time()
    return JSONResponse([job_out(job, now) for job in desk.pools.jobs(caller.id, key)])


def _created(caller: Account, desk: Desk, body: object, commit: Commit) -> Response:
    pool = read_pool(body, pool_id=PoolId(str(uuid.uuid4())), around=Lookups(desk, caller))
    try:
        return commit({"uuid": pool.id}, lambda reply: desk.pools.create(pool, reply), made=(pool.id,))
    except OndolError as error:
        raise _as_pool_error(error) from error


def _as_pool_error(error: OndolError) -> OndolError:
    """404 on creation means a missing bucket to the SDKs; anything else that is missing is an invalid field."""
    if isinstance(error, InvalidFieldError):
        return invalid_pool([error])
    if isinstance(error, NotFoundError) and error.kind != "bucket":
        return InvalidRequestError(f"Invalid pool file. Invalid fields: {error.kind}. {error}")
    return error
