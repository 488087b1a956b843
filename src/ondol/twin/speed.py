"""How fast a node works under a power cap.

Dynamic power of a processor goes with frequency × voltage², and voltage about with frequency, so with the cube of
the frequency (Rabaey, Digital Integrated Circuits, ch. 5; used for DVFS scheduling since Yao, Demers & Shenker, FOCS
1995, doi:10.1109/SFCS.1995.492493). So speed is the cube root of the dynamic share, concave: at 70 % of its dynamic
power a node still does 89 % of its work, which agrees with what is measured on GPUs (700 → 600 W costs 5 to 15 %,
heat.md §3.1). Below the lowest frequency, clocks are gated: work falls in proportion to power.
"""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats
from ondol.twin.compiled import compiled

LEAST_FREQUENCY = 0.45
"""Lowest over full all-core frequency: 1.55 of 3.4 GHz on a Ryzen 7 2700, as in Qarnot's QB·1 (heat.md §1.4)."""

_LEAST_SHARE = LEAST_FREQUENCY**3


@compiled
def speed_at(share: float) -> float:
    """Speed in [0, 1] at a share of the dynamic power in [0, 1]."""
    if share >= 1.0:
        return 1.0
    if share <= 0.0:
        return 0.0
    if share < _LEAST_SHARE:
        return float(share / _LEAST_SHARE * LEAST_FREQUENCY)
    return float(share ** (1.0 / 3.0))


@compiled
def share_at(speed: float) -> float:
    """Share of the dynamic power in [0, 1] at a speed in [0, 1]: the inverse of `speed_at`."""
    if speed >= 1.0:
        return 1.0
    if speed <= 0.0:
        return 0.0
    if speed < LEAST_FREQUENCY:
        return float(speed / LEAST_FREQUENCY * _LEAST_SHARE)
    return float(speed * speed * speed)


def hull(idle_w: float, max_w: float, points: int = 6) -> tuple[Floats, Floats]:
    """Least power of a node at a mean speed, from off to full, whatever it switches between: corners of a convex line.

    A straight line from off to where a unit of work costs least; from there on tangents at `points` speeds, the first
    and the last at its ends. No mix of paces lies below the line, and it lies below the least mix by less than 1 % of
    the range from idle to full.

    Parameters
    ----------
    idle_w, max_w : above what a switched-off node draws [W]

    Returns
    -------
    power [W] and speed of its corners, the first (0, 0), the last (max_w, 1)
    """
    dyn_w = max_w - idle_w
    best = float(np.cbrt(idle_w / (2.0 * dyn_w)))  # least of (idle + dyn·s³)/s
    if best >= 1.0:
        return np.array([0.0, max_w]), np.array([0.0, 1.0])
    touch = np.linspace(max(best, LEAST_FREQUENCY), 1.0, points)
    low, high = touch[:-1], touch[1:]
    corner = 2.0 / 3.0 * (low * low + low * high + high * high) / (low + high)  # where tangents of s³ meet
    power = idle_w + dyn_w * low * low * (3.0 * corner - 2.0 * low)
    first = [LEAST_FREQUENCY] if best < LEAST_FREQUENCY else []  # below it power falls in proportion: a corner
    speed = np.concatenate(([0.0], first, corner, [1.0]))
    return np.concatenate(([0.0], [idle_w + dyn_w * one**3 for one in first], power, [max_w])), speed
