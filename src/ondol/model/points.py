"""What can be read or driven of a thing at a site: points, their units, and what was read."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.checks import check_choice, check_id, check_whole
from ondol.model.errors import InvalidFieldError


class Ability(enum.Enum):
    """What a driver can do for a point."""

    READS_TEMPERATURE = "reads temperature"
    READS_HEAT = "reads heat"
    READS_POWER = "reads power"
    READS_FLOW = "reads flow"
    READS_STATE = "reads a state"
    LIMITS_POWER = "limits power"
    SWITCHES = "switches"
    SETS_TEMPERATURE = "sets a temperature"


@dataclass(frozen=True, slots=True)
class PointKind:
    """One kind of point.

    Parameters
    ----------
    unit : SI unit of its values; "" for states (0 or 1)
    ability : what a driver needs to serve it
    low, high : what an instrument in order can say; outside it the instrument lies
    cumulative : a counter that only rises
    writable : it can be driven
    """

    unit: str
    ability: Ability
    low: float
    high: float
    cumulative: bool = False
    writable: bool = False


_A = Ability
POINTS: dict[str, PointKind] = {
    "temperature": PointKind("°C", _A.READS_TEMPERATURE, -40.0, 120.0),
    "surface_temperature": PointKind("°C", _A.READS_TEMPERATURE, -40.0, 150.0),
    "loop_temperature": PointKind("°C", _A.READS_TEMPERATURE, -40.0, 150.0),
    "supply_temperature": PointKind("°C", _A.READS_TEMPERATURE, -40.0, 150.0),
    "return_temperature": PointKind("°C", _A.READS_TEMPERATURE, -40.0, 150.0),
    "outdoor_temperature": PointKind("°C", _A.READS_TEMPERATURE, -60.0, 60.0),
    "heat_meter": PointKind("J", _A.READS_HEAT, 0.0, 1e18, cumulative=True),
    "heat_power": PointKind("W", _A.READS_HEAT, -1e7, 1e8),
    "electric_power": PointKind("W", _A.READS_POWER, 0.0, 1e8),
    "electric_meter": PointKind("J", _A.READS_POWER, 0.0, 1e18, cumulative=True),
    "backup_electric_meter": PointKind("J", _A.READS_POWER, 0.0, 1e18, cumulative=True),
    "renewable_meter": PointKind("J", _A.READS_POWER, 0.0, 1e18, cumulative=True),
    "cooling_electric_meter": PointKind("J", _A.READS_POWER, 0.0, 1e18, cumulative=True),
    "cooling_heat_meter": PointKind("J", _A.READS_HEAT, 0.0, 1e18, cumulative=True),
    "fuel_meter": PointKind("J", _A.READS_HEAT, 0.0, 1e18, cumulative=True),
    "water_meter": PointKind("m³", _A.READS_FLOW, 0.0, 1e9, cumulative=True),
    "flow": PointKind("kg/s", _A.READS_FLOW, 0.0, 1e4),
    "volume_meter": PointKind("m³", _A.READS_FLOW, 0.0, 1e9, cumulative=True),
    "flow_switch": PointKind("", _A.READS_STATE, 0.0, 1.0),
    "fault": PointKind("", _A.READS_STATE, 0.0, 1.0),
    "power_cap": PointKind("W", _A.LIMITS_POWER, 0.0, 1e7, writable=True),
    "switch": PointKind("", _A.SWITCHES, 0.0, 1.0, writable=True),
    "backup": PointKind("", _A.SWITCHES, 0.0, 1.0, writable=True),
    "setpoint": PointKind("°C", _A.SETS_TEMPERATURE, 0.0, 95.0, writable=True),
}
"""Every point that there is: name → kind. `flow_switch` is 1 while water flows; `backup` is the sink's other heater.

Meters of accounts, of a site (or sink): `electric_meter` all that its compute boundary takes, `renewable_meter` what is
made on the spot and used inside it, `fuel_meter` and `backup_electric_meter` what other heaters take, `water_meter`; of
a site's cooling `cooling_electric_meter` what it takes, within `electric_meter`, `cooling_heat_meter` what it removes.
"""


class Quality(enum.Enum):
    """How far a value can be trusted."""

    GOOD = "good"
    STALE = "stale"  # it was good, but is older than its limit
    SUSPECT = "suspect"  # it came in time, but cannot be: out of range, frozen, a jump that physics does not allow
    ESTIMATED = "estimated"  # computed, not measured


@dataclass(frozen=True, slots=True, order=True)
class PointKey:
    """Which point of which thing.

    Parameters
    ----------
    entity_id : site, unit, node, zone, tank, pool or circuit
    point : a key of `POINTS`
    index : tells sensors of the same kind apart: layers of a tank, 0 at the top
    """

    entity_id: str
    point: str
    index: int = 0

    def __post_init__(self) -> None:
        check_id("point.entity", self.entity_id)
        check_choice("point.point", self.point, tuple(POINTS))
        check_whole("point.index", self.index, 0, 99)

    @property
    def kind(self) -> PointKind:
        """Unit, ability and range."""
        return POINTS[self.point]

    def __str__(self) -> str:
        return f"{self.entity_id}.{self.point}" + (f".{self.index}" if self.index else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PointReading:
    """One value of one point, as an instrument said it.

    Parameters
    ----------
    value : in the unit of its kind; finite
    measured_at : when the device measured it, aware UTC; a repeated old value keeps its old time
    source : the connection that brought it
    """

    key: PointKey
    value: float
    measured_at: dt.datetime
    quality: Quality = Quality.GOOD
    source: str = ""

    def __post_init__(self) -> None:
        if not abs(self.value) < float("inf"):
            raise InvalidFieldError(str(self.key), self.value, f"a number [{self.key.kind.unit or '0 or 1'}]")
        if self.measured_at.tzinfo is None:
            raise InvalidFieldError(f"{self.key}.measured_at", str(self.measured_at), "a time with its zone")
