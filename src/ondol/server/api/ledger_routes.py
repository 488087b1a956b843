"""`/ledger/v1`: the rows that every statement is made of, and the statements, of sites that the caller may see.

Other tenants' work has no name here; one's own is there wherever it ran.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ondol.accounting.figures import FACTOR
from ondol.accounting.reconcile import reconcile
from ondol.accounting.statement import Terms, fleet_statement, job_statement, site_statement
from ondol.control.meter_book import meters_of
from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, SiteId
from ondol.model.ledger import EnergyRow, LedgerRow
from ondol.server.api.job_rows import rows_around, task_rows
from ondol.server.api.offsets import From, Limit, Offset, Span, To, bounded_window, looked_through, offset_page, window
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

    Rows of sites that the caller may not see are not there, but for those of the caller's own work.
    Without `task` and `from`: the last 7 days. A task's rows are all of them, or those between `from` and `to`.
    """
    site_id = _site(desk, caller, site) if site else None
    if task:
        span = window(from_, to)
        own = task_rows(desk, caller.id, task, start=span.start, end=span.end)[1]
        rows = (row for row in own if site_id is None or row.site_id == site_id)
    else:
        span = bounded_window(from_, to, desk.platform_time())
        seen = desk.hosts.seen(caller)
        every = looked_through(desk.energy(site_id=site_id, start=span.start, end=span.end))
        rows = (row for row in every if row.site_id in seen or _is_own(row, caller.id))
    return JSONResponse(offset_page(rows, offset, limit, lambda row: plain(nameless(row, caller.id)), span))


@router.get("/heat", summary="Heat rows")
def heat(
    caller: Caller,
    desk: DeskIn,
    site: str = "",
    from_: From = "",
    to: To = "",
    offset: Offset = 0,
    limit: Limit = 1000,
) -> JSONResponse:
    """In the order of their writing: what was asked, delivered and felt, by unit; the last 7 days without `from`."""
    span = bounded_window(from_, to, desk.platform_time())
    seen = desk.hosts.seen(caller)
    site_id = _site(desk, caller, site) if site else None
    every = looked_through(desk.heat(site_id=site_id, start=span.start, end=span.end))
    rows = (row for row in every if row.site_id in seen)
    return JSONResponse(offset_page(rows, offset, limit, plain, span))


@router.get("/meters", summary="Rows of the sites' own meters")
def meters(
    caller: Caller,
    desk: DeskIn,
    site: str = "",
    from_: From = "",
    to: To = "",
    offset: Offset = 0,
    limit: Limit = 1000,
) -> JSONResponse:
    """Electricity, fuel of backups, own electricity, water: by site, meter and time; the last 7 days without `from`.

    A site, or a time, without rows has no meter that could be read: that is not zero.
    """
    span = bounded_window(from_, to, desk.platform_time())
    seen = desk.hosts.seen(caller)
    site_id = _site(desk, caller, site) if site else None
    every = looked_through(desk.meters(site_id=site_id, start=span.start, end=span.end))
    rows = (row for row in every if row.site_id in seen)
    return JSONResponse(offset_page(rows, offset, limit, plain, span))


@router.get("/reconciliation", summary="How what was recorded stands to the sites' electricity meters")
def reconciliation(caller: Caller, desk: DeskIn, site: str = "", from_: From = "", to: To = "") -> JSONResponse:
    """By site with a meter: residual before and after scaling, the factor, and what could not be scaled and why.

    `units` compares what units' own meters say. `without_meter` are sites with nothing to compare: their electricity
    stays as recorded. `silent` are meters that are bound, and of which nothing could be taken in that time: look at
    their readings. The last 7 days without `from`.
    """
    span = bounded_window(from_, to, desk.platform_time())
    site_id = _site(desk, caller, site) if site else None
    seen = {one for one in desk.hosts.seen(caller) if site_id in (None, one)}
    every = looked_through(desk.energy(site_id=site_id, start=span.start, end=span.end))
    rows = [row for row in every if row.site_id in seen]
    counted = [row for row in desk.meters(site_id=site_id, start=span.start, end=span.end) if row.site_id in seen]
    made = reconcile(rows, counted)
    known = {str(one.subject) for one in made.sites}
    read = {(row.site_id, row.meter_id) for row in counted}
    bound = [(meter.site_id, meter.meter_id) for meter in meters_of(desk.fleet()) if meter.site_id in seen]
    silent = [meter_id for site, meter_id in bound if (site, meter_id) not in read]
    return JSONResponse(
        span.out()
        | {
            "sites": plain(made.sites),
            "units": plain(made.units),
            "without_meter": sorted(str(one) for one in seen if str(one) not in known),
            "silent": silent,
        }
    )


@router.get("/statement", summary="Statement of a task, a site, or the fleet")
def statement(
    caller: Caller, desk: DeskIn, site: str = "", task: str = "", from_: From = "", to: To = ""
) -> JSONResponse:
    """`task=` your own only; `site=` one site; neither: all sites that you may see, with your own jobs.

    Your jobs are there wherever they ran. Platform time throughout. A task's statement is of all of it; the others are
    of the last 7 days where `from` is left out, and of 31 at most.
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
        site_id = _site(desk, caller, site) if site else None
        span = bounded_window(from_, to, desk.platform_time())
        rows: list[LedgerRow] = [
            *looked_through(desk.energy(site_id=site_id, start=span.start, end=span.end)),
            *looked_through(desk.heat(site_id=site_id, start=span.start, end=span.end)),
        ]
        seen = desk.hosts.seen(caller)
        shown = [row for row in rows if row.site_id in seen or _is_own(row, caller.id)]
        if not shown:
            raise NotFoundError(
                "ledger row", f"from {span.out()['from']} to {span.out()['to'] or 'now'}: choose `from`"
            )
        terms = Terms(names=names)
        kind = "site" if site_id else "fleet"
        if site_id is not None:
            made = site_statement(site_id, shown, terms)
        else:
            fleet = fleet_statement(shown, terms)
            # A job's part of overhead and useful heat is a share of its site's, whether its owner may see that or not.
            jobs = fleet.jobs if len(shown) == len(rows) else fleet_statement(rows, terms).jobs
            made = dataclasses.replace(
                fleet,
                sites=tuple(one for one in fleet.sites if one.site_id in seen),
                jobs=tuple(job for job in jobs if job.accounts == (caller.id,)),
            )
    now = desk.now()
    terms_said = {"clock_rate": now.clock_rate, "made_at": plain(now.at), "policy": now.policy, "factor": FACTOR}
    terms_said |= span.out()
    return JSONResponse({"kind": kind, "terms": terms_said, "statement": plain(made)})


def nameless(row: EnergyRow, account_id: AccountId) -> EnergyRow:
    """Give a row without the names of another tenant's work."""
    if row.account_id == account_id:
        return row
    return dataclasses.replace(row, account_id=None, task_id=None, instance_id=None, attempt_id=None)


def _is_own(row: LedgerRow, account_id: AccountId) -> bool:
    return isinstance(row, EnergyRow) and row.account_id == account_id


def _site(desk: Desk, caller: Account, key: str) -> SiteId:
    if SiteId(key) not in desk.hosts.seen(caller):
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
