"""Route of the carbon facts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from ondol.server.api.carbon import REFERENCES, carbon_facts, reference
from ondol.server.api.job_rows import rows_around, task_rows
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(tags=["carbon"])


@router.get("/carbon/v1/tasks/{key}/carbon-facts", summary="Energy and carbon of a task, against a data centre")
def facts(
    key: str,
    caller: Caller,
    desk: DeskIn,
    compared: Annotated[
        str | None, Query(alias="comparisonDatacenter", description="one of " + ", ".join(REFERENCES))
    ] = None,
) -> dict[str, Any]:
    """Own footprint without any credit for heat; savings are comparisons and may be negative."""
    chosen = reference(compared)
    task_id, own = task_rows(desk, caller.id, key)
    return carbon_facts(task_id, own, rows_around(desk, own), chosen)
