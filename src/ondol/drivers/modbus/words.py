"""Registers to values and back."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from ondol.drivers.profiles.profile import Register
from ondol.model.errors import InvalidFieldError

_CODES = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "float32": "f",
    "int64": "q",
    "uint64": "Q",
    "float64": "d",
}

_SMALLEST = 1e-30
"""Floats between 0 and this are no measurement of anything at a site: they are two words the wrong way round."""


def decode(register: Register, words: Sequence[int]) -> float | None:
    """Give a register's value in SI; None where the device says that it has none.

    The bytes within a word are big-endian (Modbus Application Protocol V1.1b3, §4.2); the order of words is the
    device's own choice and stands in `register.word_order`.
    """
    if register.type == "bool":
        return 1.0 if words[0] else 0.0
    raw = _raw(register, words)
    if raw in register.not_available or not math.isfinite(raw):
        return None
    return register.unit.to_si(raw * register.scale)


def encode(field: str, register: Register, value: float) -> list[int]:
    """Give the words to write for a value in SI, rounded to the register's step.

    Raises
    ------
    InvalidFieldError : the register cannot hold it
    """
    if register.type == "bool":
        if value not in (0.0, 1.0):
            raise InvalidFieldError(field, value, "0 or 1")
        return [int(value)]
    counts = register.unit.from_si(value) / register.scale
    floats = register.type.startswith("float")
    try:
        packed = struct.pack(">" + _CODES[register.type], counts if floats else round(counts))
    except (struct.error, OverflowError):
        raise InvalidFieldError(field, value, f"what fits {register.type} of {register.name}") from None
    words = [int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2)]
    return words[::-1] if register.word_order == "little" else words


def step_si(register: Register, value: float) -> float:
    """Smallest change of a value that the register can tell [SI]."""
    if register.type == "bool":
        return 1.0
    if register.type == "float32":
        return max(abs(value), 1e-6) * 2.0**-22
    if register.type == "float64":
        return max(abs(value), 1e-12) * 2.0**-50
    return abs(register.scale * register.unit.factor)


def looks_swapped(register: Register, words: Sequence[int], low: float, high: float) -> float | None:
    """Give the value that the other word order makes of implausible words, where that one is plausible.

    Parameters
    ----------
    low, high : what an instrument in order can say [SI]
    """
    if register.words == 1:
        return None
    value = decode(register, words)
    if value is None:
        return None
    raw = abs(_raw(register, words))
    if low <= value <= high and not (0.0 < raw < _SMALLEST):
        return None
    other = decode(register, words[::-1])
    if other is None or not low <= other <= high:
        return None
    raw_other = abs(_raw(register, words[::-1]))
    return None if 0.0 < raw_other < _SMALLEST else other


def _raw(register: Register, words: Sequence[int]) -> float:
    ordered = words[::-1] if register.word_order == "little" else words
    packed = b"".join(word.to_bytes(2, "big") for word in ordered)
    value: float = struct.unpack(">" + _CODES[register.type], packed)[0]
    return value
