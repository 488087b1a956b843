"""Lists by pages: the newest, one page with the token of the next, or all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Group, Parameter

from ondol.cli.api import Api
from ondol.cli.kinds import Kind, rows
from ondol.cli.listing import note, print_json
from ondol.cli.output import Out
from ondol.model.errors import InvalidFieldError

GROUP = Group("Pages", sort_key=81)
USUAL = 100  # rows that a person is shown unasked


@Parameter(name="*", group=GROUP)
@dataclass(frozen=True, kw_only=True)
class Paging:
    """Options of lists that may be long."""

    limit: Annotated[int | None, Parameter(help=f"At most so many, newest first; {USUAL} where nothing is said.")] = (
        None
    )
    no_paginate: Annotated[bool, Parameter(negative="", help="All of them.")] = False
    max_page_size: Annotated[int | None, Parameter(help="One page of so many, with the token of the next.")] = None
    next_page_token: Annotated[str | None, Parameter(help="The page that this token of the page before leads to.")] = (
        None
    )

    @property
    def one_page(self) -> bool:
        """Whether one page is wanted, with its token."""
        return self.max_page_size is not None or self.next_page_token is not None


FIRST = Paging()


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows, and the token of what comes behind them; "" where that is all."""

    rows: list[dict[str, Any]]
    token: str = ""


def listed(
    api: Api, kind: Kind, wanted: dict[str, Any] | None, paging: Paging, out: Out, *, whole: bool = True
) -> Listed:
    """Give the rows of a list.

    Raises InvalidFieldError for sizes that cannot be.
    """
    for option, count in (("--limit", paging.limit), ("--max-page-size", paging.max_page_size)):
        if count is not None and count < 1:
            raise InvalidFieldError(option, count, "1 or more")
    if paging.one_page:
        path, _ = kind.pages(whole=whole)
        asked = {"token": paging.next_page_token, "filter": wanted, "maximumResults": paging.max_page_size}
        page = api.ask(path, asked)
        return Listed(list(page["data"]), str(page.get("nextToken") or "") if page.get("isTruncated") else "")
    if paging.no_paginate:
        return Listed(list(rows(api, kind, wanted, whole=whole)))
    most = paging.limit if paging.limit is not None else USUAL
    found = list(rows(api, kind, wanted, most=most + 1, whole=whole))
    if len(found) > most and paging.limit is None and not out.json:
        note(f"The {most} newest; --no-paginate lists all, --limit N so many.", out)
    return Listed(found[:most])


def print_page(page: Listed, paging: Paging, out: Out) -> bool:
    """Print a page that has to carry its token as JSON; tells whether it did so. People get the token beside it."""
    if not paging.one_page:
        return False
    if out.json:
        print_json({"data": page.rows, "nextPageToken": page.token or None})
        return True
    if page.token:
        note(f"Next page: --next-page-token {page.token}", out)
    return False
