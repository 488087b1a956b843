"""`/ledger/v1/factors`, `/ledger/v1/hardware`: what this installation counts carbon with, for every caller."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from ondol.accounting.embodied import Embodied, embodied_rate
from ondol.control.carbon_ground import CarbonGround
from ondol.model.factor import Factor
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn

router = APIRouter(prefix="/ledger/v1", tags=["ledger"])
Group = Annotated[str, Query(description='first part of the ids, whole words: "electricity", "heater", "embodied-ram"')]
Geography = Annotated[str, Query(description="ISO 3166 alpha-2, EU or world")]


@router.get("/factors", summary="Factors that carbon is counted with")
def factors(_caller: Caller, desk: DeskIn, group: Group = "", geography: Geography = "") -> JSONResponse:
    """Every row with unit, scope, mix, calorific basis, year, geography, source, licence and range.

    `version` and the two digests are what a statement records; `basis` is how the grams of this installation are
    counted. Rows that the operator gave in place of packaged ones, or beside them, have `own` true.
    """
    ground = desk.ground
    rows = ground.registry.find(group, geography=geography)
    return JSONResponse({**_head(ground), "data": [_factor(ground, row) for row in rows]})


@router.get("/factors/{factor_id}", summary="One factor")
def factor(_caller: Caller, desk: DeskIn, factor_id: str) -> JSONResponse:
    """One row by its id."""
    return JSONResponse({**_head(desk.ground), "factor": _factor(desk.ground, desk.ground.registry.get(factor_id))})


@router.get("/hardware", summary="What making the machines cost")
def hardware(_caller: Caller, desk: DeskIn) -> JSONResponse:
    """By kind of machine: impacts of making one, and of an hour of its life; kinds that nobody described are named.

    Kinds are named by the specification key of hardware constraints, or the CPU model where a node has none.
    """
    known: dict[str, Embodied] = {}
    unknown: dict[str, str] = {}
    for name, node_id in sorted(desk.ground.specifications.items()):
        if node_id in desk.ground.book.by_node:
            known[name] = desk.ground.book.by_node[node_id]
        else:
            unknown[name] = desk.ground.book.unknown[node_id]
    data = [
        {
            "specification": name,
            "method": one.method,
            "lifetime_h": one.lifetime_h,
            "second_life": one.second_life,
            "written_off_at": plain(one.written_off_at),
            "counted_share": one.counted,
            "making": plain(one.impacts),
            "per_hour": plain(embodied_rate(one)),
            "parts": [{"name": part.name, **plain(part.impacts)} for part in one.parts],
            "sources": list(one.sources),
        }
        for name, one in known.items()
    ]
    units = {"gwp": "kgCO2e", "adpe": "kgSb", "pe": "MJ"}
    return JSONResponse({**_head(desk.ground), "units": units, "data": data, "unknown": unknown})


def _head(ground: CarbonGround) -> dict[str, Any]:
    registry, basis = ground.registry, ground.basis
    return {
        "version": registry.version,
        "digest": registry.digest,
        "own_digest": registry.own_digest or None,
        "basis": {"name": basis.name, "scope": basis.scope.value, "note": basis.note},
    }


def _factor(ground: CarbonGround, row: Factor) -> dict[str, Any]:
    values: dict[str, Any] = plain(dataclasses.asdict(row))
    return {**values, "own": ground.registry.is_own(row.id)}
