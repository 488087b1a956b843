"""Tasks, pools and jobs as the CLI names and finds them: by id, short name, name, or the first digits of an id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ondol.cli.api import Api, RefusedError
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError

PAGE, WHOLE_PAGE = 200, 50
_DIGITS = re.compile(r"[0-9a-f-]{4,36}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing that accounts have.

    Parameters
    ----------
    word : for people
    root : of its routes
    short : has pages of summaries beside those of whole rows
    """

    word: str
    root: str
    short: bool = True

    def path(self, key: str) -> str:
        """Path of one whose id or short name is known."""
        return f"{self.root}/{quote(key, safe='')}"

    def pages(self, *, whole: bool) -> tuple[str, int]:
        """Path of its pages, and how many rows are a good page."""
        if whole or not self.short:
            return f"{self.root}/paginate", WHOLE_PAGE
        return f"{self.root}/summaries/paginate", PAGE


TASKS = Kind(word="task", root="/tasks")
POOLS = Kind(word="pool", root="/pools")
JOBS = Kind(word="job", root="/jobs", short=False)


def rows(
    api: Api, kind: Kind, wanted: dict[str, Any] | None = None, *, most: int | None = None, whole: bool = False
) -> Iterator[dict[str, Any]]:
    """Give rows, newest first, page by page.

    Parameters
    ----------
    wanted : filter of the paginate routes
    most : stop after so many
    whole : with all that is known of each, else summaries
    """
    path, size = kind.pages(whole=whole)
    token: str | None = None
    left = most
    while left is None or left > 0:
        asked = size if left is None else min(size, left)
        page = api.ask(path, {"token": token, "filter": wanted, "maximumResults": asked})
        yield from page["data"]
        left = None if left is None else left - len(page["data"])
        token = page.get("nextToken")
        if not page.get("isTruncated") or not token:
            return


def find_one(api: Api, kind: Kind, key: str) -> dict[str, Any]:
    """Give one whole by id, short name, name, or the first digits of its id.

    Raises NotFoundError where there is none, ConflictError where several fit.
    """
    if not key.strip() or "\0" in key:
        raise InvalidFieldError(kind.word, key, "an id, the first digits of one, a short name or a name")
    try:
        found = api.get(kind.path(key))
        if isinstance(found, dict) and "uuid" in found:  # "summaries" is a route, not a name
            return found
    except RefusedError as error:
        if error.status != 404:
            raise
    if not _UUID.fullmatch(key):
        fitting = list(rows(api, kind, {"operator": "Equal", "field": "Name", "value": key}, most=6))
        if not fitting and _DIGITS.fullmatch(key.lower()):
            begins = {"operator": "Like", "field": "Uuid", "value": f"^{key.lower()}"}
            fitting = list(rows(api, kind, begins, most=6))
        if len(fitting) > 1:
            ids = ", ".join(str(row["uuid"])[:8] for row in fitting[:5]) + ("…" if len(fitting) > 5 else "")
            raise ConflictError(f"Several {kind.word}s are called {key}: name one by its id ({ids})")
        if fitting:
            return dict(api.get(kind.path(str(fitting[0]["uuid"]))))
    raise NotFoundError(kind.word, f"{key}; 'ondol {kind.word} list' shows yours")


def find_id(api: Api, kind: Kind, key: str) -> str:
    """Give the id of one; one that looks like an id is taken as it is."""
    return key if _UUID.fullmatch(key.lower()) else str(find_one(api, kind, key)["uuid"])


def literal(text: str) -> str:
    """Regular expression for a text as it is; signs that mean nothing stay bare, so that storage can look it up."""
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)
