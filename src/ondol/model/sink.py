"""Where heat goes: zones, tanks and swimming pools, with the band that their host wants."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_choice, check_id, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId, SiteId

BACKUP_KINDS = ("none", "electric", "gas", "heat_pump", "district")
"""Other heaters that a sink can have; the agent switches them by the point `backup`."""

HYGIENE_POLICIES = ("none", "fr-2005", "preheat-weekly")
"""Rules against legionella that a tank can be under; `agent.hygiene.policy` has their figures and sources."""

HYGIENE_ROOM_C = 65.0
"""A tank under such a rule has to bear this, or its cycle could not run [°C]."""


def _check_backup(noun: str, kind: str, power_w: float) -> None:
    check_choice(f"{noun}.backup_kind", kind, BACKUP_KINDS)
    check_range(f"{noun}.backup_power_w", power_w, 0.0, 1e8, "W")
    if kind == "none" and power_w > 0:
        raise InvalidFieldError(f"{noun}.backup_power_w", power_w, "0 where backup_kind is none")
    if kind != "none" and power_w == 0:
        raise InvalidFieldError(f"{noun}.backup_kind", kind, "none, or given together with backup_power_w above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A room or flat heated by air.

    The two-mass model of Bacher & Madsen 2011 (doi:10.1016/j.enbuild.2011.02.005); typical values in
    `reference/heat.md` §1.2.

    Parameters
    ----------
    ua_w_per_k : air to outside, with ventilation [W/K]
    air_j_per_k, mass_j_per_k : capacities of air with furniture, and of the walls [J/K]
    mass_ua_w_per_k : between air and walls [W/K]
    mass_outside_ua_w_per_k : between walls and outside [W/K]
    solar_aperture_m2 : effective window area for solar gain [m²]
    gains_w : people and appliances, mean [W]
    temp_max_c : hard limit of the room [°C]
    backup_kind, backup_power_w : its other heater, "none" or one of `BACKUP_KINDS`, and the heat that it gives [W]
    """

    id: SinkId
    site_id: SiteId
    name: str
    floor_area_m2: float = 25.0
    ua_w_per_k: float = 20.0
    air_j_per_k: float = 5e5
    mass_j_per_k: float = 4e6
    mass_ua_w_per_k: float = 120.0
    mass_outside_ua_w_per_k: float = 13.0
    solar_aperture_m2: float = 1.0
    gains_w: float = 60.0
    temp_max_c: float = 27.0
    initial_temp_c: float = 18.0
    backup_kind: str = "none"
    backup_power_w: float = 0.0

    def __post_init__(self) -> None:
        check_id("zone.id", self.id)
        check_text("zone.name", self.name)
        check_range("zone.floor_area_m2", self.floor_area_m2, 1.0, 1e5, "m²")
        check_range("zone.ua_w_per_k", self.ua_w_per_k, 0.1, 1e5, "W/K")
        check_range("zone.air_j_per_k", self.air_j_per_k, 1e3, 1e10, "J/K")
        check_range("zone.mass_j_per_k", self.mass_j_per_k, 1e3, 1e12, "J/K")
        check_range("zone.mass_ua_w_per_k", self.mass_ua_w_per_k, 0.1, 1e6, "W/K")
        check_range("zone.mass_outside_ua_w_per_k", self.mass_outside_ua_w_per_k, 0.0, 1e5, "W/K")
        check_range("zone.solar_aperture_m2", self.solar_aperture_m2, 0.0, 1e4, "m²")
        check_range("zone.gains_w", self.gains_w, 0.0, 1e6, "W")
        check_range("zone.temp_max_c", self.temp_max_c, 15.0, 35.0, "°C")
        check_range("zone.initial_temp_c", self.initial_temp_c, -10.0, 35.0, "°C")
        _check_backup("zone", self.backup_kind, self.backup_power_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tank:
    """A stratified hot-water tank, drawn from at the top and refilled with mains water.

    Parameters
    ----------
    role : "preheat" (another device finishes the water), "final" or "buffer"
    volume_l, height_m : of the water
    ua_w_per_k : standing loss [W/K]; EN 15316-5 annex B gives values by volume
    layers : nodes of the model, top to bottom
    draw_l_per_day : hot-water use that the demonstration's draw profile is scaled to [L/day]
    temp_max_c : hard limit at the top [°C]
    hygiene : rule against legionella that it is under, one of `HYGIENE_POLICIES`
    backup_kind, backup_power_w : its other heater, "none" or one of `BACKUP_KINDS`, and the heat that it gives [W]
    """

    id: SinkId
    site_id: SiteId
    name: str
    role: str = "preheat"
    volume_l: float = 1000.0
    height_m: float = 1.8
    ua_w_per_k: float = 6.35
    layers: int = 10
    ambient_temp_c: float = 15.0
    draw_l_per_day: float = 800.0
    temp_max_c: float = 75.0
    initial_temp_c: float = 35.0
    hygiene: str = "none"
    backup_kind: str = "none"
    backup_power_w: float = 0.0

    def __post_init__(self) -> None:
        check_id("tank.id", self.id)
        check_text("tank.name", self.name)
        check_choice("tank.role", self.role, ("preheat", "final", "buffer"))
        check_range("tank.volume_l", self.volume_l, 10.0, 1e6, "L")
        check_range("tank.height_m", self.height_m, 0.2, 30.0, "m")
        check_range("tank.ua_w_per_k", self.ua_w_per_k, 0.0, 1e4, "W/K")
        check_whole("tank.layers", self.layers, 2, 50)
        check_range("tank.ambient_temp_c", self.ambient_temp_c, -30.0, 50.0, "°C")
        check_range("tank.draw_l_per_day", self.draw_l_per_day, 0.0, 1e6, "L/day")
        check_range("tank.temp_max_c", self.temp_max_c, 30.0, 95.0, "°C")
        check_range("tank.initial_temp_c", self.initial_temp_c, 0.0, 95.0, "°C")
        check_choice("tank.hygiene", self.hygiene, HYGIENE_POLICIES)
        if self.hygiene != "none":
            check_range("tank.temp_max_c", self.temp_max_c, HYGIENE_ROOM_C, 95.0, "°C where a hygiene rule holds")
        _check_backup("tank", self.backup_kind, self.backup_power_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwimmingPool:
    """An indoor swimming pool.

    Parameters
    ----------
    area_m2, volume_m3 : of the water
    hall_temp_c, hall_humidity : of the air above it; humidity 0 to 1
    bathers_per_day : each brings `refill_l_per_bather` of fresh water (French rule: 30 L)
    covered_at_night : a cover halves evaporation while closed
    other_heat_w : heat that the existing plant supplies all the time [W]
    backup_kind, backup_power_w : its other heater, "none" or one of `BACKUP_KINDS`, and the heat that it gives [W]
    """

    id: SinkId
    site_id: SiteId
    name: str
    area_m2: float = 50.0
    volume_m3: float = 60.0
    hall_temp_c: float = 29.0
    hall_humidity: float = 0.6
    bathers_per_day: float = 40.0
    refill_l_per_bather: float = 30.0
    covered_at_night: bool = True
    other_heat_w: float = 0.0
    temp_max_c: float = 36.0
    initial_temp_c: float = 27.5
    backup_kind: str = "none"
    backup_power_w: float = 0.0

    def __post_init__(self) -> None:
        check_id("pool.id", self.id)
        check_text("pool.name", self.name)
        check_range("pool.area_m2", self.area_m2, 1.0, 1e4, "m²")
        check_range("pool.volume_m3", self.volume_m3, 1.0, 1e5, "m³")
        check_range("pool.hall_temp_c", self.hall_temp_c, 0.0, 45.0, "°C")
        check_range("pool.hall_humidity", self.hall_humidity, 0.0, 1.0)
        check_range("pool.bathers_per_day", self.bathers_per_day, 0.0, 1e5)
        check_range("pool.refill_l_per_bather", self.refill_l_per_bather, 0.0, 1000.0, "L")
        check_range("pool.other_heat_w", self.other_heat_w, 0.0, 1e7, "W")
        check_range("pool.temp_max_c", self.temp_max_c, 20.0, 42.0, "°C")
        check_range("pool.initial_temp_c", self.initial_temp_c, 0.0, 42.0, "°C")
        _check_backup("pool", self.backup_kind, self.backup_power_w)


Sink = Zone | Tank | SwimmingPool
