"""New tasks made of old ones: all of a task's instances, or those that failed or were cancelled, with overrides."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ondol.control.ports import TaskDetail
from ondol.model.compute import InstanceState, Task
from ondol.model.conditions import Scheduling
from ondol.model.view import ServiceClass
from ondol.server.api.conditions_in import forced_out, hardware_out, rule_out
from ondol.server.api.ranges import write_ranges
from ondol.server.api.resources_out import resources_out, secrets_out
from ondol.server.api.times import wire_span
from ondol.server.errors import InvalidRequestError

WHICH: Mapping[str, tuple[InstanceState, ...]] = {
    "retry": (InstanceState.FAILED,),
    "recover": (InstanceState.FAILED, InstanceState.CANCELLED),
    "resume": (InstanceState.CANCELLED,),
}
_RANGES = ("instancecount", "advancedranges")


def body_again(detail: TaskDetail, overrides: object, word: str) -> dict[str, Any]:
    """Body of the creation of a task like an old one.

    Parameters
    ----------
    overrides : what the request says otherwise; nulls leave a thing as it was
    word : "clone" (every instance), "retry", "recover" or "resume"

    Raises InvalidRequestError where there is no such instance, or the overrides are no object.
    """
    if overrides is not None and not isinstance(overrides, dict):
        raise InvalidRequestError("The body must be an object with what is to be different, or empty")
    task = detail.task
    body = creation_of(task)
    said = {str(key).lower(): _said(value) for key, value in (overrides or {}).items()}
    said = {key: value for key, value in said.items() if value is not None}
    if any(said.get(name) for name in _RANGES):
        if word != "clone":
            raise InvalidRequestError(f"Invalid task file. Invalid fields: instanceCount. {word} chooses the instances")
        for name in ("instanceCount", "advancedRanges"):
            body.pop(name, None)
    said = {key: value for key, value in said.items() if key not in _RANGES or value}
    if word != "clone":
        numbers = [one.number for one in detail.instances if one.state in WHICH[word]]
        if not numbers:
            kinds = " or ".join(state.value for state in WHICH[word])
            raise InvalidRequestError(f"Task {task.id} has no {kinds} instance: there is nothing to {word}")
        body.pop("instanceCount", None)
        body["advancedRanges"] = write_ranges(numbers)
    if "resourcebuckets" in said or "advancedresourcebuckets" in said:
        body.pop("resourceBuckets", None)
        body.pop("advancedResourceBuckets", None)
    if {"resultbucket", "resultsbucket"} & said.keys():
        body.pop("resultBucket", None)
    if {"pooluuid", "jobuuid", "profile"} & said.keys() and "pooluuid" not in said:
        body.pop("poolUuid", None)
    return {key: value for key, value in body.items() if key.lower() not in said} | said


def creation_of(task: Task) -> dict[str, Any]:
    """Body that would create a task like this one, without its shortname."""
    wire: dict[str, Any] = json.loads(task.wire or "{}")
    labels = dict(task.labels)
    if labels.pop("ondol.quote", None) is not None and not task.pool_id:  # a quote is good for one task
        labels["ondol.service"] = task.service.name.lower()  # the option's, which no other field of the body says
        if task.service is ServiceClass.FLEX and task.deadline is not None:
            labels["ondol.deadline"] = f"+{math.ceil((task.deadline - task.created_at).total_seconds())}s"
    if not labels.get("ondol.deadline", "+").startswith("+"):
        labels.pop("ondol.deadline")  # a moment that was meant for the old task, most likely past
    body: dict[str, Any] = {
        "name": task.name,
        "profile": task.profile,
        "constants": [{"key": key, "value": value} for key, value in task.constants.items()],
        "labels": labels,
        "tags": list(task.tags),
        "resultBucket": task.result_bucket,
        "resultsBucketPrefix": task.result_prefix,
        "resultsWhitelist": task.results_whitelist,
        "resultsBlacklist": task.results_blacklist,
        "uploadResultsOnCancellation": task.upload_results_on_cancellation,
        "retrySettings": {
            "maxTotalRetries": task.max_retries_total,
            "maxPerInstanceRetries": task.max_retries_per_instance,
        },
        "privileges": {"exportApiAndStorageCredentialsInEnvironment": task.export_credentials},
        "autoDeleteOnCompletion": task.auto_delete,
        "completionTimeToLive": wire_span(task.ttl_s),
        "waitForPoolResourcesSynchronization": task.wait_for_resources,
        "maxTimeQueueSeconds": task.max_queue_s,
        "forcedConstants": [forced_out(one) for one in task.forced_constants],
        "forcedNetworkRules": [rule_out(one) for one in task.network_rules],
        "snapshotWhitelist": task.snapshot.whitelist,
        "snapshotBlacklist": task.snapshot.blacklist,
        "snapshotBucket": task.snapshot.bucket,
        "snapshotBucketPrefix": task.snapshot.prefix,
        **{key: wire[key] for key in ("defaultResourcesCacheTTLSec", "resultsCacheTTLSec") if key in wire},
        **resources_out(task.resources, simple=bool(wire.get("simpleBuckets"))),
        **_place(task),
    }
    if task.advanced_ranges:
        return body | {"advancedRanges": task.advanced_ranges}
    return body | {"instanceCount": len(task.instance_numbers)}


def _place(task: Task) -> dict[str, Any]:
    body: dict[str, Any] = {"jobUuid": task.job_id}
    simple = [one.task_id for one in task.dependencies if one.simple]
    advanced = [
        {"taskUuid": one.task_id, "taskFinalStateCondition": [end.value for end in one.accepts]}
        for one in task.dependencies
        if not one.simple
    ]
    body["dependencies"] = {"advancedDependsOn": advanced} if advanced else {"dependsOn": simple}
    if task.pool_id:
        return body | ({} if task.job_id else {"poolUuid": task.pool_id})
    body |= {
        "projectUuid": task.project_id,
        "schedulingType": task.scheduling.value,
        "hardwareConstraints": [hardware_out(one) for one in task.hardware],
        "secretsAccessRights": secrets_out(task.secrets_by_key, task.secrets_by_prefix),
    }
    if task.scheduling is Scheduling.RESERVED:
        body |= {"targetedReservationName": task.reservation, "targetedReservedMachineKey": task.machine_key}
    return body


def _said(value: Any) -> Any:
    """None for what says nothing: the Go SDK sends objects that hold nothing but nulls."""
    if isinstance(value, dict) and value and all(one is None for one in value.values()):
        return None
    return value
