"""Lists of jobs and pools: whole, by tag, by page, by search; as pages of tasks are, over another desk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId
from ondol.server.api.filters import Fields, Keep, read_filter
from ondol.server.api.pages import envelope, most_of, selected, size_of, with_any_tag
from ondol.server.api.wire_in import PageRequest, SearchRequest
from ondol.storage.pages import EVERY, Page, Query

CHUNK = 200
ORDERS = {"creationdate": "created", "name": "name", "state": "state"}


class Fetch(Protocol):
    """Gives a page of an account's rows."""

    def __call__(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """One kind of row.

    Parameters
    ----------
    fetch : pages of rows
    show : a row as the wire has it, at a platform time; NotFoundError where it is gone meanwhile
    fields : what filters may name
    """

    fetch: Fetch
    show: Callable[[Any, dt.datetime], dict[str, Any]]
    fields: Fields


def rows_of(groups: Groups, account_id: AccountId, now: dt.datetime, tags: list[str]) -> list[dict[str, Any]]:
    """All rows, or those with any of the tags; a comma parts several."""
    return _shown(groups, _every(groups, account_id, with_any_tag(tags), None), now)


def page_of(groups: Groups, account_id: AccountId, now: dt.datetime, request: PageRequest) -> dict[str, Any]:
    """One page as the wire has it."""
    limit = size_of(request)
    order = request.order_by.lower()
    if order and order not in ORDERS:
        raise InvalidFieldError("orderBy", request.order_by, "creationDate, name or state")
    rising = request.order_type.lower() == "asc"
    query = Query(order=ORDERS.get(order, "created"), rising=rising and bool(order))
    keep = read_filter(request.filter, groups.fields)
    rows, token = _some(groups, account_id, query, keep, limit, request.token)
    return envelope(_shown(groups, iter(rows), now), request, token)


def searched(groups: Groups, account_id: AccountId, now: dt.datetime, request: SearchRequest) -> list[dict[str, Any]]:
    """Rows that a filter keeps, the selected fields of each."""
    most = most_of(request)
    rows = []
    for row in _every(groups, account_id, EVERY, read_filter(request.filter, groups.fields)):
        rows.append(row)
        if len(rows) == most:
            break
    return selected(_shown(groups, iter(rows), now), request)


def _shown(groups: Groups, rows: Iterator[Any], now: dt.datetime) -> list[dict[str, Any]]:
    shown = []
    for row in rows:
        try:
            shown.append(groups.show(row, now))
        except NotFoundError:  # deleted meanwhile
            continue
    return shown


def _every(groups: Groups, account_id: AccountId, query: Query, keep: Keep | None) -> Iterator[Any]:
    token = ""
    while True:
        page = groups.fetch(account_id, query, token=token, limit=CHUNK)
        yield from (row for row in page.rows if keep is None or keep(row))
        token = page.next_token
        if not token:
            return


def _some(
    groups: Groups, account_id: AccountId, query: Query, keep: Keep | None, limit: int, token: str
) -> tuple[list[Any], str]:
    """Rows that are kept, up to a number, and the token that goes on after the last row that was looked at."""
    found: list[Any] = []
    while True:
        try:
            # Never more than are still wanted: so the token stands right behind the last row that was given.
            page = groups.fetch(account_id, query, token=token, limit=limit - len(found))
        except NotFoundError as error:
            if error.kind != "page":
                raise
            raise InvalidFieldError("token", token[:80], "the nextToken of a page in the same order") from error
        found += [row for row in page.rows if keep is None or keep(row)]
        token = page.next_token
        if not token or len(found) >= limit:
            return found, token


def named(fields: Mapping[str, str]) -> Fields:
    """Fields that are attributes of a row, by their lower-case wire names."""

    def reader(attribute: str) -> Callable[[Any], Any]:
        def read(row: Any) -> Any:
            value = getattr(row, attribute)
            return value.value if hasattr(value, "value") else value

        return read

    return {name: reader(attribute) for name, attribute in fields.items()}
