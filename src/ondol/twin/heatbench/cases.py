"""The cases of the benchmark: two weeks of four months on the GRECO fleet, at loads below and above the heat wanted."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ondol.model.checks import check_choice, check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.twin.scenario import Scenario, load_scenario
from ondol.twin.work_of import varied

HERE = Path(__file__).parent
MONTHS = {"jan": (1, 5), "apr": (4, 6), "jul": (7, 6), "oct": (10, 5)}
"""Month and day of the Monday on which the two weeks begin."""

BACKUPS = ("gas", "heat_pump", "district")
LOADS = (0.03, 0.3, 0.7, 1.0, 1.3)
"""Work over the fleet's mean heat demand of a year; 0.03 is the trace as it was recorded (2.9 % of all node time)."""

QUICK_DAYS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scenario of the benchmark.

    Parameters
    ----------
    month : jan, apr, jul or oct
    load : one of `LOADS`, or any number above 0
    backup : gas, heat_pump or district
    forecast : perfect or real

    Raises
    ------
    InvalidFieldError : a month, load, seed, backup, forecast or length that there is not
    """

    month: str
    load: float
    seed: int = 1
    backup: str = "gas"
    forecast: str = "real"
    days: float = 14.0

    def __post_init__(self) -> None:
        check_choice("month", self.month, tuple(MONTHS))
        if not 0.0 < self.load < math.inf:
            raise InvalidFieldError("load", self.load, "a number above 0")
        check_whole("seed", self.seed, 0, 2**31)
        check_choice("backup", self.backup, BACKUPS)
        check_choice("forecast", self.forecast, ("perfect", "real"))
        check_range("days", self.days, 1.0, 365.0, "days")

    @property
    def name(self) -> str:
        """Short name, the same for all seeds."""
        return f"{self.month} {self.load:g} {self.backup} {self.forecast}"

    def scenario(self, file: Path | None = None) -> Scenario:
        """Give the scenario.

        Parameters
        ----------
        file : another fleet, climate, grid or trace than the benchmark's own `greco.toml`
        """
        base = load_scenario(file or HERE / "greco.toml")
        month, day = MONTHS[self.month]
        recorded = self.load == LOADS[0]
        return varied(
            base,
            name=f"{base.name} {self.name}",
            begin=dt.datetime(2026, month, day, tzinfo=dt.UTC),
            days=self.days,
            seed=self.seed,
            work=msgspec.structs.replace(base.work, heat_load=0.0 if recorded else self.load, load=0.0),
            backup=msgspec.structs.replace(base.backup, kind=self.backup),
            forecast=msgspec.structs.replace(base.forecast, kind=self.forecast),
        )


def cases_of(
    months: tuple[str, ...], loads: tuple[float, ...], seeds: tuple[int, ...], backups: tuple[str, ...], *, quick: bool
) -> tuple[Case, ...]:
    """Give all cases of a benchmark, in order, each once; a quick one has four days each.

    Raises
    ------
    InvalidFieldError : as of `Case`; a list that is empty
    """
    for name, chosen in (("months", months), ("loads", loads), ("seeds", seeds), ("backups", backups)):
        if not chosen:
            raise InvalidFieldError(name, chosen, "at least one")
    days = QUICK_DAYS if quick else 14.0
    cases = (
        Case(month=month, load=load, seed=seed, backup=backup, days=days)
        for backup in backups
        for month in months
        for load in loads
        for seed in seeds
    )
    return tuple(dict.fromkeys(cases))
