"""Typical weather of the French climate zones, laid over any calendar year."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError
from ondol.signals.sun import sun_altitude_rad
from ondol.signals.year import STANDARD_TIME, Floats, at_hour, check_aware, check_key, hour_of_year, read_packed

ZONES = ("H1a", "H2b", "H3")
PLACES = {"H1a": "Trappes", "H2b": "La Rochelle", "H3": "Nice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdoor:
    """The weather at one moment.

    Parameters
    ----------
    temp_c : dry bulb [°C]
    direct_normal_w_m2 : sun on a surface that faces it [W/m²]
    diffuse_horizontal_w_m2 : sky on a level surface [W/m²]
    sky_temp_c : radiant temperature of the sky [°C]
    humidity : relative, 0 to 1
    wind_m_s : wind speed [m/s]
    """

    temp_c: float
    direct_normal_w_m2: float
    diffuse_horizontal_w_m2: float
    sky_temp_c: float
    humidity: float
    wind_m_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherForecast:
    """What was expected at a time of issue. A typical year knows itself: this forecast is perfect, and says so.

    Parameters
    ----------
    issued_at : when it was issued
    times, outdoor : moments and the weather expected at each
    perfect : True where the forecast is the very series that will come
    """

    issued_at: dt.datetime
    times: tuple[dt.datetime, ...]
    outdoor: tuple[Outdoor, ...]
    perfect: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """A typical year: RT2012 conventional weather, hourly, by date and hour (UTC+1) in whatever year it is asked.

    It never ends; `note` says what was done with the year.
    """

    zone: str
    _table: Floats

    @classmethod
    def load(cls, zone: str) -> Weather:
        """Load the year of a climate zone: H1a (Trappes), H2b (La Rochelle) or H3 (Nice).

        Raises
        ------
        NotFoundError : another key; the message lists those there are
        """
        check_key("climate zone", zone, ZONES)
        return cls(zone, read_packed(f"weather_{zone}.csv.gz"))

    @property
    def note(self) -> str:
        """One sentence for statements: what these numbers are."""
        return (
            f"Weather: RT2012 typical year {self.zone} ({PLACES[self.zone]}), same date and hour (UTC+1) in every year."
        )

    def at(self, when: dt.datetime) -> Outdoor:
        """Weather at an aware time, linear between the middles of the hours.

        Raises
        ------
        InvalidFieldError : a time without a zone
        """
        row = at_hour(self._table, hour_of_year(when, STANDARD_TIME))
        return Outdoor(
            temp_c=float(row[0]),
            direct_normal_w_m2=float(row[1]),
            diffuse_horizontal_w_m2=float(row[2]),
            sky_temp_c=float(row[3]),
            humidity=float(row[4]),
            wind_m_s=float(row[5]),
        )

    def global_horizontal_w_m2(self, when: dt.datetime, latitude_deg: float, longitude_deg: float) -> float:
        """Sun on a level surface, diffuse + direct × sin(altitude) [W/m²]; see `sun_altitude_rad` for the source."""
        outdoor = self.at(when)
        sine = math.sin(sun_altitude_rad(when, latitude_deg, longitude_deg))
        return outdoor.diffuse_horizontal_w_m2 + outdoor.direct_normal_w_m2 * max(0.0, sine)

    def forecast(
        self, issued_at: dt.datetime, horizon: dt.timedelta, step: dt.timedelta = dt.timedelta(hours=1)
    ) -> WeatherForecast:
        """Forecast at `issued_at` and every `step` after it, up to and with `issued_at + horizon`.

        Raises
        ------
        InvalidFieldError : a horizon below 0, a step of 0 or less, more than 100 000 steps, a time without a zone
        """
        check_aware("issued_at", issued_at)
        if step <= dt.timedelta(0) or not dt.timedelta(0) <= horizon <= 100_000 * step:
            raise InvalidFieldError("horizon", (horizon, step), "0 or more, in at most 100000 steps above 0")
        times = tuple(issued_at + k * step for k in range(horizon // step + 1))
        return WeatherForecast(issued_at=issued_at, times=times, outdoor=tuple(self.at(time) for time in times))
