"""Resource buckets, secrets' rights and constants as the wire shows them, of tasks and pools alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ondol.model.compute import ResourceBucket
from ondol.server.api.task_limits import SECRET_PREFIXES

HIDDEN = "[SECRET]"


def resources_out(resources: Iterable[ResourceBucket], *, simple: bool) -> dict[str, Any]:
    """Give both lists of resource buckets, of which one is empty.

    Parameters
    ----------
    simple : they were given by their names alone
    """
    if simple:
        return {"resourceBuckets": [one.bucket for one in resources], "advancedResourceBuckets": []}
    advanced = [
        {
            "bucketName": one.bucket,
            "filtering": {"prefixFiltering": {"prefix": one.prefix}},
            "resourcesTransformation": {"stripPrefix": {"prefix": one.strip_prefix}},
            "cacheTTLSec": one.cache_ttl_s,
        }
        for one in resources
    ]
    return {"resourceBuckets": [], "advancedResourceBuckets": advanced}


def secrets_out(by_key: Iterable[str], by_prefix: Iterable[str]) -> dict[str, Any]:
    """Give the secrets that a task or pool may read."""
    return {
        "bySecret": [{"key": key} for key in by_key],
        "byPrefix": [{"prefix": prefix} for prefix in by_prefix],
    }


def value_out(key: str, value: str) -> str:
    """Give a constant's value, hidden where its name says that it is a secret."""
    return HIDDEN if key.startswith(SECRET_PREFIXES) else value
