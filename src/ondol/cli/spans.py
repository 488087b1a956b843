"""Lengths of time as people write them: `90`, `15min`, `2h30m`, `1.06:00:00`."""

from __future__ import annotations

import math
import re

from ondol.cli.wording import timespan_s
from ondol.model.errors import InvalidFieldError

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(min|sec|s|m|h|d)")
_SECONDS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_MOST_S = 1e9


def read_span(option: str, text: str) -> float:
    """Seconds above 0; raises InvalidFieldError for anything else."""
    stripped = text.strip().lower()
    seconds = timespan_s(stripped)
    if seconds is None:
        parts = _PART.findall(stripped)
        whole = parts and _PART.sub("", stripped).strip() == ""
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts) if whole else _plain(stripped)
    if seconds is None or not 0 < seconds <= _MOST_S:
        raise InvalidFieldError(option, text, "a length of time: seconds, or such as 90s, 15min, 2h30m, 1.06:00:00")
    return seconds


def wire_span(seconds: float) -> str:
    """Length of time as the wire has it, `[d.]hh:mm:ss`; parts of a second count as one."""
    days, rest = divmod(math.ceil(seconds), 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}.{clock}" if days else clock


def _plain(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
