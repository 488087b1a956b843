"""Pages of our own routes: `offset` and `limit` on rows that are only ever appended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from ondol.model.errors import InvalidFieldError
from ondol.server.api.times import read_time

Row = TypeVar("Row")
Offset = Annotated[int, Query(ge=0, description="rows to pass over")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="rows to give")]
From = Annotated[str, Query(alias="from", description="windows that begin at or after this time, ISO 8601")]
To = Annotated[str, Query(description="windows that begin before this time, ISO 8601")]


def offset_page(rows: Sequence[Row], offset: int, limit: int, show: Callable[[Row], Any]) -> dict[str, Any]:
    """One page; `next_offset` is null on the last."""
    end = offset + limit
    return {
        "data": [show(row) for row in rows[offset:end]],
        "offset": offset,
        "limit": limit,
        "total": len(rows),
        "next_offset": end if end < len(rows) else None,
    }


def window(start: str, end: str) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Times of a `from` and a `to`; raises InvalidFieldError where they are no times or the wrong way round."""
    since = read_time("from", start) if start else None
    until = read_time("to", end) if end else None
    if since is not None and until is not None and until <= since:
        raise InvalidFieldError("to", end, f"a time after from, {start}")
    return since, until
