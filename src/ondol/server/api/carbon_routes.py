"""Route of the carbon facts."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Query

from ondol.control.ports import Desk
from ondol.model.ids import TaskId
from ondol.model.ledger import EnergyRow
from ondol.server.api.carbon import REFERENCES, ReferenceDatacenter, carbon_facts, reference
from ondol.server.api.job_rows import pool_rows, rows_around, task_rows
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(tags=["carbon"])
Compared = Annotated[str | None, Query(alias="comparisonDatacenter", description="one of " + ", ".join(REFERENCES))]


@router.get("/carbon/v1/tasks/{key}/carbon-facts", summary="Energy and carbon of a task, against a data centre")
def facts(key: str, caller: Caller, desk: DeskIn, compared: Compared = None) -> dict[str, Any]:
    """Own footprint without any credit for heat; savings are comparisons and may be negative."""
    chosen = reference(compared)
    task_id, own = task_rows(desk, caller.id, key)
    return _facts(desk, task_id, own, chosen)


@router.get("/carbon/v1/pools/{key}/carbon-facts", summary="Energy and carbon of a pool, against a data centre")
def pool_facts(key: str, caller: Caller, desk: DeskIn, compared: Compared = None) -> dict[str, Any]:
    """Of its slots, held ready or at work, with all tasks that ran in them; otherwise as for a task."""
    chosen = reference(compared)
    pool_id, own = pool_rows(desk, caller.id, key)
    return _facts(desk, pool_id, own, chosen)


def _facts(desk: Desk, key: TaskId, own: list[EnergyRow], compared: ReferenceDatacenter) -> dict[str, Any]:
    """On the installation's carbon basis, as statements, budgets and quotes count; it is the same on both sides."""
    basis = desk.ground.basis

    def counted(row: EnergyRow) -> EnergyRow:
        return dataclasses.replace(row, grid_g_per_kwh=basis.g_per_kwh(row.site_id, row.grid_g_per_kwh))

    around = [counted(row) if isinstance(row, EnergyRow) else row for row in rows_around(desk, own)]
    facts = carbon_facts(key, [counted(row) for row in own], around, compared)
    return facts | {"carbonBasis": basis.name}
