"""Pages of our own routes: `offset` and `limit` on rows that are only ever appended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Query

from ondol.model.errors import InvalidFieldError, TooManyRowsError
from ondol.server.api.times import read_time, wire_time

Row = TypeVar("Row")
DEFAULT_DAYS = 7
_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)
LONGEST_DAYS = 31  # a month; a year is the sum of twelve
MOST_ROWS = 1_000_000  # of the ledger that one answer looks through: some twenty seconds of a core
Offset = Annotated[int, Query(ge=0, description="rows to pass over")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="rows to give")]
From = Annotated[
    str, Query(alias="from", description="windows that begin at or after this time, ISO 8601; 7 days back if left out")
]
To = Annotated[str, Query(description="windows that begin before this time, ISO 8601")]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the ledger: windows that begin in [start, end); an end of None is open, a start of None too.

    Parameters
    ----------
    start, end : aware times
    """

    start: dt.datetime | None
    end: dt.datetime | None

    def out(self) -> dict[str, str | None]:
        """`from` and `to` as the wire has them; null where open."""
        return {
            "from": None if self.start is None else wire_time(self.start),
            "to": None if self.end is None else wire_time(self.end),
        }


def offset_page(rows: Iterable[Row], offset: int, limit: int, show: Callable[[Row], Any], span: Span) -> dict[str, Any]:
    """One page of a span's rows; `next_offset` is null on the last. Rows are counted, and none is kept but the page."""
    end, total = offset + limit, 0
    page: list[Any] = []
    for row in rows:
        if offset <= total < end:
            page.append(show(row))
        total += 1
    return {
        "data": page,
        **span.out(),
        "offset": offset,
        "limit": limit,
        "total": total,
        "next_offset": end if end < total else None,
    }


def window(start: str, end: str) -> Span:
    """Span of a `from` and a `to`, open where they are empty.

    Raises InvalidFieldError where they are no times or the wrong way round.
    """
    since = read_time("from", start) if start else None
    until = read_time("to", end) if end else None
    if since is not None and until is not None and until <= since:
        raise InvalidFieldError("to", end, f"a time after from, {start}")
    return Span(since, until)


def bounded_window(start: str, end: str, now: dt.datetime) -> Span:
    """Span of a `from` and a `to` that is never all of history: that grows for years, and an answer must not.

    Without `from` it begins at the midnight (UTC) `DEFAULT_DAYS` days before `to`, or before now: at a fixed time, so
    that pages which are asked for one after the other belong together.

    Raises InvalidFieldError as `window`, and for more than `LONGEST_DAYS` days.
    """
    asked = window(start, end)
    last = asked.end or now
    if asked.start is None:
        return Span(begin_before(last), asked.end)
    if last - asked.start > dt.timedelta(days=LONGEST_DAYS):
        raise InvalidFieldError(
            "from", start, f"at most {LONGEST_DAYS} days before to, or before now ({wire_time(now)}): ask span by span"
        )
    return asked


def begin_before(last: dt.datetime) -> dt.datetime:
    """The midnight (UTC) `DEFAULT_DAYS` days before a moment, or the first one of all."""
    midnight = last.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - min(dt.timedelta(days=DEFAULT_DAYS), midnight - _FIRST)


def looked_through(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of the ledger for one answer; raises TooManyRowsError beyond `MOST_ROWS` of them."""
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            raise TooManyRowsError(
                f"More than {MOST_ROWS:,} ledger rows lie in this span: ask for a shorter one (from and to), for one "
                "site, or for one task"
            )
        yield row
