"""The demonstration's fleet: four sites with virtual heat hardware, on a share of this machine's cores."""

from __future__ import annotations

from importlib.resources import files

from ondol.model.fleet import Fleet
from ondol.storage.fleet_file import load_fleet


def demo_fleet() -> Fleet:
    """Read it from the package."""
    return load_fleet((files("ondol.demo") / "fleet.toml").read_text(encoding="utf-8"), "the demonstration's fleet")
