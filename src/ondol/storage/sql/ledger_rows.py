"""Ledger rows to columns and back; every number keeps its bits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier
from ondol.storage.sql import ledger_tables as tables
from ondol.storage.times import from_us, to_us

_ENERGY, _HEAT = (tuple(column.name for column in table.c) for table in (tables.energy, tables.heat))
_SHARES, _TIERS = {one.value: one for one in Share}, {one.value: one for one in Tier}
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


def energy_row(columns: Sequence[Any]) -> EnergyRow:
    """Build the energy row of a line of `tables.energy`, columns in its order."""
    fields = _fields(_ENERGY, columns)
    fields["share"] = _SHARES[fields["share"]]
    fields["tier"] = _TIERS[fields["tier"]]
    return EnergyRow(**fields)


def heat_row(columns: Sequence[Any]) -> HeatRow:
    """Build the heat row of a line of `tables.heat`, columns in its order."""
    fields = _fields(_HEAT, columns)
    fields["tier"] = _TIERS[fields["tier"]]
    return HeatRow(**fields | {name: math.nan for name in _TEMPERATURES if fields[name] is None})


def _columns(row: EnergyRow | HeatRow) -> dict[str, Any]:
    columns = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    columns["start_us"] = to_us(columns.pop("start"))
    columns["end_us"] = to_us(columns.pop("end"))
    return columns


def _fields(names: tuple[str, ...], columns: Sequence[Any]) -> dict[str, Any]:
    fields = dict(zip(names, columns, strict=True))
    del fields["seq"]
    fields["start"] = from_us(fields.pop("start_us"))
    fields["end"] = from_us(fields.pop("end_us"))
    return fields
