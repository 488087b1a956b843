"""What a task will probably take, before it has run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Energy, carbon and time of a task, each as a median and a value that nine of ten stay below.

    Parameters
    ----------
    start_p50, start_p90, end_p50, end_p90 : when it starts and ends, platform time
    not_before : given where these four are nothing to rely on: nine of ten like it start later than this
    energy_p50_kwh, energy_p90_kwh : electricity of its share of the nodes with the site's overhead, ≥ 0 [kWh]
    co2e_p50_g, co2e_p90_g : the same on the installation's carbon basis, embodied share included where known [gCO2e]
    heat_kwh : of that energy, what will probably be useful heat, ≥ 0 [kWh]; None where no site is metered for heat
    basis : name of the carbon basis
    grounds : what it rests on, in words: own runs of the same kind, the declared run time, or the class's history
    """

    start_p50: dt.datetime
    start_p90: dt.datetime
    end_p50: dt.datetime
    end_p90: dt.datetime
    energy_p50_kwh: float
    energy_p90_kwh: float
    co2e_p50_g: float
    co2e_p90_g: float
    heat_kwh: float | None
    basis: str
    grounds: str
    not_before: dt.datetime | None = None

    def __post_init__(self) -> None:
        for low, high in (("energy_p50_kwh", "energy_p90_kwh"), ("co2e_p50_g", "co2e_p90_g")):
            check_range(low, getattr(self, low), 0.0, 1e9)
            check_range(high, getattr(self, high), 0.0, 1e9)
            if getattr(self, high) < getattr(self, low):
                raise InvalidFieldError(high, getattr(self, high), f"at least {low}, {getattr(self, low)}")
        for early, late in (("start_p50", "start_p90"), ("end_p50", "end_p90"), ("start_p50", "end_p50")):
            if getattr(self, late) < getattr(self, early):
                raise InvalidFieldError(late, getattr(self, late), f"not before {early}, {getattr(self, early)}")
