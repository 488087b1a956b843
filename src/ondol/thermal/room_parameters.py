"""Parameters of the two-element room of VDI 6007-1, for n rooms at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike, freeze_arrays, to_checked_array

APARTMENT_H_CON_W_PER_M2_K = 2.7
"""Inner convection of vertical walls in the test rooms of VDI 6007-1, W/(m²·K)."""


@dataclass(frozen=True, slots=True, eq=False)
class RoomParameters:
    """Exterior wall and interior mass around one air node, n rooms; every number may be an array (n,).

    The network: outdoors – R_ext_rem – (C_ext) – R_ext – exterior surface – air – interior surface – R_int – (C_int),
    the two surfaces linked by radiation. Extensive values are of the whole element (K/W, J/K), not per m².
    Source: VDI 6007-1:2015 in the two-element form of IBPSA Modelica (ThermalZones.ReducedOrder.RC.TwoElements).

    Parameters
    ----------
    exterior_area_m2 : area of the exterior element, 0.1 to 1e5
    interior_area_m2 : area of the interior element, 0.1 to 1e6
    r_ext_k_per_w : exterior surface to exterior mass, 1e-7 to 1e3
    c_ext_j_per_k : exterior mass, 1 to 1e12
    r_ext_rem_k_per_w : exterior mass to outer surface, 1e-7 to 1e3
    r_int_k_per_w : interior surface to interior mass, 1e-7 to 1e3
    c_int_j_per_k : interior mass, 1 to 1e12
    h_con_ext_w_per_m2_k : convection at the exterior element's inner surface, 0.01 to 1000
    h_con_int_w_per_m2_k : convection at the interior element's surface, 0.01 to 1000
    h_rad_w_per_m2_k : radiation between the two surfaces, on the smaller area, 0 to 1000
    h_outside_w_per_m2_k : outer surface to its surroundings, on the exterior area, 0.01 to 1000
    air_capacity_j_per_k : air and what goes with it; 0 for an air node without mass, else 100 to 1e10
    ventilation_w_per_k : air exchange with outdoors, 0 to 1e6 (0.34 W/K per m³/h)
    window_w_per_k : massless envelope between air and outdoors, 0 to 1e6
    solar_aperture_m2 : glazed area times g-value, 0 to 1e5
    solar_convective_share : share of the transmitted sun that goes to the air at once, 0 to 1
    solar_exterior_share : share of the rest that falls on the exterior element, 0 to 1
    radiant_exterior_share : share of radiant gains on the exterior element, 0 to 1; by area where None

    Raises
    ------
    InvalidFieldError : a value out of its range, or lengths that do not fit
    """

    exterior_area_m2: FloatsLike
    interior_area_m2: FloatsLike
    r_ext_k_per_w: FloatsLike
    c_ext_j_per_k: FloatsLike
    r_ext_rem_k_per_w: FloatsLike
    r_int_k_per_w: FloatsLike
    c_int_j_per_k: FloatsLike
    h_con_ext_w_per_m2_k: FloatsLike = 2.7
    h_con_int_w_per_m2_k: FloatsLike = 2.24
    h_rad_w_per_m2_k: FloatsLike = 5.0
    h_outside_w_per_m2_k: FloatsLike = 25.0
    air_capacity_j_per_k: FloatsLike = 0.0
    ventilation_w_per_k: FloatsLike = 0.0
    window_w_per_k: FloatsLike = 0.0
    solar_aperture_m2: FloatsLike = 0.0
    solar_convective_share: FloatsLike = 0.09
    solar_exterior_share: FloatsLike = 0.0
    radiant_exterior_share: FloatsLike | None = None

    RANGES: ClassVar[dict[str, tuple[float, float, str]]] = {
        "exterior_area_m2": (0.1, 1e5, "m²"),
        "interior_area_m2": (0.1, 1e6, "m²"),
        "r_ext_k_per_w": (1e-7, 1e3, "K/W"),
        "c_ext_j_per_k": (1.0, 1e12, "J/K"),
        "r_ext_rem_k_per_w": (1e-7, 1e3, "K/W"),
        "r_int_k_per_w": (1e-7, 1e3, "K/W"),
        "c_int_j_per_k": (1.0, 1e12, "J/K"),
        "h_con_ext_w_per_m2_k": (0.01, 1e3, "W/(m²·K)"),
        "h_con_int_w_per_m2_k": (0.01, 1e3, "W/(m²·K)"),
        "h_rad_w_per_m2_k": (0.0, 1e3, "W/(m²·K)"),
        "h_outside_w_per_m2_k": (0.01, 1e3, "W/(m²·K)"),
        "air_capacity_j_per_k": (0.0, 1e10, "J/K"),
        "ventilation_w_per_k": (0.0, 1e6, "W/K"),
        "window_w_per_k": (0.0, 1e6, "W/K"),
        "solar_aperture_m2": (0.0, 1e5, "m²"),
        "solar_convective_share": (0.0, 1.0, ""),
        "solar_exterior_share": (0.0, 1.0, ""),
        "radiant_exterior_share": (0.0, 1.0, ""),
    }

    def __post_init__(self) -> None:
        if self.radiant_exterior_share is None:
            exterior, interior = np.asarray(self.exterior_area_m2, float), np.asarray(self.interior_area_m2, float)
            with np.errstate(all="ignore"):  # bad areas are refused below, by name
                object.__setattr__(self, "radiant_exterior_share", exterior / (exterior + interior))
        freeze_arrays(self, self.RANGES)
        air = np.asarray(self.air_capacity_j_per_k)
        if np.any((air > 0.0) & (air < 100.0)):
            raise InvalidFieldError("RoomParameters.air_capacity_j_per_k", air, "0 (no mass) or 100 to 1e+10 J/K")

    @property
    def count(self) -> int:
        """Number of rooms."""
        return int(np.size(self.exterior_area_m2))

    @property
    def outer_link_w_per_k(self) -> Floats:
        """Exterior mass to the surroundings of the wall, W/K."""
        outside = np.asarray(self.h_outside_w_per_m2_k) * self.exterior_area_m2
        return np.asarray(1.0 / (self.r_ext_rem_k_per_w + 1.0 / outside))

    @classmethod
    def apartment(
        cls,
        *,
        ua_w_per_k: FloatsLike = 33.0,
        air_capacity_j_per_k: FloatsLike = 0.5e6,
        mass_capacity_j_per_k: FloatsLike = 4.0e6,
        mass_ua_w_per_k: FloatsLike = 150.0,
        wall_share: float = 0.4,
        wall_capacity_share: float = 0.25,
        solar_aperture_m2: FloatsLike = 1.0,
    ) -> RoomParameters:
        """Build a room from the few numbers that a fit or a survey gives.

        It is the two-state TiTe model of Bacher & Madsen (Energy and Buildings 43, 2011) with part of the loss through
        a wall that has mass of its own; the steady loss per kelvin of air is exactly ``ua_w_per_k``, and the interior
        mass hangs on the air by exactly ``mass_ua_w_per_k``.

        Parameters
        ----------
        ua_w_per_k : whole loss, transmission and ventilation, 0.1 to 1e5
        air_capacity_j_per_k : air, furniture, inner skins, 100 to 1e10
        mass_capacity_j_per_k : slabs and walls, 1000 to 1e12
        mass_ua_w_per_k : air to interior mass, 0.1 to 1e6
        wall_share : share of the loss through the wall with mass, 0.01 to 0.99
        wall_capacity_share : share of the mass that lies in that wall, 0.01 to 0.99
        solar_aperture_m2 : glazed area times g-value, 0 to 1e5

        Raises
        ------
        InvalidFieldError : a value out of its range, or lengths that do not fit
        """
        ua = to_checked_array("apartment.ua_w_per_k", ua_w_per_k, 0.1, 1e5, "W/K")
        mass_ua = to_checked_array("apartment.mass_ua_w_per_k", mass_ua_w_per_k, 0.1, 1e6, "W/K")
        air = to_checked_array("apartment.air_capacity_j_per_k", air_capacity_j_per_k, 100.0, 1e10, "J/K")
        mass = to_checked_array("apartment.mass_capacity_j_per_k", mass_capacity_j_per_k, 1e3, 1e12, "J/K")
        share = float(to_checked_array("apartment.wall_share", wall_share, 0.01, 0.99)[0])
        heavy = float(to_checked_array("apartment.wall_capacity_share", wall_capacity_share, 0.01, 0.99)[0])
        # each chain of resistances is split by fixed parts: skin 20 %, then wall; the sums are what counts
        wall_r = 1.0 / (share * ua)
        wall_area = 1.0 / (0.2 * wall_r * APARTMENT_H_CON_W_PER_M2_K)
        mass_area = 1.0 / (0.5 / mass_ua * APARTMENT_H_CON_W_PER_M2_K)
        outside_r = 1.0 / (25.0 * wall_area)
        return cls(
            exterior_area_m2=wall_area,
            interior_area_m2=mass_area,
            r_ext_k_per_w=0.3 * wall_r,
            c_ext_j_per_k=heavy * mass,
            r_ext_rem_k_per_w=0.5 * wall_r - outside_r,
            r_int_k_per_w=0.5 / mass_ua,
            c_int_j_per_k=(1.0 - heavy) * mass,
            h_con_ext_w_per_m2_k=APARTMENT_H_CON_W_PER_M2_K,
            h_con_int_w_per_m2_k=APARTMENT_H_CON_W_PER_M2_K,
            h_rad_w_per_m2_k=0.0,  # radiation is inside the two lumped links, else the sums would not hold
            h_outside_w_per_m2_k=25.0,
            air_capacity_j_per_k=air,
            window_w_per_k=(1.0 - share) * ua,
            solar_aperture_m2=solar_aperture_m2,
            solar_convective_share=0.3,
        )
