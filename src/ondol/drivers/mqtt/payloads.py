"""What a topic says: from bytes to one number with its time, or a reason why it is refused."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from dataclasses import dataclass
from typing import Any

from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKind

LARGEST_BYTES = 65_536
"""A longer payload is refused unread: no instrument has so much to say [bytes]."""

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?")
_STATES: dict[str, tuple[str, str]] = {
    word: pair for pair in (("OFF", "ON"), ("off", "on"), ("false", "true"), ("False", "True")) for word in pair
}
_OLDEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_EPOCH_STEPS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # from so large a number on it counts ns, µs, ms


class PayloadRefusedError(ValueError):
    """What came is not a value of the point; the text says why, for whoever wires the site."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a value stands: "boiler/T1", "boiler/state#temps.t1", or "boiler/state#temps.t1@time" with its own time.

    Parameters
    ----------
    topic : without wildcards
    path, time_path : names and list places inside a JSON payload, empty for none
    """

    topic: str
    path: tuple[str, ...] = ()
    time_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """One value out of a payload.

    Parameters
    ----------
    value : in the unit of its kind, finite
    measured_at : what the payload says of its own time; None where it says nothing
    states : how the device writes off and on; None where it wrote a number
    """

    value: float
    measured_at: dt.datetime | None = None
    states: tuple[str | bool, str | bool] | None = None


def parse_address(field: str, text: str) -> Address:
    """Take an address apart.

    Parameters
    ----------
    field : names it in the error
    text : topic, topic#path or topic#path@timepath; names of a path are parted by dots, list places count from 0

    Raises
    ------
    InvalidFieldError : no topic, a wildcard in it, or a part of a path that is empty
    """
    allowed = "topic, topic#path.in.json or topic#path.in.json@path.of.its.time; no wildcards"
    topic, hash_sign, inside = text.partition("#")
    path, at_sign, time_path = inside.partition("@")
    parts = tuple(path.split(".")) if hash_sign else ()
    time_parts = tuple(time_path.split(".")) if at_sign else ()
    if not topic or topic.startswith("$") or any(sign in topic for sign in "+\0") or len(topic.encode()) > 1000:
        raise InvalidFieldError(field, text, allowed)
    if not all(parts) or not all(time_parts):
        raise InvalidFieldError(field, text, allowed)
    return Address(topic, parts, time_parts)


def read_payload(payload: bytes, address: Address, kind: PointKind, scale: float = 1.0, offset: float = 0.0) -> Said:
    """Read one value: `scale` · (what the device says) + `offset`.

    A number is digits with a decimal point; of a point that is a state also ON and OFF, true and false. Nothing is
    guessed: "21,5", "21.5 °C", "unavailable", NaN and infinity are refused.

    Raises
    ------
    PayloadRefusedError : anything else
    """
    if len(payload) > LARGEST_BYTES:
        raise PayloadRefusedError(f"{len(payload)} bytes; at most {LARGEST_BYTES} are read")
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise PayloadRefusedError("it is not UTF-8 text") from error
    if not address.path:
        if text.startswith(("{", "[")):
            raise PayloadRefusedError(f"it is JSON: say which value, e.g. {address.topic}#name")
        return _scaled(*_device_value(text, kind), scale, offset, kind, None)
    whole = _json(text)
    measured_at = _time(_inside(whole, address.time_path)) if address.time_path else None
    return _scaled(*_device_value(_inside(whole, address.path), kind), scale, offset, kind, measured_at)


def compose(address: Address, value: float, states: tuple[str | bool, str | bool] | None) -> bytes:
    """Write a value as its device takes it: as text, or as JSON that holds nothing else where the address has a path.

    Parameters
    ----------
    value : in the device's own unit
    states : how the device writes off and on; None for a number
    """
    said: object = states[int(value >= 0.5)] if states else _shortest(value)
    if not address.path:
        return (str(said).lower() if isinstance(said, bool) else f"{said}").encode()
    for name in reversed(address.path):
        said = {name: said}
    return json.dumps(said).encode()


def _shortest(value: float) -> int | float:
    rounded = float(f"{value:.10g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _device_value(raw: object, kind: PointKind) -> tuple[float, tuple[str | bool, str | bool] | None]:
    is_state = not kind.unit
    if isinstance(raw, bool):
        if not is_state:
            raise PayloadRefusedError(f"{raw} is a state; a number [{kind.unit}] is wanted")
        return float(raw), (False, True)
    if isinstance(raw, str):
        word = raw.strip()
        if is_state and word in _STATES:
            pair = _STATES[word]
            return float(pair.index(word)), pair
        return _number(word), None
    if isinstance(raw, (int, float)):
        try:
            return float(raw), None
        except OverflowError as error:
            raise PayloadRefusedError("the number is too large") from error
    raise PayloadRefusedError(f"{_brief(raw)} is no number")


def _number(word: str) -> float:
    if not _NUMBER.fullmatch(word) or not word.isascii():
        hint = ": a decimal comma; have the device write a point" if re.fullmatch(r"[+-]?\d+,\d+", word) else ""
        raise PayloadRefusedError(f"{_brief(word)} is no number{hint}")
    return float(word)


def _scaled(
    raw: float,
    states: tuple[str | bool, str | bool] | None,
    scale: float,
    offset: float,
    kind: PointKind,
    measured_at: dt.datetime | None,
) -> Said:
    value = scale * raw + offset
    if not math.isfinite(value):
        raise PayloadRefusedError(f"{raw} is not finite")
    if not kind.unit and value not in (0.0, 1.0):
        raise PayloadRefusedError(f"{value:g} is neither 0 nor 1")
    return Said(value, measured_at, states)


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PayloadRefusedError(f"{_brief(text)} is no JSON") from error


def _no_constant(word: str) -> Any:
    raise PayloadRefusedError(f"{word} is no number")


def _inside(whole: object, path: tuple[str, ...]) -> object:
    here = whole
    for name in path:
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and name.isdecimal() and name.isascii() and int(name[:9]) < len(here):
            here = here[int(name[:9])]
        else:
            there = (
                f"; there is {', '.join(_brief(key) for key in sorted(here)[:8])}"
                if isinstance(here, dict) and here
                else ""
            )
            raise PayloadRefusedError(f"no {'.'.join(path)} in it{there}")
    return here


def _time(raw: object) -> dt.datetime:
    if isinstance(raw, str) and not _NUMBER.fullmatch(raw.strip()):
        try:
            at = dt.datetime.fromisoformat(raw.strip())
        except ValueError as error:
            raise PayloadRefusedError(f"{_brief(raw)} is no time") from error
        if at.tzinfo is None:
            raise PayloadRefusedError(f"{_brief(raw)} is a time without its zone; leave out @… or add Z or an offset")
    else:
        epoch_s = _number(raw.strip()) if isinstance(raw, str) else _epoch(raw)
        epoch_s /= next((step for least, step in _EPOCH_STEPS if abs(epoch_s) >= least), 1.0)
        at = _from_epoch(epoch_s)
    try:
        at = at.astimezone(dt.UTC)
    except OverflowError as error:
        raise PayloadRefusedError(f"{_brief(raw)} is no time") from error
    if at < _OLDEST:
        raise PayloadRefusedError(f"{_brief(raw)} lies before 2000: the device's clock is not set")
    return at


def _epoch(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise PayloadRefusedError(f"{_brief(raw)} is no time")
    try:
        return float(raw)
    except OverflowError as error:
        raise PayloadRefusedError("the time is too large a number") from error


def _from_epoch(epoch_s: float) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(epoch_s, dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise PayloadRefusedError(f"{epoch_s:g} is no time") from error


def _brief(raw: object) -> str:
    shown = repr(raw)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
