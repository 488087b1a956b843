"""All zones of a fleet with their digital heaters, stepped together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ondol.drivers.virtual.energy_book import EnergyBook
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.ids import SinkId, SiteId, UnitId
from ondol.model.sink import Zone
from ondol.model.site import Unit
from ondol.thermal.heater import HeaterParameters, step_heater
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters

_H_INNER_W_PER_M2_K = 2.7
AIR_SHARE_OF_SUN = 0.3  # furniture and light surfaces give their sun to the air at once
_LEAST_W_PER_K = 1e-3


class Rooms:
    """Zones and the heaters in them.

    The noun's two masses become the two-element room of `ondol.thermal.room`, with the walls as its exterior element
    and next to nothing as its interior one.

    Parameters
    ----------
    zones : at least one, by id
    heaters : units whose `zone_id` is one of them, by id
    """

    def __init__(self, zones: tuple[Zone, ...], heaters: tuple[Unit, ...]) -> None:
        self._zones, self._heaters = zones, heaters
        self._row = {zone.id: row for row, zone in enumerate(zones)}
        self._room_of = np.array([self._row[h.zone_id] for h in heaters if h.zone_id is not None], dtype=np.int64)
        self._room = room_parameters(zones)
        self._gains_w = np.array([zone.gains_w for zone in zones])
        start = np.array([zone.initial_temp_c for zone in zones])
        self._state = RoomState(start, start.copy(), start.copy())
        self._shell_c = start[self._room_of] if heaters else np.zeros(0)
        self._shell = (
            HeaterParameters(
                capacity_j_per_k=np.array([h.heat_capacity_j_per_k for h in heaters]),
                ua_w_per_k=np.array([h.shell_ua_w_per_k for h in heaters]),
            )
            if heaters
            else None
        )

    def step(
        self,
        power_w: Mapping[UnitId, float],
        weather: Mapping[SiteId, OutdoorState],
        meters_j: dict[UnitId, float],
        book: EnergyBook,
        dt_s: float,
        *,
        other_w: Mapping[SinkId, float],
    ) -> None:
        """Let all rooms go one step; adds to the heat meters and to the book. `other_w` is from other heaters."""
        heat_w = np.array([other_w.get(zone.id, 0.0) for zone in self._zones])
        book.add("other_heat_in", float(heat_w.sum()) * dt_s)
        if self._shell is not None:
            power = np.array([power_w.get(h.id, 0.0) for h in self._heaters])
            room_c = self._state.air_temp_c[self._room_of]
            self._shell_c, shell = step_heater(self._shell, self._shell_c, power, room_c, dt_s)
            np.add.at(heat_w, self._room_of, shell.mean_heat_w)
            for heater, heat_j in zip(self._heaters, shell.heat_to_room_j.tolist(), strict=True):
                meters_j[heater.id] += max(heat_j, 0.0)
            book.add("stored", float(shell.stored_j.sum()))
        sun = np.array([weather[zone.site_id].solar_w_m2 for zone in self._zones])
        inputs = RoomInputs(
            outdoor_temp_c=np.array([weather[zone.site_id].temp_c for zone in self._zones]),
            convective_w=heat_w + self._gains_w,
            irradiance_w_per_m2=sun,
        )
        self._state, flux = step_room(self._room, self._state, inputs, dt_s)
        book.add("people_in", float(self._gains_w.sum()) * dt_s)
        book.add("sun_in", float((flux.gain_j - (heat_w + self._gains_w) * dt_s).sum()))
        book.add("room_out", float((flux.wall_loss_j + flux.window_loss_j + flux.ventilation_loss_j).sum()))
        book.add("stored", float(flux.stored_j.sum()))

    def temp_c(self, zone_id: SinkId) -> float:
        """Air temperature [°C]."""
        return float(self._state.air_temp_c[self._row[zone_id]])

    def shells_c(self) -> dict[UnitId, float]:
        """Shell temperatures [°C]."""
        return {h.id: float(t) for h, t in zip(self._heaters, self._shell_c, strict=True)}

    def snapshot(self) -> dict[str, Any]:
        """All temperatures by id."""
        state = self._state
        rooms = zip(state.air_temp_c, state.exterior_temp_c, state.interior_temp_c, strict=True)
        return {
            "rooms": {z.id: [float(t) for t in temps] for z, temps in zip(self._zones, rooms, strict=True)},
            "shells": dict(self.shells_c()),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take the temperatures of a snapshot; zones and heaters that it does not know keep theirs."""
        rooms, shells = snapshot.get("rooms", {}), snapshot.get("shells", {})
        mine = self.snapshot()
        temps = np.array([rooms.get(zone.id, mine["rooms"][zone.id]) for zone in self._zones], dtype=np.float64)
        self._state = RoomState(temps[:, 0].copy(), temps[:, 1].copy(), temps[:, 2].copy())
        self._shell_c = np.array([shells.get(h.id, mine["shells"][h.id]) for h in self._heaters], dtype=np.float64)


def room_parameters(zones: tuple[Zone, ...]) -> RoomParameters:
    """Give the two-element room that has exactly the conductances and capacities of the nouns."""
    mass_ua = np.array([zone.mass_ua_w_per_k for zone in zones])
    outer_ua = np.maximum([zone.mass_outside_ua_w_per_k for zone in zones], _LEAST_W_PER_K)
    area = np.maximum(2.0 * mass_ua / _H_INNER_W_PER_M2_K, 0.1)  # skin and wall share the inner resistance
    outside = np.clip(2.0 * outer_ua / area, 0.01, 1000.0)
    return RoomParameters(
        exterior_area_m2=area,
        interior_area_m2=0.1,
        r_ext_k_per_w=1.0 / mass_ua - 1.0 / (_H_INNER_W_PER_M2_K * area),
        c_ext_j_per_k=np.array([zone.mass_j_per_k for zone in zones]),
        r_ext_rem_k_per_w=1.0 / outer_ua - 1.0 / (outside * area),
        r_int_k_per_w=1e3,
        c_int_j_per_k=1.0,
        h_con_ext_w_per_m2_k=_H_INNER_W_PER_M2_K,
        h_con_int_w_per_m2_k=0.01,
        h_rad_w_per_m2_k=0.0,
        h_outside_w_per_m2_k=outside,
        air_capacity_j_per_k=np.array([zone.air_j_per_k for zone in zones]),
        window_w_per_k=np.array([zone.ua_w_per_k for zone in zones]),
        solar_aperture_m2=np.array([zone.solar_aperture_m2 for zone in zones]),
        solar_convective_share=AIR_SHARE_OF_SUN,
        solar_exterior_share=1.0,
        radiant_exterior_share=1.0,
    )
