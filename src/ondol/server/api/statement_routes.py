"""`/ledger/v1/statements`: whole statements, as JSON, CSV, a page or a PDF."""

from __future__ import annotations

import threading
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from ondol.accounting.account.statement import KINDS
from ondol.control.ports import Desk
from ondol.control.statement_subjects import LIVES
from ondol.model.account import Account
from ondol.report.statement_forms import Form
from ondol.server.api.offsets import Span, bounded_window, window
from ondol.server.api.patience import while_waited_for
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(prefix="/ledger/v1", tags=["ledger"])
Kind = Annotated[str, Path(description="one of " + ", ".join(KINDS))]
Format = Annotated[Form, Query(alias="format")]
From = Annotated[str, Query(alias="from", description="windows that begin at or after this time, ISO 8601")]
To = Annotated[str, Query(description="windows that begin before this time, ISO 8601")]
_PAGES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {},
            "text/csv": {"schema": {"type": "string"}},
            "text/html": {"schema": {"type": "string"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


@router.get(
    "/statements/{kind}", summary="Statement of a user, host or the fleet", response_model=None, responses=_PAGES
)
async def own(
    request: Request, kind: Kind, caller: Caller, desk: DeskIn, from_: From = "", to: To = "", format_: Format = "json"
) -> Response:
    """Of the caller as user or host, or of all sites that the caller sees; a span as for `/statements/{kind}/{key}`."""
    return await while_waited_for(request, partial(_answer, caller, desk, kind, "", from_, to, format_))


@router.get("/statements/{kind}/{key}", summary="Statement of anything", response_model=None, responses=_PAGES)
async def one(
    request: Request,
    kind: Kind,
    key: str,
    caller: Caller,
    desk: DeskIn,
    from_: From = "",
    to: To = "",
    format_: Format = "json",
) -> Response:
    """Of a task, job, pool, user, project, site or host that the caller may see; what one may not see is not there.

    Without `from` and `to`: all of a task, job or pool; the last 7 days of anything else. Platform time throughout.
    A large one takes a while; where as many as may be are under way, the answer is 503 with Retry-After.
    """
    return await while_waited_for(request, partial(_answer, caller, desk, kind, key, from_, to, format_))


def _answer(
    caller: Account, desk: Desk, kind: str, key: str, from_: str, to: str, form: Form, gone: threading.Event
) -> Response:
    span = window(from_, to)
    if not (from_ or to) and kind in LIVES:
        span = Span(None, None)
    elif span.start is None:
        span = bounded_window("", to, desk.platform_time())
    made = desk.statements.paper(caller, kind, key, span.start, span.end, form, gone)
    named = {"Content-Disposition": f'attachment; filename="{made.name}"'} if form in ("csv", "pdf") else None
    return Response(made.body, media_type=made.media_type, headers=named)
