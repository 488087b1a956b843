"""Checks that nouns run at construction; each raises InvalidFieldError naming field, value and range."""

from __future__ import annotations

import math
import re

from ondol.model.errors import InvalidFieldError

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def check_range(field: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Refuse a number that is not finite or lies outside [low, high]."""
    span = f"a number from {low:g} to {high:g} {unit}".rstrip()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidFieldError(field, value, span)
    if not low <= value <= high:
        raise InvalidFieldError(field, value, span)


def check_whole(field: str, value: int, low: int, high: int) -> None:
    """Refuse what is not a whole number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidFieldError(field, value, f"a whole number from {low} to {high}")


def check_text(field: str, value: str, longest: int = 200) -> None:
    """Refuse an empty or overlong text."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise InvalidFieldError(field, value, f"a text of 1 to {longest} characters")


def check_id(field: str, value: str) -> None:
    """Refuse an id that could not stand in a URL, a topic or a file name."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidFieldError(field, value, "1 to 63 of a–z, 0–9 and -, starting with a letter or digit")


def check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not one of the choices."""
    if value not in choices:
        raise InvalidFieldError(field, value, "one of " + ", ".join(choices))
