"""The smallest part of a statement: one figure with its band, its data tier, how it was got and from where."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a statement.

    Parameters
    ----------
    key : stable name, its unit at the end, e.g. "total_kwh"
    label : the same for people
    value : None where it is not known; then `missing` says why
    low, high : band, low ≤ value ≤ high; None where none is stated
    tier : data tier of what it rests on, "T1" to "T5", several joined by "+", "" where no measuring is in it
    method, source : how it was got, and from which rows, factors or standard
    """

    key: str
    label: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    tier: str = ""
    method: str = ""
    source: str = ""
    missing: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.missing):
            raise InvalidFieldError(
                f"{self.key}.missing", self.missing, "a reason where there is no value, and only there"
            )
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise InvalidFieldError(
                    f"{self.key}.{name}", number, "a finite number; None with a reason where unknown"
                )
        if self.value is not None and self.low is not None and self.high is not None:
            slack = 1e-9 * max(abs(self.low), abs(self.high))
            if not self.low - slack <= self.value <= self.high + slack:
                raise InvalidFieldError(f"{self.key}.value", self.value, f"from low {self.low} to high {self.high}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures that belong together.

    Parameters
    ----------
    key : stable name
    note : a sentence that stands above the figures
    """

    key: str
    title: str
    figures: tuple[Figure, ...]
    note: str = ""

    def value(self, key: str) -> float | None:
        """Value of a figure by its key; None where it is not known. Raises InvalidFieldError where there is none."""
        return find(self.figures, key).value


def find(figures: Iterable[Figure], key: str) -> Figure:
    """Give a figure by its key; raises InvalidFieldError where there is none."""
    for figure in figures:
        if figure.key == key:
            return figure
    raise InvalidFieldError("figure", key, "the key of a figure of this section")


def unknown(key: str, label: str, unit: str, missing: str, *, method: str = "", source: str = "") -> Figure:
    """Make a figure that is not known, with the reason."""
    return Figure(key=key, label=label, value=None, unit=unit, missing=missing, method=method, source=source)
