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


def sky_temp_c(radiation_w_per_m2: FloatsLike, *, emissivity: float = 0.93) -> Floats:
    """Temperature of a grey body that sends this long-wave radiation: (E/(ε σ))^¼.

    Source: VDI 6007-1:2015, test case 9, which takes ε = 0.93 (its factor 65.99 K/(W/m²)^¼ is (ε σ)^−¼).

    Parameters
    ----------
    radiation_w_per_m2 : long-wave radiation from what the surface sees, above 0
    emissivity : of the surface, 0.01 to 1

    Raises
    ------
    InvalidFieldError : radiation that is not above 0, an emissivity out of its range
    """
    check_range("emissivity", emissivity, 0.01, 1.0)
    radiation = np.asarray(radiation_w_per_m2, dtype=np.float64)
    if not np.all((radiation > 0.0) & (radiation < np.inf)):
        raise InvalidFieldError("radiation_w_per_m2", radiation_w_per_m2, "finite numbers above 0 W/m²")
    return np.asarray((radiation / (emissivity * STEFAN_BOLTZMANN_W_PER_M2_K4)) ** 0.25 - _KELVIN)


def equivalent_outdoor_temp_c(
    outdoor_temp_c: FloatsLike,
    *,
    wall_weights: Sequence[float] = (),
    window_weights: Sequence[float] = (),
    ground_weight: float = 0.0,
    wall_irradiance_w_per_m2: Sequence[FloatsLike] = (),
    window_openness: Sequence[FloatsLike] = (),
    ground_temp_c: FloatsLike | None = None,
    sky_temp_c: FloatsLike | None = None,
    absorptance: float = 0.7,
    h_con_w_per_m2_k: float = 20.0,
    h_rad_w_per_m2_k: float = 5.0,
) -> Floats:
    """Weighted mean of what acts on the outside of each part; ``RoomInputs.wall_outdoor_temp_c`` takes it.

    A wall feels ``T_air + I a/(h_con + h_rad) + Δ``, a window ``T_air + o Δ`` and the floor ``T_ground``, with the
    long-wave part ``Δ = (T_sky − T_air) h_rad/(h_con + h_rad)``, which is 0 where no sky temperature is given. Only
    the ratios of the weights count: give U·A of each part in W/K, or weights that add up to 1.
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
    sky_temp_c : of what walls and windows see (`sky_temp_c`); no long-wave exchange where None
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
    long_wave = 0.0 if sky_temp_c is None else (_finite("sky_temp_c", sky_temp_c) - air) * h_rad_w_per_m2_k / outside
    parts = [air + sun * (absorptance / outside) + long_wave for sun in suns]
    parts += [air + share * long_wave for share in open_shares]
    parts.append(air if ground_temp_c is None else _finite("ground_temp_c", ground_temp_c))
    return np.asarray(sum(weight * part for weight, part in zip(weights / weights.sum(), parts, strict=True)))


def _one_each(field: str, series: Sequence[FloatsLike], count: int, otherwise: float) -> list[Floats]:
    if len(series) not in (0, count):
        raise InvalidFieldError(field, len(series), f"{count} series, one for each weight, or none")
    return [_finite(field, one) for one in series] or [np.asarray(otherwise)] * count


def _finite(field: str, value: FloatsLike) -> Floats:
    array = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise InvalidFieldError(field, value, "finite numbers")
    return array
