"""Which driver reads or drives which point of which thing."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_choice, check_id
from ondol.model.errors import InvalidFieldError

DRIVERS = ("virtual",)
"""Drivers that there are."""

DRIVERS_TO_COME = ("mqtt", "modbus", "mbus", "rest")
"""Drivers whose names are known and refused with a word of their own."""

POINTS = ("temperature", "heat_meter", "power_cap", "electric_power", "outdoor_temperature")
"""What a driver can read or drive of an entity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One point of one entity, and the driver behind it.

    Parameters
    ----------
    entity_id : site, unit, node, zone, tank, pool or circuit
    point : "temperature", "heat_meter", "power_cap", "electric_power" or "outdoor_temperature"
    driver : "virtual": the thermal twin stands in for the hardware

    Raises
    ------
    InvalidFieldError : an unknown point or driver
    """

    entity_id: str
    point: str
    driver: str = "virtual"

    def __post_init__(self) -> None:
        check_id("binding.entity", self.entity_id)
        check_choice("binding.point", self.point, POINTS)
        if self.driver in DRIVERS_TO_COME:
            raise InvalidFieldError(
                "binding.driver", self.driver, "it comes with the heat drivers; possible now: " + ", ".join(DRIVERS)
            )
        check_choice("binding.driver", self.driver, DRIVERS)
