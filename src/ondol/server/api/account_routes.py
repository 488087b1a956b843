"""Routes about the installation and the caller: settings, versions, user information, quotas, profiles, hardware."""

from __future__ import annotations

import operator
import re
import uuid
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response

from ondol.control.account_ports import Running, Use
from ondol.control.ports import Desk
from ondol.model.account import Account, Project
from ondol.model.errors import NotFoundError
from ondol.model.ids import NodeId
from ondol.server.api.hardware import constraints_of, search_models
from ondol.server.api.request import Caller, DeskIn
from ondol.server.serve import url_at

router = APIRouter(tags=["account"])
NO_LIMIT = 2**31 - 1  # what a counter of the SDKs can hold: there is no such quota here
NO_BYTE_LIMIT = 2**53 - 1  # the same for bytes: the largest whole number that JavaScript keeps
_HOST = re.compile(r"(?:([0-9A-Za-z._-]{1,253})|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{1,5})?")
_NONE = Running()


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
    """`email` is the S3 access key. What has no quota shows 2147483647; instances and cores, the fleet's size."""
    use, size = desk.accounts.use(caller.id), _size(desk)
    counts, limits = use.counts, use.limits
    flex, on_demand = _quotas(use, size)
    stored, running = sum(use.bytes_by_bucket.values()), _all_running(use)
    return {
        "email": caller.email,
        "maxBucket": _or(limits.max_buckets, NO_LIMIT),
        "bucketCount": counts.buckets,
        "maxTask": _or(limits.max_tasks, NO_LIMIT),
        "taskCount": counts.tasks,
        "maxRunningTask": _or(limits.max_running_tasks, NO_LIMIT),
        "runningTaskCount": counts.open_tasks,
        "maxJob": _or(limits.max_jobs, NO_LIMIT),
        "jobCount": counts.jobs,
        "maxPool": _or(limits.max_pools, NO_LIMIT),
        "poolCount": counts.pools,
        "maxRunningPool": _or(limits.max_running_pools, NO_LIMIT),
        "runningPoolCount": counts.open_pools,
        "maxInstances": size.instances,
        "maxCores": size.cores,
        "runningInstanceCount": running.instances,
        "runningCoreCount": running.cores,
        "quotaBytes": _or(limits.quota_bytes, NO_BYTE_LIMIT),
        "usedQuotaBytes": stored,
        "quotaBytesBucket": _or(limits.quota_bytes, NO_BYTE_LIMIT),  # of all buckets together, as the SDKs tell it
        "usedQuotaBytesBucket": stored,
        "maxFlexInstances": flex["maxInstances"],
        "maxFlexCores": flex["maxCores"],
        "maxOnDemandInstances": on_demand["maxInstances"],
        "maxOnDemandCores": on_demand["maxCores"],
        "reservedQuotas": [
            {"machineKey": one["machineKey"], "maxInstances": one["maxInstances"], "maxCores": one["maxCores"]}
            for one in _reserved(desk, use)
        ],
        "defaultScheduling": "Flex",
        "computingQuotas": {
            "user": {"flex": flex, "onDemand": on_demand, "reserved": _reserved(desk, use)},
            "organization": _organization(desk, caller, per_user=False),
        },
        "projects": [_project(project, caller) for project in desk.accounts.projects(caller.id)],
    }


@router.get("/quotas/computing-quotas/user", summary="What the caller may run at once")
def user_quotas(caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """By scheduling type; where the account has no quota of its own, the fleet's slots."""
    use = desk.accounts.use(caller.id)
    flex, on_demand = _quotas(use, _size(desk))
    return {"flex": flex, "onDemand": on_demand, "reserved": _reserved(desk, use)}


@router.get("/quotas/computing-quotas/organization", summary="Quotas of the caller's organisation")
def organization_quotas(caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """Use of all its members, one by one too; 404 where the account belongs to none."""
    found = _organization(desk, caller, per_user=True)
    if found is None:
        raise NotFoundError("organization", f"of {caller.email}")
    return found


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


def _size(desk: Desk, among: tuple[NodeId, ...] | None = None) -> Running:
    """Instances and cores that the fleet's nodes hold at once, or some of them."""
    nodes = [node for node in desk.fleet().nodes if among is None or node.id in among]
    return Running(
        instances=sum(node.slots for node in nodes), cores=sum(node.slots * node.cores_per_slot for node in nodes)
    )


def _or(limit: int | None, otherwise: int) -> int:
    return otherwise if limit is None else limit


def _quota(instances: int, cores: int, running: Running) -> dict[str, Any]:
    """As the SDKs read it (`runningCoresCount`) and as the API's document spells it (`runningCoreCount`)."""
    return {
        "maxInstances": instances,
        "maxCores": cores,
        "runningInstancesCount": running.instances,
        "runningCoresCount": running.cores,
        "runningCoreCount": running.cores,
    }


def _quotas(use: Use, size: Running) -> tuple[dict[str, Any], dict[str, Any]]:
    limits, slots, cores = use.limits, size.instances, size.cores
    return (
        _quota(_or(limits.flex_instances, slots), _or(limits.flex_cores, cores), use.flex),
        _quota(_or(limits.on_demand_instances, slots), _or(limits.on_demand_cores, cores), use.on_demand),
    )


def _reserved(desk: Desk, use: Use) -> list[dict[str, Any]]:
    rows = []
    for one in use.limits.reserved:
        size = _size(desk, one.nodes)
        running = use.reserved.get(one.reservation, _NONE)
        quota = _quota(_or(one.max_instances, size.instances), _or(one.max_cores, size.cores), running)
        rows.append({"reservationName": one.reservation, "machineKey": one.machine_key} | quota)
    return rows


def _all_running(use: Use) -> Running:
    every = (use.flex, use.on_demand, *use.reserved.values())
    return Running(instances=sum(one.instances for one in every), cores=sum(one.cores for one in every))


def _organization(desk: Desk, caller: Account, *, per_user: bool) -> dict[str, Any] | None:
    """Sums over the members; who runs how much only where each is asked for."""
    found = desk.accounts.organization(caller.id)
    if found is None:
        return None
    name, uses = found
    size = _size(desk)
    quotas: dict[str, Any] = {"name": name, "reserved": []}
    for kind, pick in (("flex", operator.attrgetter("flex")), ("onDemand", operator.attrgetter("on_demand"))):
        running = Running(
            instances=sum(pick(use).instances for use in uses.values()),
            cores=sum(pick(use).cores for use in uses.values()),
        )
        quotas[kind] = _quota(size.instances, size.cores, running)
        if per_user:
            quotas[kind]["runningCountsPerUser"] = {
                email: {"runningInstancesCount": pick(use).instances, "runningCoresCount": pick(use).cores}
                for email, use in sorted(uses.items())
            }
    return quotas


def _project(project: Project, caller: Account) -> dict[str, Any]:
    return {
        "uuid": project.id,
        "name": project.name,
        "slug": project.slug,
        "description": project.description,
        "organizationUuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, project.organization)) if project.organization else None,
        "isDefault": caller.id in project.default_for,
    }
