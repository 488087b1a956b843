"""What the tasks of a compute pool take over from it, and the hidden tasks that hold its slots."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence

from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import TaskId
from ondol.model.pool import ComputePool

SECRET_PREFIX = "QARNOT_SECRET__"  # noqa: S105  # a prefix of names, no secret


def check_own(task: Task, pool: ComputePool) -> None:
    """Refuse, with InvalidFieldError, what a task in a pool cannot have of its own: the pool decided it before."""
    if task.profile and task.profile != pool.profile:
        raise InvalidFieldError("profile", task.profile, f"{pool.profile}, that of its pool, or left out")
    if task.hardware:
        raise InvalidFieldError(
            "hardwareConstraints", len(task.hardware), "none in a task of a pool: the pool has them"
        )
    if task.secrets_by_key or task.secrets_by_prefix:
        names = (*task.secrets_by_key, *task.secrets_by_prefix)
        raise InvalidFieldError("secretsAccessRights", names, "none in a task of a pool: it has its own")
    if task.project_id and task.project_id != pool.project_id:
        raise InvalidFieldError("projectUuid", task.project_id, "left out in a task of a pool: the pool has one")


def joined(task: Task, pool: ComputePool) -> Task:
    """Give the task as it is stored: how and when it runs is the pool's to say."""
    own_retries = task.max_retries_total or task.max_retries_per_instance
    return dataclasses.replace(
        task,
        pool_id=pool.id,
        profile=pool.profile,
        project_id=pool.project_id,
        scheduling=pool.scheduling,
        service=pool.service,
        machine_key=pool.machine_key,
        reservation=pool.reservation,
        max_retries_total=task.max_retries_total if own_retries else pool.max_retries_total,
        max_retries_per_instance=task.max_retries_per_instance if own_retries else pool.max_retries_per_instance,
    )


def at_launch(task: Task, pool: ComputePool) -> Task:
    """Give the task as it is launched: the pool's constants, as they are then, stand in for those it has not."""
    named = {constant.name for constant in task.forced_constants}
    return dataclasses.replace(
        task,
        constants={**pool.constants, **task.constants},
        forced_constants=(
            *(constant for constant in pool.forced_constants if constant.name not in named),
            *task.forced_constants,
        ),
        network_rules=(*pool.network_rules, *task.network_rules),
        secrets_by_key=pool.secrets_by_key,
        secrets_by_prefix=pool.secrets_by_prefix,
        export_credentials=task.export_credentials or pool.export_credentials,
    )


def settled(task: Task) -> Task:
    """Give a task with its constants as its jobs find them.

    Forced constants stand over its own. A constant named QARNOT_SECRET__X, which nobody is shown, is X as well.
    """
    secret = {key.removeprefix(SECRET_PREFIX): value for key, value in task.constants.items() if _is_secret(key)}
    if not secret and not task.forced_constants:
        return task
    forced = {constant.name: constant.value for constant in task.forced_constants}
    return dataclasses.replace(task, constants={**secret, **task.constants, **forced})


def _is_secret(key: str) -> bool:
    return key.startswith(SECRET_PREFIX) and key != SECRET_PREFIX


def holder_of(pool: ComputePool, number: int, task_id: TaskId, at: dt.datetime, commands: Sequence[str]) -> Task:
    """Give the hidden task that holds slot `number` of a pool.

    Parameters
    ----------
    commands : constants of the pool's profile that may hold a command; the first takes the preparation
    """
    constants = {key: value for key, value in pool.constants.items() if key not in commands}
    if pool.preparation:
        constants[commands[0]] = pool.preparation
    return Task(
        id=task_id,
        account_id=pool.account_id,
        name=f"{pool.name} slot {number}",
        profile=pool.profile,
        instance_numbers=(number,),
        constants=constants,
        labels=pool.labels,
        tags=pool.tags,
        resources=pool.resources,
        service=pool.service,
        scheduling=pool.scheduling,
        machine_key=pool.machine_key,
        reservation=pool.reservation,
        hardware=pool.hardware,
        forced_constants=tuple(one for one in pool.forced_constants if one.name not in commands),
        network_rules=pool.network_rules,
        secrets_by_key=pool.secrets_by_key,
        secrets_by_prefix=pool.secrets_by_prefix,
        export_credentials=pool.export_credentials,
        project_id=pool.project_id,
        holds_pool=pool.id,
        created_at=at,
        modified_at=at,
        state_since=at,
    )
