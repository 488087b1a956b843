"""From the body of a creation or update to the nouns of the model, with every fault named at once."""

from __future__ import annotations

import json
from typing import Any

from ondol.model.compute import CACHE_TTL_S, ResourceBucket, Task
from ondol.model.conditions import OWN_SNAPSHOT, Scheduling, SnapshotConfig
from ondol.model.errors import ForbiddenError, InvalidFieldError
from ondol.model.ids import TaskId
from ondol.model.view import ServiceClass
from ondol.server.api.conditions_in import read_forced, read_rules, read_secrets
from ondol.server.api.labels import CAP_LABEL, read_labels
from ondol.server.api.lookups import Lookups
from ondol.server.api.place_in import read_place
from ondol.server.api.ranges import MOST_INSTANCES, read_ranges
from ondol.server.api.resources_out import values_in
from ondol.server.api.task_limits import constants_limits, limits, tags_limits
from ondol.server.api.times import LONGEST_S, read_span
from ondol.server.api.wire_in import TaskCreation, TaskUpdate, read_body, try_body
from ondol.server.errors import InvalidRequestError


def read_task(data: object, *, task_id: TaskId, lookups: Lookups) -> Task:
    """Make a task of a JSON body.

    Raises InvalidRequestError with every invalid field, what it holds and what is allowed; ForbiddenError for what only
    the administrator of an installation may ask for.
    """
    faults: list[InvalidFieldError] = []
    body = try_body(TaskCreation, data, faults)
    if body is None:
        raise invalid_task(faults)
    if body.constraints:
        raise ForbiddenError("Constraints are for the administrator of an installation; leave them out")
    faults += limits(body)
    place = read_place(body, lookups, faults)
    asked = ServiceClass.ON_DEMAND if place.scheduling is not Scheduling.FLEX else ServiceClass.FLEX
    wishes = read_labels(body.labels, asked, lookups.now, faults)
    if place.pool_id and wishes.speed_cap < 1.0:
        allowed = "left out, or 1, in a pool: its slots are its own, and keep their speed"
        faults.append(InvalidFieldError(f"labels.{CAP_LABEL}", body.labels[CAP_LABEL], allowed))
    created_at = lookups.moment()
    secrets_by_key, secrets_by_prefix = read_secrets(body.secrets_access_rights, faults)
    task = Task(
        id=task_id,
        account_id=lookups.account.id,
        name=body.name,
        shortname=body.shortname,
        profile=place.profile,
        instance_numbers=_numbers(body, faults),
        advanced_ranges=body.advanced_ranges,
        constants={constant.key: constant.value for constant in body.constants},
        labels=dict(body.labels),
        tags=tuple(body.tags),
        resources=_resources(body),
        result_bucket=body.result_bucket or body.results_bucket,
        result_prefix=body.results_bucket_prefix,
        results_whitelist=body.results_whitelist,
        results_blacklist=body.results_blacklist,
        service=wishes.service,
        deadline=wishes.deadline,
        expected_s=wishes.expected_s,
        speed_cap=wishes.speed_cap,
        resumable=wishes.resumable,
        time_limit_s=wishes.time_limit_s,
        max_retries_total=body.retry_settings.max_total_retries,
        max_retries_per_instance=body.retry_settings.max_per_instance_retries or body.max_retries_per_instance,
        upload_results_on_cancellation=body.upload_results_on_cancellation,
        job_id=place.job_id,
        pool_id=place.pool_id,
        project_id=place.project_id,
        dependencies=place.dependencies,
        scheduling=place.scheduling,
        machine_key=place.machine_key,
        reservation=place.reservation,
        hardware=place.hardware,
        forced_constants=read_forced(body.forced_constants, faults),
        network_rules=read_rules(body.forced_network_rules, faults),
        secrets_by_key=secrets_by_key,
        secrets_by_prefix=secrets_by_prefix,
        export_credentials=body.privileges.export_api_and_storage_credentials_in_environment,
        max_queue_s=body.max_time_queue_seconds,
        auto_delete=body.auto_delete_on_completion,
        ttl_s=_ttl_s(body.completion_time_to_live, faults),
        wait_for_resources=body.wait_for_pool_resources_synchronization,
        snapshot=_snapshot(body),
        created_at=created_at,
        modified_at=created_at,
        state_since=created_at,
        wire=_encode(_shown_again(body)),
    )
    if faults:
        raise invalid_task(faults)
    return task


def read_update(data: object, before: Task) -> tuple[dict[str, str] | None, tuple[str, ...] | None]:
    """Constants and tags of an update, None for what it leaves alone."""
    body = read_body(TaskUpdate, data)
    faults = [*constants_limits(body.constants or []), *tags_limits(body.tags or [])]
    if faults:
        raise invalid_task(faults)
    constants = None if body.constants is None else values_in(body.constants, before.constants)
    return constants, None if body.tags is None else tuple(body.tags)


def invalid_task(faults: list[InvalidFieldError]) -> InvalidRequestError:
    """Give the error with the contract's text first, then ours with what is allowed."""
    fields = ", ".join(dict.fromkeys(fault.field for fault in faults))
    return InvalidRequestError(
        f"Invalid task file. Invalid fields: {fields}. " + "; ".join(str(f) for f in faults[:20])
    )


def _numbers(body: TaskCreation, faults: list[InvalidFieldError]) -> tuple[int, ...]:
    if body.advanced_ranges:
        try:
            return read_ranges("advancedRanges", body.advanced_ranges)
        except InvalidFieldError as fault:
            faults.append(fault)
    return tuple(range(min(max(body.instance_count, 1), MOST_INSTANCES)))


def _ttl_s(text: str, faults: list[InvalidFieldError]) -> float:
    try:
        seconds = float(text) if text.isdecimal() and len(text) < 12 else float(read_span("completionTimeToLive", text))
    except InvalidFieldError as fault:
        faults.append(fault)
        return 0.0
    if seconds > LONGEST_S:
        faults.append(InvalidFieldError("completionTimeToLive", text, "at most ten years, 3650.00:00:00"))
    return seconds


def _resources(body: TaskCreation) -> tuple[ResourceBucket, ...]:
    default_s = body.default_resources_cache_ttl_sec
    default_s = CACHE_TTL_S if default_s is None else default_s
    return (
        *(ResourceBucket(bucket=name, cache_ttl_s=default_s) for name in body.resource_buckets),
        *(
            ResourceBucket(
                bucket=one.bucket_name,
                prefix=one.filtering.prefix_filtering.prefix,
                strip_prefix=one.resources_transformation.strip_prefix.prefix,
                cache_ttl_s=default_s if one.cache_ttl_sec is None else one.cache_ttl_sec,
            )
            for one in body.advanced_resource_buckets
        ),
    )


def _snapshot(body: TaskCreation) -> SnapshotConfig:
    """Defaults of snapshots; an interval is not read here, the contract sets it by a call of its own."""
    if not (body.snapshot_whitelist or body.snapshot_blacklist or body.snapshot_bucket or body.snapshot_bucket_prefix):
        return OWN_SNAPSHOT
    return SnapshotConfig(
        whitelist=body.snapshot_whitelist,
        blacklist=body.snapshot_blacklist,
        bucket=body.snapshot_bucket,
        prefix=body.snapshot_bucket_prefix,
    )


def _shown_again(body: TaskCreation) -> dict[str, Any]:
    """Fields without a meaning here that are not as they are when left out, by their wire names."""
    shown: dict[str, Any] = {}
    if body.resource_buckets:
        shown["simpleBuckets"] = True
    if body.default_resources_cache_ttl_sec is not None:
        shown["defaultResourcesCacheTTLSec"] = body.default_resources_cache_ttl_sec
    if body.results_cache_ttl_sec is not None:
        shown["resultsCacheTTLSec"] = body.results_cache_ttl_sec
    return shown


def _encode(shown: dict[str, Any]) -> str:
    return json.dumps(shown, sort_keys=True) if shown else "{}"
