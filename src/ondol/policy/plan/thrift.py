"""The speed at which a node needs least energy for its work, and what work costs there."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, View
from ondol.policy.plan.price import overflow_g_per_node_s

THRIFTY_SHARE = 0.3  # of dynamic power: two thirds of the speed, where a node needs least energy for its work
THRIFTY_SPEED = 0.67
"""Speed at that share: dynamic power goes with the cube of the frequency (Yao, Demers & Shenker, FOCS 1995,
doi:10.1109/SFCS.1995.492493)."""


def thrifty_g_per_node_s(view: View, step_s: Floats, grid_g_per_kwh: Floats) -> float:
    """Carbon of a node-second's work that warms nobody, done thriftily at the cleanest site with heat sinks.

    Parameters
    ----------
    step_s, grid_g_per_kwh : (H,) and (sites, H) electricity over the horizon, times PUE, whose mean counts

    Returns
    -------
    inf where no node of a heat sink accepts work [gCO2e/node-s]
    """
    nodes = view.nodes
    own = view.units.heats[nodes.unit] & nodes.accepts
    if not own.any():
        return np.inf
    idle_w, most_w = float(nodes.idle_w[own].mean()), float(nodes.max_w[own].mean())
    work_w = (idle_w + THRIFTY_SHARE * (most_w - idle_w)) / THRIFTY_SPEED
    mean_g = np.average(grid_g_per_kwh, axis=1, weights=step_s)
    return overflow_g_per_node_s(float(mean_g[view.units.site[nodes.unit[own]]].min()), work_w)
