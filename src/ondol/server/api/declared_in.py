"""What a caller declares beside the ledger: energy carriers other than electricity, and contracts for electricity."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Literal

from fastapi import Query

from ondol.accounting.boundary import Boundary, Carrier, HeatPump, Inflow
from ondol.accounting.kpi_extras import Declared
from ondol.accounting.scope_two import Contract, Instrument, stated_factor
from ondol.model.errors import InvalidFieldError

InflowIn = Annotated[
    str,
    Query(
        description="carrier:amount:gCO2e per kWh, and :backup of an emergency generator, e.g. "
        "diesel_l:120:323:backup; several with semicolons between them"
    ),
]
ContractIn = Annotated[
    str,
    Query(
        description="goo, ppa or supplier:kWh:gCO2e per kWh:evidence, e.g. goo:5000:0:EECS certificates 1 to 5; "
        "several with semicolons between them"
    ),
]
HeatPumpIn = Annotated[Literal["none", "inside", "outside"], Query(description="where a heat pump lifts the heat")]
HeatPumpKwh = Annotated[float, Query(ge=0, description="its electricity in the window, where no meter here saw it")]
ItCategory = Annotated[int, Query(ge=1, le=3, description="where E_IT is taken: 1 UPS, 2 PDU, 3 input of the servers")]
Partial = Annotated[bool, Query(description="a part of a building with other uses: the ratio is then a pPUE")]
_CARRIERS = ", ".join(one.value for one in Carrier)
_INFLOW = f"carrier:amount:g_per_kwh, and :backup where it is, with a carrier of {_CARRIERS}"
_INSTRUMENTS = ", ".join(one.value for one in Instrument)
_CONTRACT = f"instrument:kwh:g_per_kwh:evidence, with an instrument of {_INSTRUMENTS}"


def read_boundary(heat_pump: str, it_category: int, partial: bool) -> Boundary:
    """Read where the boundary runs."""
    return Boundary(it_category=it_category, heat_pump=HeatPump(heat_pump), partial=partial)


def read_declared(inflows: str, contracts: str, at: dt.datetime, boundary: Boundary, heat_pump_kwh: float) -> Declared:
    """Read what was declared.

    Parameters
    ----------
    at : in the window, for the year of contracts

    Raises InvalidFieldError naming the text that cannot be read.
    """
    return Declared(
        inflows=tuple(_inflow(text) for text in filter(None, inflows.split(";"))),
        contracts=tuple(_contract(text, at.year) for text in filter(None, contracts.split(";"))),
        boundary=boundary,
        heat_pump_kwh=heat_pump_kwh,
    )


def _inflow(text: str) -> Inflow:
    parts = text.split(":")
    carriers = {one.value: one for one in Carrier}
    if len(parts) not in (3, 4) or parts[0] not in carriers or (len(parts) == 4 and parts[3] != "backup"):
        raise InvalidFieldError("inflow", text, _INFLOW)
    amount, g_per_kwh = _number("inflow", text, parts[1], _INFLOW), _number("inflow", text, parts[2], _INFLOW)
    return Inflow(carrier=carriers[parts[0]], amount=amount, g_per_kwh=g_per_kwh, backup=len(parts) == 4)


def _contract(text: str, year: int) -> Contract:
    parts = text.split(":", 3)
    instruments = {one.value: one for one in Instrument}
    if len(parts) != 4 or parts[0] not in instruments or not parts[3].strip():
        raise InvalidFieldError("contract", text, _CONTRACT)
    kwh, g_per_kwh = _number("contract", text, parts[1], _CONTRACT), _number("contract", text, parts[2], _CONTRACT)
    kind = instruments[parts[0]]
    factor = stated_factor(f"declared-{kind.value}", g_per_kwh, parts[3], year=year, geography="EU")
    return Contract(
        instrument=kind, kwh=kwh, factor=factor, renewable=kind is not Instrument.SUPPLIER, evidence=parts[3]
    )


def _number(field: str, text: str, part: str, allowed: str) -> float:
    try:
        value = float(part)
    except ValueError as error:
        raise InvalidFieldError(field, text, allowed) from error
    if not math.isfinite(value) or value < 0:
        raise InvalidFieldError(field, text, allowed)
    return value
