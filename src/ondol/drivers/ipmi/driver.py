"""Power of servers whose controller speaks IPMI with DCMI."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import ClassVar

from ondol.drivers.host_power.knob_driver import KnobDriver
from ondol.drivers.ipmi.dcmi import DcmiDevice
from ondol.drivers.ipmi.program import Ipmitool
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet


class IpmiDriver(KnobDriver):
    """Reads and limits the power of the one server behind a controller, so that there is no address.

    Needs the program ipmitool, found when it is first called. Errors as `KnobDriver`.
    """

    points: ClassVar[tuple[str, ...]] = ("electric_power", "power_cap")
    settle_s: ClassVar[float] = 10.0  # the correction time of at most 6 s, and the age of a reading

    def __init__(
        self, connection: Connection, bindings: Sequence[Binding], *, fleet: Fleet, now: Callable[[], dt.datetime]
    ) -> None:
        self._tool = Ipmitool(connection)
        if connection.host.startswith("-"):  # it would be read as an option
            raise InvalidFieldError(f"connection[{connection.id}].host", connection.host, 'a name, or "local"')
        super().__init__(connection, bindings, fleet=fleet, now=now)

    def make_device(self, binding: Binding) -> DcmiDevice:
        """Make the server."""
        if binding.address not in ("", "dcmi"):
            raise InvalidFieldError(f"binding[{binding.key}].address", binding.address, "nothing, or dcmi")
        return DcmiDevice(self._tool)
