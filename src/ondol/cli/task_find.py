"""Finds a task by what people remember of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ondol.cli.connection import Api, RefusedError
from ondol.model.errors import ConflictError, NotFoundError

_PAGE, _WHOLE_PAGE = 200, 50
_SHORTEST = 4  # fewest digits of an id that are looked for


def list_tasks(api: Api, *, most: int = 10_000, whole: bool = False) -> Iterator[dict[str, Any]]:
    """Give tasks, newest first, page by page.

    Parameters
    ----------
    most : stop after so many
    whole : with all that is known of each, else summaries
    """
    path, size = ("/tasks/paginate", _WHOLE_PAGE) if whole else ("/tasks/summaries/paginate", _PAGE)
    token: str | None = None
    while most > 0:
        page = api.post(path, {"token": token, "maximumResults": min(size, most)})
        yield from page["data"][:most]
        most -= len(page["data"])
        token = page.get("nextToken")
        if not page.get("isTruncated") or not token:
            return


def task_path(key: str) -> str:
    """Path of a task whose id or short name is known."""
    return f"/tasks/{quote(key, safe='')}"


def find_task(api: Api, key: str) -> dict[str, Any]:
    """Give a task by id, short name, name, or the first digits of its id.

    Raises NotFoundError where there is none, ConflictError where several fit.
    """
    try:
        return dict(api.get(task_path(key)))
    except RefusedError as error:
        if error.status != 404:
            raise
    tasks = list(list_tasks(api))
    named = [task for task in tasks if task.get("name") == key]
    begun = [task for task in tasks if len(key) >= _SHORTEST and str(task["uuid"]).startswith(key.lower())]
    fitting = named or begun
    if not fitting:
        raise NotFoundError("task", f"{key}; 'ondol task list' shows yours")
    if len(fitting) > 1:
        ids = ", ".join(str(task["uuid"])[:8] for task in fitting[:5])
        raise ConflictError(f"{len(fitting)} tasks are called {key}: name one by its id ({ids}…)")
    return dict(api.get(task_path(str(fitting[0]["uuid"]))))


def find_id(api: Api, key: str) -> str:
    """Give the id of a task; see `find_task`."""
    return str(find_task(api, key)["uuid"])
