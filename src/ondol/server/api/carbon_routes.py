"""Route of the carbon facts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from ondol.server.api.carbon import REFERENCES, carbon_facts, reference
from ondol.server.api.job_rows import pool_rows, rows_around, task_rows
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(tags=["carbon"])
Compared = Annotated[str | None, Query(alias="comparisonDatacenter", description="one of " + ", ".join(REFERENCES))]


@router.get("/carbon/v1/tasks/{key}/carbon-facts", summary="Energy and carbon of a task, against a data centre")
def facts(key: str, caller: Caller, desk: DeskIn, compared: Compared = None) -> dict[str, Any]:
    """Own footprint without any credit for heat; savings are comparisons and may be negative."""
    chosen = reference(compared)
    task_id, own = task_rows(desk, caller.id, key)
    return carbon_facts(task_id, own, rows_around(desk, own), chosen)


@router.get("/carbon/v1/pools/{key}/carbon-facts", summary="Energy and carbon of a pool, against a data centre")
def pool_facts(key: str, caller: Caller, desk: DeskIn, compared: Compared = None) -> dict[str, Any]:
    """Of its slots, held ready or at work, with all tasks that ran in them; otherwise as for a task."""
    chosen = reference(compared)
    pool_id, own = pool_rows(desk, caller.id, key)
    return carbon_facts(pool_id, own, rows_around(desk, own), chosen)
