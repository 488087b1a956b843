"""One sink's local days: heat asked for and delivered, what was felt, and whether what was promised was kept."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ondol.accounting.host_promises import Promise, in_force
from ondol.model.ids import SinkId
from ondol.model.ledger import HeatRow

J_PER_KWH = 3.6e6
SENSOR_K = 0.5
"""A temperature counts as below what was promised only by more than what a sensor may be off: EN 60751 class B is
±(0.3 + 0.005·t) K, 0.4 to 0.6 K between 20 and 60 °C."""

METER_SHARE = 0.01
"""Promised heat counts as come if less lacks than this share of it: the best flow sensor of a heat meter (EN 1434-1,
class 1) may be off by as much, and rows that reach over midnight are dealt out by their time."""

GRACE_S = 900.0
"""A promised temperature is missed once it was below for so long in a day; a window or a draw is not a miss [s]."""

RECOVERY_S = 4 * 3600.0
"""After its host asked for less than what is promised, warming up again may take so long before it counts [s]. An
assumption: a flat gains 1 to 2 K an hour (reference/heat.md §1.2), and setbacks are 3 to 7 K."""

SEEN = 0.95
"""Share of a day that has to be measured before it can be told that a promise was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDay:
    """One sink over one local day, or the part of it that was asked for.

    Parameters
    ----------
    date : local day of the site
    start, end : the part of it that is looked at, UTC; 23 or 25 hours where the clocks change
    whole : whether that is all of the day
    observed_s : of it with ledger rows [s]
    heat_kwh : delivered by the heat meters of its units
    demanded_kwh : asked for by the heat layer
    compute_kwh : electricity of its units
    shortfall_kwh : Σ over clock hours of demanded less delivered where that is above 0, backup not counted
    backup_kwh : of its other heater; None where it has none, or neither a meter nor its power tells
    backup_metered : whether that is by its own meter, which covered 95 % of the time; else it is as ordered (time ×
        rated power)
    backup_s : how long it was ordered to run; None where it has none [s]
    discomfort_kh : ∫ deviation outside of the host's band dt
    felt_s, inside_s : time with a temperature and a band, and of it inside of the band [s]
    coldest_c : lowest window mean; None without one
    below_s : time more than `SENSOR_K` below the promised temperature, where its host asked for as much [s]
    promise : what was promised on this day, the last of it; None for nothing. Of a temperature the part of the day
        counts in which it was promised; heat is owed for days that are promised from begin to end
    kept : whether the promise was kept; None where nothing is promised, or too little was measured to tell
    missing_kwh : of the promised heat, 0 where it was kept; None where that is not known
    """

    sink_id: SinkId
    date: dt.date
    start: dt.datetime
    end: dt.datetime
    whole: bool
    observed_s: float
    heat_kwh: float
    demanded_kwh: float
    compute_kwh: float
    shortfall_kwh: float
    backup_kwh: float | None
    backup_s: float | None
    discomfort_kh: float
    felt_s: float
    inside_s: float
    coldest_c: float | None
    below_s: float
    promise: Promise | None
    kept: bool | None
    missing_kwh: float | None
    backup_metered: bool = False

    @property
    def capture_ratio(self) -> float | None:
        """Heat delivered over electricity of the units that delivered it; None without electricity."""
        return self.heat_kwh / self.compute_kwh if self.compute_kwh > 0.0 else None


@dataclass(frozen=True, slots=True)
class MeteredHeat:
    """Heat of another heater over one window of its own meter [J]."""

    start: dt.datetime
    end: dt.datetime
    heat_j: float


def local_days(start: dt.datetime, end: dt.datetime, timezone: str) -> list[tuple[dt.date, dt.datetime, dt.datetime]]:
    """Give the local days that lie in [start, end): their date, begin and end in UTC, whole ones whatever the span.

    Parameters
    ----------
    timezone : IANA name; a day has 23 or 25 hours where its clocks change
    """
    zone = ZoneInfo(timezone)
    found: list[tuple[dt.date, dt.datetime, dt.datetime]] = []
    day = start.astimezone(zone).date()
    while (begin := midnight(day, zone)) < end:
        following = day + dt.timedelta(days=1)
        found.append((day, begin, midnight(following, zone)))
        day = following
    return found


def midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """Begin of a local day, in UTC."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(dt.UTC)


def host_days(
    sink_id: SinkId,
    rows: Iterable[HeatRow],
    *,
    start: dt.datetime,
    end: dt.datetime,
    timezone: str,
    promises: Sequence[Promise] = (),
    backup_on: Sequence[tuple[dt.datetime, dt.datetime]] | None = None,
    backup_power_w: float = 0.0,
    backup_heat: Sequence[MeteredHeat] = (),
) -> tuple[HostDay, ...]:
    """Give a sink's local days in [start, end).

    Rows that reach over an edge of a day count on both sides by their time. Of several units that heat one sink the
    temperature of a window counts once; their heat and electricity are summed.

    Parameters
    ----------
    rows : of any sinks; those of others are passed over, and those of units without a heat meter, which are estimates
    promises : what was guaranteed, each for its time; of several that hold at a time the first one counts
    backup_on : spans in which the sink's other heater was ordered to run; None where it has none
    backup_power_w : its rated power, 0 where it is not stated [W]
    backup_heat : its heat by its own meter, window by window
    """
    sink_rows = [row for row in rows if row.sink_id == sink_id and row.metered]
    own = [row for row in sink_rows if row.start < end and row.end > start]
    days: list[HostDay] = []
    for date, begin, close in local_days(start, end, timezone):
        since, until = max(begin, start), min(close, end)
        within = [row for row in own if row.start < until and row.end > since]
        days.append(
            _day(
                sink_id,
                date,
                (since, until),
                whole=(since, until) == (begin, close),
                rows=within,
                promised=[(one, _waived(sink_rows, one)) for one in in_force(promises, since, until)],
                backup_s=None if backup_on is None else math.fsum(_overlap_s(on, (since, until)) for on in backup_on),
                backup_power_w=backup_power_w,
                backup_heat=backup_heat,
            )
        )
    return tuple(days)


def _day(
    sink_id: SinkId,
    date: dt.date,
    span: tuple[dt.datetime, dt.datetime],
    *,
    whole: bool,
    rows: list[HeatRow],
    promised: list[tuple[Promise, frozenset[dt.datetime]]],
    backup_s: float | None,
    backup_power_w: float,
    backup_heat: Sequence[MeteredHeat],
) -> HostDay:
    parts = [(row, _overlap_s((row.start, row.end), span) / (row.end - row.start).total_seconds()) for row in rows]
    heat_j = math.fsum(row.delivered_j * part for row, part in parts)
    demanded_j = math.fsum(row.demanded_j * part for row, part in parts)
    windows = {(row.start, row.end): row for row in sorted(rows, key=lambda row: row.unit_id, reverse=True)}
    seen = [(row, _overlap_s(window, span)) for window, row in sorted(windows.items())]
    felt = [(row, s) for row, s in seen if math.isfinite(row.temp_c)]
    banded = [(row, s) for row, s in felt if math.isfinite(row.lower_c) and math.isfinite(row.upper_c)]
    warm = [(one, part, off) for one, off in promised if (part := one.within(*span)) and one.guaranteed_c > 0.0]
    below_s = math.fsum(
        _overlap_s((row.start, row.end), part)
        for one, part, off in warm
        for row, _ in felt
        if row.temp_c < one.guaranteed_c - SENSOR_K and row.start not in off
    )
    warm_s = math.fsum(_s(part) for _, part, _ in warm)
    measured_s = math.fsum(_overlap_s((row.start, row.end), part) for _, part, _ in warm for row, _ in felt)
    heated = [one for one, _ in promised if one.guaranteed_kwh_per_day > 0.0 and one.within(*span) == span]
    observed_s = math.fsum(s for _, s in seen)
    metered_j = _metered_j(backup_heat, span)
    told = metered_j is not None or (backup_s is not None and backup_power_w > 0.0)
    backup_j = (backup_s or 0.0) * backup_power_w if metered_j is None else metered_j
    enough = whole and observed_s >= SEEN * _s(span)
    kept, missing_kwh = _kept(
        warm=enough and measured_s >= SEEN * warm_s if warm else None,
        owed_kwh=heated[0].guaranteed_kwh_per_day if heated else 0.0,
        enough=enough,
        below_s=below_s,
        heat_kwh=(heat_j + backup_j) / J_PER_KWH,
        demanded_kwh=demanded_j / J_PER_KWH,
    )
    return HostDay(
        sink_id=sink_id,
        date=date,
        start=span[0],
        end=span[1],
        whole=whole,
        observed_s=observed_s,
        heat_kwh=heat_j / J_PER_KWH,
        demanded_kwh=demanded_j / J_PER_KWH,
        compute_kwh=math.fsum(row.electric_j * part for row, part in parts) / J_PER_KWH,
        shortfall_kwh=_shortfall_j(parts) / J_PER_KWH,
        backup_kwh=backup_j / J_PER_KWH if told else None,
        backup_metered=metered_j is not None,
        backup_s=backup_s,
        discomfort_kh=math.fsum(row.discomfort_kh * part for row, part in parts),
        felt_s=math.fsum(s for _, s in banded),
        inside_s=math.fsum(s for row, s in banded if row.lower_c <= row.temp_c <= row.upper_c),
        coldest_c=min((row.temp_c for row, _ in felt), default=None),
        below_s=below_s,
        promise=promised[-1][0] if warm or heated else None,
        kept=kept,
        missing_kwh=missing_kwh,
    )


def _metered_j(windows: Sequence[MeteredHeat], span: tuple[dt.datetime, dt.datetime]) -> float | None:
    """Heat of a meter's windows inside of a span; None where they cover too little of it [J]."""
    parts = [(one, _overlap_s((one.start, one.end), span)) for one in windows]
    if math.fsum(part_s for _, part_s in parts) < SEEN * _s(span):
        return None
    return math.fsum(one.heat_j * part_s / _s((one.start, one.end)) for one, part_s in parts)


def _waived(rows: Iterable[HeatRow], promise: Promise) -> frozenset[dt.datetime]:
    """Begins of windows in which a promised temperature binds nobody.

    Its host had turned heat off or asked for less than what is promised, or had done so until a moment ago.
    """
    if math.isnan(promise.guaranteed_c) or not promise.by_setpoint:
        return frozenset()
    found: list[dt.datetime] = []
    until: dt.datetime | None = None
    for row in sorted(rows, key=lambda row: row.start):
        if not row.setpoint_c >= promise.guaranteed_c:  # nan: it was off
            until = row.end + dt.timedelta(seconds=RECOVERY_S)
        if until is not None and row.start < until:
            found.append(row.start)
    return frozenset(found)


def _kept(
    *, warm: bool | None, owed_kwh: float, enough: bool, below_s: float, heat_kwh: float, demanded_kwh: float
) -> tuple[bool | None, float | None]:
    """Whether a promise was kept and the heat that it lacks; a miss that is sure does not wait for the day's end.

    Parameters
    ----------
    warm : whether enough was felt to tell that a promised temperature was kept; None where none was promised
    owed_kwh : promised heat, 0 for none [kWh]
    """
    if warm is None and owed_kwh <= 0.0:
        return None, None
    verdicts: list[bool | None] = []
    missing_kwh: float | None = 0.0
    if warm is not None:
        verdicts.append(False if below_s > GRACE_S else True if warm else None)
    if owed_kwh > 0.0:
        # Nobody is refunded for heat that was not wanted: what was asked for bounds the promise.
        wanted_kwh = min(owed_kwh, demanded_kwh)
        lacking_kwh = max(0.0, wanted_kwh - heat_kwh)
        if heat_kwh >= owed_kwh:
            verdicts.append(True)
        elif not enough:
            verdicts.append(None)
            missing_kwh = None
        else:
            verdicts.append(lacking_kwh <= METER_SHARE * wanted_kwh)
            missing_kwh = lacking_kwh
    if False in verdicts:
        return False, missing_kwh
    return (None, None) if None in verdicts else (True, 0.0)


def _shortfall_j(parts: Iterable[tuple[HeatRow, float]]) -> float:
    """Heat that was asked for and did not come, hour by hour: within one a unit may catch up."""
    hours: dict[dt.datetime, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row, part in parts:
        hour = hours[row.start.replace(minute=0, second=0, microsecond=0)]
        hour[0] += row.demanded_j * part
        hour[1] += row.delivered_j * part
    return math.fsum(max(0.0, demanded_j - delivered_j) for demanded_j, delivered_j in hours.values())


def _overlap_s(one: tuple[dt.datetime, dt.datetime], other: tuple[dt.datetime, dt.datetime]) -> float:
    return max(0.0, (min(one[1], other[1]) - max(one[0], other[0])).total_seconds())


def _s(span: tuple[dt.datetime, dt.datetime]) -> float:
    return (span[1] - span[0]).total_seconds()
