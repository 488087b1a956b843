"""What every sink really needed, hour by hour, as its instruments tell: two months of it, kept over restarts.

The heat that a sink would have needed at level 0 is what it got, less what it keeps more of, less what it lost by being
warmer than that: ``d = (Δmeter − Δheld)/Δt − excess``. So measured, demand does not depend on how well it was met.

An hour counts where its heat meters and sensors spoke at both ends, and where the sink was within its host's band for
half of it or more: below, the host's own heater may have given heat that no meter of ours has seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from ondol.agent.orders import SinkReport, SiteOrders
from ondol.control.clock import utc
from ondol.control.skies import Skies, Weather, one_sky
from ondol.model.ids import SinkId
from ondol.model.view import Floats, Ints

HOUR_S = 3600.0
DAYS = 60  # what the forecaster learns from; older days count next to nothing
KEYS = tuple(f"demand.{slot}" for slot in range(DAYS + 1))
_LEAST_S, _MOST_S = 3000.0, 4500.0  # a balance over another time is not one of that hour
MOST_SHARE, COUNT_J = 1.5, 3.6e6
"""A meter that counts more than this share of what its units can draw, and one count, was exchanged or set anew.

Units give no more heat than they draw. Half as much again is for what a loop stored the hour before, for name-plates
that are exceeded and for the meter's own error; heat meters that count whole kWh (EN 1434 leaves it to the maker) may
be one count late.
"""


class StoredDay(msgspec.Struct):
    """One day (UTC) as it is written: hourly means of sinks [W] by id, and the weather; 24 float32 each.

    `outdoor_c` and `sun_w_m2` have 24 for each of `skies`; days of before there were names have the first sky's alone.
    """

    day: int
    outdoor_c: bytes
    sun_w_m2: bytes
    demand_w: dict[str, bytes]
    skies: tuple[str, ...] = ()


@dataclass(slots=True)
class _Hour:
    """A sink's open hour."""

    begin_s: float
    last_s: float
    heat_j: float
    held_j: float
    excess_j: float = 0.0
    below_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Successive hours up to now, by number since the epoch: weather by sky, demand by sink [W]; nan where unknown."""

    hours: Ints
    outdoor_c: Floats
    sun_w_m2: Floats
    demand_w: Floats


class DemandLog:
    """Draws up each sink's balance hour by hour.

    Parameters
    ----------
    sinks : ids in the order of the rows
    weather : skies over the sinks, or one weather for all of them at an aware time
    kept : documents of an earlier life, None for each there is none
    power_w : what each sink's units can draw [W]; without it no meter is doubted for counting too much

    `hours` counts the hours that were closed in this life.
    """

    def __init__(
        self,
        sinks: Iterable[SinkId],
        weather: Skies | Weather,
        kept: Iterable[bytes | None] = (),
        *,
        power_w: Floats | None = None,
    ) -> None:
        self._row = {sink: row for row, sink in enumerate(sinks)}
        self._power_w = np.full(len(self._row), np.inf) if power_w is None else power_w
        self._skies = weather if isinstance(weather, Skies) else one_sky(weather, len(self._row))
        self._rows = len(self._row) + 2 * len(self._skies.names)
        self._open: dict[SinkId, _Hour] = {}
        self._days: dict[int, Floats] = {}  # (sinks + 2 · skies, 24): demand, outdoor, sun
        self._unwritten: dict[int, None] = {}
        self._hour: int | None = None
        self.hours = 0
        for data in kept:
            if data is not None:
                self._take_back(msgspec.msgpack.decode(data, type=StoredDay))

    def sample(self, now_s: float, orders: Iterable[SiteOrders]) -> bool:
        """Look at all sinks; True where an hour has ended."""
        hour = int(now_s // HOUR_S)
        ended = self._hour is not None and hour != self._hour
        reports = [report for site in orders for report in site.reports]
        for report in reports:
            self._look_at(now_s, report)
        if ended and self._hour is not None:
            self._close(self._hour, now_s, reports)
        if ended or self._hour is None:
            # Against now, not the hour that ended: the platform, or the earlier life, may have stood still for months.
            for old in [day for day in self._days if day < hour // 24 - DAYS]:
                del self._days[old]
        self._hour = hour
        return ended

    def readings(self, now_s: float) -> Readings:
        """All that is known up to the last whole hour; the first known hour begins it."""
        last = int(now_s // HOUR_S)
        days = sorted(day for day in self._days if day * 24 < last)
        first = days[0] * 24 if days else last
        table = np.full((self._rows, max(last - first, 0)), np.nan)
        for day in days:
            at = day * 24 - first
            part = self._days[day][:, : table.shape[1] - at]
            table[:, at : at + part.shape[1]] = part
        return Readings(
            hours=np.arange(first, last, dtype=np.int64),
            outdoor_c=table[self._outdoor],
            sun_w_m2=table[self._sun],
            demand_w=table[: len(self._row)],
        )

    def documents(self) -> dict[str, bytes]:
        """Pack the days that changed since the last time."""
        packed = {KEYS[day % len(KEYS)]: self._packed(day) for day in self._unwritten if day in self._days}
        self._unwritten = {}
        return packed

    @property
    def _outdoor(self) -> slice:
        return slice(len(self._row), len(self._row) + len(self._skies.names))

    @property
    def _sun(self) -> slice:
        return slice(len(self._row) + len(self._skies.names), self._rows)

    def _look_at(self, now_s: float, report: SinkReport) -> None:
        if report.sink_id not in self._row:
            return
        hour = self._open.get(report.sink_id)
        if hour is None or report.heat_j is None or not np.isfinite(report.held_j):
            # An hour in which anything was silent at its end is not closed: it began without an end.
            self._open.pop(report.sink_id, None)
            self._begin(now_s, report)
            return
        span_s = max(now_s - hour.last_s, 0.0)
        hour.excess_j += report.excess_w * span_s
        hour.below_s += span_s if report.below_band else 0.0
        hour.last_s = now_s

    def _begin(self, now_s: float, report: SinkReport) -> None:
        if report.heat_j is not None and np.isfinite(report.held_j):
            self._open[report.sink_id] = _Hour(now_s, now_s, report.heat_j, report.held_j)

    def _close(self, number: int, now_s: float, reports: list[SinkReport]) -> None:
        """End the hour of this number for all sinks, and begin the next one."""
        day, place = divmod(number, 24)
        table = self._days.setdefault(day, np.full((self._rows, 24), np.nan))
        outdoor_c, sun_w_m2 = self._skies.at([utc((number + 0.5) * HOUR_S)])
        table[self._outdoor, place], table[self._sun, place] = outdoor_c[:, 0], sun_w_m2[:, 0]
        for report in reports:
            hour = self._open.pop(report.sink_id, None)
            if hour is not None and report.heat_j is not None:
                row = self._row[report.sink_id]
                most_w = MOST_SHARE * float(self._power_w[row])
                table[row, place] = _balance_w(hour, report.heat_j, report.held_j, number, most_w)
            if report.sink_id in self._row:
                self._begin(now_s, report)
        self._unwritten[day] = None
        self.hours += 1

    def _packed(self, day: int) -> bytes:
        table = self._days[day].astype("<f4")
        stored = StoredDay(
            day=day,
            outdoor_c=table[self._outdoor].tobytes(),
            sun_w_m2=table[self._sun].tobytes(),
            demand_w={sink: table[row].tobytes() for sink, row in sorted(self._row.items())},
            skies=self._skies.names,
        )
        return msgspec.msgpack.encode(stored)

    def _take_back(self, stored: StoredDay) -> None:
        table = np.full((self._rows, 24), np.nan)
        outdoor_c, sun_w_m2 = _unpacked(stored.outdoor_c), _unpacked(stored.sun_w_m2)
        for place, name in enumerate(stored.skies or self._skies.names[:1]):
            if name in self._skies.names:  # a climate that no site has any more is forgotten
                row = len(self._row) + self._skies.names.index(name)
                table[row] = outdoor_c[24 * place : 24 * place + 24]
                table[row + len(self._skies.names)] = sun_w_m2[24 * place : 24 * place + 24]
        for sink, data in stored.demand_w.items():
            if sink in self._row:  # one that left the fleet is forgotten
                table[self._row[SinkId(sink)]] = _unpacked(data)
        self._days[stored.day] = table


def _balance_w(hour: _Hour, heat_j: float, held_j: float, number: int, most_w: float) -> float:
    """Demand of an hour, not below 0; nan where it is not known, or its meter was exchanged [W]."""
    elapsed_s = hour.last_s - hour.begin_s
    inside = hour.begin_s >= number * HOUR_S - 300.0
    if not (_LEAST_S <= elapsed_s <= _MOST_S and inside):
        return float("nan")
    if not 0.0 <= heat_j - hour.heat_j <= most_w * elapsed_s + COUNT_J:
        return float("nan")
    if hour.below_s > 0.5 * elapsed_s:
        return float("nan")
    return max((heat_j - hour.heat_j - (held_j - hour.held_j) - hour.excess_j) / elapsed_s, 0.0)


def _unpacked(data: bytes) -> Floats:
    return np.frombuffer(data, dtype="<f4").astype(np.float64)
