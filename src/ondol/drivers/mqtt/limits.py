"""What may be asked of a sink or unit through a host's display: the model's own limits, shown and kept alike."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.fleet import Fleet
from ondol.model.heat_request import COLDEST_C, HOTTEST_C
from ondol.model.sink import Sink
from ondol.model.site import Unit


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`; a display goes from one to the next by `step`, a command may lie between."""

    low: float
    high: float
    step: float
    unit: str

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} {self.unit}"


def setpoint_span(sink: Sink) -> Span:
    """Set-points that can be asked for: from the coldest any request may name to the sink's own hard limit [°C]."""
    return Span(COLDEST_C, min(sink.temp_max_c, HOTTEST_C), 0.5, "°C")


def power_span(fleet: Fleet, unit: Unit) -> Span:
    """Power limits of a unit: from nothing to what its nodes draw together at full load [W]."""
    high_w = sum(node.curve.max_w for node in fleet.nodes_of(unit.id))
    return Span(0.0, high_w, 10.0 if high_w <= 10_000.0 else 100.0, "W")
