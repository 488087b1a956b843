"""Units in which instruments speak, and what they are in the SI units of `POINTS`."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError
from ondol.thermal.water import WATER_DENSITY_KG_PER_M3


@dataclass(frozen=True, slots=True)
class DeviceUnit:
    """Value in SI = `factor` × value in this unit + `offset`.

    Parameters
    ----------
    si : unit as `PointKind.unit` writes it; "" where it is a state or the binding's own scale has to tell
    """

    si: str
    factor: float
    offset: float = 0.0

    def to_si(self, value: float) -> float:
        """Give the value in SI."""
        return self.factor * value + self.offset

    def from_si(self, value: float) -> float:
        """Give the value in this unit."""
        return (value - self.offset) / self.factor


# A volume flow is told as mass with the density at 50 °C. Between 20 and 70 °C the true one is 998 to 978 kg/m³ (NIST
# WebBook): off by up to 1 %.
_PER_H = WATER_DENSITY_KG_PER_M3 / 3600.0

UNITS: dict[str, DeviceUnit] = {
    "J": DeviceUnit("J", 1.0),
    "kJ": DeviceUnit("J", 1e3),
    "MJ": DeviceUnit("J", 1e6),
    "GJ": DeviceUnit("J", 1e9),
    "Wh": DeviceUnit("J", 3.6e3),
    "kWh": DeviceUnit("J", 3.6e6),
    "MWh": DeviceUnit("J", 3.6e9),
    "W": DeviceUnit("W", 1.0),
    "kW": DeviceUnit("W", 1e3),
    "MW": DeviceUnit("W", 1e6),
    "J/h": DeviceUnit("W", 1.0 / 3600.0),
    "°C": DeviceUnit("°C", 1.0),
    "°F": DeviceUnit("°C", 5.0 / 9.0, -160.0 / 9.0),
    "kg/s": DeviceUnit("kg/s", 1.0),
    "kg/h": DeviceUnit("kg/s", 1.0 / 3600.0),
    "l/s": DeviceUnit("kg/s", WATER_DENSITY_KG_PER_M3 / 1000.0),
    "l/min": DeviceUnit("kg/s", WATER_DENSITY_KG_PER_M3 / 60_000.0),
    "l/h": DeviceUnit("kg/s", _PER_H / 1000.0),
    "m³/h": DeviceUnit("kg/s", _PER_H),
    "m³/min": DeviceUnit("kg/s", WATER_DENSITY_KG_PER_M3 / 60.0),
    "m³/s": DeviceUnit("kg/s", WATER_DENSITY_KG_PER_M3),
    "l": DeviceUnit("m³", 1e-3),
    "m³": DeviceUnit("m³", 1.0),
    "": DeviceUnit("", 1.0),
}
"""Word → unit. "" is a state (0 or 1), a percentage or a bare number."""


def unit_of(field: str, word: str) -> DeviceUnit:
    """Look up a unit by its word; m3 and C are taken for m³ and °C.

    Raises
    ------
    InvalidFieldError : no such unit
    """
    plain = word.replace("m^3", "m³").replace("m3", "m³")
    plain = {"C": "°C", "F": "°F"}.get(plain, plain)
    if plain not in UNITS:
        raise InvalidFieldError(field, word, "one of " + ", ".join(name for name in UNITS if name) + ', or ""')
    return UNITS[plain]
