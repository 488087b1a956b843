"""Pools as the wire shows them: PoolOutput and PoolSummaryOutput, and the body that would create one anew."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from ondol.control.group_ports import PoolDetail
from ondol.control.ports import TaskDetail
from ondol.model.compute import CACHE_TTL_S, AttemptState, Task, TaskState
from ondol.model.ids import TaskId
from ondol.model.pool import ComputePool, PoolState, Scaling
from ondol.server.api.conditions_in import forced_out, hardware_out, rule_out
from ondol.server.api.filters import SCHEDULING_WORDS
from ondol.server.api.resources_out import forced_shown, resources_out, secrets_out, value_out
from ondol.server.api.scaling_wire import scaling_out
from ondol.server.api.status_out import cores_of, status_out, wall_seconds
from ondol.server.api.task_times import runs_of
from ondol.server.api.times import spent_span, wire_span, wire_time


def pool_out(detail: PoolDetail, now: dt.datetime) -> dict[str, Any]:
    """Give the whole pool; keys and their order are the same for all pools: clients compare them.

    Parameters
    ----------
    now : platform time
    """
    pool, slots = detail.pool, as_task(detail)
    runs = runs_of(slots, now)
    return {
        **pool_summary_out(detail, now),
        "errors": [{"code": e.code, "message": e.message, "debug": e.debug} for e in pool.errors],
        "elasticProperty": _elastic_out(pool.elastic, pool.elastic_period_s),
        "scaling": scaling_out(pool.scaling, pool.active_policy),
        "preparationTask": {"commandLine": pool.preparation},
        "constants": [{"key": key, "value": value_out(key, value)} for key, value in pool.constants.items()],
        "forcedConstants": forced_shown(pool.forced_constants),
        "forcedNetworkRules": [rule_out(one) for one in pool.network_rules],
        "secretsAccessRights": secrets_out(pool.secrets_by_key, pool.secrets_by_prefix),
        "tags": list(pool.tags),
        "labels": dict(pool.labels),
        **_buckets_out(pool),
        "defaultResourcesCacheTTLSec": json.loads(pool.wire).get("defaultResourcesCacheTTLSec", CACHE_TTL_S),
        "status": status_out(slots, runs, now),
        "totalSlotCapacity": detail.capacity,
        "poolUsage": round(min(1.0, detail.running / detail.capacity), 4) if detail.capacity else 0.0,
        "multiSlotsSettings": {"slotsPerNode": pool.slots_per_node},
        "hardwareConstraints": [hardware_out(one) for one in pool.hardware],
        "schedulingType": SCHEDULING_WORDS[pool.scheduling],
        "targetedReservedMachineKey": pool.machine_key or None,
        "targetedReservationName": pool.reservation or None,
        "autoDeleteOnCompletion": pool.auto_delete,
        "completionTimeToLive": wire_span(pool.ttl_s),
        "maxTimeQueueSeconds": round(pool.max_queue_s),
        "privileges": {"exportApiAndStorageCredentialsInEnvironment": pool.export_credentials},
        "defaultRetrySettings": {
            "maxTotalRetries": pool.max_retries_total,
            "maxPerInstanceRetries": pool.max_retries_per_instance,
        },
    }


def pool_summary_out(detail: PoolDetail, now: dt.datetime) -> dict[str, Any]:
    """Give identity, counts, times and state only."""
    pool, slots = detail.pool, as_task(detail)
    runs = runs_of(slots, now)
    held = [
        run.latest for run in runs if run.latest and run.latest.state in (AttemptState.RUNNING, AttemptState.PAUSED)
    ]
    return {
        "uuid": pool.id,
        "name": pool.name,
        "shortname": pool.shortname or pool.id,
        "profile": pool.profile,
        "projectUuid": pool.project_id or None,
        "state": pool.state.value,
        "previousState": pool.previous_state.value if pool.previous_state else None,
        "instanceCount": pool.slots,
        "targetRunningInstanceCount": pool.target_slots,
        "stateTransitionTime": wire_time(pool.state_since),
        "previousStateTransitionTime": wire_time(pool.previous_state_since),
        "creationDate": wire_time(pool.created_at),
        "lastModified": wire_time(pool.modified_at),
        "endDate": wire_time(pool.ended_at),
        "runningInstanceCount": len(held),
        "runningCoreCount": sum(cores_of(slots, one.node_id) for one in held) if detail.capacity else 0,
        "queuedOrRunningTaskInstancesCount": detail.queued + detail.running,
        "executionTime": spent_span(sum(run.exec_s for run in runs)),
        "wallTime": wire_span(wall_seconds(slots, now)),
        "taskDefaultWaitForPoolResourcesSynchronization": bool(pool.wait_for_resources),
    }


def creation_of(pool: ComputePool) -> dict[str, Any]:
    """Give the body that would create this pool anew, but for its shortname."""
    return {
        "name": pool.name,
        "profile": pool.profile,
        "instanceCount": pool.slots,
        "constants": [{"key": key, "value": value} for key, value in pool.constants.items()],
        "forcedConstants": [forced_out(one) for one in pool.forced_constants],
        "forcedNetworkRules": [rule_out(one) for one in pool.network_rules],
        "labels": dict(pool.labels),
        "tags": list(pool.tags),
        **_buckets_out(pool),
        "defaultResourcesCacheTTLSec": json.loads(pool.wire).get("defaultResourcesCacheTTLSec", CACHE_TTL_S),
        "preparationTask": {"commandLine": pool.preparation},
        "elasticProperty": _elastic_out(pool.elastic, pool.elastic_period_s),
        "scaling": scaling_out(pool.scaling, ""),
        "multiSlotsSettings": {"slotsPerNode": pool.slots_per_node},
        "taskDefaultWaitForPoolResourcesSynchronization": pool.wait_for_resources,
        "defaultRetrySettings": {
            "maxTotalRetries": pool.max_retries_total,
            "maxPerInstanceRetries": pool.max_retries_per_instance,
        },
        "hardwareConstraints": [hardware_out(one) for one in pool.hardware],
        "schedulingType": pool.scheduling.value,
        "targetedReservedMachineKey": pool.machine_key,
        "targetedReservationName": pool.reservation,
        "secretsAccessRights": secrets_out(pool.secrets_by_key, pool.secrets_by_prefix),
        "privileges": {"exportApiAndStorageCredentialsInEnvironment": pool.export_credentials},
        "maxTimeQueueSeconds": pool.max_queue_s,
        "autoDeleteOnCompletion": pool.auto_delete,
        "completionTimeToLive": wire_span(pool.ttl_s),
        "projectUuid": pool.project_id,
    }


def as_task(detail: PoolDetail) -> TaskDetail:
    """The slots of a pool as if they were the instances of one task: their times and figures are summed alike."""
    pool, holders = detail.pool, detail.holders
    over = pool.state.final or pool.state is PoolState.PENDING_DELETE
    task = Task(
        id=TaskId(pool.id),
        account_id=pool.account_id,
        name=pool.name,
        profile=pool.profile,
        created_at=pool.created_at,
        modified_at=pool.modified_at,
        ended_at=pool.ended_at,
        state=TaskState.SUCCESS if over else TaskState.FULLY_EXECUTING,
        state_since=pool.state_since,
    )
    first = holders[0] if holders else None
    return TaskDetail(
        task=task,
        instances=tuple(instance for holder in holders for instance in holder.instances),
        attempts=tuple(attempt for holder in holders for attempt in holder.attempts),
        running=tuple(info for holder in holders for info in holder.running),
        site_of_node={} if first is None else first.site_of_node,
        cpu_model_of_node={} if first is None else first.cpu_model_of_node,
        clock_ghz_of_node={} if first is None else first.clock_ghz_of_node,
        cores_of_node={} if first is None else first.cores_of_node,
        specification_of_node={} if first is None else first.specification_of_node,
    )


def _elastic_out(elastic: Scaling | None, period_s: float) -> dict[str, Any]:
    return {
        "isElastic": elastic is not None,
        "minTotalSlots": elastic.least if elastic else 0,
        "maxTotalSlots": elastic.most if elastic else 0,
        "minIdleSlots": elastic.idle_least if elastic else 0,
        "resizePeriod": int(period_s),
        "rampResizeFactor": elastic.factor if elastic else 0.4,
        "minIdleTimeSeconds": int(elastic.idle_least_s) if elastic else 90,
    }


def _buckets_out(pool: ComputePool) -> dict[str, Any]:
    return resources_out(pool.resources, simple=bool(json.loads(pool.wire).get("simpleBuckets")))
