"""From options, and from files that use their names, to the bodies that the compute API wants."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ondol.cli.creation_file import pairs_in, pairs_of
from ondol.cli.spans import read_span, wire_span
from ondol.model.compute import SPEED_CAP_LEAST
from ondol.model.errors import InvalidFieldError

SERVICE_LABEL, DEADLINE_LABEL = "ondol.service", "ondol.deadline"
EXPECTED_LABEL, CAP_LABEL, TIME_LIMIT_LABEL = "ondol.expected", "ondol.cap", "ondol.time_limit"
Part = dict[str, Any]
_RANGE = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_ENDS = ("success", "failure", "cancelled")
_LARGEST_SCALING = 1 << 20  # bytes


def read_pairs(option: str, given: object) -> dict[str, Any]:
    """Read `K=V` texts; the value may be empty and may hold `=`. A file may give an object as well.

    Raises InvalidFieldError for a text without `=`, or a name given twice.
    """
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        return pairs_in(given)
    pairs: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidFieldError(option, text, "NAME=VALUE")
        if name in pairs:
            raise InvalidFieldError(option, text, f"given once; {name} is {pairs[name]!r} already")
        pairs[name] = value
    return pairs


def body_of(named: Mapping[str, Any]) -> dict[str, Any]:
    """Give the body that options make.

    Parameters
    ----------
    named : what was said, by the names of options in any case, with or without hyphens; any other key is one of the
        body and stays as it is

    Raises InvalidFieldError for options that cannot be read.
    """
    body: dict[str, Any] = {}
    for name, value in named.items():
        if value is None:
            continue
        translate = _PARTS.get(name.lower().replace("-", "").replace("_", ""))
        _lay(body, {name: value} if translate is None else translate(value))
    return body


def dependencies(keys: Iterable[str]) -> dict[str, Any]:
    """Read `KEY` or `KEY:Success,Failure`: tasks that must have ended, and how.

    Raises InvalidFieldError for an end that there is not.
    """
    plain: list[str] = []
    advanced: list[dict[str, Any]] = []
    for text in keys:
        key, colon, ends = text.partition(":")
        wanted = [end.strip().lower() for end in ends.split(",") if end.strip()]
        if not key or any(end not in _ENDS for end in wanted) or (colon and not wanted):
            raise InvalidFieldError("--depends-on", text, "TASK, or TASK:Success,Failure,Cancelled (some of them)")
        plain.append(key)
        advanced.append({"taskUuid": key, "taskFinalStateCondition": wanted or None})
    if any(one["taskFinalStateCondition"] for one in advanced):
        return {"advancedDependsOn": advanced}
    return {"dependsOn": plain}


def read_scaling(given: object) -> Any:
    """Scaling policies of a pool: JSON, or @FILE that holds it; a file of a creation may hold them as they are."""
    if not isinstance(given, str):
        return given
    if given.startswith("@"):
        file = Path(given[1:])
        if file.stat().st_size > _LARGEST_SCALING:
            raise InvalidFieldError("--scaling", given, "a file of at most 1 MiB")
        given = file.read_text(encoding="utf-8")
    try:
        read = json.loads(given)
    except ValueError as error:
        allowed = f'JSON {{"policies": [...]}}, or @FILE that holds it ({error})'
        raise InvalidFieldError("--scaling", given[:80], allowed) from error
    return {"policies": read} if isinstance(read, list) else read


def _lay(body: dict[str, Any], part: Part) -> None:
    for key, value in part.items():
        old = body.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            body[key] = {**old, **value}
        elif isinstance(old, list) and isinstance(value, list):
            body[key] = [*old, *value]
        else:
            body[key] = value


def _resource(given: object) -> Part:
    if isinstance(given, Mapping):
        return dict(given)
    bucket, _, prefix = str(given).partition("/")
    if not bucket:
        raise InvalidFieldError("--resources", given, "BUCKET or BUCKET/PREFIX")
    if not prefix:
        return {"bucketName": bucket}
    return {
        "bucketName": bucket,
        "filtering": {"prefixFiltering": {"prefix": prefix}},
        "resourcesTransformation": {"stripPrefix": {"prefix": prefix}},
    }


def _result(given: object) -> Part:
    bucket, _, prefix = str(given).partition("/")
    if not bucket:
        raise InvalidFieldError("--result", given, "BUCKET or BUCKET/PREFIX")
    return {"resultBucket": bucket} | ({"resultsBucketPrefix": prefix} if prefix else {})


def _ranges(given: object) -> Part:
    if not _RANGE.fullmatch(str(given)):
        raise InvalidFieldError("--range", given, "numbers and ranges such as 0-2,4-5,17")
    return {"advancedRanges": str(given)}


def _image(given: object) -> Part:
    repo, tag = str(given), ""
    if ":" in repo.rpartition("/")[2]:
        repo, _, tag = repo.rpartition(":")
    if not repo:
        raise InvalidFieldError("--image", given, "NAME or NAME:TAG")
    return {"constants": pairs_of({"DOCKER_REPO": repo, "DOCKER_TAG": tag or "latest"})}


def _service(given: object) -> Part:
    return {"labels": {SERVICE_LABEL: str(given)}}


def _seconds(option: str, given: object) -> float:
    return float(given) if isinstance(given, int | float) else read_span(option, str(given))


def _share(option: str, given: object) -> str:
    try:
        share = float(str(given))
    except ValueError:
        share = math.nan
    if not SPEED_CAP_LEAST <= share <= 1.0:
        raise InvalidFieldError(option, given, f"a share of full speed, from {SPEED_CAP_LEAST:g} to 1")
    return repr(share)


def _listed(given: object) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _limit(kind: str, name: str = "") -> Callable[[Any], Part]:
    def part(value: Any) -> Part:
        if value is False:
            return {}
        one = {"discriminator": f"{kind}HardwareConstraint"}
        return {"hardwareConstraints": [one | {name: value} if name else one]}

    return part


def _key(name: str) -> Callable[[Any], Part]:
    return lambda value: {name: value}


def _inside(outer: str, name: str) -> Callable[[Any], Part]:
    return lambda value: {outer: {name: value}}


def _specific(values: Any) -> Part:
    return {
        "hardwareConstraints": [
            {"discriminator": "SpecificHardwareConstraint", "specificationKey": one} for one in _listed(values)
        ]
    }


_PARTS: dict[str, Callable[[Any], Part]] = {
    # What
    "instance": _key("instanceCount"),
    "instances": _key("instanceCount"),
    "instancenodes": _key("instanceCount"),
    "range": _ranges,
    "ranges": _ranges,
    "image": _image,
    "constants": lambda given: {"constants": pairs_of(read_pairs("--constants", given))},
    "constraints": lambda given: {"constraints": pairs_of(read_pairs("--constraints", given))},
    "labels": lambda given: {"labels": read_pairs("--labels", given)},
    "tags": lambda given: {"tags": _listed(given)},
    "resources": lambda given: {"advancedResourceBuckets": [_resource(one) for one in _listed(given)]},
    "result": _result,
    "ttl": _key("defaultResourcesCacheTTLSec"),
    "resultttl": _key("resultsCacheTTLSec"),
    "whitelist": lambda given: {"resultsWhitelist": given, "snapshotWhitelist": given},
    "blacklist": lambda given: {"resultsBlacklist": given, "snapshotBlacklist": given},
    "secretsaccessrightsbykey": lambda given: {
        "secretsAccessRights": {"bySecret": [{"key": one} for one in _listed(given)]}
    },
    "secretsaccessrightsbyprefix": lambda given: {
        "secretsAccessRights": {"byPrefix": [{"prefix": one} for one in _listed(given)]}
    },
    "exportcredentialstoenv": _inside("privileges", "exportApiAndStorageCredentialsInEnvironment"),
    "autodelete": _key("autoDeleteOnCompletion"),
    "maxtotalretries": _inside("retrySettings", "maxTotalRetries"),
    "maxretriesperinstance": _inside("retrySettings", "maxPerInstanceRetries"),
    "uploadoncancel": _key("uploadResultsOnCancellation"),
    # Where and when
    "job": _key("jobUuid"),
    "pool": _key("poolUuid"),
    "service": _service,
    "deadline": lambda given: {"labels": {DEADLINE_LABEL: str(given)}},
    "expected": lambda given: {"labels": {EXPECTED_LABEL: f"{_seconds('--expected', given):g}"}},
    "cap": lambda given: {"labels": {CAP_LABEL: _share("--cap", given)}},
    "timelimit": lambda given: {"labels": {TIME_LIMIT_LABEL: f"{_seconds('--time-limit', given):g}"}},
    "machinetarget": _key("targetedReservedMachineKey"),
    "reservationtarget": _key("targetedReservationName"),
    "project": _key("projectUuid"),
    "maxtimequeue": lambda given: {"maxTimeQueueSeconds": _seconds("--max-time-queue", given)},
    "dependents": lambda given: {"dependencies": dependencies(_listed(given))},
    "dependson": lambda given: {"dependencies": dependencies(_listed(given))},
    "waitforresourcessynchronization": _key("waitForPoolResourcesSynchronization"),
    # Hardware
    "mincorecount": _limit("MinimumCore", "coreCount"),
    "maxcorecount": _limit("MaximumCore", "coreCount"),
    "minramcoreratio": _limit("MinimumRamCoreRatio", "minimumMemoryGBCoreRatio"),
    "maxramcoreratio": _limit("MaximumRamCoreRatio", "maximumMemoryGBCoreRatio"),
    "minram": _limit("MinimumRam", "minimumMemoryMB"),
    "maxram": _limit("MaximumRam", "maximumMemoryMB"),
    "specifichardwareconstraints": _specific,
    "cpumodel": _limit("CpuModel", "cpuModel"),
    "gpuhardware": _limit("Gpu"),
    "nogpuhardware": _limit("NoGpu"),
    "ssdhardware": _limit("SSD"),
    "nossdhardware": _limit("NoSSD"),
    # Pools
    "preparation": _inside("preparationTask", "commandLine"),
    "slotspernode": _inside("multiSlotsSettings", "slotsPerNode"),
    "taskswaitforsynchronization": _key("taskDefaultWaitForPoolResourcesSynchronization"),
    "pooliselastic": _inside("elasticProperty", "isElastic"),
    "elastic": _inside("elasticProperty", "isElastic"),
    "minslot": _inside("elasticProperty", "minTotalSlots"),
    "maxslot": _inside("elasticProperty", "maxTotalSlots"),
    "minidlingslot": _inside("elasticProperty", "minIdleSlots"),
    "resizeperiod": _inside("elasticProperty", "resizePeriod"),
    "resizefactor": _inside("elasticProperty", "rampResizeFactor"),
    "minidlingtime": _inside("elasticProperty", "minIdleTimeSeconds"),
    "scaling": lambda given: {"scaling": read_scaling(given)},
    # Jobs
    "isdependant": _key("useDependencies"),
    "maxwalltime": lambda given: {"maxWallTime": wire_span(_seconds("--max-wall-time", given))},
}
