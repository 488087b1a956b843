"""Which connection reads or drives which point of which thing."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKey

DRIVERS = ("virtual",)
"""Drivers that a binding names itself; all others belong to its connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One point of one entity, and how it is reached.

    The value in the point's unit is `scale` times what the device says plus `offset`.

    Parameters
    ----------
    entity_id : site, unit, node, zone, tank, pool or circuit
    point, index : see `PointKey`
    driver : "virtual": the thermal twin stands in for the hardware; only without a connection
    connection_id : of a `Connection` of the entity's site, "" for virtual
    address : where it stands behind the connection, in the driver's own words: a name of the connection's profile, a
        register ("holding:16:float32"), a topic ("boiler/T1" or "boiler/state#temps.t1"), a metric, an M-Bus record
    write_address : where it is written, if elsewhere
    scale, offset : from the device's unit to ours
    uncertainty : of a meter, relative and expanded (k = 2), as its accuracy class has it, 0 to 1; 0 for not known
    stale_after_s : a value older than this is stale; 0 for three intervals of the connection, at least 60 s [s]

    Raises
    ------
    InvalidFieldError : an unknown point or driver, or a scale of 0
    """

    entity_id: str
    point: str
    index: int = 0
    driver: str = "virtual"
    connection_id: str = ""
    address: str = ""
    write_address: str = ""
    scale: float = 1.0
    offset: float = 0.0
    stale_after_s: float = 0.0
    uncertainty: float = 0.0

    def __post_init__(self) -> None:
        try:
            PointKey(self.entity_id, self.point, self.index)
        except InvalidFieldError as error:
            raise InvalidFieldError(error.field.replace("point.", "binding.", 1), error.value, error.allowed) from error
        allowed = "virtual, or left out where connection says how the device is reached"
        if self.driver not in DRIVERS:
            raise InvalidFieldError("binding.driver", self.driver, allowed)
        check_range("binding.scale", self.scale, -1e15, 1e15)
        check_range("binding.offset", self.offset, -1e15, 1e15)
        check_range("binding.uncertainty", self.uncertainty, 0.0, 1.0)
        check_range("binding.stale_after_s", self.stale_after_s, 0.0, 1e7, "s")
        if self.scale == 0:
            raise InvalidFieldError("binding.scale", self.scale, "a number that is not 0")
        if self.address:
            check_text("binding.address", self.address)

    @property
    def key(self) -> PointKey:
        """The point that is bound."""
        return PointKey(self.entity_id, self.point, self.index)
