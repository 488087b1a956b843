"""Bodies of creations in files: JSON, YAML or TOML, with the keys of the API or the names of the options."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ondol.model.errors import InvalidFieldError, NotFoundError

LARGEST = 16 << 20  # bytes; the platform takes no larger body


def read_bodies(path: Path) -> list[dict[str, Any]]:
    """Give the objects of a file: one, or a list of them ("tasks = […]" in TOML, which has no list at the top).

    Parameters
    ----------
    path : by its ending .json, .toml, .yaml or .yml; any other is read as YAML, which JSON is too. "-": standard input

    Raises NotFoundError where there is none, InvalidFieldError for one that cannot be read.
    """
    if str(path) == "-":
        text = sys.stdin.read(LARGEST)
    elif not path.is_file():
        raise NotFoundError("file", str(path))
    elif path.stat().st_size > LARGEST:
        raise InvalidFieldError("--file", str(path), f"a file of at most {LARGEST >> 20} MiB")
    else:
        text = path.read_text(encoding="utf-8-sig", errors="strict")
    try:
        data = _READERS.get(path.suffix.lower(), _yaml)(text)
    except ValueError as error:
        raise InvalidFieldError("--file", str(path), f"JSON, YAML or TOML ({error})") from error
    if isinstance(data, dict) and len(data) == 1 and str(next(iter(data))).lower() in ("tasks", "pools", "jobs"):
        data = next(iter(data.values()))
    bodies = data if isinstance(data, list) else [data]
    if not bodies or not all(isinstance(one, dict) for one in bodies):
        raise InvalidFieldError("--file", str(path), "an object with the fields of a creation, or a list of such")
    return [{str(key): value for key, value in one.items()} for one in bodies]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one body over another; keys in any case.

    Constants and labels are merged name by name, all else is replaced. What is replaced keeps its place.
    """
    names = {key.lower(): key for key in below}
    body = dict(below)
    for key, value in above.items():
        old = names.get(key.lower(), key)
        if key in ("constants", "constraints") and body.get(old):
            value = pairs_of(pairs_in(body[old]) | pairs_in(value))  # noqa: PLW2901
        elif key == "labels" and body.get(old):
            value = pairs_in(body[old]) | pairs_in(value)  # noqa: PLW2901
        elif isinstance(value, Mapping) and isinstance(body.get(old), Mapping):
            value = {**body[old], **value}  # noqa: PLW2901
        elif key in ("advancedResourceBuckets", "resourceBuckets"):
            for other in ("advancedresourcebuckets", "resourcebuckets"):
                body.pop(names.get(other, other), None)
        elif key in ("instanceCount", "advancedRanges"):
            for other in ("instancecount", "advancedranges"):
                body.pop(names.get(other, other), None)
        if old != key:
            body.pop(old, None)
        body[key] = value
    return body


def pairs_in(given: Any) -> dict[str, Any]:
    """Read names and values: an object, a list of `{"key", "value"}`, or a list of "K=V"."""
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    found: dict[str, Any] = {}
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, Mapping):
            low = {str(key).lower(): value for key, value in one.items()}
            found[str(low.get("key", ""))] = low.get("value", "")
        else:
            name, equals, value = str(one).partition("=")
            if not equals or not name:
                raise InvalidFieldError("--file", one, "NAME=VALUE")
            found[name] = value
    return found


def pairs_of(named: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Names and values as the wire has them."""
    return [{"key": key, "value": value} for key, value in named.items()]


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


_READERS: Mapping[str, Callable[[str], Any]] = {".json": json.loads, ".toml": tomllib.loads}
