"""What the live view shows, as plain values; whoever runs a platform fills it from its desk."""

from __future__ import annotations

import datetime as dt
import enum
import math
from dataclasses import dataclass


class Comfort(enum.Enum):
    """Where a temperature stands against its band."""

    UNKNOWN = "unknown"
    BELOW = "below"
    IN_BAND = "in band"
    ABOVE = "above"


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRow:
    """One heated place.

    Parameters
    ----------
    temp_c : measured, None where the sensor is lost [°C]
    setpoint_c, lower_c, upper_c : asked for, and the comfort band [°C]
    wanted_w, delivered_w : asked of its units, and measured there [W]
    """

    name: str
    temp_c: float | None
    setpoint_c: float
    lower_c: float
    upper_c: float
    wanted_w: float
    delivered_w: float

    @property
    def comfort(self) -> Comfort:
        """Where the temperature stands."""
        if self.temp_c is None or not math.isfinite(self.temp_c):
            return Comfort.UNKNOWN
        if self.temp_c < self.lower_c:
            return Comfort.BELOW
        return Comfort.ABOVE if self.temp_c > self.upper_c else Comfort.IN_BAND

    @property
    def outside_k(self) -> float:
        """How far the temperature is outside of its band, 0 inside [K]."""
        if self.temp_c is None or not math.isfinite(self.temp_c):
            return 0.0
        return max(self.lower_c - self.temp_c, self.temp_c - self.upper_c, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One site; without sinks where nobody wants its heat.

    Parameters
    ----------
    power_w : measured at its units [W]
    """

    name: str
    power_w: float
    sinks: tuple[SinkRow, ...] = ()

    @property
    def wanted_w(self) -> float:
        """What its sinks ask for together [W]."""
        return math.fsum(sink.wanted_w for sink in self.sinks)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One task.

    Parameters
    ----------
    task_id : tells tasks of one name apart
    service : class of service in words, e.g. "on-demand"
    state : as the API names it, e.g. "FullyExecuting"; "Paused" where all that runs is frozen
    done, total : instances
    progress : 0 to 1, over all instances
    place : where it runs now, e.g. "Pool ×3, Flats ×2"
    reason : of the policy, for where it is or why it waits
    """

    task_id: str
    name: str
    service: str
    state: str
    done: int
    total: int
    progress: float
    place: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One line of what the policy decided."""

    at: dt.datetime
    action: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The whole fleet, power now and sums of the last 24 hours of platform time; None where nothing is known yet.

    Parameters
    ----------
    power_w : measured now, without overhead [W]
    energy_kwh : electricity, with overhead [kWh]
    useful_heat_kwh : min(delivered, demanded), time-resolved [kWh]
    discomfort_kh : deviation outside of the bands over time, summed over sinks [K·h]
    """

    power_w: float = 0.0
    energy_kwh: float | None = None
    useful_heat_kwh: float | None = None
    discomfort_kh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenModel:
    """One picture of a platform.

    Parameters
    ----------
    at : platform time
    clock_rate : platform seconds by wall second
    notes : sentences that must be seen: addresses, warnings, what happens now
    timezone : IANA name; times are shown in it
    """

    at: dt.datetime
    clock_rate: float
    policy: str
    notes: tuple[str, ...] = ()
    sites: tuple[SiteRow, ...] = ()
    jobs: tuple[JobRow, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()
    totals: Totals = Totals()
    timezone: str = "UTC"
