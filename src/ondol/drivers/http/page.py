"""Values out of a page: by path from JSON, by name and labels from Prometheus text."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from ondol.model.errors import InvalidFieldError, UnavailableError

_DOT = re.compile(r"(?<!\\)\.")
_METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_WORDS = {"on": 1.0, "true": 1.0, "open": 1.0, "off": 0.0, "false": 0.0, "closed": 0.0}


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and when it was measured if the page says so."""

    value: float
    measured_at: dt.datetime | None = None


class Missing(Exception):  # noqa: N818 - it is an answer about one value, not a failure of the page
    """Why a page has no value for an address."""


def check_page_address(field: str, address: str) -> None:
    """Refuse an address that is neither a path nor a metric.

    Raises
    ------
    InvalidFieldError : naming what is allowed
    """
    name, brace, _ = address.partition("{")
    if brace:
        _selector(field, address)
    elif not all(part for path in address.split("@") for part in _DOT.split(path)) or address.count("@") > 1:
        allowed = 'path.to.value[@path.to.time] for JSON, or metric{label="x"} for Prometheus text'
        raise InvalidFieldError(field, name, allowed)


class JsonPage:
    r"""A JSON document.

    An address is ``path.to.value[@path.to.time]``, where a whole number counts in a list from 0 and ``\.`` is a dot
    within a name. Times are ISO 8601 with a zone, or seconds or milliseconds since 1970.
    """

    def __init__(self, text: str) -> None:
        try:
            self._document = json.loads(text)
        except ValueError as error:
            raise UnavailableError(f"the page is no JSON: {error}") from None

    def find(self, address: str) -> Found:
        """Give the value at an address; raises Missing."""
        path, _, time_path = address.partition("@")
        at = _instant(self._at(time_path), time_path) if time_path else None
        return Found(_number(self._at(path), path), at)

    def _at(self, path: str) -> Any:
        here = self._document
        for part in _DOT.split(path):
            key = part.replace("\\.", ".")
            if isinstance(here, dict) and key in here:
                here = here[key]
            elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
                here = here[int(key)]
            else:
                known = ", ".join(list(here)[:12]) if isinstance(here, dict) else f"a {type(here).__name__}"
                raise Missing(f"{path}: there is no {key}, only {known}")
        return here


class PrometheusPage:
    """Prometheus or OpenMetrics text; an address is ``metric`` or ``metric{label="x"}`` and must fit one sample."""

    def __init__(self, text: str, *, openmetrics: bool = False) -> None:
        try:
            parse: Callable[[str], Iterable[Metric]] = parse_openmetrics if openmetrics else parse_prometheus
            families = list(parse(text))
        except (ValueError, KeyError, IndexError) as error:
            raise UnavailableError(f"the page is no Prometheus text: {error}") from None
        self._samples: dict[str, list[Any]] = {}
        for family in families:
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append(sample)

    def find(self, address: str) -> Found:
        """Give the value of a sample; raises Missing."""
        name, labels = _selector("address", address)
        fitting = [
            one
            for one in self._samples.get(name, ())
            if all(one.labels.get(key) == value for key, value in labels.items())
        ]
        if not fitting:
            raise Missing(f"the page has no {address}")
        if len(fitting) > 1:
            raise Missing(f"{len(fitting)} samples are {address}: name more labels, e.g. of {dict(fitting[0].labels)}")
        stamp = fitting[0].timestamp
        return Found(_number(fitting[0].value, address), None if stamp is None else _instant(float(stamp), address))


def _selector(field: str, address: str) -> tuple[str, dict[str, str]]:
    whole = _METRIC.fullmatch(address.strip())
    labels: dict[str, str] = {}
    rest = (whole.group(2) or "") if whole else address
    while whole and rest.strip():
        label = _LABEL.match(rest)
        if label is None:
            break
        labels[label.group(1)] = label.group(2).replace('\\"', '"').replace("\\\\", "\\")
        rest = rest[label.end() :]
    if whole is None or rest.strip():
        raise InvalidFieldError(field, address, 'a metric such as boiler_power_watts{boiler="1"}')
    return whole.group(1), labels


def _number(found: Any, where: str) -> float:
    if isinstance(found, str):
        word = found.strip()
        if word.lower() in _WORDS:
            return _WORDS[word.lower()]
        try:
            found = float(word)
        except ValueError:
            raise Missing(f"{where} is {found!r}, which is no number") from None
    if not isinstance(found, (int, float)):  # a bool is an int: true is 1
        raise Missing(f"{where} is {found!r}, which is no number")
    try:
        value = float(found)
    except OverflowError:
        raise Missing(f"{where} is too large") from None
    if not abs(value) < float("inf"):
        raise Missing(f"{where} is {value}: the source has no value")
    return value


def _instant(found: Any, where: str) -> dt.datetime:
    if isinstance(found, str):
        try:
            at = dt.datetime.fromisoformat(found.strip())
        except ValueError:
            raise Missing(f"{where} is {found!r}, which is no ISO 8601 time") from None
        if at.tzinfo is None:
            raise Missing(f"{where} is {found!r}, which has no zone: add Z or +01:00")
        return at.astimezone(dt.UTC)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise Missing(f"{where} is {found!r}, which is no time")
    seconds = found / 1000.0 if abs(found) > 1e11 else float(found)  # 1e11 s is the year 5138
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        raise Missing(f"{where} is {found!r}, which is no time") from None
