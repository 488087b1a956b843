"""Resource buckets, secrets' rights and constants as the wire shows them, of tasks and pools alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ondol.model.compute import ResourceBucket
from ondol.model.conditions import ForcedConstant
from ondol.server.api.conditions_in import forced_out
from ondol.server.api.task_limits import SECRET_PREFIXES
from ondol.server.api.wire_in import KeyValue

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


def forced_shown(constants: Iterable[ForcedConstant]) -> list[dict[str, Any]]:
    """Give forced constants, secret values hidden."""
    return [
        one | {"forcedValue": value_out(one["constantName"], one["forcedValue"])} for one in map(forced_out, constants)
    ]


def values_in(given: Iterable[KeyValue], before: Mapping[str, str]) -> dict[str, str]:
    """Read the constants of an update; a secret that comes back as it was shown keeps its value.

    The Python SDK sends the whole task or pool back.
    """
    return {
        one.key: before.get(one.key, "") if one.value == HIDDEN and one.key.startswith(SECRET_PREFIXES) else one.value
        for one in given
    }
