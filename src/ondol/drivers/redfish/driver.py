"""Power of servers whose controller speaks Redfish."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import ClassVar

from ondol.drivers.host_power.knob_driver import KnobDriver
from ondol.drivers.redfish.limits import ADDRESS, RedfishDevice
from ondol.drivers.redfish.service import RedfishService
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet


class RedfishDriver(KnobDriver):
    """Reads and limits the power of chassis, systems and processors behind one Redfish service.

    Address: a resource, e.g. "Chassis/1", "Systems/1" or "Systems/HGX/Processors/GPU_0"; "Chassis/1#1" for the second
    `PowerControl` of its Power; left out for the first chassis. Errors as `KnobDriver`.
    """

    settle_s: ClassVar[float] = 10.0  # controllers regulate by readings that are some seconds old

    def __init__(
        self, connection: Connection, bindings: Sequence[Binding], *, fleet: Fleet, now: Callable[[], dt.datetime]
    ) -> None:
        self._service = RedfishService(connection)
        super().__init__(connection, bindings, fleet=fleet, now=now)

    def make_device(self, binding: Binding) -> RedfishDevice:
        """Make what stands behind an address."""
        if not ADDRESS.fullmatch(binding.address) or ".." in binding.address.split("/"):
            allowed = 'a resource, e.g. "Chassis/1", or "Chassis/1#1" for its second PowerControl'
            raise InvalidFieldError(f"binding[{binding.key}].address", binding.address, allowed)
        return RedfishDevice(self._service, binding.address)

    def hang_up(self) -> None:
        """End the session."""
        self._service.close()
