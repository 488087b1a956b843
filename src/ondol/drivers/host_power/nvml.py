"""Graphics cards through NVML: power, energy, limit."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any

from ondol.drivers.host_power.knob_driver import KnobDriver
from ondol.drivers.host_power.nvml_port import Nvml
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet

_ADDRESS = re.compile(r"all|\d{1,3}|(GPU|MIG)-[0-9A-Za-z-]{8,60}")


class NvmlDevice:
    """The cards of one address together; a limit is shared among them in proportion to what each can take."""

    def __init__(self, nvml: Nvml, address: str) -> None:
        self._nvml = nvml
        self._address = address
        self._original: list[tuple[Any, float]] = []

    def read(self, point: str) -> float:
        """Sum over the cards."""
        ask = {
            "electric_power": self._nvml.power_w,
            "electric_meter": self._nvml.energy_j,
            "power_cap": self._nvml.cap_w,
        }[point]
        return sum(ask(handle) for handle in self._nvml.handles(self._address))

    def span_w(self) -> tuple[float, float]:
        """Sums of the lowest and highest limits [W]."""
        spans = [self._nvml.span_w(handle) for handle in self._nvml.handles(self._address)]
        return sum(low for low, _ in spans), sum(high for _, high in spans)

    def limit(self, cap_w: float) -> str:
        """Share the limit; below the lowest and above the highest it stays there, and says so."""
        handles = self._nvml.handles(self._address)
        spans = [self._nvml.span_w(handle) for handle in handles]
        low_w, high_w = sum(low for low, _ in spans), sum(high for _, high in spans)
        held_w = min(max(cap_w, low_w), high_w)
        if not self._original:
            self._original = [(handle, self._nvml.own_cap_w(handle)) for handle in handles]
        share = 0.0 if high_w <= low_w else (held_w - low_w) / (high_w - low_w)
        for handle, (low, high) in zip(handles, spans, strict=True):
            self._nvml.limit(handle, low + share * (high - low))
        return "" if held_w == cap_w else f"the card takes {low_w:g} to {high_w:g} W"

    def restore(self) -> None:
        """Put back what each card had."""
        while self._original:
            handle, cap_w = self._original[-1]
            self._nvml.limit(handle, cap_w)
            self._original.pop()


class NvmlDriver(KnobDriver):
    """Power, energy and limit of this host's NVIDIA cards; address "all", a card's number or its UUID.

    Reading needs no rights, limiting needs root. The limit holds the cards, not what else the node draws: give that
    rest as the binding's `offset` [W]. At the end the limits from before are put back. Errors as `KnobDriver`.

    Parameters
    ----------
    module : stands for `pynvml`; for tests
    """

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,
        now: Callable[[], dt.datetime],
        module: Any = None,
    ) -> None:
        self._nvml = Nvml(module)
        super().__init__(connection, bindings, fleet=fleet, now=now)

    def make_device(self, binding: Binding) -> NvmlDevice:
        """Make the cards of an address."""
        address = binding.address or "all"
        if not _ADDRESS.fullmatch(address):
            allowed = '"all", a number, or a UUID as nvidia-smi -L tells it'
            raise InvalidFieldError(f"binding[{binding.key}].address", binding.address, allowed)
        return NvmlDevice(self._nvml, address)

    def hang_up(self) -> None:
        """Let go of the library."""
        try:
            self._nvml.close()
        except UnavailableError:  # the driver went first
            return
