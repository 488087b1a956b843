"""What a creation may hold (`reference/qarnot-api.md` §2.3), and what is refused as it would not be obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ondol.control.results import compiled
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.server.api.hardware import met_by_all
from ondol.server.api.ranges import MOST_INSTANCES
from ondol.server.api.times import read_span
from ondol.server.api.wire_in import KeyValue, TaskCreation

SECRET_PREFIX = "QARNOT_SECRET__"  # noqa: S105  # a prefix of names, no secret
RESERVED_NAMES = ("paginate", "search", "summaries", "force")  # routes beside /tasks/{shortname}
LONGEST_TEXT = 2047
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,2048}")
_SHORTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,253}[A-Za-z0-9])?")
_NOBODY = "00000000-0000-0000-0000-000000000000"  # how C# says "no id"


def limits(task: TaskCreation) -> Iterator[InvalidFieldError]:
    """Every value of a creation that breaks a limit."""
    if not task.name.strip() or len(task.name) > LONGEST_TEXT or "\0" in task.name:
        yield InvalidFieldError("name", task.name[:80], f"a text of 1 to {LONGEST_TEXT} characters")
    if task.shortname and (not _SHORTNAME.fullmatch(task.shortname) or task.shortname.lower() in RESERVED_NAMES):
        yield InvalidFieldError(
            "shortname",
            task.shortname[:80],
            "1 to 255 of A–Z, a–z, 0–9 and -, letter or digit at both ends, not " + ", ".join(RESERVED_NAMES),
        )
    if task.advanced_ranges and task.instance_count:
        yield InvalidFieldError("instanceCount", task.instance_count, "0 or left out beside advancedRanges")
    if not task.advanced_ranges and not 1 <= task.instance_count <= MOST_INSTANCES:
        yield InvalidFieldError(
            "instanceCount", task.instance_count, f"1 to {MOST_INSTANCES}, or advancedRanges in its place"
        )
    for field in ("results_whitelist", "results_blacklist"):
        yield from _pattern("results" + field[7:].replace("_", "").capitalize(), getattr(task, field))
    retries = task.retry_settings
    for count_field, count in (
        ("retrySettings.maxTotalRetries", retries.max_total_retries),
        ("retrySettings.maxPerInstanceRetries", retries.max_per_instance_retries),
        ("maxRetriesPerInstance", task.max_retries_per_instance),
    ):
        if not 0 <= count <= 10_000:
            yield InvalidFieldError(count_field, count, "0 to 10000")
    yield from _buckets(task)
    yield from constants_limits(task.constants)
    yield from tags_limits(task.tags)


def constants_limits(constants: list[KeyValue]) -> Iterator[InvalidFieldError]:
    """Every constant that breaks a limit."""
    if len(constants) > 150:
        yield InvalidFieldError("constants", f"{len(constants)} of them", "at most 150 constants")
    for constant in constants[:150]:
        if not _KEY.fullmatch(constant.key):
            yield InvalidFieldError("constants.key", constant.key[:80], "1 to 2048 of A–Z, a–z, 0–9, _, . and -")
        if len(constant.value) > 2048 or "\0" in constant.value:
            yield InvalidFieldError(
                f"constants.{constant.key[:80]}", constant.value[:80], "a text of at most 2048 characters without NUL"
            )


def tags_limits(tags: list[str]) -> Iterator[InvalidFieldError]:
    """Tags that break a limit."""
    if len(tags) >= 10 or any(not tag or len(tag) >= 512 for tag in tags):
        yield InvalidFieldError("tags", [tag[:40] for tag in tags[:10]], "at most 9 tags of 1 to 511 characters")


def not_obeyed(task: TaskCreation, fleet: Fleet) -> Iterator[InvalidFieldError]:
    """Every wish of a creation that this installation would silently pass over."""
    for field, value, why in (
        ("poolUuid", _id(task.pool_uuid), "empty: pools are not offered yet by this installation"),
        ("jobUuid", _id(task.job_uuid), "empty: jobs are not offered yet by this installation"),
        ("projectUuid", _id(task.project_uuid), "empty: this installation has no projects"),
        ("dependencies", _said(task.dependencies), "empty: dependencies need jobs, not offered yet"),
        ("constraints", task.constraints, "empty: not offered by this installation"),
        ("forcedConstants", task.forced_constants, "empty: not offered yet by this installation"),
        ("forcedNetworkRules", task.forced_network_rules, "empty: jobs get no open ports on this installation"),
        ("secretsAccessRights", _said(task.secrets_access_rights), "empty: secrets are not offered yet"),
        ("snapshotWhitelist", task.snapshot_whitelist, "empty: a snapshot takes what resultsWhitelist lets through"),
        ("snapshotBlacklist", task.snapshot_blacklist, "empty: a snapshot leaves out what resultsBlacklist names"),
        ("snapshotBucket", task.snapshot_bucket, "empty: snapshots go to the result bucket"),
        ("snapshotBucketPrefix", task.snapshot_bucket_prefix, "empty: snapshots go to the result bucket"),
        ("maxTimeQueueSeconds", task.max_time_queue_seconds, "0: not offered yet; label ondol.deadline says by when"),
        ("targetedReservedMachineKey", task.targeted_reserved_machine_key, "empty: there are no reserved machines"),
        ("targetedReservationName", task.targeted_reservation_name, "empty: there are no reserved machines"),
        (
            "privileges.exportApiAndStorageCredentialsInEnvironment",
            task.privileges.export_api_and_storage_credentials_in_environment,
            "false: jobs are not given credentials yet",
        ),
    ):
        if value:
            yield InvalidFieldError(field, value, why)
    if str(task.scheduling_type).lower() == "reserved":
        yield InvalidFieldError(
            "schedulingType", task.scheduling_type, "Flex or OnDemand: there are no reserved machines"
        )
    try:
        if read_span("completionTimeToLive", task.completion_time_to_live):
            yield InvalidFieldError(
                "completionTimeToLive",
                task.completion_time_to_live,
                "00:00:00: delete the task yourself, not offered yet",
            )
    except InvalidFieldError as fault:
        yield fault
    for constraint in task.hardware_constraints:
        if not met_by_all(fleet, constraint):
            yield InvalidFieldError(
                "hardwareConstraints", constraint, "one that every node meets: nodes are not chosen by constraint yet"
            )


def _buckets(task: TaskCreation) -> Iterator[InvalidFieldError]:
    if task.resource_buckets and task.advanced_resource_buckets:
        yield InvalidFieldError("resourceBuckets", task.resource_buckets[:3], "empty beside advancedResourceBuckets")
    if len(task.resource_buckets) + len(task.advanced_resource_buckets) > 100:
        yield InvalidFieldError("resourceBuckets", "over 100", "at most 100 buckets")
    if task.result_bucket and task.results_bucket and task.result_bucket != task.results_bucket:
        yield InvalidFieldError("resultsBucket", task.results_bucket, "the same as resultBucket, or left out")


def _pattern(field: str, pattern: str) -> Iterator[InvalidFieldError]:
    allowed = f"a regular expression of at most {LONGEST_TEXT} characters"
    if len(pattern) > LONGEST_TEXT:
        yield InvalidFieldError(field, pattern[:80], allowed)
        return
    try:
        compiled(field, pattern, {})
    except InvalidFieldError as fault:
        yield fault


def _id(text: str) -> str:
    return "" if text in ("", _NOBODY) else text


def _said(parts: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in parts.items() if value and str(key).lower() != "state"}
