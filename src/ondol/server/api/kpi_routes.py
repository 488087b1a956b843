"""`/ledger/v1/kpi`: key figures of ISO/IEC 30134, the table of Regulation (EU) 2024/1364, the French thresholds."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from ondol.accounting.disclosure.eu_2024_1364 import EuReport, Premises
from ondol.accounting.kpi_set import KpiSet
from ondol.control.ports import Desk
from ondol.model.errors import BusyError, InvalidFieldError, NotFoundError
from ondol.model.ids import SiteId
from ondol.server.api.declared_in import (
    ContractIn,
    HeatPumpIn,
    HeatPumpKwh,
    InflowIn,
    ItCategory,
    Partial,
    read_boundary,
    read_declared,
)
from ondol.server.api.offsets import begin_before, window
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(prefix="/ledger/v1", tags=["ledger"])
From = Annotated[
    str, Query(alias="from", description="windows that begin at or after this time; 7 days back if left out")
]
To = Annotated[str, Query(description="windows that begin before this time, ISO 8601; a year after from at most")]
Form = Annotated[Literal["json", "csv"], Query(alias="format", description="json or csv")]
_AT_ONCE = 2  # a year of a large site is minutes of a core: more of them at once would leave none for other requests
_MOST = 12  # requests for figures that are here at once, most of them waiting: others find a thread still
_PATIENCE_S, _AGAIN_S = 60.0, 10.0  # how long a request waits for its turn, and when it had better ask again [s, wall]
_room, _turns = threading.BoundedSemaphore(_MOST), threading.BoundedSemaphore(_AT_ONCE)
_SHEETS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "text/csv": {"schema": {"type": "string"}}}}
}


@router.get("/kpi", summary="Key figures of a site, a legal entity or the fleet")
def kpi(
    caller: Caller,
    desk: DeskIn,
    site: str = "",
    entity: str = "",
    from_: From = "",
    to: To = "",
    inflow: InflowIn = "",
    contract: ContractIn = "",
    heat_pump: HeatPumpIn = "none",
    heat_pump_kwh: HeatPumpKwh = 0.0,
    it_category: ItCategory = 3,
    partial: Partial = False,
) -> JSONResponse:
    """`site=` one that you may see; `entity=` all sites of a legal entity, or neither: all sites, for the operator.

    Ratios of sums over one window. A figure that is undefined or cannot be known is null and says why. Annual only
    where the window is twelve months and the ledger covers it.
    """
    start, end = _span(desk, from_, to)
    boundary = read_boundary(heat_pump, it_category, partial)
    declared = read_declared(inflow, contract, start, boundary, heat_pump_kwh)
    if site and entity:
        raise InvalidFieldError("entity", entity, "left out beside site: key figures are of one of them")
    with _turn():
        if site:
            made = desk.kpis.site(caller, _known(desk, site), start, end, declared)
        elif entity:
            made = desk.kpis.entity(caller, entity, start, end, declared)
        else:
            made = desk.kpis.fleet(caller, start, end, declared)
    return JSONResponse(kpi_out(made, desk))


@router.get("/kpi/eu-2024-1364", summary="Table of Regulation (EU) 2024/1364", responses=_SHEETS)
def eu_table(
    caller: Caller,
    desk: DeskIn,
    site: str = "",
    entity: str = "",
    from_: From = "",
    to: To = "",
    format_: Form = "json",
    inflow: InflowIn = "",
    contract: ContractIn = "",
    heat_pump: HeatPumpIn = "none",
    heat_pump_kwh: HeatPumpKwh = 0.0,
    it_category: ItCategory = 3,
    partial: Partial = False,
    floor_m2: float | None = None,
    computer_room_m2: float | None = None,
    battery_kw: float | None = None,
    potable_m3: float | None = None,
    waste_heat_c: float | None = None,
    intake_c: float | None = None,
    refrigerants: str | None = None,
    cooling_degree_days: float | None = None,
    servers_capacity: float | None = None,
    storage_pb: float | None = None,
) -> Response:
    """Fields and units of annexes II and III; what is not known is empty and says why. For the operator.

    The parameters from `floor_m2` on are what only an operator can say of a data centre.
    """
    start, end = _span(desk, from_, to)
    premises = Premises(
        floor_m2=floor_m2,
        computer_room_m2=computer_room_m2,
        battery_kw=battery_kw,
        potable_m3=potable_m3,
        waste_heat_c=waste_heat_c,
        intake_c=intake_c,
        refrigerants=refrigerants,
        cooling_degree_days=cooling_degree_days,
        servers_capacity=servers_capacity,
        storage_pb=storage_pb,
    )
    if site and entity:
        raise InvalidFieldError("entity", entity, "left out beside site: the table is of one of them")
    of = ("site", str(_known(desk, site))) if site else ("entity", entity) if entity else ("fleet", "")
    boundary = read_boundary(heat_pump, it_category, partial)
    declared = read_declared(inflow, contract, start, boundary, heat_pump_kwh)
    with _turn():
        report = desk.kpis.eu_report(caller, of, start, end, premises, declared)
    if format_ == "csv":
        return Response(eu_csv(report), media_type="text/csv; charset=utf-8")
    return JSONResponse(plain(report) | {"unknown": list(report.unknown), "regulation": "(EU) 2024/1364"})


@router.get("/kpi/thresholds", summary="French thresholds by SIRET")
def thresholds(caller: Caller, desk: DeskIn, from_: From = "", to: To = "") -> JSONResponse:
    """Installed power by SIRET against 500 kW (report) and 1 MW (make use of the heat). For the operator."""
    start, end = _span(desk, from_, to)
    with _turn():
        return JSONResponse(plain(desk.kpis.thresholds(caller, start, end)))


def kpi_out(made: KpiSet, desk: Desk) -> dict[str, Any]:
    """A set as the wire has it: figures, the sums behind them, and the conventions."""
    sums = {
        one.name: getattr(made.flows, one.name)
        for one in dataclasses.fields(made.flows)
        if one.name not in ("cpu", "covers", "findings", "busy")
    }
    return {
        "kind": made.kind,
        "id": made.id,
        "from": plain(made.start),
        "to": plain(made.end),
        "period": "annual" if made.annual else "interim",
        "basis": desk.ground.basis.name,
        "factors": desk.ground.registry.label,
        "boundary": plain(made.boundary) | {"text": made.boundary.text},
        "sites": list(made.sites),
        "kpis": plain(made.kpis),
        "flows": plain(sums),
        "scope_2": plain(made.scope_two),
        "notes": list(made.notes),
    }


def eu_csv(report: EuReport) -> str:
    """A report as a sheet: one line a field."""
    sheet = io.StringIO()
    lines = csv.writer(sheet, lineterminator="\n")
    lines.writerow(("annex", "symbol", "name", "unit", "value", "unknown_because", "note"))
    for one in report.fields:
        value = "" if one.value is None else one.value
        lines.writerow((one.annex, one.symbol, one.name, one.unit, value, one.unknown, one.note))
    return sheet.getvalue()


@contextmanager
def _turn() -> Iterator[None]:
    """One of the turns that there are; raises BusyError where many wait already, or none comes soon."""
    if not _room.acquire(blocking=False):
        raise _busy()
    try:
        if not _turns.acquire(timeout=_PATIENCE_S):
            raise _busy()
        try:
            yield
        finally:
            _turns.release()
    finally:
        _room.release()


def _busy() -> BusyError:
    return BusyError(f"Key figures of many windows are being summed up already: ask again in {_AGAIN_S:g} s", _AGAIN_S)


def _known(desk: Desk, key: str) -> SiteId:
    if all(site.id != key for site in desk.fleet().sites):
        raise NotFoundError("site", key)
    return SiteId(key)


def _span(desk: Desk, from_: str, to: str) -> tuple[dt.datetime, dt.datetime]:
    asked = window(from_, to)
    end = asked.end or desk.platform_time()
    return asked.start or begin_before(end), end
