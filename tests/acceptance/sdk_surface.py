"""What the SDK offers, read from its classes, and what of it a script called, seen by Python's profiler.

The SDK is not touched: a new version's members show up because they are there, and nobody called them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any


def methods(kind: type) -> dict[str, CodeType]:
    """Public methods of a class, with the code that runs where one is called."""
    found = {}
    for name, value in inspect.getmembers(kind, callable):
        if not name.startswith("_"):
            found[name] = inspect.unwrap(getattr(value, "__func__", value)).__code__
    return found


def properties(kind: type) -> set[str]:
    """Public properties of a class."""
    return {name for name, value in inspect.getmembers(kind) if not name.startswith("_") and not callable(value)}


@contextmanager
def calls_of(kind: type) -> Iterator[set[str]]:
    """Collect the names of a class's public methods that are called inside, by the script or by the SDK itself."""
    names = {code: name for name, code in methods(kind).items()}
    called: set[str] = set()

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code in names:
            called.add(names[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(before)
