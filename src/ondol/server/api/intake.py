"""From the body of a creation or update to the nouns of the model, with every fault named at once."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from ondol.model.compute import ResourceBucket, Task
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, TaskId
from ondol.model.view import ServiceClass
from ondol.server.api.labels import read_labels
from ondol.server.api.ranges import read_ranges
from ondol.server.api.task_limits import SECRET_PREFIX, constants_limits, limits, not_obeyed, tags_limits
from ondol.server.api.wire_in import TaskCreation, TaskUpdate, read_body, try_body
from ondol.server.errors import InvalidRequestError

HIDDEN = "[SECRET]"
CACHE_TTL_S = 7_776_000  # the contract's default; nothing is cached between tasks here, it is shown again only


def read_task(data: object, *, task_id: TaskId, account_id: AccountId, now: dt.datetime, fleet: Fleet) -> Task:
    """Make a task of a JSON body.

    Parameters
    ----------
    now : platform time

    Raises InvalidRequestError with every invalid field, what it holds and what is allowed.
    """
    faults: list[InvalidFieldError] = []
    body = try_body(TaskCreation, data, faults)
    if body is None:
        raise invalid_task(faults)
    faults += limits(body)
    faults += not_obeyed(body, fleet)
    on_demand = str(body.scheduling_type).lower() == "ondemand"
    wishes = read_labels(body.labels, ServiceClass.ON_DEMAND if on_demand else ServiceClass.FLEX, now, faults)
    numbers: tuple[int, ...] = tuple(range(min(max(body.instance_count, 1), 2048)))
    if body.advanced_ranges:
        try:
            numbers = read_ranges("advancedRanges", body.advanced_ranges)
        except InvalidFieldError as fault:
            faults.append(fault)
    if faults:
        raise invalid_task(faults)
    retries = body.retry_settings
    return Task(
        id=task_id,
        account_id=account_id,
        name=body.name,
        shortname=body.shortname,
        profile=body.profile,
        instance_numbers=numbers,
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
        resumable=wishes.resumable,
        time_limit_s=wishes.time_limit_s,
        max_retries_total=retries.max_total_retries,
        max_retries_per_instance=retries.max_per_instance_retries or body.max_retries_per_instance,
        upload_results_on_cancellation=body.upload_results_on_cancellation,
        created_at=now,
        modified_at=now,
        state_since=now,
        wire=json.dumps(_shown_again(body), sort_keys=True),
    )


def read_update(data: object, before: Task) -> tuple[dict[str, str] | None, tuple[str, ...] | None]:
    """Constants and tags of an update, None for what it leaves alone.

    A secret constant that comes back as it was shown keeps its value: the Python SDK sends the whole task back.
    """
    body = read_body(TaskUpdate, data)
    faults = [*constants_limits(body.constants or []), *tags_limits(body.tags or [])]
    if faults:
        raise invalid_task(faults)
    constants = None
    if body.constants is not None:
        constants = {
            constant.key: before.constants.get(constant.key, "")
            if constant.value == HIDDEN and constant.key.startswith(SECRET_PREFIX)
            else constant.value
            for constant in body.constants
        }
    return constants, None if body.tags is None else tuple(body.tags)


def invalid_task(faults: list[InvalidFieldError]) -> InvalidRequestError:
    """Give the error with the contract's text first, then ours with what is allowed."""
    fields = ", ".join(dict.fromkeys(fault.field for fault in faults))
    return InvalidRequestError(
        f"Invalid task file. Invalid fields: {fields}. " + "; ".join(str(f) for f in faults[:20])
    )


def _resources(body: TaskCreation) -> tuple[ResourceBucket, ...]:
    simple = [ResourceBucket(bucket=name) for name in body.resource_buckets]
    return (
        *simple,
        *(
            ResourceBucket(
                bucket=one.bucket_name,
                prefix=one.filtering.prefix_filtering.prefix,
                strip_prefix=one.resources_transformation.strip_prefix.prefix,
            )
            for one in body.advanced_resource_buckets
        ),
    )


def _shown_again(body: TaskCreation) -> dict[str, Any]:
    """Fields without a meaning here, by their wire names."""
    scheduling = "OnDemand" if str(body.scheduling_type).lower() == "ondemand" else "Flex"
    shown: dict[str, Any] = {
        "schedulingType": scheduling,
        "autoDeleteOnCompletion": body.auto_delete_on_completion,
        "completionTimeToLive": "00:00:00",
        "hardwareConstraints": body.hardware_constraints,
        "defaultResourcesCacheTTLSec": body.default_resources_cache_ttl_sec or CACHE_TTL_S,
        "simpleBuckets": bool(body.resource_buckets),
        "cacheTTLSec": [one.cache_ttl_sec or CACHE_TTL_S for one in body.advanced_resource_buckets],
    }
    if body.wait_for_pool_resources_synchronization is not None:
        shown["waitForPoolResourcesSynchronization"] = body.wait_for_pool_resources_synchronization
    if body.results_cache_ttl_sec is not None:
        shown["resultsCacheTTLSec"] = body.results_cache_ttl_sec
    return shown
