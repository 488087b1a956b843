"""Compiles the measured hot loops; everything else is plain numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function of numbers and arrays to machine code at its first call, and keep the code on disk.

    Floating point stays exact (no fast math): a run gives the same bytes each time.
    """
    return cast("F", numba.njit(cache=True)(function))
