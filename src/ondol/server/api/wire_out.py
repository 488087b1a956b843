"""Tasks as the wire shows them: TaskOutput and TaskSummaryOutput (§2.4), never null where §2.8 forbids it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from ondol.control.ports import TaskDetail
from ondol.model.compute import AttemptState, InstanceState, Task
from ondol.server.api.hardware import CORES
from ondol.server.api.intake import CACHE_TTL_S, HIDDEN
from ondol.server.api.status_out import CLOCK_RATIO, progress_percent, status_out, wall_seconds
from ondol.server.api.task_limits import SECRET_PREFIX
from ondol.server.api.task_times import InstanceRun, runs_of
from ondol.server.api.times import wire_span, wire_time

_MIB = 1 << 20
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
        "constants": [{"key": key, "value": _value(key, value)} for key, value in task.constants.items()],
        "tags": list(task.tags),
        "labels": dict(task.labels),
        "completedInstances": [_completed(detail, run) for run in runs if run.instance.state.final],
        "status": status_out(detail, runs, now),
        "autoDeleteOnCompletion": bool(wire.get("autoDeleteOnCompletion", False)),
        "completionTimeToLive": wire.get("completionTimeToLive", "00:00:00"),
        "hardwareConstraints": wire.get("hardwareConstraints", []),
        "forcedNetworkRules": [],
        "defaultResourcesCacheTTLSec": wire.get("defaultResourcesCacheTTLSec", CACHE_TTL_S),
        "privileges": {"exportApiAndStorageCredentialsInEnvironment": False},
        "retrySettings": {
            "maxTotalRetries": task.max_retries_total,
            "maxPerInstanceRetries": task.max_retries_per_instance,
        },
        "schedulingType": wire.get("schedulingType", "Flex"),
        "secretsAccessRights": {"bySecret": [], "byPrefix": []},
        "uploadResultsOnCancellation": task.upload_results_on_cancellation,
        "dependencies": {"dependsOn": []},
    }
    if task.results_whitelist:
        shown["resultsWhitelist"] = task.results_whitelist
    if task.results_blacklist:
        shown["resultsBlacklist"] = task.results_blacklist
    if "resultsCacheTTLSec" in wire:
        shown["resultsCacheTTLSec"] = shown["ResultsCacheTTLSec"] = wire["resultsCacheTTLSec"]
    return shown


def summary_out(detail: TaskDetail, now: dt.datetime) -> dict[str, Any]:
    """Give identity, progress, counts, times and state only."""
    return _identity(detail, runs_of(detail, now), now)


def _identity(detail: TaskDetail, runs: tuple[InstanceRun, ...], now: dt.datetime) -> dict[str, Any]:
    task = detail.task
    wire: dict[str, Any] = json.loads(task.wire or "{}")
    running = [run for run in runs if run.latest and run.latest.state in (AttemptState.RUNNING, AttemptState.PAUSED)]
    spent_s = sum(run.exec_s for run in runs)
    shown: dict[str, Any] = {
        "uuid": task.id,
        "name": task.name,
        "shortname": task.shortname or task.id,
        "profile": task.profile,
        "poolUuid": None,
        "jobUuid": None,
        "progress": progress_percent(runs),
        "runningInstanceCount": len(running),
        "runningCoreCount": len(running) * CORES,
        "clusterInfo": {"clusterCoresCount": CORES},
        "executionTime": wire_span(spent_s),
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
    if "waitForPoolResourcesSynchronization" in wire:
        shown["waitForPoolResourcesSynchronization"] = wire["waitForPoolResourcesSynchronization"]
    return shown


def _value(key: str, value: str) -> str:
    return HIDDEN if key.startswith(SECRET_PREFIX) else value


def _buckets_out(task: Task, wire: dict[str, Any]) -> dict[str, Any]:
    simple = bool(wire.get("simpleBuckets", False))
    lives = wire.get("cacheTTLSec", [])
    shown: dict[str, Any] = {
        "resourceBuckets": [one.bucket for one in task.resources] if simple else [],
        "advancedResourceBuckets": []
        if simple
        else [
            {
                "bucketName": one.bucket,
                "filtering": {"prefixFiltering": {"prefix": one.prefix}} if one.prefix else {},
                "resourcesTransformation": {"stripPrefix": {"prefix": one.strip_prefix}} if one.strip_prefix else {},
                "cacheTTLSec": lives[row] if row < len(lives) else CACHE_TTL_S,
            }
            for row, one in enumerate(task.resources)
        ],
    }
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
        "clockRatio": CLOCK_RATIO,
        "peakMemoryMB": max((a.memory_peak_bytes for a in run.attempts), default=0) // _MIB,
        "cpuModel": detail.cpu_model_of_node.get(node, ""),
        "specificationKey": detail.cpu_model_of_node.get(node, ""),
        "siteUuid": detail.site_of_node.get(node, ""),
        "coreCount": CORES,
        "executionAttemptCount": len(run.attempts),
        "results": [f"s3://{bucket}/{key}" for key in latest.results] if latest else [],
    }
    if run.instance.state is InstanceState.FAILED and latest is not None:
        code = "unknown" if latest.exit_code is None else latest.exit_code
        message = latest.message or f"Instance {run.instance.number} exited with code {code}"
        shown["error"] = {"code": "EXITED", "message": message, "debug": latest.id}
    return shown
