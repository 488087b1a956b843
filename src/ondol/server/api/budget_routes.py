"""`/budgets/v1`: carbon and energy that may be used, what is left of them, and every row that tells why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from ondol.control.budget_ports import HistoryPage
from ondol.model.budget import ALERTS_PERCENT, BudgetRow
from ondol.model.ids import TaskId
from ondol.server.api.budget_out import alarm_out, row_out, sheet_out, shown
from ondol.server.api.heat_in import HeatBody, read_heat
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.times import read_time

router = APIRouter(prefix="/budgets/v1", tags=["budgets"])
_PAGE = 5_000
_Limit = Annotated[int, Query(ge=1, le=_PAGE, description="rows to give")]
_From = Annotated[str, Query(alias="from", description="rows booked at or after this time, ISO 8601")]
_To = Annotated[str, Query(description="rows booked before this time, ISO 8601")]


class UseBudgetIn(HeatBody):
    """A budget as its operator sets it; one of `co2e_kg` and `energy_kwh` at least, and one holder."""

    organization: str = ""
    project: str = ""
    account: str = ""
    alias: str = ""
    co2e_kg: float | None = None
    energy_kwh: float | None = None
    every: str = "month"
    timezone: str = "UTC"
    start: str | None = None
    end: str | None = None
    carry_over: float = 0.0
    alerts_percent: list[int] = Field(default_factory=lambda: list(ALERTS_PERCENT))
    overrun: str = "BlockNew"


@router.get("", summary="Budgets that your work is under")
def own(
    caller: Caller,
    desk: DeskIn,
    every: Annotated[bool, Query(alias="all", description="all of the installation, for its operator")] = False,
) -> JSONResponse:
    """Of your account, your projects, you in them, and your organisation; with what is left in the period of now."""
    return JSONResponse({"data": [shown(desk, one) for one in desk.budgets.of(caller, every=every)]})


@router.get("/{key}", summary="One budget")
def one(key: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """As in the list."""
    return JSONResponse(shown(desk, desk.budgets.one(caller, key)))


@router.get("/{key}/history", summary="Every row of a budget", response_model=None)
def history(
    key: str,
    caller: Caller,
    desk: DeskIn,
    task: str = "",
    from_: _From = "",
    to: _To = "",
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="rows beyond this number")] = 0,
    limit: _Limit = 1000,
    latest: Annotated[bool, Query(description="the last rows in place of the first")] = False,
    format: Annotated[Literal["json", "csv"], Query(description="csv gives all rows, not a page")] = "json",  # noqa: A002
) -> Response:
    """The earliest first; the balance of a period is their sum. Account and task of others' work are null."""

    def read(beyond: int, number: int) -> HistoryPage:
        return desk.budgets.history(
            caller,
            key,
            task_id=TaskId(task) if task else None,
            start=read_time("from", from_) if from_ else None,
            end=read_time("to", to) if to else None,
            after=beyond,
            limit=number,
            latest=latest and format == "json",
        )

    if format == "json":
        page = read(after, limit)
        return JSONResponse(
            {"data": [row_out(number, row) for number, row in page.rows], "next_after": page.next_after}
        )

    first = read(after, _PAGE)  # before the answer begins: what is refused is refused

    def pages() -> Iterator[tuple[tuple[int, BudgetRow], ...]]:
        page = first
        yield page.rows
        while page.next_after is not None:
            page = read(page.next_after, _PAGE)
            yield page.rows

    headers = {"Content-Disposition": f'attachment; filename="{key}-history.csv"'}
    return StreamingResponse(sheet_out(pages()), media_type="text/csv", headers=headers)


@router.get("/{key}/alarms", summary="What is or was told about a budget")
def alarms(
    key: str,
    caller: Caller,
    desk: DeskIn,
    active: Annotated[bool | None, Query(description="only what lasts, or only what is over")] = None,
    limit: _Limit = 1000,
) -> JSONResponse:
    """The latest first: much of it is used, it refuses work, it keeps work from running."""
    found = desk.budgets.alarms(caller, key, active=active, limit=limit)
    return JSONResponse({"data": [alarm_out(one) for one in found]})


@router.post("/{key}/alarms/{alarm}/ack", summary="Acknowledge an alarm about a budget")
def ack(key: str, alarm: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Says that somebody has seen it; it lasts until what is told is over. The first who does stays named."""
    return JSONResponse(alarm_out(desk.budgets.ack(caller, key, alarm)))


@router.put("/{key}", summary="Set a budget", openapi_extra=body_docs(UseBudgetIn))
def put(key: str, caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """For the operator. Of one that is there, amounts, alias, end, carry-over and overrun policy may change."""
    wanted = read_heat(UseBudgetIn, body)
    holder = desk.budgets.holder(
        caller, organization=wanted.organization, project=wanted.project, account=wanted.account
    )
    made = desk.budgets.put(
        caller,
        key,
        holder,
        alias=wanted.alias,
        co2e_g=None if wanted.co2e_kg is None else 1e3 * wanted.co2e_kg,
        energy_kwh=wanted.energy_kwh,
        every=wanted.every,
        timezone=wanted.timezone,
        start=_time("start", wanted.start),
        end=_time("end", wanted.end),
        carry_over=wanted.carry_over,
        alerts_percent=tuple(wanted.alerts_percent),
        overrun=wanted.overrun,
    )
    return JSONResponse(shown(desk, made))


@router.delete("/{key}", summary="Remove a budget", status_code=204)
def remove(key: str, caller: Caller, desk: DeskIn) -> Response:
    """For the operator. What was promised out of it is given back; its history stays."""
    desk.budgets.remove(caller, key)
    return Response(status_code=204)


def _time(field: str, text: str | None) -> dt.datetime | None:
    """Without a zone where it names none: it is then by the clocks of the budget's own."""
    if text is None:
        return None
    when = read_time(field, text)
    return when if dt.datetime.fromisoformat(text.strip()).tzinfo is not None else when.replace(tzinfo=None)
