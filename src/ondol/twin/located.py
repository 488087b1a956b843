"""Finds the files that a scenario names: beside the scenario's own file, else in the folder of data."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ondol.model.errors import NotFoundError
from ondol.signals.weather import ZONES
from ondol.twin.scenario.nouns import Scenario, SiteSpec

DATA = Path("..") / "shared" / "data"


def data_folder(given: Path | None) -> Path | None:
    """Give the folder of data: the one that is named, else `DATA` where it is there.

    Raises
    ------
    NotFoundError : the one that is named is no folder
    """
    if given is None:
        return DATA if DATA.is_dir() else None
    if not given.is_dir():
        raise NotFoundError("folder of data", str(given))
    return given


def located(scenario: Scenario, folder: Path, data: Path | None) -> Scenario:
    """Give the scenario with every path of it absolute.

    Parameters
    ----------
    folder : of the scenario's file; relative paths count from it first
    data : from here where the file is not there; None for nowhere

    Raises
    ------
    NotFoundError : a file that is in neither; names the key and where it was looked for
    """

    def find(key: str, path: str) -> str:
        if not path:
            return path
        places = [folder, *([] if data is None else [data])]
        found = next((place / path for place in places if (place / path).is_file()), None)
        if found is None:
            looked = " and ".join(str(place) for place in places)
            hint = "" if data is not None else "; --data names a folder of data"
            raise NotFoundError(key, f"{path}, looked for in {looked}{hint}")
        return str(found.resolve())

    def site(spec: SiteSpec) -> SiteSpec:
        climate = spec.climate if spec.climate in ZONES else find(f"site[{spec.id}].climate", spec.climate)
        return msgspec.structs.replace(spec, climate=climate, mains=find(f"site[{spec.id}].mains", spec.mains))

    work, grid = scenario.work, scenario.grid
    return msgspec.structs.replace(
        scenario,
        site=tuple(site(spec) for spec in scenario.site),
        work=msgspec.structs.replace(
            work,
            path=find("work.path", work.path) if work.source != "generator" else work.path,
            datasets=find("work.datasets", work.datasets) if work.with_data else work.datasets,
        ),
        grid=msgspec.structs.replace(
            grid, path=find("grid.path", grid.path), price_path=find("grid.price_path", grid.price_path)
        ),
    )
