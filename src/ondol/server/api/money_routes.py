"""Routes of money: credits of an account, a task, a pool; budgets of a project."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query

from ondol.model.ids import ProjectId
from ondol.server.api.budget_out import of_project
from ondol.server.api.request import Caller, DeskIn
from ondol.server.api.times import wire_time

router = APIRouter(tags=["credits"], prefix="/credits/v1")


@router.get("/accounts/credits", summary="Money left")
def account_credits(caller: Caller, desk: DeskIn) -> dict[str, int]:
    """In whole EUR (C# reads no fraction), rounded down; 0 where the operator granted nothing, so nothing counts."""
    left = desk.accounts.credits_eur(caller.id)
    return {"credits": 0 if left is None else math.floor(left)}


@router.get("/tasks/{key}/credits", summary="What a task cost so far")
def task_credits(key: str, caller: Caller, desk: DeskIn) -> dict[str, float]:
    """In EUR, by the operator's tariff; 0 in a pool, whose slots are paid for as such."""
    return {"credits": round(desk.accounts.task_credits_eur(caller.id, key), 4)}


@router.get("/pools/{key}/credits", summary="What a pool cost so far")
def pool_credits(key: str, caller: Caller, desk: DeskIn) -> dict[str, float]:
    """In EUR, for all the time that its slots were held."""
    return {"credits": round(desk.accounts.pool_credits_eur(caller.id, key), 4)}


@router.get("/projects/{key}/budgets", summary="Budgets of a project")
def budgets(
    key: str, caller: Caller, desk: DeskIn, active: Annotated[str, Query(alias="activeOnly")] = "false"
) -> dict[str, list[dict[str, Any]]]:
    """What was set aside, consumed and remains, in cents; `activeOnly` leaves out those that are over or to come.

    Budgets in carbon and energy are no money: they stand beside, under `ondol`, as in `/budgets/v1`.
    """
    rows = desk.accounts.budgets(caller.id, ProjectId(key), active_only=active.strip().lower() in ("true", "1"))
    money: dict[str, list[dict[str, Any]]] = {
        "budgets": [
            {
                "uuid": row.budget.id,
                "alias": row.budget.alias,
                "consumedAmountInCents": row.consumed_cents,
                "totalAmountInCents": row.budget.total_cents,
                "remainingAmountInCents": row.budget.total_cents - row.consumed_cents,
                "budgetOverrunPolicy": row.budget.overrun,
                "startDateUtc": wire_time(row.budget.start),
                "expirationDateUtc": wire_time(row.budget.expires),
                "isArchived": row.budget.archived,
            }
            for row in rows
        ]
    }
    use = of_project(desk, caller, ProjectId(key))
    return money | ({"ondol": use} if use else {})
