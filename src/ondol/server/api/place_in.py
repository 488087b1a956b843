"""Where and with what a new task runs: its pool, job and project, scheduling, hardware, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ondol.model.account import ReservedQuota
from ondol.model.conditions import Dependency, HardwareConstraint, Scheduling
from ondol.model.errors import InvalidFieldError
from ondol.model.hardware import unmet
from ondol.model.ids import NO_JOB, NO_POOL, NO_PROJECT, JobId, PoolId, ProjectId
from ondol.model.job import Job
from ondol.model.pool import ComputePool
from ondol.server.api.conditions_in import read_hardware
from ondol.server.api.hardware import offered
from ondol.server.api.lookups import Lookups
from ondol.server.api.names import id_of
from ondol.server.api.wire_in import TaskCreation

Read = TypeVar("Read")
_SCHEDULING = {"ondemand": Scheduling.ON_DEMAND, "reserved": Scheduling.RESERVED}  # any other word is Flex (§3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a creation says of it; fields as in `ondol.model.compute.Task`."""

    profile: str = ""
    pool_id: PoolId = NO_POOL
    job_id: JobId = NO_JOB
    project_id: ProjectId = NO_PROJECT
    dependencies: tuple[Dependency, ...] = ()
    scheduling: Scheduling = Scheduling.FLEX
    machine_key: str = ""
    reservation: str = ""
    hardware: tuple[HardwareConstraint, ...] = ()


def read_place(body: TaskCreation, lookups: Lookups, faults: list[InvalidFieldError]) -> Place:
    """Read it; faults are added to `faults`.

    A task in a pool runs as the pool does: it takes over profile, scheduling and project, and may not name hardware
    or secrets of its own (`reference/qarnot-api.md` §3).
    """
    job = _tried(lambda: lookups.job(body.job_uuid) if id_of(body.job_uuid) else None, None, faults)
    pool = _tried(lambda: _pool(body, job, lookups), None, faults)
    nothing: tuple[Dependency, ...] = ()
    dependencies = _tried(lambda: lookups.dependencies(body.dependencies, job), nothing, faults)
    if pool is not None:
        held = pool
        return _tried(lambda: _in_pool(body, held, job, dependencies), Place(profile=body.profile), faults)
    project_id = _tried(lambda: lookups.project(id_of(body.project_uuid)), NO_PROJECT, faults)
    scheduling = scheduling_of(body.scheduling_type)
    kept = _tried(lambda: _reservation(body, scheduling, lookups), None, faults)
    hardware = read_hardware(body.hardware_constraints, faults)
    nodes = [node for node in lookups.fleet.nodes if kept is None or node.id in kept.nodes]
    alone = unmet(nodes, hardware)
    if alone is not None:
        what = alone.key or (f"{alone.amount:g}" if alone.amount else "")
        allowed = (
            f"what one node here has beside all else that the task wants; there are: {offered(nodes, alone.kind)}. "
            "GET /hardware-constraints tells more"
        )
        faults.append(InvalidFieldError("hardwareConstraints", f"{alone.kind.value} {what}".rstrip(), allowed))
    return Place(
        profile=body.profile,
        job_id=NO_JOB if job is None else job.id,
        project_id=project_id,
        dependencies=dependencies,
        scheduling=scheduling,
        machine_key="" if kept is None else kept.machine_key,
        reservation="" if kept is None else kept.reservation,
        hardware=hardware,
    )


def scheduling_of(given: object) -> Scheduling:
    """Scheduling by its word in any case; unknown words are Flex."""
    return _SCHEDULING.get(str(given).strip().lower(), Scheduling.FLEX)


def _tried(read: Callable[[], Read], otherwise: Read, faults: list[InvalidFieldError]) -> Read:
    try:
        return read()
    except InvalidFieldError as fault:
        faults.append(fault)
        return otherwise


def _reservation(body: TaskCreation, scheduling: Scheduling, lookups: Lookups) -> ReservedQuota | None:
    name, machine_key = body.targeted_reservation_name, body.targeted_reserved_machine_key
    if scheduling is Scheduling.RESERVED:
        return lookups.reservation(name, machine_key)
    if name or machine_key:
        raise InvalidFieldError("schedulingType", str(body.scheduling_type), "Reserved, to aim at a reservation")
    return None


def _pool(body: TaskCreation, job: Job | None, lookups: Lookups) -> ComputePool | None:
    wanted = id_of(body.pool_uuid)
    if job is not None and job.pool_id:
        pool = lookups.pool(job.pool_id)
        if wanted not in ("", pool.id, pool.shortname):
            raise InvalidFieldError("poolUuid", wanted, f"left out, or the pool of its job, {pool.id}")
        return pool
    if wanted and job is not None:
        raise InvalidFieldError("poolUuid", wanted, "left out beside jobUuid: a task has a job or a pool, not both")
    return lookups.pool(wanted) if wanted else None


def _in_pool(body: TaskCreation, pool: ComputePool, job: Job | None, dependencies: tuple[Dependency, ...]) -> Place:
    if body.profile not in ("", pool.profile):
        raise InvalidFieldError("profile", body.profile[:80], f"left out, or that of the pool, {pool.profile}")
    if body.hardware_constraints:
        raise InvalidFieldError("hardwareConstraints", "…", "empty in a pool: the pool has chosen its hardware")
    rights = body.secrets_access_rights
    if rights.by_secret or rights.by_prefix:
        raise InvalidFieldError("secretsAccessRights", "…", "empty in a pool: tasks are given the secrets of the pool")
    if id_of(body.project_uuid) not in ("", pool.project_id):
        raise InvalidFieldError("projectUuid", body.project_uuid[:80], "left out in a pool: the pool's own counts")
    return Place(
        profile=pool.profile,
        pool_id=pool.id,
        job_id=NO_JOB if job is None else job.id,
        project_id=pool.project_id,
        dependencies=dependencies,
        scheduling=pool.scheduling,
        machine_key=pool.machine_key,
        reservation=pool.reservation,
    )
