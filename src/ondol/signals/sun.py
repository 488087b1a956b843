"""Where the sun stands: enough for the horizontal sum of direct and diffuse radiation."""

from __future__ import annotations

import datetime as dt
import math

from ondol.model.checks import check_range
from ondol.signals.year import check_aware


def sun_altitude_rad(when: dt.datetime, latitude_deg: float, longitude_deg: float) -> float:
    """Altitude of the sun's centre above the horizon, without refraction [rad].

    Declination and equation of time by Spencer's Fourier series (Search 2(5), 1971, as printed in Iqbal,
    An Introduction to Solar Radiation, 1983, eq. 1.3.1 and 1.4.1); within 0.04° and 35 s.

    Parameters
    ----------
    when : aware
    latitude_deg, longitude_deg : north and east positive [°]

    Raises
    ------
    InvalidFieldError : a place that is not on Earth, a time without a zone
    """
    check_aware("when", when)
    check_range("latitude_deg", latitude_deg, -90.0, 90.0, "°")
    check_range("longitude_deg", longitude_deg, -180.0, 180.0, "°")
    utc = when.astimezone(dt.UTC)
    hour = utc.hour + utc.minute / 60.0 + utc.second / 3600.0
    angle = 2.0 * math.pi * (utc.timetuple().tm_yday - 1 + hour / 24.0) / 365.0
    declination = (
        0.006918
        - 0.399912 * math.cos(angle)
        + 0.070257 * math.sin(angle)
        - 0.006758 * math.cos(2 * angle)
        + 0.000907 * math.sin(2 * angle)
        - 0.002697 * math.cos(3 * angle)
        + 0.00148 * math.sin(3 * angle)
    )
    equation_of_time_min = 229.18 * (
        0.000075
        + 0.001868 * math.cos(angle)
        - 0.032077 * math.sin(angle)
        - 0.014615 * math.cos(2 * angle)
        - 0.04089 * math.sin(2 * angle)
    )
    solar_hour = hour + longitude_deg / 15.0 + equation_of_time_min / 60.0
    hour_angle = (solar_hour - 12.0) * math.pi / 12.0
    latitude = math.radians(latitude_deg)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(
        hour_angle
    )
    return math.asin(max(-1.0, min(1.0, sine)))
