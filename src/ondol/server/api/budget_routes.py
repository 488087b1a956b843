"""`/budgets/v1`: carbon and energy that may be used, what is left of them, and every row that tells why."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from ondol.control.budget_ports import BudgetNow
from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.budget import Amount, BudgetRow, UseBudget
from ondol.model.ids import ProjectId, TaskId
from ondol.server.api.heat_in import HeatBody, read_heat
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.times import read_time, wire_time

router = APIRouter(prefix="/budgets/v1", tags=["budgets"])
_Limit = Annotated[int, Query(ge=1, le=5_000, description="rows to give")]
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


@router.get("/{key}/history", summary="Every row of a budget")
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
) -> JSONResponse:
    """The earliest first; the balance of a period is their sum. Account and task of others' work are null."""
    page = desk.budgets.history(
        caller,
        key,
        task_id=TaskId(task) if task else None,
        start=read_time("from", from_) if from_ else None,
        end=read_time("to", to) if to else None,
        after=after,
        limit=limit,
        latest=latest,
    )
    return JSONResponse({"data": [_row(number, row) for number, row in page.rows], "next_after": page.next_after})


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
        overrun=wanted.overrun,
    )
    return JSONResponse(shown(desk, made))


@router.delete("/{key}", summary="Remove a budget", status_code=204)
def remove(key: str, caller: Caller, desk: DeskIn) -> Response:
    """For the operator. What was promised out of it is given back; its history stays."""
    desk.budgets.remove(caller, key)
    return Response(status_code=204)


def shown(desk: Desk, now: BudgetNow) -> dict[str, Any]:
    """A budget as the wire has it; what it does not limit is null."""
    budget, balance = now.budget, now.balance
    return {
        "id": budget.id,
        "alias": budget.alias,
        "level": budget.holder.level.value,
        **{name: value or None for name, value in desk.budgets.names(budget.holder).items()},
        "every": budget.every.value,
        "timezone": budget.timezone,
        "start": wire_time(budget.start),
        "end": None if budget.end is None else wire_time(budget.end),
        "carry_over": budget.carry_over,
        "overrun": budget.overrun.value,
        "archived": budget.archived,
        "limit": {"co2e_g": budget.co2e_g, "energy_kwh": budget.energy_kwh},
        "period": None
        if now.period is None
        else {"start": wire_time(now.period.start), "end": wire_time(now.period.end)},
        "renews_at": None if now.renews_at is None else wire_time(now.renews_at),
        "carried": None if balance is None else _limited(budget, balance.carried),
        "spent": None if balance is None else _amount(balance.spent),
        "reserved": None if balance is None else _amount(balance.reserved),
        "left": None if balance is None else _limited(budget, balance.left),
        "warned_percent": None if balance is None else balance.warned_percent,
    }


def of_project(desk: Desk, caller: Account, project_id: ProjectId) -> list[dict[str, Any]]:
    """Budgets in carbon and energy of a project as the wire has them."""
    return [shown(desk, one) for one in desk.budgets.of(caller) if one.budget.holder.project_id == project_id]


def _row(number: int, row: BudgetRow) -> dict[str, Any]:
    return {
        "number": number,
        "at": wire_time(row.at),
        "act": row.act.value,
        "period_start": wire_time(row.period_start),
        **{name: _amount(getattr(row, name)) for name in ("granted", "carried", "spent", "reserved")},
        "warned_percent": row.warned_percent,
        "account": row.account_id or None,
        "task": row.task_id or None,
        "attempt": row.attempt_id or None,
        "window": None
        if row.window_start is None or row.window_end is None
        else {"start": wire_time(row.window_start), "end": wire_time(row.window_end)},
        "note": row.note,
    }


def _amount(amount: Amount) -> dict[str, float]:
    return {"co2e_g": amount.co2e_g, "energy_kwh": amount.energy_kwh}


def _limited(budget: UseBudget, amount: Amount) -> dict[str, float | None]:
    return {
        "co2e_g": None if budget.co2e_g is None else amount.co2e_g,
        "energy_kwh": None if budget.energy_kwh is None else amount.energy_kwh,
    }


def _time(field: str, text: str | None) -> dt.datetime | None:
    return None if text is None else read_time(field, text)
