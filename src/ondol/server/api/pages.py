"""Pages of tasks: from where a token left off, only those that a filter keeps, in the order that was asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from ondol.control.ports import Desk, TaskDetail
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId
from ondol.server.api.filters import Keep, read_filter
from ondol.server.api.task_times import runs_of
from ondol.server.api.wire_in import PageRequest
from ondol.storage.pages import Page

Show = Callable[[TaskDetail, dt.datetime], dict[str, Any]]
DEFAULT_RESULTS = 50
MOST_RESULTS = 500
_CHUNK = 200
_AT = "at:"  # tokens of pages in an order of their own; others are the desk's
_ORDERS = ("creationdate", "executiontime", "name", "state")


def every_task(desk: Desk, account_id: AccountId, keep: Keep | None = None) -> Iterator[Task]:
    """All tasks of an account, newest first."""
    token = ""
    while True:
        page = _page(desk, account_id, token, _CHUNK)
        yield from (task for task in page.rows if keep is None or keep(task))
        token = page.next_token
        if not token:
            return


def page_out(desk: Desk, account_id: AccountId, request: PageRequest, show: Show) -> dict[str, Any]:
    """One page as the wire has it. `total` is there only where it is known without reading every task.

    Raises InvalidFieldError for a filter, order or size that is not allowed.
    """
    limit = request.maximum_results or DEFAULT_RESULTS
    if limit < 0:
        raise InvalidFieldError("maximumResults", limit, f"1 to {MOST_RESULTS}, or 0 for {DEFAULT_RESULTS}")
    limit = min(limit, MOST_RESULTS)
    keep = read_filter(request.filter)
    order = request.order_by.lower()
    if order and order not in _ORDERS:
        raise InvalidFieldError("orderBy", request.order_by, "creationDate, executionTime, name or state")
    rising = request.order_type.lower() == "asc"
    if order and (order != "creationdate" or rising):
        tasks, token = _ordered(desk, account_id, order, rising, keep, limit, request.token)
    else:
        tasks, token = _newest(desk, account_id, keep, limit, request.token)
    data = shown(desk, account_id, tasks, show)
    page: dict[str, Any] = {
        "data": data,
        "token": request.token or None,
        "nextToken": token or None,
        "isTruncated": bool(token),
        "count": len(data),
    }
    return page | ({} if token or request.token else {"total": len(data)})


def shown(desk: Desk, account_id: AccountId, tasks: list[Task], show: Show) -> list[dict[str, Any]]:
    """Show tasks; one that was deleted meanwhile is left out."""
    now, data = desk.platform_time(), []
    for task in tasks:
        try:
            data.append(show(desk.detail(account_id, task.id), now))
        except NotFoundError:
            continue
    return data


def empty_page() -> dict[str, Any]:
    """Page of what this installation has none of."""
    return {"data": [], "token": None, "nextToken": None, "isTruncated": False, "count": 0, "total": 0}


def _page(desk: Desk, account_id: AccountId, token: str, limit: int) -> Page[Task]:
    try:
        return desk.tasks(account_id, token=token, limit=limit)
    except (NotFoundError, ValueError, OverflowError) as error:
        if not token:
            raise
        raise InvalidFieldError("token", token[:80], "the nextToken of a page") from error


def _newest(desk: Desk, account_id: AccountId, keep: Keep | None, limit: int, token: str) -> tuple[list[Task], str]:
    found: list[Task] = []
    while True:
        page = _page(desk, account_id, token, limit - len(found) if keep is None else _CHUNK)
        for row, task in enumerate(page.rows, 1):
            if keep is None or keep(task):
                found.append(task)
            if len(found) == limit and row < len(page.rows):
                return found, _token_after(desk, account_id, token, task, row)
        token = page.next_token
        if not token or len(found) >= limit:
            return found, token


def _token_after(desk: Desk, account_id: AccountId, token: str, last: Task, row: int) -> str:
    """Token that goes on after a task at (or a little beyond) a row inside of a page: only the desk knows it."""
    shorter = ""
    for limit in range(row, _CHUNK + 1):
        page = desk.tasks(account_id, token=token, limit=limit)
        if page.rows and page.rows[-1].id == last.id:
            return page.next_token
        shorter = page.next_token
    return shorter


def _ordered(
    desk: Desk, account_id: AccountId, order: str, rising: bool, keep: Keep | None, limit: int, token: str
) -> tuple[list[Task], str]:
    start = 0
    if token:
        digits = token.removeprefix(_AT)
        if digits == token or not digits.isdecimal() or len(digits) > 9:
            raise InvalidFieldError("token", token, "the nextToken of a page in the same order")
        start = int(digits)
    tasks = sorted(every_task(desk, account_id, keep), key=_key(desk, account_id, order), reverse=not rising)
    more = start + limit < len(tasks)
    return tasks[start : start + limit], f"{_AT}{start + limit}" if more else ""


def _key(desk: Desk, account_id: AccountId, order: str) -> Callable[[Task], tuple[Any, str]]:
    if order == "name":
        return lambda task: (task.name, task.id)
    if order == "state":
        return lambda task: (task.state.value, task.id)
    if order == "creationdate":
        return lambda task: (task.created_at, task.id)
    now = desk.platform_time()

    def spent(task: Task) -> tuple[float, str]:
        try:
            return sum(run.exec_s for run in runs_of(desk.detail(account_id, task.id), now)), task.id
        except NotFoundError:
            return 0.0, task.id

    return spent
