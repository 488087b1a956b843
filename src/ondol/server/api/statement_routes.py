"""`/ledger/v1/statements`: whole statements, as JSON, CSV, a page or a PDF."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from ondol.accounting.account.statement import KINDS, Statement
from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.report.statement_lines import statement_csv, statement_data
from ondol.server.api.offsets import Span, bounded_window, window
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(prefix="/ledger/v1", tags=["ledger"])
Kind = Annotated[str, Path(description="one of " + ", ".join(KINDS))]
Format = Annotated[Literal["json", "csv", "html", "pdf"], Query(alias="format")]
From = Annotated[str, Query(alias="from", description="windows that begin at or after this time, ISO 8601")]
To = Annotated[str, Query(description="windows that begin before this time, ISO 8601")]
_LIVES = ("instance", "task", "job", "pool")  # of these, all of it where no span is asked for
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
def own(kind: Kind, caller: Caller, desk: DeskIn, from_: From = "", to: To = "", format_: Format = "json") -> Response:
    """Of the caller as user or host, or of all sites that the caller sees; a span as for `/statements/{kind}/{key}`."""
    return _answer(caller, desk, kind, "", from_, to, format_)


@router.get("/statements/{kind}/{key}", summary="Statement of anything", response_model=None, responses=_PAGES)
def one(
    kind: Kind, key: str, caller: Caller, desk: DeskIn, from_: From = "", to: To = "", format_: Format = "json"
) -> Response:
    """Of a task, job, pool, user, project, site or host that the caller may see; what one may not see is not there.

    Without `from` and `to`: all of a task, job or pool; the last 7 days of anything else. Platform time throughout.
    """
    return _answer(caller, desk, kind, key, from_, to, format_)


def _answer(caller: Account, desk: Desk, kind: str, key: str, from_: str, to: str, format_: str) -> Response:
    span = window(from_, to)
    if not (from_ or to) and kind in _LIVES:
        span = Span(None, None)
    elif span.start is None:
        span = bounded_window("", to, desk.platform_time())
    made: Statement = desk.statements.statement(caller, kind, key, span.start, span.end)
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{kind}-{made.subject.id or 'all'}-{made.window.start:%Y%m%dT%H%MZ}")
    if format_ == "csv":
        return Response(statement_csv(made), media_type="text/csv", headers=_named(f"{name}.csv"))
    if format_ == "html":
        from ondol.report.statement_page import statement_html

        return Response(statement_html(made), media_type="text/html")
    if format_ == "pdf":
        from ondol.report.statement_pdf import statement_pdf

        return Response(statement_pdf(made), media_type="application/pdf", headers=_named(f"{name}.pdf"))
    return JSONResponse(statement_data(made))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
