"""What the texts and numbers of a creation may hold (`reference/qarnot-api.md` §2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ondol.control.results import compiled
from ondol.model.errors import InvalidFieldError
from ondol.server.api.names import LONGEST_TEXT, name_limits
from ondol.server.api.ranges import MOST_INSTANCES
from ondol.server.api.times import LONGEST_S
from ondol.server.api.wire_in import KeyValue, ResourcesBucket, TaskCreation

# Constants that are never shown: the contract's, and the password at a registry of images.
SECRET_PREFIXES = ("QARNOT_SECRET__", "DOCKER_REGISTRY_PASSWORD")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,2048}")
LONGEST_PATH = 1024  # of a bucket's name or a prefix: no key of an object is longer [characters]


def limits(task: TaskCreation) -> Iterator[InvalidFieldError]:
    """Every value of a creation that breaks a limit."""
    yield from name_limits(task.name, task.shortname)
    if task.advanced_ranges and task.instance_count:
        yield InvalidFieldError("instanceCount", task.instance_count, "0 or left out beside advancedRanges")
    if not task.advanced_ranges and not 1 <= task.instance_count <= MOST_INSTANCES:
        yield InvalidFieldError(
            "instanceCount", task.instance_count, f"1 to {MOST_INSTANCES}, or advancedRanges in its place"
        )
    for field, pattern in (
        ("resultsWhitelist", task.results_whitelist),
        ("resultsBlacklist", task.results_blacklist),
        ("snapshotWhitelist", task.snapshot_whitelist),
        ("snapshotBlacklist", task.snapshot_blacklist),
    ):
        if pattern:
            yield from pattern_limits(field, pattern)
    retries = task.retry_settings
    for count_field, count in (
        ("retrySettings.maxTotalRetries", retries.max_total_retries),
        ("retrySettings.maxPerInstanceRetries", retries.max_per_instance_retries),
        ("maxRetriesPerInstance", task.max_retries_per_instance),
    ):
        if not 0 <= count <= 10_000:
            yield InvalidFieldError(count_field, count, "0 to 10000")
    if not 0 <= task.max_time_queue_seconds <= LONGEST_S:
        yield InvalidFieldError("maxTimeQueueSeconds", task.max_time_queue_seconds, f"0 (no limit) to {LONGEST_S}")
    yield from _buckets(task)
    yield from path_limits(
        (
            ("resultsBucketPrefix", task.results_bucket_prefix),
            ("snapshotBucket", task.snapshot_bucket),
            ("snapshotBucketPrefix", task.snapshot_bucket_prefix),
            *resource_paths(task.advanced_resource_buckets),
        )
    )
    yield from constants_limits(task.constants)
    yield from tags_limits(task.tags)
    yield from _labels_limits(task.labels)


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
    if len(tags) >= 10 or any(not tag or len(tag) >= 512 or "\0" in tag for tag in tags):
        allowed = "at most 9 tags of 1 to 511 characters without NUL"
        yield InvalidFieldError("tags", [tag[:40] for tag in tags[:10]], allowed)


def path_limits(paths: Iterable[tuple[str, str]]) -> Iterator[InvalidFieldError]:
    """Buckets and prefixes of keys that break a limit; each with its field."""
    for field, text in paths:
        if len(text) > LONGEST_PATH or "\0" in text:
            yield InvalidFieldError(field, text[:80], f"a text of at most {LONGEST_PATH} characters without NUL")


def resource_paths(buckets: Iterable[ResourcesBucket]) -> Iterator[tuple[str, str]]:
    """Prefixes that resources name, each with its field."""
    for one in buckets:
        yield "advancedResourceBuckets.filtering", one.filtering.prefix_filtering.prefix
        yield "advancedResourceBuckets.resourcesTransformation", one.resources_transformation.strip_prefix.prefix


def _labels_limits(labels: dict[str, str]) -> Iterator[InvalidFieldError]:
    if len(labels) > 150:
        yield InvalidFieldError("labels", f"{len(labels)} of them", "at most 150 labels")
    for key, value in labels.items():
        if not 1 <= len(key) <= 2048 or len(value) > 2048 or "\0" in key + value:
            allowed = "1 to 2048 characters, value at most 2048, both without NUL"
            yield InvalidFieldError(f"labels.{key[:80]}", value[:80], allowed)


def _buckets(task: TaskCreation) -> Iterator[InvalidFieldError]:
    if task.resource_buckets and task.advanced_resource_buckets:
        yield InvalidFieldError("resourceBuckets", task.resource_buckets[:3], "empty beside advancedResourceBuckets")
    if len(task.resource_buckets) + len(task.advanced_resource_buckets) > 100:
        yield InvalidFieldError("resourceBuckets", "over 100", "at most 100 buckets")
    if task.result_bucket and task.results_bucket and task.result_bucket != task.results_bucket:
        yield InvalidFieldError("resultsBucket", task.results_bucket, "the same as resultBucket, or left out")
    lives = [task.default_resources_cache_ttl_sec, task.results_cache_ttl_sec]
    lives += [one.cache_ttl_sec for one in task.advanced_resource_buckets]
    if any(life is not None and not 0 <= life <= LONGEST_S for life in lives):
        yield InvalidFieldError("cacheTTLSec", [life for life in lives if life][:5], f"0 to {LONGEST_S} seconds")


def pattern_limits(field: str, pattern: str) -> Iterator[InvalidFieldError]:
    """What is wrong with a pattern on paths of results."""
    allowed = f"a regular expression of at most {LONGEST_TEXT} characters"
    if len(pattern) > LONGEST_TEXT:
        yield InvalidFieldError(field, pattern[:80], allowed)
        return
    try:
        compiled(field, pattern, {})
    except InvalidFieldError as fault:
        yield fault
