"""Sets two Views of one moment side by side, column by column."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ondol.model.view import View

_TABLES = ("sites", "units", "nodes", "instances", "sinks")
_OWN = ("allowances", "missing_bytes", "beyond", "ahead_s", "ahead_grid_g_per_kwh", "ahead_work_s")
_NAMES = ("instances.task",)  # numbers that only say which belong together


def column_differences(one: View, other: View) -> dict[str, float]:
    """Give the columns that differ and by how much at most; inf where one has other rows or a nan the other has not.

    Ids are not compared: who sets Views side by side knows that their rows are the same.
    """
    found: dict[str, float] = {}
    theirs = dict(_columns(other))
    for name, values in _columns(one):
        apart = _apart(values, theirs[name])
        if apart > 0:
            found[name] = apart
    return found


def _columns(view: View) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    for table in _TABLES:
        columns = getattr(view, table)
        for field in dataclasses.fields(columns):
            values = getattr(columns, field.name)
            name = f"{table}.{field.name}"
            if isinstance(values, np.ndarray):
                yield name, _grouped(values) if name in _NAMES else values.astype(np.float64)
    for name in _OWN:
        yield name, getattr(view, name).astype(np.float64)


def _grouped(values: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Number groups by where they first stand."""
    _, first, of = np.unique(values, return_index=True, return_inverse=True)
    return first[of].astype(np.float64)


def _apart(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    if one.shape != other.shape or not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return np.inf
    finite = np.isfinite(one)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return np.inf
    return float(np.abs(one[finite] - other[finite]).max(initial=0.0))
