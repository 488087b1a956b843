"""Routes about the installation and the caller: settings, versions, user information, quotas, profiles, hardware."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response

from ondol.control.ports import Desk
from ondol.model.compute import TaskState
from ondol.model.errors import NotFoundError
from ondol.server.api.hardware import CORES, constraints_of, search_models
from ondol.server.api.pages import every_task
from ondol.server.api.request import Caller, DeskIn
from ondol.server.serve import url_at

router = APIRouter(tags=["account"])
NO_LIMIT = 2**31 - 1  # what a counter of the SDKs can hold: there is no such quota here
NO_BYTE_LIMIT = 2**53 - 1  # the same for bytes: the largest whole number that JavaScript keeps
_HOST = re.compile(r"(?:([0-9A-Za-z._-]{1,253})|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{1,5})?")
_EXECUTING = (TaskState.PARTIALLY_EXECUTING, TaskState.FULLY_EXECUTING, TaskState.UPLOADING_RESULTS)


@router.get("/settings", summary="Where the object store is")
def settings(request: Request) -> dict[str, Any]:
    """Public. `storage` is the address of the S3 store, null where this installation has none.

    Where it listens on all addresses of its machine, the host is the one by which the caller reached this API.
    """
    storage, state = request.app.state.storage_url, request.app.state
    if storage and state.storage_anywhere:
        host = _host_of(request)
        storage = url_at(host, urlsplit(storage).port or 80) if host else storage
    return {"storage": storage}


def _host_of(request: Request) -> str:
    """Host name or address of the request's Host header; empty where it is none."""
    found = _HOST.fullmatch(request.headers.get("host", ""))
    return "" if found is None else found[1] or found[2]


@router.get("/versions", summary="Versions of the API")
def versions() -> list[dict[str, Any]]:
    """Public."""
    return [{"version": "v1", "endOfLife": None}]


@router.get("/", summary="Whether the API is up and the token good")
def status(_caller: Caller) -> Response:
    """Empty answer for any valid token."""
    return Response()


@router.get("/info", summary="The caller, what it uses and may use")
def info(caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """`email` is the S3 access key. Quotas are the fleet's size; what has no quota shows 2147483647."""
    tasks = open_tasks = instances = 0
    for task in every_task(desk, caller.id):
        tasks += 1
        open_tasks += not task.state.final
        if task.state in _EXECUTING:
            try:
                instances += len(desk.detail(caller.id, task.id).running)
            except NotFoundError:
                continue
    slots = _slots(desk)
    quota = _quota(slots, instances)
    return {
        "email": caller.email,
        "maxBucket": NO_LIMIT,
        "maxTask": NO_LIMIT,
        "taskCount": tasks,
        "maxRunningTask": NO_LIMIT,
        "runningTaskCount": open_tasks,
        "maxJob": 0,
        "jobCount": 0,
        "maxPool": 0,
        "poolCount": 0,
        "maxRunningPool": 0,
        "runningPoolCount": 0,
        "maxInstances": slots,
        "maxCores": slots * CORES,
        "runningInstanceCount": instances,
        "runningCoreCount": instances * CORES,
        "quotaBytes": NO_BYTE_LIMIT,
        "quotaBytesBucket": NO_BYTE_LIMIT,
        "maxFlexInstances": slots,
        "maxFlexCores": slots * CORES,
        "maxOnDemandInstances": slots,
        "maxOnDemandCores": slots * CORES,
        "reservedQuotas": [],
        "defaultScheduling": "Flex",
        "computingQuotas": {"user": {"flex": quota, "onDemand": quota, "reserved": []}, "organization": None},
        "projects": [],
    }


@router.get("/quotas/computing-quotas/user", summary="What the caller may run at once")
def user_quotas(caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """The fleet's slots, for every scheduling type: this installation has no quotas by user."""
    running = info(caller, desk)["runningInstanceCount"]
    quota = _quota(_slots(desk), running)
    return {"flex": quota, "onDemand": quota, "reserved": []}


@router.get("/quotas/computing-quotas/organization", summary="Quotas of the caller's organisation")
def organization_quotas(caller: Caller) -> dict[str, Any]:
    """Always 404: accounts of this installation belong to no organisation."""
    raise NotFoundError("organization", f"of {caller.email}")


@router.get("/profiles", summary="Names of the profiles")
def profiles(_caller: Caller, desk: DeskIn) -> list[str]:
    """Ways to run a task."""
    return [name for name, _ in desk.profiles()]


@router.get("/profiles/{name}", summary="A profile with its constants")
def profile(name: str, _caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """Constants with default values and what they mean."""
    for known, constants in desk.profiles():
        if known == name:
            described = [{"name": key, "value": value, "description": text} for key, value, text in constants]
            return {"name": known, "constants": described, "licenses": []}
    raise NotFoundError("profile", name)


@router.get("/hardware-constraints", summary="Hardware that the fleet has")
def hardware_constraints(
    _caller: Caller,
    desk: DeskIn,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """A task may name a constraint that every node meets; others are refused at creation."""
    every = constraints_of(desk.fleet())
    return {"data": every[offset : offset + limit], "offset": offset, "limit": limit, "total": len(every)}


@router.get("/hardware-constraints/cpu-model-constraints/search", summary="CPU models by name")
def search_cpu_models(
    _caller: Caller, desk: DeskIn, model: Annotated[str, Query(alias="cpuModel", max_length=200)] = ""
) -> list[dict[str, Any]]:
    """Those that hold every word of `cpuModel`, best first."""
    return search_models(desk.fleet(), model)


def _slots(desk: Desk) -> int:
    return sum(node.slots for node in desk.fleet().nodes)


def _quota(slots: int, running: int) -> dict[str, int]:
    cores = running * CORES
    return {
        "maxInstances": slots,
        "maxCores": slots * CORES,
        "runningInstancesCount": running,
        "runningCoresCount": cores,
        "runningCoreCount": cores,
    }
