"""Which power belongs to which setting of a knob that knows no watts: a curve, bettered by measurements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError

_DOWN_SHARE = 0.2
_LOADED_SHARE = 0.8
_BELIEVED = 2.0
_CHANGED_SHARE = 0.02


class PowerMap:
    """Power at full load over a setting in [0, 1], piecewise linear between knots, never falling.

    A measurement above the curve raises it at once, because the limit is being passed; one below lowers it by a fifth,
    because the node may only have had little to do. The curve above idle is scaled up to that setting, and less and
    less from there to the highest one. Two kinds of measurement say nothing: far below the cube of the setting the node
    was not loaded (its power rises with C·V²·f, and the voltage with the clock at most); more than twice as far above
    idle as the curve was at first, the setting has no effect.

    Parameters
    ----------
    settings : of the knots, rising, within [0, 1]
    powers_w : at full load with each, never falling [W]
    idle_w : below it nothing is learnt [W]

    Raises
    ------
    InvalidFieldError : fewer than two knots, or knots out of order
    """

    def __init__(self, settings: Sequence[float], powers_w: Sequence[float], *, idle_w: float) -> None:
        if len(settings) < 2 or len(settings) != len(powers_w):
            raise InvalidFieldError("settings", list(settings), "two knots at least, with a power each")
        if any(b <= a for a, b in itertools.pairwise(settings)):
            raise InvalidFieldError("settings", list(settings), "rising numbers")
        if any(b < a for a, b in itertools.pairwise(powers_w)):
            raise InvalidFieldError("powers_w", list(powers_w), "numbers that never fall")
        self._settings = tuple(settings)
        self._powers_w = list(powers_w)
        self._first_w = tuple(powers_w)
        self._idle_w = idle_w

    @property
    def powers_w(self) -> tuple[float, ...]:
        """Power at each knot [W]."""
        return tuple(self._powers_w)

    def power_w(self, setting: float) -> float:
        """Power at full load with a setting [W]."""
        low, share = self._between(setting)
        return self._powers_w[low] + share * (self._powers_w[low + 1] - self._powers_w[low])

    def setting_for(self, power_w: float) -> float:
        """Give the highest setting that draws no more than `power_w`; the lowest one where none does."""
        if power_w >= self._powers_w[-1]:
            return self._settings[-1]
        for low in range(len(self._settings) - 2, -1, -1):
            under_w, over_w = self._powers_w[low], self._powers_w[low + 1]
            if under_w <= power_w:  # over_w is above, or a higher pair had been taken
                share = (power_w - under_w) / (over_w - under_w)
                return self._settings[low] + share * (self._settings[low + 1] - self._settings[low])
        return self._settings[0]

    def learn(self, setting: float, power_w: float) -> bool:
        """Take a power that was measured with a setting in force; True where it was off by more than 2 %."""
        check_range("power_w", power_w, 0.0, 1e8, "W")
        low, share = self._between(setting)
        expected_w = self.power_w(setting)
        error_w = power_w - expected_w
        first_w = self._first_w[low] + share * (self._first_w[low + 1] - self._first_w[low])
        loaded_w = _LOADED_SHARE * setting**3 * (self._powers_w[-1] - self._idle_w)
        if not loaded_w <= power_w - self._idle_w <= _BELIEVED * (first_w - self._idle_w):
            return False
        moved_w = error_w if error_w > 0 else _DOWN_SHARE * error_w
        above_idle_w = expected_w - self._idle_w
        if above_idle_w > 0:
            self._scale(low + 1, 1.0 + moved_w / above_idle_w)
        return abs(error_w) > _CHANGED_SHARE * max(expected_w, 1.0)

    def _scale(self, high: int, ratio: float) -> None:
        """Scale what is above idle up to a knot, fading out from there to the last one, where that lies beyond."""
        last = len(self._powers_w) - 1
        fade = max(self._settings[last] - self._settings[high], 1e-9)
        for k, before_w in enumerate(self._powers_w):
            left = 1.0 if k <= high else (self._settings[last] - self._settings[k]) / fade
            self._powers_w[k] = self._idle_w + (before_w - self._idle_w) * (1.0 + (ratio - 1.0) * left)
        for k in range(1, last + 1):
            self._powers_w[k] = max(self._powers_w[k], self._powers_w[k - 1])

    def _between(self, setting: float) -> tuple[int, float]:
        """Knot below a setting, and how far it is to the next one."""
        held = min(max(setting, self._settings[0]), self._settings[-1])
        low = max(k for k in range(len(self._settings) - 1) if self._settings[k] <= held)
        return low, (held - self._settings[low]) / (self._settings[low + 1] - self._settings[low])
