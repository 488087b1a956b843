"""Sun through the glass of one or more façades, and the blinds before it (VDI 6007-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike, freeze_arrays, per_unit
from ondol.thermal.room import RoomInputs
from ondol.thermal.room_parameters import RoomParameters


@dataclass(frozen=True, slots=True, eq=False)
class Facade:
    """One orientation of a room's exterior element; a number for all rooms, or an array (n,).

    Parameters
    ----------
    area_m2 : wall and glass of this orientation, part of ``exterior_area_m2``; 0.01 to 1e5
    aperture_m2 : glazed area times g-value, 0 to 1e5

    Raises
    ------
    InvalidFieldError : a value out of its range, or lengths that do not fit
    """

    area_m2: FloatsLike
    aperture_m2: FloatsLike

    RANGES: ClassVar[dict[str, tuple[float, float, str]]] = {
        "area_m2": (0.01, 1e5, "m²"),
        "aperture_m2": (0.0, 1e5, "m²"),
    }

    def __post_init__(self) -> None:
        freeze_arrays(self, self.RANGES)


def blind_openness(
    irradiance_w_per_m2: FloatsLike, *, closed: float = 0.15, closes_above_w_per_m2: float = 100.0
) -> Floats:
    """Share of the sun that a blind lets through: 1 while open, ``closed`` while down.

    The values that stand are those of the test cases of VDI 6007-1.

    Parameters
    ----------
    irradiance_w_per_m2 : sun before the blind
    closed : share that a closed blind lets through, 0 to 1
    closes_above_w_per_m2 : the blind is down above this, 0 to 2000

    Raises
    ------
    InvalidFieldError : a share or a threshold out of its range
    """
    check_range("closed", closed, 0.0, 1.0)
    check_range("closes_above_w_per_m2", closes_above_w_per_m2, 0.0, 2000.0, "W/m²")
    return np.where(np.asarray(irradiance_w_per_m2, dtype=np.float64) > closes_above_w_per_m2, closed, 1.0)


def with_sun(
    params: RoomParameters,
    inputs: RoomInputs,
    facades: Sequence[Facade],
    irradiance_w_per_m2: Sequence[FloatsLike],
) -> RoomInputs:
    """Add the sun through each façade to the inputs of the rooms.

    ``solar_convective_share`` goes to the air. The rest falls by area on all surfaces but the façade it came through:
    of a façade of area A_f, (A_ext − A_f)/(A_ext + A_int − A_f) lands on the exterior element. This takes the place of
    ``solar_aperture_m2``, ``solar_exterior_share`` and ``irradiance_w_per_m2``, which know one façade only.
    Source: VDI 6007-1:2015; rule by area as in ThermalZones.ReducedOrder of the IBPSA Modelica library.

    Parameters
    ----------
    params : the rooms
    inputs : what else acts on them
    facades : the orientations that have glass
    irradiance_w_per_m2 : sun on the glass behind any blind, one per façade

    Raises
    ------
    InvalidFieldError : not one irradiance per façade, a façade above the exterior area, lengths that do not fit
    """
    if len(facades) != len(irradiance_w_per_m2):
        raise InvalidFieldError("irradiance_w_per_m2", len(irradiance_w_per_m2), f"{len(facades)}, one per façade")
    n = params.count
    air = np.array(per_unit(inputs.convective_w, n))
    exterior = np.array(per_unit(inputs.exterior_surface_w, n))
    interior = np.array(per_unit(inputs.interior_surface_w, n))
    for facade, irradiance in zip(facades, irradiance_w_per_m2, strict=True):
        beside = params.exterior_area_m2 - per_unit(facade.area_m2, n)
        if np.any(beside < -1e-9):
            raise InvalidFieldError("Facade.area_m2", facade.area_m2, "at most RoomParameters.exterior_area_m2")
        beside = np.maximum(beside, 0.0)
        sun = per_unit(irradiance, n) * per_unit(facade.aperture_m2, n)
        on_surfaces = sun * (1.0 - np.asarray(params.solar_convective_share))
        on_exterior = on_surfaces * beside / (beside + params.interior_area_m2)
        air += sun - on_surfaces
        exterior += on_exterior
        interior += on_surfaces - on_exterior
    return replace(inputs, convective_w=air, exterior_surface_w=exterior, interior_surface_w=interior)
