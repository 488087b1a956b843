"""The usual mistakes of units and signs, and which of them explains a value."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """A way to read a value wrongly: what is read is ``factor · true + offset``."""

    name: str
    factor: float
    offset: float = 0.0
    code: str = "wrong-unit"

    def undone(self, read: float) -> float:
        """Give the true value of what was read."""
        return (read - self.offset) / self.factor

    @property
    def todo(self) -> str:
        """What a binding needs so that the value comes out right."""
        if self.code == "wrong-sign":
            return "give the binding scale = -1, or turn the sensor round"
        scale, offset = 1.0 / self.factor, -self.offset / self.factor
        return f"multiply the binding's scale by {scale:.6g}" + (f" and add offset {offset:.6g}" if offset else "")


SIGN = Mistake("the other sign", -1.0, code="wrong-sign")
TEMPERATURES = (
    Mistake("°F in place of °C", 1.8, 32.0),
    Mistake("K in place of °C", 1.0, 273.15),
    Mistake("tenths of °C", 10.0),
    SIGN,
)
POWERS = (
    Mistake("kW in place of W", 1e-3),
    Mistake("W read as kW", 1e3),
    Mistake("MW in place of W", 1e-6),
    SIGN,
)
ENERGIES = (
    Mistake("kWh read as MWh", 1e3),
    Mistake("MWh read as kWh", 1e-3),
    Mistake("kWh read as GJ", 1.0 / 3.6e-3),
    Mistake("GJ read as kWh", 3.6e-3),
    Mistake("MWh read as GJ", 1.0 / 3.6),
    Mistake("GJ read as MWh", 3.6),
    Mistake("J read as Wh", 3600.0),
    Mistake("Wh read as J", 1.0 / 3600.0),
    Mistake("kWh read as J", 1.0 / 3.6e6),
)
FLOWS = (
    Mistake("L/min in place of kg/s", 60.0),
    Mistake("m³/h in place of kg/s", 3.6),
    Mistake("L/h in place of kg/s", 3600.0),
    Mistake("kg/s read as L/min", 1.0 / 60.0),
    Mistake("kg/s read as L/h", 1.0 / 3600.0),
    SIGN,
)


def explain(read: float, low: float, high: float, mistakes: tuple[Mistake, ...]) -> Mistake | None:
    """Which mistake brings a value between what is likely; where several do, the one nearest to the middle."""
    fitting = [one for one in mistakes if low <= one.undone(read) <= high]
    middle = 0.5 * (low + high)
    return min(fitting, key=lambda one: abs(one.undone(read) - middle), default=None)


def explain_ratio(ratio: float, mistakes: tuple[Mistake, ...], within: float = 1.45) -> Mistake | None:
    """Which mistake explains a ratio of read over true, within a factor either way; the nearest."""

    def miss(one: Mistake) -> float:
        undone = ratio / one.factor
        return abs(math.log(undone)) if undone > 0 else math.inf

    best = min(mistakes, key=miss)
    return best if miss(best) <= math.log(within) else None
