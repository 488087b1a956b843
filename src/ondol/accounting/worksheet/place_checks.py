"""What a worksheet states of a site, looked at before anything is worked out: also what no figure would need."""

from __future__ import annotations

from collections.abc import Sequence

from ondol.accounting.worksheet.sheet import Place
from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError


def check_place(place: Place) -> None:
    """Refuse numbers that are none, below zero or beyond all measure, and stretches of time that are stated twice."""
    at = f"site[{place.name}]"
    for field in (
        "electricity_kwh", "e_it_kwh", "water_l", "renewable_kwh", "embodied_g", "heat_pump_kwh", "heat_removed_kwh",
        "cooling_kwh",
    ):  # fmt: skip
        value = getattr(place, field)
        if value is not None:
            check_range(f"{at}.{field}", value, 0.0, 1e15)
    for field in ("g_per_kwh", "residual_g_per_kwh"):
        value = getattr(place, field)
        if value is not None:
            check_range(f"{at}.{field}", value, 0.0, 3000.0, "g/kWh")
    check_whole(f"{at}.tasks", place.tasks, 0, 10**12)
    if place.heat is not None and not place.heat:
        raise InvalidFieldError(f"{at}.heat", [], "at least one stretch of time, or left out without a heat meter")
    for number, heat in enumerate(place.heat or ()):
        check_range(f"{at}.heat[{number}].delivered_kwh", heat.delivered_kwh, 0.0, 1e15, "kWh")
        check_range(f"{at}.heat[{number}].demanded_kwh", heat.demanded_kwh, 0.0, 1e15, "kWh")
    check_each_once(f"{at}.heat.period", [one.period for one in place.heat or () if one.period])


def check_each_once(field: str, names: Sequence[str]) -> None:
    """Refuse a name that stands twice."""
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InvalidFieldError(field, name, "stated once only, or it counts twice")
