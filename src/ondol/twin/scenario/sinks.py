"""Sinks of a scenario and the units that heat them; every sink has a backup heater that keeps its lower limit."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ondol.model.checks import check_id, check_range, check_whole
from ondol.model.errors import InvalidFieldError


class UnitSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Alike units of one sink, or alike racks of a site.

    Parameters
    ----------
    count : units
    nodes : servers in each
    slots : instances that a server runs at once
    idle_w, max_w : of a server: switched on with nothing to do, and at full load [W]
    off_w : of a server that is switched off [W]
    boot_s : from off until work can run; drawn at idle power [s]
    off_after_s : a server that has had nothing to do for so long is switched off; inf: never [s]
    capture : share of the power that reaches the liquid or the shell
    case_ua_w_per_k : case loss of a running boiler to its room [W/K]; no percentage (heat.md §1.4)
    speed : relative speed of its cores; a trace's run times are at 1
    """

    count: int = 1
    nodes: int = 1
    slots: int = 1
    idle_w: float = 30.0
    max_w: float = 84.0
    off_w: float = 1.0
    boot_s: float = 120.0
    off_after_s: float = 600.0
    capture: float = 1.0
    case_ua_w_per_k: float = 0.0
    speed: float = 1.0

    def __post_init__(self) -> None:
        check_whole("unit.count", self.count, 1, 1_000_000)
        check_whole("unit.nodes", self.nodes, 1, 100_000)
        check_whole("unit.slots", self.slots, 1, 1024)
        check_range("unit.max_w", self.max_w, 1.0, 20_000.0, "W")
        check_range("unit.idle_w", self.idle_w, 0.0, self.max_w * 0.99, "W (below max_w)")
        check_range("unit.off_w", self.off_w, 0.0, max(self.idle_w, 1e-9), "W (not above idle_w)")
        check_range("unit.boot_s", self.boot_s, 0.0, 86_400.0, "s")
        if not self.off_after_s >= 0:
            raise InvalidFieldError("unit.off_after_s", self.off_after_s, "seconds from 0, or inf for never")
        check_range("unit.capture", self.capture, 0.0, 1.0)
        check_range("unit.case_ua_w_per_k", self.case_ua_w_per_k, 0.0, 1000.0, "W/K")
        check_range("unit.speed", self.speed, 0.01, 100.0)


class _Sink(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What all sinks have.

    Parameters
    ----------
    backup_max_w : most heat of the backup heater [W]
    unit : the units that heat it
    """

    FIELD: ClassVar[str] = "sink"
    id: str
    backup_max_w: float = 1e6
    unit: tuple[UnitSpec, ...] = ()

    def check_common(self) -> None:
        """Refuse what no sink can be."""
        check_id("sink.id", self.id)
        check_range(f"sink[{self.id}].backup_max_w", self.backup_max_w, 0.0, 1e9, "W")

    def check(self, name: str, low: float, high: float, unit: str = "") -> None:
        """Refuse a field out of its range."""
        check_range(f"sink[{self.id}].{name}", getattr(self, name), low, high, unit)


class RoomSpec(_Sink, frozen=True, kw_only=True, tag="room"):
    """A heated room or building part: shell of its heaters, air, mass; two elements and a heater state (heat.md §1.1).

    Parameters
    ----------
    setpoint_c, setback_c : by day and by night [°C]
    day_from_h, day_to_h : hours of local time between which it is day
    band_k : half width of the comfort band [K]
    air_j_per_k, mass_j_per_k : heat capacities [J/K]
    ua_w_per_k : air to outside: windows and ventilation [W/K]
    mass_ua_w_per_k, mass_outside_ua_w_per_k : mass to air, mass to outside [W/K]
    solar_aperture_m2 : effective glazing on a mean façade [m²]
    gains_w : people and appliances, all the time [W]
    shell_j_per_k, shell_ua_w_per_k : of all its heaters together; 0: their heat goes into the air at once
    initial_temp_c : at the start [°C]
    """

    setpoint_c: float = 20.0
    setback_c: float = 18.0
    day_from_h: float = 6.0
    day_to_h: float = 22.0
    band_k: float = 1.0
    air_j_per_k: float = 5e5
    mass_j_per_k: float = 4e6
    ua_w_per_k: float = 20.0
    mass_ua_w_per_k: float = 120.0
    mass_outside_ua_w_per_k: float = 13.0
    solar_aperture_m2: float = 1.0
    gains_w: float = 60.0
    shell_j_per_k: float = 22_500.0
    shell_ua_w_per_k: float = 15.0
    initial_temp_c: float = 20.0

    def __post_init__(self) -> None:
        self.check_common()
        for name, low, high, unit in (
            ("setpoint_c", 4.0, 40.0, "°C"),
            ("setback_c", 4.0, 40.0, "°C"),
            ("day_from_h", 0.0, 24.0, "h"),
            ("day_to_h", 0.0, 24.0, "h"),
            ("band_k", 0.05, 10.0, "K"),
            ("air_j_per_k", 1e4, 1e12, "J/K"),
            ("mass_j_per_k", 1e4, 1e13, "J/K"),
            ("ua_w_per_k", 0.0, 1e7, "W/K"),
            ("mass_ua_w_per_k", 0.1, 1e8, "W/K"),
            ("mass_outside_ua_w_per_k", 0.0, 1e7, "W/K"),
            ("solar_aperture_m2", 0.0, 1e5, "m²"),
            ("gains_w", 0.0, 1e7, "W"),
            ("shell_j_per_k", 0.0, 1e9, "J/K"),
            ("shell_ua_w_per_k", 0.0, 1e6, "W/K"),
            ("initial_temp_c", -20.0, 50.0, "°C"),
        ):
            self.check(name, low, high, unit)


def enlarged(room: RoomSpec, times: float) -> RoomSpec:
    """Give a room of so many times the size: what holds, leads and gives heat grows; temperatures and backup stay."""
    sizes = ("air_j_per_k", "mass_j_per_k", "ua_w_per_k", "mass_ua_w_per_k", "mass_outside_ua_w_per_k")
    grows = (*sizes, "solar_aperture_m2", "gains_w", "shell_j_per_k", "shell_ua_w_per_k")
    return msgspec.structs.replace(room, **{name: times * getattr(room, name) for name in grows})


class TankSpec(_Sink, frozen=True, kw_only=True, tag="tank"):
    """A stratified preheat tank: the backup lifts what is drawn to `target_c` behind it.

    Parameters
    ----------
    draw_l_per_day : mean hot water use [L/day]
    target_c : of the water at the taps' mixer [°C]
    exchanger_ua_w_per_k, flow_kg_s : plate exchanger and pump of the charge circuit
    loop_max_c : loop temperature at which units throttle [°C]
    temp_max_c : hottest that the tank may be [°C]
    """

    volume_l: float = 1000.0
    layers: int = 10
    ua_w_per_k: float = 6.35
    ambient_c: float = 15.0
    draw_l_per_day: float = 800.0
    target_c: float = 55.0
    exchanger_ua_w_per_k: float = 1500.0
    flow_kg_s: float = 0.2
    loop_max_c: float = 65.0
    temp_max_c: float = 75.0
    initial_temp_c: float = 35.0

    def __post_init__(self) -> None:
        self.check_common()
        check_whole(f"sink[{self.id}].layers", self.layers, 2, 24)
        for name, low, high, unit in (
            ("volume_l", 10.0, 1e6, "L"),
            ("ua_w_per_k", 0.0, 1e4, "W/K"),
            ("ambient_c", -30.0, 50.0, "°C"),
            ("draw_l_per_day", 0.0, 1e6, "L/day"),
            ("target_c", 30.0, 90.0, "°C"),
            ("exchanger_ua_w_per_k", 1.0, 1e7, "W/K"),
            ("flow_kg_s", 1e-3, 1e3, "kg/s"),
            ("loop_max_c", 20.0, 95.0, "°C"),
            ("temp_max_c", 30.0, 95.0, "°C"),
            ("initial_temp_c", 0.0, 95.0, "°C"),
        ):
            self.check(name, low, high, unit)


class PoolSpec(_Sink, frozen=True, kw_only=True, tag="pool"):
    """An indoor swimming pool; fields as in `ondol.model.sink.SwimmingPool`."""

    setpoint_c: float = 28.0
    band_k: float = 0.5
    area_m2: float = 312.5
    volume_m3: float = 560.0
    hall_temp_c: float = 29.0
    hall_humidity: float = 0.6
    bathers_per_day: float = 300.0
    refill_l_per_bather: float = 30.0
    covered_at_night: bool = True
    exchanger_ua_w_per_k: float = 20_000.0
    flow_kg_s: float = 5.0
    loop_max_c: float = 65.0
    initial_temp_c: float = 28.0

    def __post_init__(self) -> None:
        self.check_common()
        for name, low, high, unit in (
            ("setpoint_c", 15.0, 40.0, "°C"),
            ("band_k", 0.05, 5.0, "K"),
            ("area_m2", 1.0, 1e4, "m²"),
            ("volume_m3", 1.0, 1e5, "m³"),
            ("hall_temp_c", 0.0, 45.0, "°C"),
            ("hall_humidity", 0.0, 1.0, ""),
            ("bathers_per_day", 0.0, 1e5, ""),
            ("refill_l_per_bather", 0.0, 1000.0, "L"),
            ("exchanger_ua_w_per_k", 1.0, 1e7, "W/K"),
            ("flow_kg_s", 1e-3, 1e3, "kg/s"),
            ("loop_max_c", 20.0, 95.0, "°C"),
            ("initial_temp_c", 0.0, 42.0, "°C"),
        ):
            self.check(name, low, high, unit)


class NetworkSpec(_Sink, frozen=True, kw_only=True, tag="network"):
    """A heat network whose return water is preheated; it stores nothing.

    Demand = base + slope · max(0, limit − low-passed outdoor temperature), times an hourly shape.

    Parameters
    ----------
    base_w : hot water and losses, all year [W]
    slope_w_per_k : space heating per kelvin below `limit_c` [W/K]
    limit_c : heating limit temperature [°C]
    return_c : temperature of the return that is preheated [°C]
    share : most of the demand that preheating may give, 0 to 1: the operator caps the return temperature (heat.md §1.7)
    """

    base_w: float = 10_000.0
    slope_w_per_k: float = 2_000.0
    limit_c: float = 16.0
    return_c: float = 40.0
    share: float = 1.0
    exchanger_ua_w_per_k: float = 20_000.0
    flow_kg_s: float = 5.0
    loop_max_c: float = 65.0

    def __post_init__(self) -> None:
        self.check_common()
        for name, low, high, unit in (
            ("base_w", 0.0, 1e9, "W"),
            ("slope_w_per_k", 0.0, 1e8, "W/K"),
            ("limit_c", 0.0, 30.0, "°C"),
            ("return_c", 10.0, 80.0, "°C"),
            ("share", 0.0, 1.0, ""),
            ("exchanger_ua_w_per_k", 1.0, 1e8, "W/K"),
            ("flow_kg_s", 1e-3, 1e4, "kg/s"),
            ("loop_max_c", 20.0, 95.0, "°C"),
        ):
            self.check(name, low, high, unit)


SinkSpec = RoomSpec | TankSpec | PoolSpec | NetworkSpec
