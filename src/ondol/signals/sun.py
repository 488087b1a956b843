"""Where the sun stands: enough for the horizontal sum of direct and diffuse radiation."""

from __future__ import annotations

import datetime as dt
import math

from ondol.model.checks import check_range
from ondol.signals.year import check_aware

_GROUND_ALBEDO = 0.2  # usual ground; Liu & Jordan 1963, doi:10.1016/0038-092X(63)90006-9


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


def facade_w_m2(direct_normal_w_m2: float, diffuse_horizontal_w_m2: float, altitude_rad: float) -> float:
    """Sun on a façade, averaged over all its possible directions, ≥ 0 [W/m²].

    Beam: mean of max(0, cos) over azimuths is 1/π of the horizontal component; sky and ground are seen half each
    (isotropic, Liu & Jordan 1963).

    Parameters
    ----------
    direct_normal_w_m2, diffuse_horizontal_w_m2 : as of `Outdoor`
    altitude_rad : of the sun; no beam below the horizon
    """
    beam = direct_normal_w_m2 if altitude_rad > 0 else 0.0
    ground = beam * math.sin(max(altitude_rad, 0.0)) + diffuse_horizontal_w_m2
    facade = beam * math.cos(altitude_rad) / math.pi + 0.5 * diffuse_horizontal_w_m2 + 0.5 * _GROUND_ALBEDO * ground
    return max(0.0, facade)
