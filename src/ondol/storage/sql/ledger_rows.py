"""Ledger rows to columns and back; every number keeps its bits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier
from ondol.storage.times import from_us, to_us

_TEMPERATURES = ("temp_c", "setpoint_c", "lower_c", "upper_c")


def energy_columns(row: EnergyRow) -> dict[str, Any]:
    """Columns of one energy row."""
    columns = _columns(row)
    columns["share"] = row.share.value
    columns["tier"] = row.tier.value
    return columns


def heat_columns(row: HeatRow) -> dict[str, Any]:
    """Columns of one heat row."""
    columns = _columns(row)
    columns["tier"] = row.tier.value
    return columns | {name: None for name in _TEMPERATURES if math.isnan(columns[name])}


def energy_row(columns: Any) -> EnergyRow:  # a row of `tables.energy`
    """Build the energy row of what was stored."""
    fields = _fields(columns, EnergyRow)
    fields["share"] = Share(fields["share"])
    fields["tier"] = Tier(fields["tier"])
    return EnergyRow(**fields)


def heat_row(columns: Any) -> HeatRow:  # a row of `tables.heat`
    """Build the heat row of what was stored."""
    fields = _fields(columns, HeatRow)
    fields["tier"] = Tier(fields["tier"])
    return HeatRow(**fields | {name: math.nan for name in _TEMPERATURES if fields[name] is None})


def _columns(row: EnergyRow | HeatRow) -> dict[str, Any]:
    columns = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    columns["start_us"] = to_us(columns.pop("start"))
    columns["end_us"] = to_us(columns.pop("end"))
    return columns


def _fields(columns: Any, kind: type[EnergyRow] | type[HeatRow]) -> dict[str, Any]:
    mapping = columns._mapping  # noqa: SLF001  # SQLAlchemy's public way to a row by name
    fields = {
        field.name: mapping[field.name] for field in dataclasses.fields(kind) if field.name not in ("start", "end")
    }
    fields["start"] = from_us(mapping["start_us"])
    fields["end"] = from_us(mapping["end_us"])
    return fields
