"""Nouns and statements as plain JSON values for our own routes: snake_case names, times with Z, no NaN."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import msgspec

from ondol.server.api.times import wire_time


def plain(noun: object) -> Any:
    """Turn dataclasses, enums and times into JSON values; a number that is not finite becomes null."""
    return _finite(msgspec.to_builtins(noun, builtin_types=(dt.datetime,), enc_hook=str))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, dt.datetime):
        return wire_time(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
