"""Carbon intensity of the grid, one method at a time: its name travels with its numbers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.signals.year import Floats, check_key, hour_of_year, read_packed

COUNTRIES = ("BE", "FR", "NL")


@dataclass(frozen=True, slots=True, eq=False)
class GridCarbon:
    """Hourly carbon intensity of a country in 2022, by date and hour (UTC) in whatever year it is asked.

    Factors in the style of direct emissions: construction and fuel supply of power plants are not in it. Life-cycle
    series (France 2020: mean 57 against 24 here) are another method; `require_method` keeps the two from being mixed.
    """

    country: str
    _hourly: Floats

    METHOD = "direct-emission style, OpenDC 2022"
    BASIS = "hourly means, ENTSO-E origin, without life cycle"
    YEAR = 2022

    @classmethod
    def load(cls, country: str) -> GridCarbon:
        """Load a country by its ISO 3166 code: BE, FR or NL.

        Raises
        ------
        NotFoundError : another key; the message lists those there are
        """
        check_key("grid carbon series", country, COUNTRIES)
        hourly = read_packed(f"carbon_2022_{country}.csv.gz")
        # 31 December is not in the source; the day before stands in for it
        return cls(country, np.concatenate((hourly, hourly[-24:])))

    @property
    def mean_g_per_kwh(self) -> float:
        """Mean over the year [gCO2e/kWh]."""
        return float(self._hourly.mean())

    @property
    def note(self) -> str:
        """One sentence for statements: what these numbers are."""
        return (
            f"Grid of {self.country}: the series of {self.YEAR} is read at the same date and hour (UTC) in every year."
        )

    def require_method(self, method: str) -> None:
        """Refuse to be put beside numbers of another method.

        Raises
        ------
        InvalidFieldError : `method` is not that of this series
        """
        if method != self.METHOD:
            raise InvalidFieldError(
                "grid carbon method", method, f"{self.METHOD}; series of two methods are never mixed"
            )

    def g_per_kwh(self, when: dt.datetime) -> float:
        """Mean intensity of the hour around an aware time [gCO2e/kWh].

        Raises
        ------
        InvalidFieldError : a time without a zone
        """
        return float(self._hourly[int(hour_of_year(when, dt.UTC))])

    def horizon(self, start: dt.datetime, steps: int, step_s: float) -> Floats:
        """Mean intensity of each of `steps` steps from `start` on, shape (steps,) [gCO2e/kWh].

        It is what was measured in 2022, so as a forecast issued at `start` it is perfect.

        Parameters
        ----------
        start : aware
        steps : 1 to 100 000
        step_s : length of a step, 1 to 86 400 [s]

        Raises
        ------
        InvalidFieldError : numbers out of range, a time without a zone
        """
        check_whole("steps", steps, 1, 100_000)
        check_range("step_s", step_s, 1.0, 86_400.0, "s")
        begin = hour_of_year(start, dt.UTC)
        hours = self._hourly.size
        sums = np.concatenate(([0.0], np.cumsum(self._hourly)))
        edges = begin + np.arange(steps + 1) * (step_s / 3600.0)
        cycles, place = np.divmod(edges, hours)
        total = cycles * sums[-1] + np.interp(place, np.arange(hours + 1), sums)
        return np.asarray(np.diff(total) / (step_s / 3600.0))
