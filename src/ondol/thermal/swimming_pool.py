"""Indoor swimming pool: one well-mixed body of water that evaporates, convects, radiates and is refilled.

``C dTw/dt = Q_heat + Q_solar − Q_evap − Q_conv − Q_rad − Q_refill − Q_shell``. Evaporation after Carrier in ASHRAE's
form, ``m = F_a·A·(p_w − p_a)(0.089 + 0.0782 v)/Y`` with p in kPa and Y in kJ/kg (ASHRAE Handbook HVAC Applications,
natatoriums); convection by the Bowen ratio 0.0613 kPa/K·(T_w − T_a)/(p_w − p_a). Smith, Löf & Jones (ASHRAE 4146)
measured 74–76 % of the equation on undisturbed water: that is what F_a is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike, check_flow, check_step, freeze_arrays, per_unit
from ondol.thermal.linear import mean_first_order
from ondol.thermal.water import WATER_CP_J_PER_KG_K, saturation_pressure_kpa, saturation_slope_kpa_per_k

LATENT_HEAT_J_PER_KG = 2.43e6
"""Heat of vaporisation near 29 °C (steam tables: 2 433 kJ/kg)."""

BOWEN_KPA_PER_K = 0.0613
STEFAN_BOLTZMANN_W_PER_M2_K4 = 5.670374419e-8
POOL_WATER_DENSITY_KG_PER_M3 = 996.0
"""Water at 28 °C (IAPWS-95 in the NIST WebBook: 996.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class SwimmingPoolParameters:
    """Basins of n pools.

    Parameters
    ----------
    area_m2 : water surface, 1 to 1e5
    volume_m3 : water in basin and balance tank, 0.5 to 1e6
    emissivity : of the water surface against the hall, 0 to 1; 0 leaves radiation out
    shell_ua_w_per_k : basin to its surroundings, 0 to 1e5
    cover_factor : what a cover leaves of evaporation, convection and radiation, 0 to 1
    solar_absorptance : share of the sun on the surface that stays in the water, 0 to 1

    Raises
    ------
    InvalidFieldError : a value out of its range, or lengths that do not fit
    """

    area_m2: FloatsLike
    volume_m3: FloatsLike
    emissivity: FloatsLike = 0.9
    shell_ua_w_per_k: FloatsLike = 0.0
    cover_factor: FloatsLike = 0.1
    solar_absorptance: FloatsLike = 0.85

    RANGES: ClassVar[dict[str, tuple[float, float, str]]] = {
        "area_m2": (1.0, 1e5, "m²"),
        "volume_m3": (0.5, 1e6, "m³"),
        "emissivity": (0.0, 1.0, ""),
        "shell_ua_w_per_k": (0.0, 1e5, "W/K"),
        "cover_factor": (0.0, 1.0, ""),
        "solar_absorptance": (0.0, 1.0, ""),
    }

    def __post_init__(self) -> None:
        freeze_arrays(self, self.RANGES)

    @property
    def capacity_j_per_k(self) -> Floats:
        """Heat capacity of the water, shape (n,), J/K."""
        return np.asarray(np.asarray(self.volume_m3) * (POOL_WATER_DENSITY_KG_PER_M3 * WATER_CP_J_PER_KG_K))


@dataclass(frozen=True, slots=True, eq=False)
class SwimmingPoolInputs:
    """What acts on the pools over a step; numbers for all pools, or arrays (n,).

    Parameters
    ----------
    air_temp_c : hall air, usually 1 K above the water
    relative_humidity : of the hall air, 0 to 1, usually 0.55 to 0.65
    heat_w : heat from the boiler and its backup
    activity : F_a, 0 or more: about 0.75 undisturbed, 0.5 small private, 1 public in use, 1.5 and more with waves
    covered : share of the surface under a cover, 0 to 1
    air_speed_m_s : over the water, 0 or more
    refill_kg_s : fresh water, 0 or more
    mains_c : its temperature
    irradiance_w_per_m2 : sun on the water surface, 0 or more
    ground_temp_c : surroundings of the basin
    """

    air_temp_c: FloatsLike = 29.0
    relative_humidity: FloatsLike = 0.6
    heat_w: FloatsLike = 0.0
    activity: FloatsLike = 0.75
    covered: FloatsLike = 0.0
    air_speed_m_s: FloatsLike = 0.0
    refill_kg_s: FloatsLike = 0.0
    mains_c: FloatsLike = 12.0
    irradiance_w_per_m2: FloatsLike = 0.0
    ground_temp_c: FloatsLike = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class SwimmingPoolFluxes:
    """What flowed over a step, each of shape (n,): ``heat_j + solar_j`` less the five losses is ``stored_j``.

    Parameters
    ----------
    heat_j, solar_j : gains
    evaporation_j, convection_j, radiation_j, refill_j, shell_j : losses, below 0 where they warm the water
    stored_j : gain of the water
    evaporated_kg : water that left as vapour
    mean_temp_c : mean water temperature
    """

    heat_j: Floats
    solar_j: Floats
    evaporation_j: Floats
    convection_j: Floats
    radiation_j: Floats
    refill_j: Floats
    shell_j: Floats
    stored_j: Floats
    evaporated_kg: Floats
    mean_temp_c: Floats


def step_swimming_pool(
    params: SwimmingPoolParameters, temp_c: Floats, inputs: SwimmingPoolInputs, dt_s: float
) -> tuple[Floats, SwimmingPoolFluxes]:
    """Let n pools go one step with their inputs held.

    Evaporation and radiation are taken linear about the start of the step (exponential Rosenbrock–Euler): second order,
    stable at any step, and what flows is what is stored.

    Parameters
    ----------
    params : the pools
    temp_c : water temperatures at the start, shape (n,)
    inputs : what acts on them
    dt_s : step, above 0 to 86 400 s

    Returns
    -------
    water temperatures at the end and `SwimmingPoolFluxes`

    Raises
    ------
    InvalidFieldError : a share outside [0, 1], a negative activity, speed, flow or irradiance, a step out of range
    """
    check_step(dt_s)
    n = temp_c.size
    air, ground, mains = (per_unit(v, n) for v in (inputs.air_temp_c, inputs.ground_temp_c, inputs.mains_c))
    heat, refill = per_unit(inputs.heat_w, n), per_unit(inputs.refill_kg_s, n)
    check_flow("refill_kg_s", refill)
    solar = _checked(inputs.irradiance_w_per_m2, n, "irradiance_w_per_m2", np.inf) * params.area_m2
    solar = solar * params.solar_absorptance
    evaporation, evaporation_slope, skin = _evaporation_w(params, temp_c, inputs)
    convection_link = skin * BOWEN_KPA_PER_K
    radiation_link = (
        _open_area_m2(params, inputs, n)
        * np.asarray(params.emissivity)
        * (4.0 * STEFAN_BOLTZMANN_W_PER_M2_K4)
        * (273.15 + 0.5 * (temp_c + air)) ** 3
    )
    refill_link, shell_link = refill * WATER_CP_J_PER_KG_K, per_unit(params.shell_ua_w_per_k, n)

    # in kelvin above the start, so that the linear part starts at 0
    slope = evaporation_slope + convection_link + radiation_link + refill_link + shell_link
    constant = (
        heat
        + solar
        - evaporation
        - (convection_link + radiation_link) * (temp_c - air)
        - refill_link * (temp_c - mains)
        - shell_link * (temp_c - ground)
    )
    capacity = params.capacity_j_per_k
    rise = mean_first_order(np.zeros(n), constant / capacity, slope / capacity, dt_s)
    mean = temp_c + rise
    stored_j = (constant - slope * rise) * dt_s
    evaporation_j = (evaporation + evaporation_slope * rise) * dt_s
    return temp_c + stored_j / capacity, SwimmingPoolFluxes(
        heat_j=heat * dt_s,
        solar_j=solar * dt_s,
        evaporation_j=evaporation_j,
        convection_j=convection_link * (mean - air) * dt_s,
        radiation_j=radiation_link * (mean - air) * dt_s,
        refill_j=refill_link * (mean - mains) * dt_s,
        shell_j=shell_link * (mean - ground) * dt_s,
        stored_j=stored_j,
        evaporated_kg=evaporation_j / LATENT_HEAT_J_PER_KG,
        mean_temp_c=mean,
    )


def _checked(value: FloatsLike, count: int, field: str, high: float) -> Floats:
    array = per_unit(value, count)
    if not np.all((array >= 0.0) & (array <= high)):
        raise InvalidFieldError(field, value, "0 or more" if high == np.inf else f"0 to {high:g}")
    return array


def _open_area_m2(params: SwimmingPoolParameters, inputs: SwimmingPoolInputs, count: int) -> Floats:
    covered = _checked(inputs.covered, count, "covered", 1.0)
    return np.asarray(params.area_m2 * (1.0 - covered * (1.0 - np.asarray(params.cover_factor))))


def _evaporation_w(
    params: SwimmingPoolParameters, temp_c: Floats, inputs: SwimmingPoolInputs
) -> tuple[Floats, Floats, Floats]:
    """Evaporative loss in W, its slope in W/K, and W per kPa of vapour pressure; no dew is let fall on the water."""
    n = temp_c.size
    humidity = _checked(inputs.relative_humidity, n, "relative_humidity", 1.0)
    activity = _checked(inputs.activity, n, "activity", 10.0)
    speed = _checked(inputs.air_speed_m_s, n, "air_speed_m_s", 20.0)
    skin = 1000.0 * activity * _open_area_m2(params, inputs, n) * (0.089 + 0.0782 * speed)
    gap = saturation_pressure_kpa(temp_c) - humidity * saturation_pressure_kpa(per_unit(inputs.air_temp_c, n))
    dries = gap > 0.0
    loss = np.where(dries, skin * gap, 0.0)
    return loss, np.where(dries, skin * saturation_slope_kpa_per_k(temp_c), 0.0), skin
