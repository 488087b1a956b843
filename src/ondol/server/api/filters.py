"""Filters of the paginate and search routes: And, Or and leaves on PascalCase fields (§2.5), checked and bounded."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping
from typing import Any

from ondol.model.compute import Task
from ondol.model.conditions import Scheduling
from ondol.model.errors import InvalidFieldError
from ondol.server.api.like import Patience, safe_pattern
from ondol.server.api.names import NOBODY
from ondol.server.api.task_limits import SECRET_PREFIXES
from ondol.server.api.times import read_time

Fields = Mapping[str, Callable[[Any], Any]]  # what a filter may name, lower case, and how it is read off a row
Keep = Callable[[Any], bool]
Value = str | float | dt.datetime
_DEEPEST = 16
_MOST_VALUES = 1000
_MOST_CONDITIONS = 1000  # of a whole filter: each is tried on every row
SCHEDULING_WORDS = {Scheduling.FLEX: "flex", Scheduling.ON_DEMAND: "onDemand", Scheduling.RESERVED: "reserved"}

TASK_FIELDS: dict[str, Callable[[Task], Any]] = {
    "uuid": lambda task: task.id,
    "name": lambda task: task.name,
    "shortname": lambda task: task.shortname or task.id,
    "profile": lambda task: task.profile,
    "state": lambda task: task.state.value,
    "previousstate": lambda task: task.previous_state.value if task.previous_state else "",
    "tags": lambda task: task.tags,
    "creationdate": lambda task: task.created_at,
    "lastmodified": lambda task: task.modified_at,
    "enddate": lambda task: task.ended_at,
    "statetransitiontime": lambda task: task.state_since,
    "previousstatetransitiontime": lambda task: task.previous_state_since,
    "instancecount": lambda task: 0.0 if task.advanced_ranges else float(len(task.instance_numbers)),
    "totalinstancecount": lambda task: float(len(task.instance_numbers)),
    "advancedranges": lambda task: task.advanced_ranges,
    "resourcebuckets": lambda task: tuple(one.bucket for one in task.resources),
    "resultbucket": lambda task: task.result_bucket,
    "resultscount": lambda task: float(task.results_count),
    "snapshotinterval": lambda task: float(task.snapshot.interval_s),
    "schedulingtype": lambda task: SCHEDULING_WORDS[task.scheduling],
    "pooluuid": lambda task: task.pool_id or NOBODY,
    "jobuuid": lambda task: task.job_id or NOBODY,
    "projectuuid": lambda task: task.project_id or NOBODY,
    "dependencies.dependson": lambda task: tuple(one.task_id for one in task.dependencies),
    "labels": lambda task: tuple(f"{key}={value}" for key, value in task.labels.items()),
    "constants": lambda task: tuple(
        f"{key}={value}" for key, value in task.constants.items() if not key.startswith(SECRET_PREFIXES)
    ),
    "autodeleteoncompletion": lambda task: "true" if task.auto_delete else "false",
}
_NUMBERS = ("instancecount", "totalinstancecount", "resultscount", "snapshotinterval")
_IDS = ("pooluuid", "jobuuid", "projectuuid")
_ANY_CASE = ("schedulingtype", "autodeleteoncompletion")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "lessthan": operator.lt,
    "lessthanorequal": operator.le,
    "greaterthan": operator.gt,
    "greaterthanorequal": operator.ge,
}
_LEAVES = ("equal", "notequal", "in", "notin", *_ORDER, "like")
_NAMES = "And, Or, Equal, NotEqual, In, NotIn, LessThan, LessThanOrEqual, GreaterThan, GreaterThanOrEqual, Like"


def read_filter(data: Mapping[str, Any] | None, fields: Fields = TASK_FIELDS) -> Keep | None:
    """Make a test of tasks, or of what else has the fields; None where nothing is asked for.

    Raises InvalidFieldError for an unknown operator or field, a value of another kind, or a filter nested too deep.
    """
    return _node(data, fields, _Bounds(), 0) if data else None


class _Bounds:
    """What the conditions of one filter share."""

    def __init__(self) -> None:
        self.patience = Patience()
        self._left = _MOST_CONDITIONS

    def count(self) -> None:
        """One more condition; raises InvalidFieldError for one too many."""
        self._left -= 1
        if self._left < 0:
            raise InvalidFieldError("filter", "…", f"at most {_MOST_CONDITIONS} conditions in all")


def _node(data: Any, fields: Fields, bounds: _Bounds, depth: int) -> Keep:
    if not isinstance(data, dict) or depth > _DEEPEST:
        raise InvalidFieldError("filter", str(data)[:80], f"objects with an operator, nested at most {_DEEPEST} deep")
    bounds.count()
    low = {str(key).lower(): value for key, value in data.items()}
    word = str(low.get("operator", "")).lower()
    if word in ("and", "or"):
        filters = low.get("filters") or []
        if not isinstance(filters, list) or len(filters) > 100:
            raise InvalidFieldError("filter.filters", str(filters)[:80], "a list of at most 100 filters")
        parts = [_node(part, fields, bounds, depth + 1) for part in filters]
        join = all if word == "and" else any
        return lambda task: join(part(task) for part in parts)
    if word not in _LEAVES:
        raise InvalidFieldError("filter.operator", low.get("operator"), f"one of {_NAMES}")
    field = str(low.get("field", ""))
    pick = fields.get(field.lower())
    if pick is None:
        raise InvalidFieldError("filter.field", field, "one of " + ", ".join(fields) + " (any case)")
    return _leaf(word, field, pick, low, bounds.patience)


def _leaf(word: str, field: str, pick: Callable[[Task], Any], low: Mapping[str, Any], patience: Patience) -> Keep:
    values = low.get("values") if low.get("values") is not None else low.get("value")
    if word == "like":
        pattern = safe_pattern(str(values or ""))
        return lambda task: any(patience.found(pattern, str(one)) for one in _several(pick(task)))
    given = values if isinstance(values, list) else [values]
    if len(given) > _MOST_VALUES:
        raise InvalidFieldError(f"filter.{field}", f"{len(given)} values", f"at most {_MOST_VALUES}")
    wanted = [_value(field, one) for one in given]
    if word in _ORDER:
        if len(wanted) != 1:
            raise InvalidFieldError(f"filter.{field}", f"{len(wanted)} values", "one value")
        compare = _ORDER[word]
        return lambda task: any(compare(one, wanted[0]) for one in _several(pick(task)) if _same(one, wanted[0]))
    keep = word in ("equal", "in")
    return lambda task: any(one in wanted for one in _several(pick(task))) is keep


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _value(field: str, given: Any) -> Value:
    name = field.lower()
    if name.endswith(("date", "modified", "time")):
        return read_time(f"filter.{field}", str(given))
    if name in _NUMBERS:
        try:
            return float(given)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidFieldError(f"filter.{field}", str(given)[:80], "a number") from error
    if isinstance(given, dict | list):
        raise InvalidFieldError(f"filter.{field}", str(given)[:80], "a text")
    if isinstance(given, bool):
        return "true" if given else "false"
    text = "" if given is None else str(given)
    if name in _IDS and not text:
        return NOBODY
    if name in _ANY_CASE:
        return next((word for word in SCHEDULING_WORDS.values() if word.lower() == text.lower()), text.lower())
    return text


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, type(other))
