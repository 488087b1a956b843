"""Key figures of data centres and software, as their standards define them; the impossible is refused, never clamped.

Every figure is a ratio of sums over one and the same period. An undefined one (nothing to divide by) or one whose meter
is missing is None, not 0. Formulas and boundaries: `reference/footprint.md` §1.1, §1.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError

_ROUNDING = 1e-9  # relative: what sums of floats may differ by
_MOST = 1e18


def pue(e_dc_kwh: float, e_it_kwh: float) -> float | None:
    """Power usage effectiveness, E_DC / E_IT (ISO/IEC 30134-2); None where E_IT = 0, refused below 1."""
    _check(e_dc_kwh=e_dc_kwh, e_it_kwh=e_it_kwh)
    if e_dc_kwh < e_it_kwh * (1.0 - _ROUNDING):
        raise InvalidFieldError("e_dc_kwh", e_dc_kwh, f"at least its IT part, {e_it_kwh:g} kWh (PUE is never below 1)")
    return _ratio(max(e_dc_kwh, e_it_kwh), e_it_kwh)


def erf(e_reuse_kwh: float | None, e_dc_kwh: float) -> float | None:
    """Energy reuse factor, E_reuse / E_DC (ISO/IEC 30134-6), 0 to 1; None without a heat meter or where E_DC = 0."""
    if e_reuse_kwh is None:
        return None
    _check(e_reuse_kwh=e_reuse_kwh, e_dc_kwh=e_dc_kwh)
    _refuse_more("e_reuse_kwh", e_reuse_kwh, e_dc_kwh, "ERF is never above 1; look at the heat meter and the period")
    return _ratio(e_reuse_kwh, e_dc_kwh)


def ere(e_dc_kwh: float, e_reuse_kwh: float | None, e_it_kwh: float) -> float | None:
    """Energy reuse effectiveness, (E_DC − E_reuse) / E_IT = (1 − ERF)·PUE (Green Grid WP29), ≥ 0."""
    if e_reuse_kwh is None:
        return None
    pue(e_dc_kwh, e_it_kwh)
    erf(e_reuse_kwh, e_dc_kwh)
    return _ratio(max(0.0, e_dc_kwh - e_reuse_kwh), e_it_kwh)


def ref(e_renewable_kwh: float, e_dc_kwh: float) -> float | None:
    """Renewable energy factor, E_ren / E_DC (ISO/IEC 30134-3), 0 to 1."""
    _check(e_renewable_kwh=e_renewable_kwh, e_dc_kwh=e_dc_kwh)
    _refuse_more("e_renewable_kwh", e_renewable_kwh, e_dc_kwh, "REF is never above 1")
    return _ratio(e_renewable_kwh, e_dc_kwh)


def cue(carbon_kg: float, e_it_kwh: float) -> float | None:
    """Carbon usage effectiveness, CO2e of the data centre's energy / E_IT (ISO/IEC 30134-8) [kgCO2e/kWh]."""
    _check(carbon_kg=carbon_kg, e_it_kwh=e_it_kwh)
    return _ratio(carbon_kg, e_it_kwh)


def wue(water_l: float, e_it_kwh: float) -> float | None:
    """Water usage effectiveness, water / E_IT (ISO/IEC 30134-9) [L/kWh]."""
    _check(water_l=water_l, e_it_kwh=e_it_kwh)
    return _ratio(water_l, e_it_kwh)


def cer(heat_removed_kwh: float, cooling_kwh: float) -> float | None:
    """Cooling efficiency ratio, heat removed / electricity of the cooling (ISO/IEC 30134-7)."""
    _check(heat_removed_kwh=heat_removed_kwh, cooling_kwh=cooling_kwh)
    return _ratio(heat_removed_kwh, cooling_kwh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sci:
    """Software carbon intensity with its parts: energy [kWh], operational, embodied and total [gCO2e], and per unit."""

    energy_kwh: float
    operational_g: float
    embodied_g: float
    total_g: float
    per_unit_g: float | None


def sci(
    *,
    e_it_kwh: float,
    pue: float,
    grid_g_per_kwh: float,
    embodied_total_g: float,
    lifetime_h: float,
    reserved_h: float,
    resources_reserved: float,
    resources_total: float,
    functional_units: float,
) -> Sci:
    """Software carbon intensity (O + M) per R, without any credit for heat (ISO/IEC 21031).

    O = E·I with E = E_IT·PUE; M = TE·(TiR/EL)·(RR/ToR).

    Parameters
    ----------
    e_it_kwh : of all hardware reserved, not only of that used, ≥ 0 [kWh]
    grid_g_per_kwh : location-based, average or marginal; never market-based [gCO2e/kWh]
    embodied_total_g : TE, of the whole machine [gCO2e]
    lifetime_h, reserved_h : EL > 0 and TiR ≤ EL [h]
    resources_reserved, resources_total : RR ≤ ToR, e.g. cores
    functional_units : R, e.g. 1 for one job; 0 gives no rate
    """
    _check(e_it_kwh=e_it_kwh, embodied_total_g=embodied_total_g, functional_units=functional_units)
    check_range("pue", pue, 1.0, 10.0)
    check_range("grid_g_per_kwh", grid_g_per_kwh, 0.0, 3000.0, "g/kWh")
    check_range("lifetime_h", lifetime_h, 1e-9, 1e7, "h")
    check_range("reserved_h", reserved_h, 0.0, lifetime_h, "h (at most the lifetime)")
    check_range("resources_total", resources_total, 1e-9, _MOST)
    check_range("resources_reserved", resources_reserved, 0.0, resources_total, "(at most the total)")
    energy_kwh = e_it_kwh * pue
    operational_g = energy_kwh * grid_g_per_kwh
    embodied_g = embodied_total_g * (reserved_h / lifetime_h) * (resources_reserved / resources_total)
    total_g = operational_g + embodied_g
    return Sci(
        energy_kwh=energy_kwh,
        operational_g=operational_g,
        embodied_g=embodied_g,
        total_g=total_g,
        per_unit_g=_ratio(total_g, functional_units),
    )


def _check(**amounts: float) -> None:
    for field, amount in amounts.items():
        check_range(field, amount, 0.0, _MOST)


def _refuse_more(field: str, part: float, whole: float, why: str) -> None:
    if part > whole * (1.0 + _ROUNDING):
        raise InvalidFieldError(field, part, f"at most {whole:g} ({why})")


def _ratio(numerator: float, denominator: float) -> float | None:
    return None if denominator == 0 else numerator / denominator
