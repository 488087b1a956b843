"""`/heat/v1`, what came of it: deliveries by day, alarms, hygiene logs, statements, and what was agreed."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from ondol.accounting.host_days import HostDay
from ondol.accounting.host_statement import basis_of
from ondol.control.host_ports import HostAgreement
from ondol.model.alarm import Alarm
from ondol.model.errors import InvalidFieldError
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import SinkId, SiteId
from ondol.report.host_statement import host_statement_csv, host_statement_html, inside_share
from ondol.server.api.heat_in import AgreementIn, read_heat
from ondol.server.api.offsets import From, To, bounded_window
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.times import wire_time
from ondol.storage.heat_ports import HygieneRow

router = APIRouter(prefix="/heat/v1", tags=["heat"])
Month = Annotated[str, Query(description="local month of the site, e.g. 2026-01")]
_SHEETS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "text/csv": {"schema": {"type": "string"}}}}
}
_PAGES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {},
            "text/csv": {"schema": {"type": "string"}},
            "text/html": {"schema": {"type": "string"}},
        }
    }
}


@router.get("/deliveries", summary="What was delivered, day by day")
def deliveries(
    caller: Caller,
    desk: DeskIn,
    site: str,
    sink: str = "",
    request: str = "",
    from_: From = "",
    to: To = "",
) -> JSONResponse:
    """Local days of every heated room, tank and pool of a site, with the request that counts for it.

    Requested, accepted and measured apart; whether what is guaranteed was kept, null where that cannot be told.
    """
    span = bounded_window(from_, to, desk.platform_time())
    end = span.end or desk.platform_time()
    if span.start is None:
        raise InvalidFieldError("from", from_, "a time like 2026-01-15T08:00:00Z")
    days = [
        delivery_out(asked, day)
        for asked, day in desk.hosts.deliveries(caller, SiteId(site), span.start, end)
        if sink in ("", day.sink_id) and request in ("", "" if asked is None else asked.id)
    ]
    return JSONResponse({"site_id": site, "data": days, **span.out()})


def delivery_out(request: HeatRequest | None, day: HostDay) -> dict[str, Any]:
    """One sink's day."""
    promise = day.promise
    known = day if day.observed_s > 0.0 else None  # what was not measured is not called zero
    return {
        "sink_id": day.sink_id,
        "request_id": None if request is None else request.id,
        "date": day.date.isoformat(),
        "start": wire_time(day.start),
        "end": wire_time(day.end),
        "whole_day": day.whole,
        "observed_s": day.observed_s,
        "requested": {"demanded_kwh": known and day.demanded_kwh},
        "accepted": plain(
            {
                "guaranteed_c": None if promise is None else promise.guaranteed_c,
                "guaranteed_kwh_per_day": None if promise is None else promise.guaranteed_kwh_per_day or None,
                "if_missed": None if promise is None else promise.if_missed,
            }
        ),
        "measured": plain(
            {
                "energy_kwh": known and day.heat_kwh,
                "compute_kwh": known and day.compute_kwh,
                "capture_ratio": day.capture_ratio,
                "backup_kwh": day.backup_kwh,
                "backup_s": day.backup_s,
                "backup_basis": basis_of((day,)) or None,
                "coldest_c": day.coldest_c,
            }
        ),
        "shortfall_kwh": known and day.shortfall_kwh,
        "discomfort_kh": known and day.discomfort_kh,
        "inside_share": inside_share(day),
        "guarantee_met": day.kept,
        "missing_kwh": day.missing_kwh,
    }


@router.get("/alarms", summary="What is or was wrong")
def alarms(
    caller: Caller,
    desk: DeskIn,
    site: str = "",
    active: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> JSONResponse:
    """The latest first; `active=true` for those that last."""
    found = desk.hosts.alarms(caller, site_id=SiteId(site) if site else None, active=active, limit=limit)
    return JSONResponse([alarm_out(one) for one in found])


@router.post("/alarms/{key}/ack", summary="Acknowledge an alarm")
def ack(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Says that somebody has seen it; it lasts until what is wrong is over. The first who does stays named."""
    return JSONResponse(alarm_out(desk.hosts.ack(caller, key)))


def alarm_out(alarm: Alarm) -> dict[str, Any]:
    """An alarm with its severity as a word."""
    shown: dict[str, Any] = plain(alarm)
    return shown | {"severity": alarm.severity.name.lower(), "active": alarm.active}


@router.get("/tanks/{key}/hygiene", summary="Temperature log of a tank", response_model=None, responses=_SHEETS)
def hygiene(
    key: str,
    caller: Caller,
    desk: DeskIn,
    month: Month,
    format: Literal["json", "csv"] = "json",  # noqa: A002
) -> Response:
    """Rows of a local month, each sealed with the hash of the one before; `chain` tells whether they are whole."""
    rows, whole = desk.hosts.hygiene(caller, SinkId(key), month)
    if format == "csv":
        return _text(hygiene_csv(rows), "text/csv", f"{key}-hygiene-{month}.csv")
    first = rows[0].before if rows else None
    return JSONResponse(
        {
            "tank": key,
            "month": month,
            "chain": {"whole": whole, "before": first, "last": rows[-1].hash if rows else None, "rows": len(rows)},
            "data": [_hygiene_out(row) for row in rows],
        }
    )


def _hygiene_out(row: HygieneRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": row.at.isoformat(),
        "coldest_c": row.coldest_c,
        "above_s": {f"{temp_c:g}": above_s for temp_c, above_s in row.above_s},
        "kept": row.kept,
        "due_at": None if row.due_at is None else row.due_at.isoformat(),
        "cycle": row.cycle,
        "before": row.before,
        "hash": row.hash,
    }


def hygiene_csv(rows: tuple[HygieneRow, ...]) -> str:
    """Log rows as CSV, with everything that their hashes are made of."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("site", "tank", "number", "at", "coldest_c", "above_s", "kept", "due_at", "cycle", "before", "hash")
    )
    for row in rows:
        above = " ".join(f"{temp_c}:{above_s}" for temp_c, above_s in row.above_s)
        due = "" if row.due_at is None else row.due_at.astimezone(dt.UTC).isoformat()
        coldest = "" if row.coldest_c is None else row.coldest_c
        at = row.at.astimezone(dt.UTC).isoformat()
        kept = "yes" if row.kept else "no"
        own = (row.site_id, row.sink_id, row.number, at, coldest, above, kept, due, row.cycle, row.before, row.hash)
        writer.writerow(own)
    return text.getvalue()


@router.get("/sites/{key}/statement", summary="A host's statement", response_model=None, responses=_PAGES)
def statement(
    key: str,
    caller: Caller,
    desk: DeskIn,
    month: Month,
    format: Literal["json", "csv", "html"] = "json",  # noqa: A002
) -> Response:
    """Heat delivered, comfort kept, other heaters, electricity to refund, guarantees; of a local month of the site."""
    made = desk.hosts.statement(caller, SiteId(key), month)
    if format == "csv":
        return _text(host_statement_csv(made), "text/csv", f"{key}-{month}.csv")
    if format == "html":
        return Response(host_statement_html(made), media_type="text/html")
    shown = plain(made) | {"backup_basis": made.backup_basis or None}
    for sink, told in zip(made.sinks, shown["sinks"], strict=True):
        told["backup_basis"] = sink.backup_basis or None
        told["days"] = [delivery_out(None, day) for day in sink.days]
    return JSONResponse(shown)


@router.get("/sites/{key}/terms", summary="What was agreed with a site's hosts")
def terms(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Hosts by e-mail, and the tariff at which electricity is refunded."""
    return JSONResponse(plain(desk.hosts.agreement(caller, SiteId(key))))


@router.put("/sites/{key}/terms", summary="Name a site's hosts and tariff", openapi_extra=body_docs(AgreementIn))
def agree(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """For the operator only. A site with hosts is seen by them alone; one without by all, and set by the operator."""
    wanted = read_heat(AgreementIn, body)
    agreement = HostAgreement(
        site_id=SiteId(key),
        hosts=tuple(wanted.hosts),
        electricity_eur_per_kwh=wanted.electricity_eur_per_kwh,
    )
    return JSONResponse(plain(desk.hosts.agree(caller, agreement)))


def _text(text: str, media: str, name: str) -> Response:
    return Response(text, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
