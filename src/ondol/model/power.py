"""How a server's electric power follows its load."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_range

_LOADS = (0.0, 0.1, 0.5, 1.0)
_TEADS = (0.12, 0.32, 0.75, 1.02)


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Power of one node, piecewise linear between measured loads (data tier T4).

    The shape is the TDP-ratio curve published by Teads and used by Boavizta (0/10/50/100 % load →
    0.12/0.32/0.75/1.02 of TDP; `reference/footprint.md` §3.4), stretched so that it runs from idle to maximum.
    It carries a factor-two band: models of this kind disagree by up to 4.3 at 30 % load.

    Parameters
    ----------
    idle_w : power with nothing running, ≥ 0 [W]
    max_w : power at full load, > idle_w [W]
    """

    idle_w: float
    max_w: float

    def __post_init__(self) -> None:
        check_range("max_w", self.max_w, 1.0, 20_000.0, "W")
        check_range("idle_w", self.idle_w, 0.0, self.max_w * 0.99, "W (below max_w)")

    def power_w(self, load: float) -> float:
        """Power [W] at a load in [0, 1]; a load outside is refused."""
        check_range("load", load, 0.0, 1.0)
        shape = _interpolate(load, _LOADS, _TEADS)
        return self.idle_w + (self.max_w - self.idle_w) * (shape - _TEADS[0]) / (_TEADS[-1] - _TEADS[0])

    def load_at(self, power_w: float) -> float:
        """Load in [0, 1] that draws at most `power_w`; the inverse of `power_w`, 0 below idle power."""
        if power_w <= self.idle_w:
            return 0.0
        if power_w >= self.max_w:
            return 1.0
        shape = _TEADS[0] + (power_w - self.idle_w) / (self.max_w - self.idle_w) * (_TEADS[-1] - _TEADS[0])
        return _interpolate(shape, _TEADS, _LOADS)


def dynamic_share(load: float) -> float:
    """Share of the range from idle to full power that a node draws at a load in [0, 1]: one shape for all nodes.

    Where cores are rationed, as engines do, speed and load are one. Half of them draw 70 % of the range: what is slowed
    down like this draws less, and needs more for its work.
    """
    check_range("load", load, 0.0, 1.0)
    return (_interpolate(load, _LOADS, _TEADS) - _TEADS[0]) / (_TEADS[-1] - _TEADS[0])


def _interpolate(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    for i in range(1, len(xs)):
        if x <= xs[i]:
            return ys[i - 1] + (ys[i] - ys[i - 1]) * (x - xs[i - 1]) / (xs[i] - xs[i - 1])
    return ys[-1]
