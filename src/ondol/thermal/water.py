"""Constants of water and moist air, with their sources."""

from __future__ import annotations

import numpy as np

from ondol.thermal.arrays import Floats

WATER_CP_J_PER_KG_K = 4181.0
"""Specific heat of liquid water at 50 °C and 1 bar (IAPWS-95 as tabulated in the NIST WebBook); 4184 at 20 °C."""

WATER_DENSITY_KG_PER_M3 = 988.0
"""Density of liquid water at 50 °C and 1 bar (IAPWS-95 as tabulated in the NIST WebBook); 998 at 20 °C."""

WATER_CONDUCTIVITY_W_PER_M_K = 0.64
"""Thermal conductivity of liquid water at 50 °C (IAPWS 2011 release); 0.60 at 20 °C."""


def saturation_pressure_kpa(temp_c: Floats) -> Floats:
    """Saturation vapour pressure over water, 0.61094·exp(17.625 t/(t + 243.04)) kPa.

    Magnus form with the coefficients of Alduchov & Eskridge, J. Appl. Meteor. 35, 1996, eq. 21;
    within 0.4 % from −40 to 50 °C.

    Parameters
    ----------
    temp_c : temperature in °C, −40 to 50
    """
    return np.asarray(0.61094 * np.exp(17.625 * temp_c / (temp_c + 243.04)))


def saturation_slope_kpa_per_k(temp_c: Floats) -> Floats:
    """Derivative of `saturation_pressure_kpa` with respect to temperature, kPa/K."""
    return np.asarray(saturation_pressure_kpa(temp_c) * 17.625 * 243.04 / (temp_c + 243.04) ** 2)
