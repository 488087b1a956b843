"""The pins: one exact version for all that gets installed, and no word of where it was got from."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
LINES = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def needed(root: Distribution, extras: tuple[str, ...]) -> set[str]:
    """Everything that installing `root` with these extras installs, by canonical name."""
    found: set[str] = set()
    waiting = [(root, extras)]
    while waiting:
        who, wanted = waiting.pop()
        for text in who.requires or ():
            need = Requirement(text)
            name = canonicalize_name(need.name)
            if any(need.marker is None or need.marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                if name not in found or need.extras:
                    waiting.append((distribution(need.name), tuple(need.extras)))
                found.add(name)
    return found


def test_lines_are_exact_pins_without_addresses() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+(?: ; [^@:/]+)?", line)] == []


def test_all_that_gets_installed_is_pinned() -> None:
    pinned = {canonicalize_name(line.partition("==")[0]) for line in LINES}

    assert needed(distribution("ondol"), ("demo", "test")) - pinned == set()
