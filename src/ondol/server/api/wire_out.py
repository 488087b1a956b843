"""Tasks as the wire shows them: TaskOutput and TaskSummaryOutput (§2.4), never null where §2.8 forbids it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from ondol.control.ports import TaskDetail
from ondol.model.compute import CACHE_TTL_S, AttemptState, InstanceState, Task
from ondol.model.conditions import Dependency
from ondol.server.api.conditions_in import hardware_out, rule_out
from ondol.server.api.filters import SCHEDULING_WORDS
from ondol.server.api.resources_out import forced_shown, resources_out, secrets_out, value_out
from ondol.server.api.status_out import (
    MIB,
    NOMINAL,
    cores_of,
    progress_percent,
    specification_of,
    status_out,
    wall_seconds,
)
from ondol.server.api.task_times import InstanceRun, runs_of
from ondol.server.api.times import spent_span, wire_span, wire_time

_FULFILLED, _NOT_FULFILLED = "dependencyConditionsFulfilled", "dependencyConditionsNotFulfilled"
_FINAL = {
    InstanceState.SUCCEEDED: "Success",
    InstanceState.FAILED: "Failure",
    InstanceState.CANCELLED: "Cancelled",
}


def task_out(detail: TaskDetail, now: dt.datetime) -> dict[str, Any]:
    """Give the whole task.

    Parameters
    ----------
    now : platform time
    """
    task, runs = detail.task, runs_of(detail, now)
    wire: dict[str, Any] = json.loads(task.wire or "{}")
    shown = {
        **_identity(detail, runs, now),
        "errors": [{"code": e.code, "message": e.message, "debug": e.debug} for e in task.errors],
        **_buckets_out(task, wire),
        "resultsCount": task.results_count,
        "snapshotInterval": task.snapshot.interval_s,
        "constants": [{"key": key, "value": value_out(key, value)} for key, value in task.constants.items()],
        "forcedConstants": forced_shown(task.forced_constants),
        "tags": list(task.tags),
        "labels": dict(task.labels),
        "completedInstances": [_completed(detail, run) for run in runs if run.instance.state.final],
        "status": status_out(detail, runs, now),
        "autoDeleteOnCompletion": task.auto_delete,
        "completionTimeToLive": wire_span(task.ttl_s),
        "hardwareConstraints": [hardware_out(one) for one in task.hardware],
        "forcedNetworkRules": [rule_out(one) for one in task.network_rules],
        "defaultResourcesCacheTTLSec": wire.get("defaultResourcesCacheTTLSec", CACHE_TTL_S),
        "privileges": {"exportApiAndStorageCredentialsInEnvironment": task.export_credentials},
        "retrySettings": {
            "maxTotalRetries": task.max_retries_total,
            "maxPerInstanceRetries": task.max_retries_per_instance,
        },
        "schedulingType": SCHEDULING_WORDS[task.scheduling],
        "secretsAccessRights": secrets_out(task.secrets_by_key, task.secrets_by_prefix),
        "uploadResultsOnCancellation": task.upload_results_on_cancellation,
        "dependencies": dependencies_out(task),
    }
    # What was not given is left out: some clients take an empty text for a value.
    texts = {
        "resultsWhitelist": task.results_whitelist,
        "resultsBlacklist": task.results_blacklist,
        "snapshotWhitelist": task.snapshot.whitelist,
        "snapshotBlacklist": task.snapshot.blacklist,
        "snapshotBucket": task.snapshot.bucket,
        "snapshotBucketPrefix": task.snapshot.prefix,
        "targetedReservedMachineKey": task.machine_key,
        "targetedReservationName": task.reservation,
    }
    shown |= {key: text for key, text in texts.items() if text}
    if task.max_queue_s:
        shown["maxTimeQueueSeconds"] = round(task.max_queue_s)
    if "resultsCacheTTLSec" in wire:
        shown["resultsCacheTTLSec"] = shown["ResultsCacheTTLSec"] = wire["resultsCacheTTLSec"]
    return shown


def dependencies_out(task: Task) -> dict[str, Any]:
    """What a task waits for, and whether that has come."""
    if not task.dependencies:
        return {"dependsOn": []}
    shown: dict[str, Any] = {"dependsOn": [one.task_id for one in task.dependencies if one.simple]}
    advanced = [
        {
            "taskUuid": one.task_id,
            "taskFinalStateCondition": [end.value for end in one.accepts],
            "state": _dependency_state(one),
            "actualFinalState": one.ended.value if one.ended else None,
        }
        for one in task.dependencies
        if not one.simple
    ]
    if advanced:
        shown["advancedDependsOn"] = advanced
    if any(one.broken for one in task.dependencies):
        return shown | {"state": _NOT_FULFILLED}
    return shown | {"state": "waiting" if task.blocked else _FULFILLED}


def _dependency_state(one: Dependency) -> str:
    if one.broken:
        return _NOT_FULFILLED
    return _FULFILLED if one.fulfilled else "waiting"


def summary_out(detail: TaskDetail, now: dt.datetime) -> dict[str, Any]:
    """Give identity, progress, counts, times and state only."""
    return _identity(detail, runs_of(detail, now), now)


def _identity(detail: TaskDetail, runs: tuple[InstanceRun, ...], now: dt.datetime) -> dict[str, Any]:
    task = detail.task
    running = [run for run in runs if run.latest and run.latest.state in (AttemptState.RUNNING, AttemptState.PAUSED)]
    spent_s = sum(run.exec_s for run in runs)
    cores = [cores_of(detail, run.latest.node_id) for run in running if run.latest]
    shown: dict[str, Any] = {
        "uuid": task.id,
        "name": task.name,
        "shortname": task.shortname or task.id,
        "profile": task.profile,
        "poolUuid": task.pool_id or None,
        "jobUuid": task.job_id or None,
        "projectUuid": task.project_id or None,
        "progress": progress_percent(runs),
        "runningInstanceCount": len(running),
        "runningCoreCount": sum(cores),
        "clusterInfo": {"clusterCoresCount": max(cores, default=1)},
        "executionTime": spent_span(spent_s),
        "wallTime": wire_span(wall_seconds(detail, now)),
        "state": task.state.value,
        "previousState": task.previous_state.value if task.previous_state else None,
        "totalInstanceCount": len(task.instance_numbers),
        "instanceCount": 0 if task.advanced_ranges else len(task.instance_numbers),
        "maxRetriesPerInstance": task.max_retries_per_instance,
        "advancedRanges": task.advanced_ranges or None,
        "stateTransitionTime": wire_time(task.state_since),
        "previousStateTransitionTime": wire_time(task.previous_state_since),
        "lastModified": wire_time(task.modified_at),
        "creationDate": wire_time(task.created_at),
        "endDate": wire_time(task.ended_at),
    }
    if task.wait_for_resources is not None:
        shown["waitForPoolResourcesSynchronization"] = task.wait_for_resources
    return shown


def _buckets_out(task: Task, wire: dict[str, Any]) -> dict[str, Any]:
    shown = resources_out(task.resources, simple=bool(wire.get("simpleBuckets")))
    if task.result_bucket:
        shown |= {"resultBucket": task.result_bucket, "resultsBucket": task.result_bucket}
    if task.result_prefix:
        shown["resultsBucketPrefix"] = task.result_prefix
    return shown


def _completed(detail: TaskDetail, run: InstanceRun) -> dict[str, Any]:
    latest = run.latest
    node = latest.node_id if latest else ""
    clock = detail.clock_ghz_of_node.get(node, 0.0)
    bucket = detail.task.result_bucket
    shown: dict[str, Any] = {
        "instanceId": run.instance.number,
        "state": _FINAL[run.instance.state],
        "wallTimeSec": run.wall_s,
        "execTimeSec": run.exec_s,
        "execTimeSecGHz": run.exec_s * clock,
        "averageGHz": clock,
        "clockRatio": NOMINAL,
        "peakMemoryMB": max((a.memory_peak_bytes for a in run.attempts), default=0) // MIB,
        "cpuModel": detail.cpu_model_of_node.get(node, ""),
        "specificationKey": specification_of(detail, node),
        "siteUuid": detail.site_of_node.get(node, ""),
        "coreCount": cores_of(detail, node),
        "executionAttemptCount": len(run.attempts),
        "results": [f"s3://{bucket}/{key}" for key in latest.results] if latest else [],
    }
    if run.instance.state is InstanceState.FAILED and latest is not None:
        code = "unknown" if latest.exit_code is None else latest.exit_code
        message = latest.message or f"Instance {run.instance.number} exited with code {code}"
        shown["error"] = {"code": "EXITED", "message": message, "debug": latest.id}
    return shown
