"""Turns the numbers of a parameter set into checked float arrays of one shape, one row per unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError

Floats: TypeAlias = NDArray[np.float64]
"""An array of float64; the first axis is the unit."""

FloatsLike: TypeAlias = float | Floats
"""A number for every unit alike, or an array with one number per unit."""

LONGEST_STEP_S = 86_400.0


def to_checked_array(field: str, value: object, low: float, high: float, unit: str = "") -> Floats:
    """Read a number or a sequence of numbers as a 1-D float array and refuse what lies outside [low, high].

    Raises
    ------
    InvalidFieldError : not numbers, more than one axis, empty, not finite, or out of range
    """
    span = f"finite numbers from {low:g} to {high:g} {unit}".rstrip()
    try:
        array = np.atleast_1d(np.array(value, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InvalidFieldError(field, value, span) from error
    if array.ndim != 1 or array.size == 0:
        raise InvalidFieldError(field, value, span + ", one per unit")
    if not np.all((array >= low) & (array <= high)):
        raise InvalidFieldError(field, value, span)
    return array


def freeze_arrays(owner: Any, ranges: Mapping[str, tuple[float, float, str]]) -> int:
    """Check the named fields of a frozen dataclass and store them back as read-only arrays of one length.

    Parameters
    ----------
    owner : a dataclass instance, in its ``__post_init__``
    ranges : field name → (lowest, highest, unit)

    Returns
    -------
    the number of units

    Raises
    ------
    InvalidFieldError : a value out of range, or lengths that do not fit together
    """
    kind = type(owner).__name__
    arrays = {
        name: to_checked_array(f"{kind}.{name}", getattr(owner, name), low, high, unit)
        for name, (low, high, unit) in ranges.items()
    }
    count = max(array.size for array in arrays.values())
    for name, array in arrays.items():
        if array.size not in (1, count):
            raise InvalidFieldError(f"{kind}.{name}", array.size, f"one value for all units, or {count} values")
        full = np.array(np.broadcast_to(array, (count,)))
        full.flags.writeable = False
        object.__setattr__(owner, name, full)
    return count


def per_unit(value: FloatsLike, count: int) -> Floats:
    """Give every one of ``count`` units its number.

    Raises
    ------
    InvalidFieldError : an array whose length is neither 1 nor ``count``
    """
    array = np.asarray(value, dtype=np.float64)
    if array.ndim > 1 or array.size not in (1, count):
        raise InvalidFieldError("input", array.shape, f"one value for all units, or {count} values")
    return np.broadcast_to(array, (count,))


def check_flow(field: str, flow_kg_s: Floats) -> None:
    """Refuse a mass flow that is negative or not finite; direction is a matter of the ports, not of the sign."""
    if not np.all((flow_kg_s >= 0.0) & (flow_kg_s < np.inf)):
        raise InvalidFieldError(field, flow_kg_s, "finite flows of 0 kg/s or more")


def check_step(dt_s: float) -> None:
    """Refuse a step that is not above 0 and up to a day."""
    check_range("dt_s", float(dt_s), 1e-3, LONGEST_STEP_S, "s")
