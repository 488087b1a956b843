"""What hosts ask for: heat requests, and the wishes of a moment that stand above them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ondol.model.checks import check_choice, check_id, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.schedule import WeeklySchedule, constant

if TYPE_CHECKING:
    _Perhaps = float
else:
    _Perhaps = float | None  # JSON has no NaN: null stands for it there, and is NaN again once it is read

PRESETS = ("eco", "comfort", "boost", "away")
"""Presets that a host can choose, as Home Assistant's climate entity names them."""

KINDS = ("temperature", "power", "energy")
"""What a request can ask for: a temperature, watts, or so much heat by a time."""

IF_MISSED = ("backup", "refund", "tell")
"""What follows where a guarantee is missed; `HeatRequest` says more."""

NO_LIMIT_W = 1e9
"""A `max_power_w` that limits nothing."""

BOOST_S = 2 * 3600.0
"""A boost whose end nobody named lasts so long: nobody remembers to end it [s]."""

COLDEST_C, HOTTEST_C = 4.0, 90.0
"""Set-points that may be asked for [°C]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRequest:
    """What a host asks for; it never names a node.

    Parameters
    ----------
    target_id : zone, tank or pool
    kind : "temperature" (schedule in °C), "power" (schedule in W) or "energy" (`energy_kwh` until `by`)
    schedule : set-point over the local week; of an energy request only its time zone counts
    band_k : half width of the comfort band around the set-point [K]
    priority : the highest of a sink's valid requests counts, ties by id, 0 to 100
    energy_kwh, by : heat that an energy request asks for, and until when [kWh]
    min_power_w, max_power_w : electric power of the sink's units together that the request stays within [W]
    firm : whether it is to be met even where compute has no work for it: by work for heat alone, then by backup
    valid_from, valid_until : when it counts; None for always, and for ever
    comfort_c : set-point of the preset comfort; 0 for the highest of the schedule [°C]
    eco_k, boost_k, away_k : the other presets, against comfort [K]. Eco and away never heat above the schedule.
        Defaults: eco −3 K (19 °C at home, 16 °C at night or away: ADEME's advice; code de l'énergie R. 241-26 and
        R. 241-27 have the same two), away −7 K (12 °C in a flat: far from frost and mould), boost +2 K
    guaranteed_c : temperature that is promised; nan for none [°C]
    guaranteed_kwh_per_day : heat that is promised for every local day, as far as it is asked for; 0 for none [kWh]
    guaranteed_until : when the promise ends, where that is before the request does; None for with the request
    if_missed : "backup": another heater keeps the guarantee; "refund": what is missing is refunded with the statement;
        "tell": an alarm, no more

    Raises
    ------
    InvalidFieldError : a value outside of its range, or one that the kind does not have
    """

    id: RequestId
    site_id: SiteId
    target_id: SinkId
    kind: str = "temperature"
    schedule: WeeklySchedule = field(default_factory=lambda: constant(19.0))
    band_k: float = 0.5
    priority: int = 50
    energy_kwh: float = 0.0
    by: dt.datetime | None = None
    min_power_w: float = 0.0
    max_power_w: float = NO_LIMIT_W
    firm: bool = False
    valid_from: dt.datetime | None = None
    valid_until: dt.datetime | None = None
    comfort_c: float = 0.0
    eco_k: float = -3.0
    boost_k: float = 2.0
    away_k: float = -7.0
    guaranteed_c: _Perhaps = math.nan
    guaranteed_kwh_per_day: float = 0.0
    guaranteed_until: dt.datetime | None = None
    if_missed: str = "tell"

    def __post_init__(self) -> None:
        check_id("request.id", self.id)
        check_choice("request.kind", self.kind, KINDS)
        check_range("request.band_k", self.band_k, 0.05, 20.0, "K")
        check_whole("request.priority", self.priority, 0, 100)
        self._check_asked()
        check_range("request.min_power_w", self.min_power_w, 0.0, NO_LIMIT_W, "W")
        check_range("request.max_power_w", self.max_power_w, self.min_power_w, NO_LIMIT_W, "W")
        self._check_times()
        if self.comfort_c != 0.0:
            check_range("request.comfort_c", self.comfort_c, COLDEST_C, HOTTEST_C, "°C")
        check_range("request.eco_k", self.eco_k, -30.0, 0.0, "K")
        check_range("request.boost_k", self.boost_k, 0.0, 20.0, "K")
        check_range("request.away_k", self.away_k, -60.0, 0.0, "K")
        self._check_guarantee()

    def _check_asked(self) -> None:
        if self.kind == "energy":
            check_range("request.energy_kwh", self.energy_kwh, 0.001, 1e7, "kWh")
            if self.by is None:
                raise InvalidFieldError("request.by", self.by, "the time by which the energy is wanted")
            return
        if self.energy_kwh != 0.0 or self.by is not None:
            wrong = "energy_kwh" if self.energy_kwh != 0.0 else "by"
            raise InvalidFieldError(f"request.{wrong}", getattr(self, wrong), 'left out unless kind is "energy"')
        watts = self.kind == "power"
        low, high, unit = (0.0, 1e6, "W") if watts else (COLDEST_C, HOTTEST_C, "°C")
        for slot in self.schedule.slots:
            if not low <= slot.value <= high:  # asked before the check: a wish is spliced in anew with every step
                check_range(f"request[{self.id}].schedule", slot.value, low, high, unit)

    def _check_times(self) -> None:
        for name in ("by", "valid_from", "valid_until", "guaranteed_until"):
            when = getattr(self, name)
            if when is not None and when.tzinfo is None:
                raise InvalidFieldError(f"request.{name}", when.isoformat(), "a time with its zone")
        begin = self.valid_from
        for name in ("by", "valid_until"):
            end = getattr(self, name)
            if begin is not None and end is not None and end <= begin:
                raise InvalidFieldError(f"request.{name}", end.isoformat(), f"after valid_from, {begin.isoformat()}")

    def _check_guarantee(self) -> None:
        check_choice("request.if_missed", self.if_missed, IF_MISSED)
        check_range("request.guaranteed_kwh_per_day", self.guaranteed_kwh_per_day, 0.0, 1e6, "kWh")
        if self.guaranteed_c is None or math.isnan(self.guaranteed_c):
            object.__setattr__(self, "guaranteed_c", math.nan)  # one and the same, so that equal requests are equal
        else:
            check_range("request.guaranteed_c", self.guaranteed_c, COLDEST_C, HOTTEST_C, "°C")
        if self.guaranteed_until is not None and not self.guaranteed:
            raise InvalidFieldError(
                "request.guaranteed_until", self.guaranteed_until.isoformat(), "left out unless something is guaranteed"
            )

    def valid_at(self, now: dt.datetime) -> bool:
        """Whether it counts at an aware time: from `valid_from` until before `valid_until`, and before `by`."""
        ends = (self.valid_until, self.by)
        return (self.valid_from is None or self.valid_from <= now) and all(end is None or now < end for end in ends)

    @property
    def guaranteed(self) -> bool:
        """Whether anything is promised."""
        return self.guaranteed_kwh_per_day > 0.0 or not math.isnan(self.guaranteed_c)

    def without_guarantee(self) -> HeatRequest:
        """The same request with nothing promised; itself where nothing is."""
        if not self.guaranteed:
            return self
        return replace(self, guaranteed_c=math.nan, guaranteed_kwh_per_day=0.0, guaranteed_until=None)

    def preset_c(self, preset: str) -> float:
        """Set-point of a preset, within what may be asked for; of a temperature request [°C]."""
        comfort_c = self.comfort_c or max(slot.value for slot in self.schedule.slots)
        offset_k = {"eco": self.eco_k, "boost": self.boost_k, "away": self.away_k}.get(preset, 0.0)
        return min(max(comfort_c + offset_k, COLDEST_C), HOTTEST_C)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostWish:
    """A wish of a moment: what somebody turned or pressed, standing above the request until it ends.

    Wishes are rows that are added and never changed, made at the server or at the site; both have all of them, and the
    latest `set_at` of a sink counts (ties by id), so that they agree in the end however late a link comes back.

    Parameters
    ----------
    id : unique for ever
    kind : "setpoint" (value in °C), "preset" (`preset` names it), "off" (frost protection only) or "schedule" (back to
        the request's schedule: ends whatever stood before)
    until : when it ends by itself, None for until the next wish; a boost without an end lasts `BOOST_S`
    source : who wished: "app" (Home Assistant, at the site), "api", or "cli"
    set_at : when, aware UTC
    """

    id: str
    site_id: SiteId
    sink_id: SinkId
    kind: str
    value: float = 0.0
    preset: str = ""
    until: dt.datetime | None = None
    source: str = "api"
    set_at: dt.datetime

    def __post_init__(self) -> None:
        check_text("wish.id", self.id, 100)
        check_id("wish.site", self.site_id)
        check_id("wish.sink", self.sink_id)
        check_choice("wish.kind", self.kind, ("setpoint", "preset", "off", "schedule"))
        check_text("wish.source", self.source, 40)
        if self.kind == "setpoint":
            check_range("wish.value", self.value, COLDEST_C, HOTTEST_C, "°C")
        if self.kind == "preset":
            check_choice("wish.preset", self.preset, PRESETS)
        if self.set_at.tzinfo is None or (self.until is not None and self.until.tzinfo is None):
            raise InvalidFieldError("wish.until", str(self.until), "a time with its zone")

    @property
    def ends_at(self) -> dt.datetime | None:
        """When it ends by itself; None for until the next wish."""
        if self.until is None and self.kind == "preset" and self.preset == "boost":
            return self.set_at + dt.timedelta(seconds=BOOST_S)
        return self.until
