"""Pages of tasks: from right behind the last row of the page before, only what a filter keeps, in any order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from ondol.control.ports import Desk, TaskDetail
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, TaskId
from ondol.server.api.filters import Keep
from ondol.server.api.push_down import pushed_down
from ondol.server.api.task_times import runs_of
from ondol.server.api.wire_in import PageRequest, SearchRequest
from ondol.storage.pages import EVERY, Page, Query

Show = Callable[[TaskDetail, dt.datetime], dict[str, Any]]
DEFAULT_RESULTS = 50
MOST_RESULTS = 500
_CHUNK = 500
_LARGEST_CHUNK = 4000  # rows that are looked at in one go where few are kept
_TRIES = 20
_AT = "at:"  # tokens of pages by execution time; others are the desk's
_ORDERS = {"": "created", "creationdate": "created", "name": "name", "state": "state"}
_BY_TIME = "executiontime"


def every_task(desk: Desk, account_id: AccountId, query: Query = EVERY, keep: Keep | None = None) -> Iterator[Task]:
    """All tasks of an account that a query and a filter keep."""
    token = ""
    while True:
        page = desk.tasks(account_id, query, token=token, limit=_CHUNK)
        yield from (task for task in page.rows if keep is None or keep(task))
        token = page.next_token
        if not token:
            return


def with_any_tag(tags: list[str]) -> Query:
    """Tasks that carry one of some tags, all where there is none; a comma parts several, as C# sends them."""
    return Query(tags=tuple(dict.fromkeys(part for tag in tags for part in tag.split(",") if part)))


def page_out(desk: Desk, account_id: AccountId, request: PageRequest, show: Show) -> dict[str, Any]:
    """One page as the wire has it. `total` is there only where it is known without reading every task.

    Raises InvalidFieldError for a filter, order or size that is not allowed.
    """
    limit = size_of(request)
    order, rising = request.order_by.lower(), request.order_type.lower() == "asc"
    if order == _BY_TIME:
        query, keep = pushed_down(request.filter)
        tasks, token = _by_time(desk, account_id, query, keep, rising=rising, limit=limit, token=request.token)
    elif order in _ORDERS:
        query, keep = pushed_down(request.filter, Query(order=_ORDERS[order], rising=rising and bool(order)))
        tasks, token = _some(desk, account_id, query, keep, limit, request.token)
    else:
        raise InvalidFieldError("orderBy", request.order_by[:80], "creationDate, executionTime, name or state")
    data = shown(desk, tasks, show)
    return envelope(data, request, token)


def size_of(request: PageRequest) -> int:
    """Rows that a page may have; raises InvalidFieldError below 0."""
    limit = request.maximum_results or DEFAULT_RESULTS
    if limit < 0:
        raise InvalidFieldError("maximumResults", limit, f"1 to {MOST_RESULTS}, or 0 for {DEFAULT_RESULTS}")
    return min(limit, MOST_RESULTS)


def envelope(data: list[dict[str, Any]], request: PageRequest, token: str) -> dict[str, Any]:
    """Give the page around its rows; `total` only where this page is the first and the last.

    Parameters
    ----------
    token : goes on after the last row, empty where there is no more
    """
    page: dict[str, Any] = {
        "data": data,
        "token": request.token or None,
        "nextToken": token or None,
        "isTruncated": bool(token),
        "count": len(data),
    }
    return page | ({} if token or request.token else {"total": len(data)})


def most_of(request: SearchRequest) -> int:
    """Rows that a search may give, 0 for all; raises InvalidFieldError below 0."""
    most = request.maximum_results or 0
    if most < 0:
        raise InvalidFieldError("maximumResults", most, "0 (all) or more")
    return most


def selected(found: list[dict[str, Any]], request: SearchRequest) -> list[dict[str, Any]]:
    """Only the fields that a search selects, named in any case; all where it selects none."""
    fields = {name.lower() for name in request.select.fields_}
    if not fields:
        return found
    return [{name: value for name, value in one.items() if name.lower() in fields} for one in found]


def shown(desk: Desk, tasks: list[Task], show: Show) -> list[dict[str, Any]]:
    """Show tasks; one that was deleted meanwhile is left out."""
    now = desk.platform_time()
    lots = (tasks[row : row + _CHUNK] for row in range(0, len(tasks), _CHUNK))
    return [show(detail, now) for lot in lots for detail in desk.details(lot)]


def _page(desk: Desk, account_id: AccountId, query: Query, token: str, limit: int) -> Page[Task]:
    try:
        return desk.tasks(account_id, query, token=token, limit=limit)
    except NotFoundError as error:
        if error.kind != "page":
            raise
        raise InvalidFieldError("token", token[:80], "the nextToken of a page in the same order") from error


def _some(
    desk: Desk, account_id: AccountId, query: Query, keep: Keep | None, limit: int, token: str
) -> tuple[list[Task], str]:
    """Rows that are kept, and the token that goes on right behind the last of them.

    As long as no more rows are looked at than are wanted, a page's own token is that. Where few are kept the chunks
    grow, and the chunk in which the last wanted row lies is read again up to that row.
    """
    found: list[Task] = []
    chunk = limit
    while True:
        page = _page(desk, account_id, query, token, chunk)
        kept = [row for row, task in enumerate(page.rows) if keep is None or keep(task)]
        wanted = limit - len(found)
        if len(kept) > wanted or (len(kept) == wanted and kept and kept[-1] + 1 < len(page.rows)):
            found += [page.rows[row] for row in kept[:wanted]]
            return found, _token_behind(desk, account_id, query, token, found[-1].id, kept[wanted - 1] + 1)
        found += [page.rows[row] for row in kept]
        token = page.next_token
        if not token or len(found) == limit:
            return found, token
        chunk = min(2 * chunk, _LARGEST_CHUNK) if len(kept) * 4 < len(page.rows) else limit - len(found)


def _token_behind(desk: Desk, account_id: AccountId, query: Query, token: str, last: TaskId, row: int) -> str:
    """Token that goes on behind a task, which stood at the `row`-th place behind a token.

    Pages may hold rows that are being deleted and not shown, and rows may have gone meanwhile: a few tries find the
    place all the same; failing that, the page begins a little earlier rather than later.
    """
    limit, before = row, token
    for _ in range(_TRIES):
        page = _page(desk, account_id, query, token, max(1, limit))
        ids = [task.id for task in page.rows]
        if last in ids:
            beyond = len(ids) - 1 - ids.index(last)
            if not beyond or limit <= 1:
                return page.next_token
            limit -= beyond
        else:
            if len(ids) >= row:  # it was deleted: one row less is what was given
                return _page(desk, account_id, query, token, row - 1).next_token if row > 1 else token
            before = page.next_token or before
            limit += row - len(ids)
    return before


def _by_time(
    desk: Desk, account_id: AccountId, query: Query, keep: Keep | None, *, rising: bool, limit: int, token: str
) -> tuple[list[Task], str]:
    start = 0
    if token:
        digits = token.removeprefix(_AT)
        if digits == token or not digits.isdecimal() or len(digits) > 9:
            raise InvalidFieldError("token", token[:80], "the nextToken of a page in the same order")
        start = int(digits)
    now = desk.platform_time()

    def spent(task: Task) -> tuple[float, str]:
        try:
            return sum(run.exec_s for run in runs_of(desk.detail(account_id, task.id), now)), task.id
        except NotFoundError:
            return 0.0, task.id

    tasks = sorted(every_task(desk, account_id, query, keep), key=spent, reverse=not rising)
    return tasks[start : start + limit], f"{_AT}{start + limit}" if start + limit < len(tasks) else ""
