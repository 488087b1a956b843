"""Random numbers that are functions of a seed, a purpose and a number: the same on every machine and numpy.

Stream: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), its state a
hash of seed and purpose. The draw of a number does not depend on which others are drawn, so a task keeps its lot when
others come or go.
"""

from __future__ import annotations

import zlib

import numpy as np

from ondol.model.checks import check_whole
from ondol.model.view import Floats, Ints

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MASK = (1 << 64) - 1


def uniforms(seed: int, purpose: str, numbers: Ints) -> Floats:
    """Draw one number above 0 and below 1 for each of `numbers`.

    Parameters
    ----------
    seed : 0 to 2⁶³ − 1
    purpose : draws for different purposes are independent
    numbers : 0 or more, shape (n,)

    Returns
    -------
    multiples of 2⁻⁵³, shape (n,)

    Raises
    ------
    InvalidFieldError : a seed out of range
    """
    check_whole("seed", seed, 0, (1 << 63) - 1)
    state = _mix(_mix(seed + _GOLDEN) ^ zlib.crc32(purpose.encode()))
    mixed = numbers.astype(np.uint64) + np.uint64(1)
    mixed = mixed * np.uint64(_GOLDEN) + np.uint64(state)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
    mixed ^= mixed >> np.uint64(31)
    # 52 bits and a half: the highest stays below 1 when it is rounded
    return ((mixed >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _mix(value: int) -> int:
    value &= _MASK
    value = (value ^ (value >> 30)) * _FIRST & _MASK
    value = (value ^ (value >> 27)) * _SECOND & _MASK
    return value ^ (value >> 31)
