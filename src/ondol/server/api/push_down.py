"""Which part of a filter storage can decide by index, and which is left to be decided row by row."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from ondol.model.compute import TaskState
from ondol.model.ids import JobId, PoolId
from ondol.server.api.filters import Keep, read_filter
from ondol.server.api.names import NOBODY
from ondol.server.api.times import read_time
from ondol.storage.pages import EVERY, Query

_STATES = frozenset(state.value for state in TaskState)
_PREFIX = re.compile(r"\^([\w \-/:,@#%&=~'\"<>]+)(?:\.\*)?\$?")  # an anchored text in which no sign means anything
_TICK = dt.timedelta(microseconds=1)  # what storage tells moments apart by


def pushed_down(data: Mapping[str, Any] | None, query: Query = EVERY) -> tuple[Query, Keep | None]:
    """Part a filter in two; every condition is in one of them, and both together say what the filter says.

    Parameters
    ----------
    query : conditions that hold already

    Raises InvalidFieldError as `read_filter`.
    """
    keep = read_filter(data)  # all of it is checked, whoever decides it
    if not data or keep is None:
        return query, None
    fields = {name: getattr(query, name) for name in query.__dataclass_fields__}
    left = [leaf for leaf in _leaves(data) if not _take(leaf, fields)]
    if not left:
        return Query(**fields), None
    return Query(**fields), read_filter({"operator": "And", "filters": left})


def _leaves(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Conditions that must all hold; an Or is one of them."""
    low = _low(data)
    if str(low.get("operator", "")).lower() != "and":
        return [data]
    found = [leaf for part in low.get("filters") or [] for leaf in _leaves(part)]
    return found[:100] if len(found) <= 100 else [data]


def _take(leaf: Mapping[str, Any], fields: dict[str, Any]) -> bool:
    low = _low(leaf)
    word, name = str(low.get("operator", "")).lower(), str(low.get("field", "")).lower()
    values = low.get("values") if low.get("values") is not None else low.get("value")
    taker = _TAKERS.get((name, word))
    given = values if isinstance(values, list) else [values]
    return taker is not None and bool(given) and taker(given, fields)


def _tags(given: list[Any], fields: dict[str, Any]) -> bool:
    if fields["tags"] or not all(isinstance(one, str) and one for one in given):
        return False
    fields["tags"] = tuple(given)
    return True


def _states(given: list[Any], fields: dict[str, Any]) -> bool:
    if fields["states"] or not all(isinstance(one, str) and one in _STATES for one in given):
        return False
    fields["states"] = tuple(given)
    return True


def _name(given: list[Any], fields: dict[str, Any]) -> bool:
    if fields["name"] or len(given) != 1 or not isinstance(given[0], str) or not given[0]:
        return False
    fields["name"] = given[0]
    return True


def _name_like(given: list[Any], fields: dict[str, Any]) -> bool:
    found = _PREFIX.fullmatch(str(given[0])) if len(given) == 1 else None
    if found is None or fields["name_prefix"] or str(given[0]).endswith("$"):
        return False
    fields["name_prefix"] = found[1]
    return True


def _group(field: str, kind: Callable[[str], Any]) -> Callable[[list[Any], dict[str, Any]], bool]:
    def take(given: list[Any], fields: dict[str, Any]) -> bool:
        if fields[field] is not None or len(given) != 1 or given[0] in (None, "", NOBODY):
            return False
        fields[field] = kind(str(given[0]))
        return True

    return take


def _created(field: str, after: dt.timedelta) -> Callable[[list[Any], dict[str, Any]], bool]:
    def take(given: list[Any], fields: dict[str, Any]) -> bool:
        if len(given) != 1:
            return False
        try:
            when = read_time("filter.CreationDate", str(given[0])) + after
        except OverflowError:
            return False
        known = fields[field]
        narrower = max if field == "created_from" else min
        fields[field] = when if known is None else narrower(known, when)
        return True

    return take


def _low(data: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in data.items()}


_TAKERS: dict[tuple[str, str], Callable[[list[Any], dict[str, Any]], bool]] = {
    ("tags", "equal"): _tags,
    ("tags", "in"): _tags,
    ("state", "equal"): _states,
    ("state", "in"): _states,
    ("name", "equal"): _name,
    ("name", "like"): _name_like,
    ("jobuuid", "equal"): _group("job_id", JobId),
    ("pooluuid", "equal"): _group("pool_id", PoolId),
    ("creationdate", "lessthan"): _created("created_before", dt.timedelta()),
    ("creationdate", "lessthanorequal"): _created("created_before", _TICK),
    ("creationdate", "greaterthan"): _created("created_from", _TICK),
    ("creationdate", "greaterthanorequal"): _created("created_from", dt.timedelta()),
}
