"""From the options of `ondol task create` to the body that the compute API wants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from ondol.model.errors import InvalidFieldError

Service = Literal["on_demand", "flex", "harvest", "filler"]
SERVICE_LABEL = "ondol.service"
DEADLINE_LABEL = "ondol.deadline"
_RANGE = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_COMMAND_OF = {"docker-batch": "DOCKER_CMD"}


def read_pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """Read `K=V` texts; the value may be empty and may hold `=`.

    Raises InvalidFieldError for a text without `=`, or a name given twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidFieldError(option, text, "NAME=VALUE")
        if name in pairs:
            raise InvalidFieldError(option, text, f"given once; {name} is {pairs[name]!r} already")
        pairs[name] = value
    return pairs


def task_body(
    *,
    name: str,
    profile: str,
    instances: int | None,
    ranges: str | None,
    command: str | None,
    constants: Iterable[str],
    resources: Iterable[str],
    result: str | None,
    tags: Iterable[str],
    labels: Iterable[str],
    service: Service | None,
    deadline: str | None,
    retries: int,
    shortname: str | None,
) -> dict[str, Any]:
    """Give the body of `POST /tasks`; what was not said is left out, so that the platform's defaults hold.

    Parameters
    ----------
    instances, ranges : how many, or which ("0-2,5"); one of them at most
    resources : `BUCKET` or `BUCKET/PREFIX`, the prefix is cut off from the names that the job sees
    deadline : "+2h" on the platform's clock, or an ISO 8601 time; the platform reads it

    Raises InvalidFieldError for options that contradict each other or cannot be read.
    """
    if instances is not None and ranges is not None:
        raise InvalidFieldError("--range", ranges, "given without --instances: it says how many there are")
    if ranges is not None and not _RANGE.fullmatch(ranges):
        raise InvalidFieldError("--range", ranges, "numbers and ranges such as 0-2,4-5,17")
    named = read_pairs("--constant", constants)
    if command is not None:
        variable = _COMMAND_OF.get(profile, "CMD")
        if variable in named:
            raise InvalidFieldError("--command", command, f"given without -c {variable}=…: both are the command")
        named = {variable: command, **named}
    marked = read_pairs("--label", labels)
    if service is not None:
        marked[SERVICE_LABEL] = service
    if deadline is not None:
        marked[DEADLINE_LABEL] = deadline
    body: dict[str, Any] = {
        "name": name,
        "profile": profile,
        "constants": [{"key": key, "value": value} for key, value in named.items()],
        "labels": marked,
        "tags": list(tags),
        "advancedResourceBuckets": [_resource(text) for text in resources],
    }
    body |= (
        {"advancedRanges": ranges} if ranges is not None else {"instanceCount": 1 if instances is None else instances}
    )
    if service is not None:
        body["schedulingType"] = "OnDemand" if service == "on_demand" else "Flex"
    if result is not None:
        bucket, _, prefix = result.partition("/")
        body |= {"resultBucket": bucket} | ({"resultsBucketPrefix": prefix} if prefix else {})
    if retries:
        body["retrySettings"] = {"maxPerInstanceRetries": retries}
    if shortname is not None:
        body["shortname"] = shortname
    return body


def _resource(text: str) -> dict[str, Any]:
    bucket, _, prefix = text.partition("/")
    if not bucket:
        raise InvalidFieldError("--resources", text, "BUCKET or BUCKET/PREFIX")
    if not prefix:
        return {"bucketName": bucket}
    return {
        "bucketName": bucket,
        "filtering": {"prefixFiltering": {"prefix": prefix}},
        "resourcesTransformation": {"stripPrefix": {"prefix": prefix}},
    }
