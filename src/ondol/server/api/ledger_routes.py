"""`/ledger/v1`: the rows that every statement is made of, and the statements. Other tenants' work has no name here."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ondol.accounting.figures import FACTOR
from ondol.accounting.statement import Terms, fleet_statement, job_statement, site_statement
from ondol.control.ports import Desk
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, SiteId
from ondol.model.ledger import EnergyRow, LedgerRow
from ondol.server.api.job_rows import rows_around, task_rows
from ondol.server.api.offsets import From, Limit, Offset, Span, To, bounded_window, offset_page, window
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(prefix="/ledger/v1", tags=["ledger"])


@router.get("/energy", summary="Energy rows")
def energy(
    caller: Caller,
    desk: DeskIn,
    site: str = "",
    task: str = "",
    from_: From = "",
    to: To = "",
    offset: Offset = 0,
    limit: Limit = 1000,
) -> JSONResponse:
    """In the order of their writing. Account, task, instance and attempt of other tenants' rows are null.

    Without `task` and `from`: the last 7 days. A task's rows are all of them, or those between `from` and `to`.
    """
    site_id = _site(desk, site) if site else None
    if task:
        span = window(from_, to)
        rows = task_rows(desk, caller.id, task, start=span.start, end=span.end)[1]
        rows = [row for row in rows if site_id is None or row.site_id == site_id]
    else:
        span = bounded_window(from_, to, desk.platform_time())
        rows = desk.energy(site_id=site_id, start=span.start, end=span.end)
    return JSONResponse(offset_page(rows, offset, limit, lambda row: plain(nameless(row, caller.id)), span))


@router.get("/heat", summary="Heat rows")
def heat(
    _caller: Caller,
    desk: DeskIn,
    site: str = "",
    from_: From = "",
    to: To = "",
    offset: Offset = 0,
    limit: Limit = 1000,
) -> JSONResponse:
    """In the order of their writing: what was asked, delivered and felt, by unit; the last 7 days without `from`."""
    span = bounded_window(from_, to, desk.platform_time())
    rows = desk.heat(site_id=_site(desk, site) if site else None, start=span.start, end=span.end)
    return JSONResponse(offset_page(rows, offset, limit, plain, span))


@router.get("/statement", summary="Statement of a task, a site, or the fleet")
def statement(
    caller: Caller, desk: DeskIn, site: str = "", task: str = "", from_: From = "", to: To = ""
) -> JSONResponse:
    """`task=` your own only; `site=` one site; neither: the fleet, with your own jobs. Platform time throughout.

    A task's statement is of all of it; the others are of the last 7 days where `from` is left out, and of 31 at most.
    """
    if site and task:
        raise InvalidFieldError("task", task, "left out beside site: a statement is of one of them")
    names = _names(desk)
    span = Span(None, None)
    if task:
        if from_ or to:
            raise InvalidFieldError("from", from_ or to, "left out beside task: a task's statement is of all of it")
        task_id, own = task_rows(desk, caller.id, task)
        names[task_id] = _task_name(desk, caller.id, task_id)
        made: Any = job_statement(task_id, rows_around(desk, own), Terms(names=names))
        kind = "task"
    else:
        site_id = _site(desk, site) if site else None
        span = bounded_window(from_, to, desk.platform_time())
        rows: list[LedgerRow] = [
            *desk.energy(site_id=site_id, start=span.start, end=span.end),
            *desk.heat(site_id=site_id, start=span.start, end=span.end),
        ]
        if not rows:
            raise NotFoundError(
                "ledger row", f"from {span.out()['from']} to {span.out()['to'] or 'now'}: choose `from`"
            )
        terms = Terms(names=names)
        kind = "site" if site_id else "fleet"
        if site_id is not None:
            made = site_statement(site_id, rows, terms)
        else:
            fleet = fleet_statement(rows, terms)
            made = dataclasses.replace(fleet, jobs=tuple(job for job in fleet.jobs if job.accounts == (caller.id,)))
    now = desk.now()
    terms_said = {"clock_rate": now.clock_rate, "made_at": plain(now.at), "policy": now.policy, "factor": FACTOR}
    terms_said |= span.out()
    return JSONResponse({"kind": kind, "terms": terms_said, "statement": plain(made)})


def nameless(row: EnergyRow, account_id: AccountId) -> EnergyRow:
    """Give a row without the names of another tenant's work."""
    if row.account_id == account_id:
        return row
    return dataclasses.replace(row, account_id=None, task_id=None, instance_id=None, attempt_id=None)


def _site(desk: Desk, key: str) -> SiteId:
    if all(site.id != key for site in desk.fleet().sites):
        raise NotFoundError("site", key)
    return SiteId(key)


def _names(desk: Desk) -> dict[str, str]:
    fleet = desk.fleet()
    return {noun.id: noun.name for noun in (*fleet.sites, *fleet.sinks)}


def _task_name(desk: Desk, account_id: AccountId, task_id: str) -> str:
    try:
        return desk.detail(account_id, task_id).task.name
    except NotFoundError:
        return task_id
