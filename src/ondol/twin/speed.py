"""How fast a node works under a power cap.

Dynamic power of a processor goes with frequency × voltage², and voltage about with frequency, so with the cube of
the frequency (Rabaey, Digital Integrated Circuits, ch. 5; used for DVFS scheduling since Yao, Demers & Shenker, FOCS 1995,
doi:10.1109/SFCS.1995.492493). So speed is the cube root of the dynamic share, concave: at 70 % of its dynamic power a
node still does 89 % of its work, which agrees with what is measured on GPUs (700 → 600 W costs 5 to 15 %, heat.md §3.1).
Below the lowest frequency, clocks are gated: work falls in proportion to power.
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


def hull(idle_w: float, max_w: float, points: int = 6) -> tuple[Floats, Floats]:
    """Lower convex hull of a node's power against its speed, from off to full: what any mix of times can reach.

    Returns
    -------
    power [W] and speed of its corners, the first (0, 0)
    """
    speed = np.concatenate(([0.0], np.linspace(LEAST_FREQUENCY, 1.0, points)))
    power = idle_w + (max_w - idle_w) * speed**3
    power[0] = 0.0
    keep = [0]
    while keep[-1] < points:
        here = keep[-1]
        slope = (power[here + 1 :] - power[here]) / (speed[here + 1 :] - speed[here])
        keep.append(here + 1 + int(np.argmin(slope)))
    return power[keep], speed[keep]
