"""The cases of the benchmark: months of the GRECO fleet at several loads; years, a heat wave, a cold snap of others."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ondol.model.checks import check_choice, check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.twin.heatbench.changes import NO_CHANGES, Changes, changed
from ondol.twin.scenario import Scenario, load_scenario
from ondol.twin.scenario.nouns import FORECASTS
from ondol.twin.work_of import varied

HERE = Path(__file__).parent
MONTHS = {"jan": (1, 5), "apr": (4, 6), "jul": (7, 6), "oct": (10, 5)}
"""Month and day of the Monday on which the two weeks begin."""

GRID = "months"
"""Cases of months × loads, on `greco.toml` or another file."""

OWN = "own"
"""A scenario file of somebody's own, with its own begin, length and load."""

NAMED = ("residence-year", "pool-year", "surf-year", "heat-wave", "cold-snap")
BACKUPS = ("gas", "heat_pump", "district")
LOADS = (0.03, 0.3, 0.7, 1.0, 1.3)
"""Work over the fleet's mean heat demand of a year; 0.03 is the trace as it was recorded (2.9 % of all node time)."""

MONTH_DAYS = 14.0
QUICK_DAYS = 4.0
QUICK_MONTHS, QUICK_LOADS = ("apr", "jul"), (0.3, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all cases of a benchmark are made of.

    Parameters
    ----------
    file : another fleet, climate, grid or trace than the benchmark's own `greco.toml`; needed for `OWN`
    changes : what is put in the place of any scenario's trace, carbon, prices or weather
    """

    file: Path | None = None
    changes: Changes = NO_CHANGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scenario of the benchmark.

    Parameters
    ----------
    group : `GRID`, one of `NAMED`, or `OWN`
    month : jan, apr, jul or oct; of `GRID` only
    load : one of `LOADS`, or any number above 0; of `GRID` only
    backup : gas, heat_pump or district
    forecast : perfect, real or any other kind of forecast
    days : length; 0 leaves that of the scenario, which `GRID` does not

    Raises
    ------
    InvalidFieldError : a case, month, load, seed, backup, forecast or length that there is not
    """

    month: str = ""
    load: float = 0.0
    seed: int = 1
    backup: str = "gas"
    forecast: str = "real"
    days: float = MONTH_DAYS
    group: str = GRID

    def __post_init__(self) -> None:
        check_choice("cases", self.group, (GRID, *NAMED, OWN))
        if self.group == GRID:
            check_choice("month", self.month, tuple(MONTHS))
            if not 0.0 < self.load < math.inf:
                raise InvalidFieldError("load", self.load, "a number above 0")
        check_whole("seed", self.seed, 0, 2**31)
        check_choice("backup", self.backup, BACKUPS)
        check_choice("forecast", self.forecast, FORECASTS)
        if self.days or self.group == GRID:
            check_range("days", self.days, 1.0, 365.0, "days")

    @property
    def name(self) -> str:
        """Short name, the same for all seeds."""
        return f"{self.place} {self.backup} {self.forecast}"

    @property
    def place(self) -> str:
        """Name without backup and forecast."""
        return f"{self.month} {self.load:g}" if self.group == GRID else self.group

    @property
    def file_words(self) -> str:
        """Name as a part of a file's."""
        what = f"{self.month}-{self.load}" if self.group == GRID else self.group
        return f"{what}-{self.backup}-{self.forecast}-{self.days}-{self.seed}"

    def folder(self, world: World) -> Path:
        """Where paths of the scenario count from."""
        return HERE if world.file is None or self.group in NAMED else world.file.parent

    def scenario(self, world: World | None = None) -> Scenario:
        """Give the scenario; errors as of `load_scenario`."""
        world = world or World()
        if self.group == OWN and world.file is None:
            raise InvalidFieldError("cases", OWN, "--scenario beside it")
        base = load_scenario(HERE / f"{self.group}.toml" if self.group in NAMED else world.file or HERE / "greco.toml")
        made = changed(base, world.changes)
        if self.group == GRID:
            month, day = MONTHS[self.month]
            recorded = self.load == LOADS[0]
            work = msgspec.structs.replace(made.work, heat_load=0.0 if recorded else self.load, load=0.0)
            made = varied(made, begin=dt.datetime(2026, month, day, tzinfo=dt.UTC), work=work)
        return varied(
            made,
            name=f"{base.name} {self.name}"[:100],
            days=min(self.days, made.days) if self.days and self.group != GRID else self.days or made.days,
            seed=self.seed,
            backup=msgspec.structs.replace(made.backup, kind=self.backup),
            forecast=msgspec.structs.replace(made.forecast, kind=self.forecast),
        )


def cases_of(
    months: tuple[str, ...],
    loads: tuple[float, ...],
    seeds: tuple[int, ...],
    backups: tuple[str, ...],
    *,
    quick: bool,
    groups: tuple[str, ...] = (GRID,),
    forecasts: tuple[str, ...] = ("real",),
) -> tuple[Case, ...]:
    """Give all cases of a benchmark, in order, each once; a quick one has four days each.

    Raises
    ------
    InvalidFieldError : as of `Case`; a list that is empty
    """
    lists = {"months": months, "loads": loads, "seeds": seeds, "backups": backups}
    for name, chosen in {**lists, "cases": groups, "forecasts": forecasts}.items():
        if not chosen:
            raise InvalidFieldError(name, chosen, "at least one")
    of_month, of_others = (QUICK_DAYS, QUICK_DAYS) if quick else (MONTH_DAYS, 0.0)
    places: list[dict[str, object]] = []
    for group in groups:
        if group == GRID:
            places += [{"month": m, "load": load, "days": of_month} for m in months for load in loads]
        else:
            places.append({"group": group, "days": of_others})
    cases = (
        Case(**place, seed=seed, backup=backup, forecast=forecast)  # type: ignore[arg-type]
        for forecast in forecasts
        for backup in backups
        for place in places
        for seed in seeds
    )
    return tuple(dict.fromkeys(cases))
