"""Which cases can be run with the data that are there; the others are named with what they lack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.twin.heatbench.cases import BACKUPS, Case, World
from ondol.twin.located import located


def available(
    cases: Sequence[Case], world: World, base: Path | None, *, strict: bool
) -> tuple[tuple[Case, ...], list[str]]:
    """Give the cases that can be run, and why others cannot, a line each.

    Left out are cases whose files are not there, and those of district heat on a grid with direct factors: networks
    have none.

    Parameters
    ----------
    base : folder of the data, None for none
    strict : whether missing files are an error: the cases were asked for by name

    Raises
    ------
    NotFoundError : a file of a case that was asked for by name; or no case at all can be run
    InvalidFieldError : as of the scenario's reader
    """
    there: list[Case] = []
    lacking: dict[str, None] = {}
    for case in cases:
        scenario = case.scenario(world)
        try:
            located(scenario, case.folder(world), base)
        except NotFoundError as error:
            if strict:
                raise
            lacking[f"{case.group}: {error}"] = None
            continue
        if case.backup == BACKUPS[2] and scenario.grid.method == "direct":
            lacking[f"{case.place} {case.backup}: the grid has direct carbon factors, of which networks have none"] = (
                None
            )
            continue
        there.append(case)
    if not there:
        if all("direct" in line for line in lacking):
            raise InvalidFieldError("backups", BACKUPS[2], "gas or heat_pump where the grid's factors are direct")
        raise NotFoundError("data of any case", "; ".join(lacking))
    return tuple(there), list(lacking)
