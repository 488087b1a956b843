"""Which fleet a command is about: the file that was named, that of the last start, or the demonstration's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ondol.control.layout import DataFolder
from ondol.demo.fleet import demo_fleet
from ondol.model.fleet import Fleet
from ondol.storage.fleet_file import read_fleet


def choose_fleet(given: Path | None, folder: DataFolder) -> Fleet:
    """Read the fleet file that was named, else that of the last start, else the demonstration's."""
    if given is not None:
        return own_factors_at(read_fleet(given), given.parent)
    if folder.fleet_file.exists():
        return read_fleet(folder.fleet_file)
    return demo_fleet()


def own_factors_at(fleet: Fleet, folder: Path) -> Fleet:
    """Give the fleet with the path of its own factors made whole: its copy in the data folder lies elsewhere."""
    if not fleet.accounting.factors:
        return fleet
    path = (folder / fleet.accounting.factors).resolve()
    return replace(fleet, accounting=replace(fleet.accounting, factors=str(path)))
