"""`/ledger/v1/mirror`: what one's own work took, gained and wasted, and what to try."""

from __future__ import annotations

import threading
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from ondol.control.budget_ports import BudgetNow
from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.ids import ProjectId
from ondol.server.api.offsets import From, To, bounded_window
from ondol.server.api.patience import while_waited_for
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(prefix="/ledger/v1", tags=["ledger"])
Of = Annotated[str, Query(description="id or slug of a project, or of a user for the operator; yourself if left out")]


@router.get("/mirror", summary="Usage mirror")
async def mirror(
    request: Request,
    caller: Caller,
    desk: DeskIn,
    kind: Literal["user", "project"] = "user",
    id: Of = "",  # noqa: A002 - the name on the wire
    from_: From = "",
    to: To = "",
) -> JSONResponse:
    """Consumption against budgets, what waiting gained, what was wasted, and up to three suggestions out of own jobs.

    The last 7 days where `from` is left out, 31 at most.
    """
    return await while_waited_for(request, partial(_answer, caller, desk, kind, id, from_, to))


def _answer(
    caller: Account, desk: Desk, kind: str, key: str, from_: str, to: str, gone: threading.Event
) -> JSONResponse:
    span = bounded_window(from_, to, desk.platform_time())
    made = desk.statements.mirror(caller, kind, key, span.start, span.end, gone)
    shown: dict[str, Any] = plain(made)
    shown["waste"] |= {"energy_j": made.waste.energy_j, "co2e_g": made.waste.co2e_g}
    project = ProjectId(made.subject.id) if kind == "project" else None
    return JSONResponse(shown | {"budgets": _budgets(caller, desk, project, made.subject.id)})


def _budgets(caller: Account, desk: Desk, project: ProjectId | None, key: str) -> list[dict[str, Any]]:
    """Budgets that the subject's work is under, as far as the caller may see them."""
    if project is None and key != caller.id:
        return []
    found = desk.budgets.of(caller)
    return [budget_line(one) for one in found if project is None or one.budget.holder.project_id == project]


def budget_line(one: BudgetNow) -> dict[str, Any]:
    """A budget against what was used of it; null where it does not count now."""
    balance = one.balance
    return {
        "id": one.budget.id,
        "name": one.budget.name,
        "co2e_limit_g": one.budget.co2e_g,
        "energy_limit_kwh": one.budget.energy_kwh,
        "co2e_carried_g": None if balance is None else balance.carried.co2e_g,
        "energy_carried_kwh": None if balance is None else balance.carried.energy_kwh,
        "co2e_spent_g": None if balance is None else balance.spent.co2e_g,
        "energy_spent_kwh": None if balance is None else balance.spent.energy_kwh,
        "co2e_left_g": None if balance is None or one.budget.co2e_g is None else balance.left.co2e_g,
        "energy_left_kwh": None if balance is None or one.budget.energy_kwh is None else balance.left.energy_kwh,
        "renews_at": plain(one.renews_at),
    }
