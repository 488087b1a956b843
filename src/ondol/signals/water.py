"""Water: how cold it comes from the mains, and how much hot water a household draws."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import numpy as np

from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.signals.weather import ZONES
from ondol.signals.year import STANDARD_TIME, Floats, at_hour, check_aware, check_key, hour_of_year, read_packed

STEP_S = 600
HOUSEHOLD_L_PER_DAY = 200.0
CYCLE_STEPS = 52 * 7 * 144
"""The draws repeat after 52 whole weeks, so that a Monday is always a Monday; the file's 365th day is left out."""

MONDAY = dt.datetime(2022, 1, 3, tzinfo=STANDARD_TIME)
"""Day 1 of the file is a Monday: its weekends are days 6 and 7 of every week."""

SHIFT_WEEKS = 8
"""Households differ by 0 to 7 whole weeks: time of day and of week stay true, season and summer time within weeks."""


@dataclass(frozen=True, slots=True, eq=False)
class MainsWater:
    """Temperature of cold water of a climate zone, by date and hour (UTC+1) in whatever year it is asked."""

    zone: str
    _series: Floats

    @classmethod
    def load(cls, zone: str) -> MainsWater:
        """Load the year of a climate zone: H1a, H2b or H3.

        Raises
        ------
        NotFoundError : another key; the message lists those there are
        """
        check_key("climate zone", zone, ZONES)
        return cls(zone, read_packed(f"mains_{zone}.csv.gz"))

    def at(self, when: dt.datetime) -> float:
        """Temperature at an aware time, linear between the middles of the hours [°C]."""
        return float(at_hour(self._series, hour_of_year(when, STANDARD_TIME)))


@dataclass(frozen=True, slots=True, eq=False)
class HotWaterDraws:
    """Hot-water draws of households, made by DHWcalc for a 200 L/day house in 10-minute steps.

    On working days half of a day's water runs from 07:00 to 08:00 in winter, from 06:00 in summer: the file already
    moves with summer time, on the dates of its own year, and is read on the UTC+1 clock.
    """

    _litres: Floats
    _sums: Floats

    @classmethod
    def load(cls) -> HotWaterDraws:
        """Load the packaged year."""
        litres = read_packed("hot_water_200l_10min.csv.gz")[:CYCLE_STEPS] * (STEP_S / 3600.0)
        return cls(litres, np.concatenate(([0.0], np.cumsum(litres))))

    @property
    def note(self) -> str:
        """One sentence for statements: what these numbers are."""
        return "Hot water: DHWcalc draws of a 200 L/day household, 52 weeks that repeat, scaled to the tank's use."

    def litres(
        self,
        start: dt.datetime,
        end: dt.datetime,
        scale_l_per_day: float,
        sink_id: str = "",
        households: int | None = None,
    ) -> float:
        """Hot water drawn from `start` to `end` [L]; neighbouring spans add up.

        Parameters
        ----------
        start, end : aware, end not before start
        scale_l_per_day : mean over the whole cycle [L/day], 0 to 1e7
        sink_id : shifts the draws by whole weeks, always the same for the same id; "" for the file as it is
        households : how many draw, each shifted otherwise, at most 8; by default one for each 200 L/day

        Raises
        ------
        InvalidFieldError : times without a zone or in the wrong order, numbers out of range
        """
        check_aware("start", start)
        check_aware("end", end)
        check_range("scale_l_per_day", scale_l_per_day, 0.0, 1e7, "L/day")
        if end < start:
            raise InvalidFieldError("end", end.isoformat(), f"a time not before {start.isoformat()}")
        if households is None:
            households = min(SHIFT_WEEKS, max(1, round(scale_l_per_day / HOUSEHOLD_L_PER_DAY)))
        check_whole("households", households, 1, SHIFT_WEEKS)
        first = _week_of(sink_id)
        weeks = [(first + k) % SHIFT_WEEKS for k in range(households)]
        drawn = sum(self._until(end, week) - self._until(start, week) for week in weeks) / households
        return max(0.0, drawn) * scale_l_per_day * (CYCLE_STEPS / 144) / float(self._sums[-1])

    def _until(self, when: dt.datetime, week: int) -> float:
        steps = (when - MONDAY).total_seconds() / STEP_S + week * 7 * 144
        cycles, place = divmod(steps, CYCLE_STEPS)
        row = min(int(place), CYCLE_STEPS - 1)
        return float(cycles * self._sums[-1] + self._sums[row] + (place - row) * self._litres[row])


def _week_of(sink_id: str) -> int:
    if not sink_id:
        return 0
    return hashlib.sha256(sink_id.encode()).digest()[0] % SHIFT_WEEKS
