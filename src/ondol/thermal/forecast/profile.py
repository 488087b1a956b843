"""Heat demand of a building nobody has measured yet: its degree-hours, scaled by the heat of a year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.checks import check_range
from ondol.thermal.arrays import Floats

HOURS_OF_YEAR = 8760.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DegreeHourProfile:
    """Demand in proportion to ``max(0, base − outdoor)``, plus a part that is always there.

    Shape: accumulated temperature differences in degree-hours, EN ISO 15927-6:2007. Base 15 °C, the usual heating limit
    of housing, which leaves the last kelvins to sun and people (VDI 4655 has summer begin there too). Take the outdoor
    temperature low-passed over the walls' 36 h: heat demand follows it, not the night's.

    Parameters
    ----------
    annual_kwh : heat of a normal year [kWh], above 0
    annual_degree_hours_kh : of the site's normal year at the same base [K·h]; see `degree_hours_kh`
    base_temp_c : heating limit [°C]
    constant_share : share of the heat that does not hang on the weather, 0 to 1
    spread : until a week is measured p10 and p90 stand this share of the mean below (not below 0) and above it, 0 to
        5. At 1 the band covers 86 % of the hours of the simulated houses of docs/reference/forecast.md, whose hosts
        know the year's heat; nothing better is known of real ones (data tier T5)

    Raises
    ------
    InvalidFieldError : a value out of range
    """

    annual_kwh: float
    annual_degree_hours_kh: float
    base_temp_c: float = 15.0
    constant_share: float = 0.0
    spread: float = 1.0

    def __post_init__(self) -> None:
        check_range("profile.annual_kwh", self.annual_kwh, 1e-3, 1e9, "kWh")
        check_range("profile.annual_degree_hours_kh", self.annual_degree_hours_kh, 1.0, 1e6, "K·h")
        check_range("profile.base_temp_c", self.base_temp_c, 5.0, 30.0, "°C")
        check_range("profile.constant_share", self.constant_share, 0.0, 1.0)
        check_range("profile.spread", self.spread, 0.0, 5.0)

    @property
    def annual_mean_w(self) -> float:
        """Mean demand over the year [W]."""
        return self.annual_kwh * 1000.0 / HOURS_OF_YEAR

    def demand_w(self, slow_outdoor_c: Floats) -> Floats:
        """Demand at low-passed outdoor temperatures [W]; a normal year of these sums up to `annual_kwh`."""
        per_kelvin = (1.0 - self.constant_share) * self.annual_kwh * 1000.0 / self.annual_degree_hours_kh
        base = self.constant_share * self.annual_mean_w
        return np.asarray(base + per_kelvin * np.maximum(self.base_temp_c - slow_outdoor_c, 0.0))


def degree_hours_kh(slow_outdoor_c: Floats, base_temp_c: float = 15.0) -> float:
    """Degree-hours of an hourly year of low-passed outdoor temperatures [K·h]."""
    return float(np.maximum(base_temp_c - slow_outdoor_c, 0.0).sum())
