"""A mistake in a fleet file, and the error that carries all of them."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ondol.model.errors import OndolError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a fleet file.

    Parameters
    ----------
    where : key path, e.g. "unit[boiler-1].capture_fraction"
    line : line in the text, from 1; None where the text has no such place
    message : a whole sentence that names the place, the value and what is allowed
    """

    where: str
    line: int | None
    message: str

    def sentence(self, origin: str) -> str:
        """Give "origin:line: message", as compilers do."""
        return f"{origin}:{self.line}: {self.message}" if self.line else f"{origin}: {self.message}"


class FleetFileError(OndolError, ValueError):
    """A fleet file with mistakes; `mistakes` has them all, by line.

    Parameters
    ----------
    origin : name of the file
    mistakes : at least one
    """

    def __init__(self, origin: str, mistakes: list[Mistake]) -> None:
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake"
        lines = "\n".join("  " + mistake.sentence(origin) for mistake in mistakes)
        super().__init__(f"The fleet file {origin} has {count}:\n{lines}")
        self.origin = origin
        self.mistakes = mistakes


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Give " (did you mean x?)" where something known is close, else ""."""
    close = difflib.get_close_matches(str(word), sorted(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def show(value: object) -> str:
    """Write a value as a reader of TOML knows it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
