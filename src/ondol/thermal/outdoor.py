"""The one outdoor temperature that an exterior element of walls, windows and floor feels (VDI 6007-1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike

STEFAN_BOLTZMANN_W_PER_M2_K4 = 5.67e-8
"""Stefan–Boltzmann constant as VDI 6007-1 rounds it (CODATA 2018: 5.670374e-8)."""

_KELVIN = 273.15


def surroundings_temp_c(
    sky_w_per_m2: FloatsLike, ground_w_per_m2: FloatsLike, *, sky_view: float = 0.5, emissivity: float = 0.93
) -> Floats:
    """Temperature of sky and ground as a wall sees them: ``φ T_sky + (1 − φ) T_ground``, each (E/(ε σ))^¼.

    It is the mean of two temperatures, not the temperature of the mean radiation, which would be up to 1.3 K higher in
    test case 9. Source: VDI 6007-1:2015, as in AixLib (Building.LowOrder, EqAirTempVDI), with its ε = 0.93.

    Parameters
    ----------
    sky_w_per_m2, ground_w_per_m2 : long-wave radiation of sky and ground, above 0
    sky_view : φ, share of the sky in what the surface sees, 0 to 1; one half for a wall
    emissivity : of sky and ground, 0.01 to 1

    Raises
    ------
    InvalidFieldError : radiation that is not above 0, a share or an emissivity out of its range
    """
    check_range("sky_view", sky_view, 0.0, 1.0)
    check_range("emissivity", emissivity, 0.01, 1.0)
    sky = _radiating_temp_c("sky_w_per_m2", sky_w_per_m2, emissivity)
    ground = _radiating_temp_c("ground_w_per_m2", ground_w_per_m2, emissivity)
    return np.asarray(sky_view * sky + (1.0 - sky_view) * ground)


def equivalent_outdoor_temp_c(
    outdoor_temp_c: FloatsLike,
    *,
    wall_weights: Sequence[float] = (),
    window_weights: Sequence[float] = (),
    ground_weight: float = 0.0,
    wall_irradiance_w_per_m2: Sequence[FloatsLike] = (),
    window_openness: Sequence[FloatsLike] = (),
    ground_temp_c: FloatsLike | None = None,
    surroundings_c: FloatsLike | None = None,
    absorptance: float = 0.7,
    h_con_w_per_m2_k: float = 20.0,
    h_rad_w_per_m2_k: float = 5.0,
) -> Floats:
    """Weighted mean of what acts on the outside of each part; ``RoomInputs.wall_outdoor_temp_c`` takes it.

    A wall feels ``T_air + I a/(h_con + h_rad) + Δ``, a window ``T_air + o Δ`` and the floor ``T_ground``, with the
    long-wave part ``Δ = (T_surroundings − T_air) h_rad/(h_con + h_rad)``, 0 where no surroundings are given. Only the
    ratios of the weights count: give U·A of each part in W/K, or weights that add up to 1.
    Source: VDI 6007-1:2015, equivalent outdoor air temperature; form and defaults as in IBPSA Modelica
    (ThermalZones.ReducedOrder.EquivalentAirTemperature.VDI6007).

    Parameters
    ----------
    outdoor_temp_c : outdoor air; this and every other series may be a number or an array, which broadcast together
    wall_weights, window_weights : one per wall and per window, 0 or more
    ground_weight : of a floor on the ground or above a room of fixed temperature, 0 or more
    wall_irradiance_w_per_m2 : sun on each wall; none where empty
    window_openness : share of each window that no blind covers (`ondol.thermal.sun.blind_openness`); 1 where empty
    ground_temp_c : below the floor; needed where ``ground_weight`` is above 0
    surroundings_c : of what walls and windows see (`surroundings_temp_c`); no long-wave exchange where None
    absorptance : of the walls for sun, 0 to 1
    h_con_w_per_m2_k, h_rad_w_per_m2_k : outside coefficients, 0.01 to 1000 and 0 to 1000

    Raises
    ------
    InvalidFieldError : a negative weight or none above 0, a series too many or missing, a value out of its range
    """
    check_range("absorptance", absorptance, 0.0, 1.0)
    check_range("h_con_w_per_m2_k", h_con_w_per_m2_k, 0.01, 1e3, "W/(m²·K)")
    check_range("h_rad_w_per_m2_k", h_rad_w_per_m2_k, 0.0, 1e3, "W/(m²·K)")
    weights = np.array([*wall_weights, *window_weights, ground_weight], dtype=np.float64)
    if not np.all((weights >= 0.0) & (weights < np.inf)) or weights.sum() <= 0.0:
        raise InvalidFieldError("weights", weights, "finite numbers of 0 or more, at least one above 0")
    if ground_weight > 0.0 and ground_temp_c is None:
        raise InvalidFieldError("ground_temp_c", None, "a temperature, as ground_weight is above 0")
    suns = _one_each("wall_irradiance_w_per_m2", wall_irradiance_w_per_m2, len(wall_weights), 0.0)
    open_shares = _one_each("window_openness", window_openness, len(window_weights), 1.0)

    air = _finite("outdoor_temp_c", outdoor_temp_c)
    outside = h_con_w_per_m2_k + h_rad_w_per_m2_k
    seen = air if surroundings_c is None else _finite("surroundings_c", surroundings_c)
    long_wave = (seen - air) * h_rad_w_per_m2_k / outside
    parts = [air + sun * (absorptance / outside) + long_wave for sun in suns]
    parts += [air + share * long_wave for share in open_shares]
    parts.append(air if ground_temp_c is None else _finite("ground_temp_c", ground_temp_c))
    return np.asarray(sum(weight * part for weight, part in zip(weights / weights.sum(), parts, strict=True)))


def _radiating_temp_c(field: str, radiation_w_per_m2: FloatsLike, emissivity: float) -> Floats:
    radiation = np.asarray(radiation_w_per_m2, dtype=np.float64)
    if not np.all((radiation > 0.0) & (radiation < np.inf)):
        raise InvalidFieldError(field, radiation_w_per_m2, "finite numbers above 0 W/m²")
    return np.asarray((radiation / (emissivity * STEFAN_BOLTZMANN_W_PER_M2_K4)) ** 0.25 - _KELVIN)


def _one_each(field: str, series: Sequence[FloatsLike], count: int, otherwise: float) -> list[Floats]:
    if len(series) not in (0, count):
        raise InvalidFieldError(field, len(series), f"{count} series, one for each weight, or none")
    return [_finite(field, one) for one in series] or [np.asarray(otherwise)] * count


def _finite(field: str, value: FloatsLike) -> Floats:
    array = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise InvalidFieldError(field, value, "finite numbers")
    return array
