"""Columns of the View that are worked out row by row: forecasts in its steps, and units."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Bools, Floats, Ints
from ondol.twin.compiled import compiled

STEP_S = 900.0
HORIZON = 8


@compiled
def coarse(values: Floats, lengths: Floats, edges: Floats, at: Floats) -> Floats:
    """Means over `HORIZON` steps of `STEP_S` of rows whose steps are of other lengths."""
    rows, steps = values.shape
    result = np.empty((rows, HORIZON))
    sums = np.zeros(steps + 1)
    for row in range(rows):
        for k in range(steps):
            sums[k + 1] = sums[k] + values[row, k] * lengths[k]
        before, k = 0.0, 0
        for place in range(1, HORIZON + 1):
            while k < steps - 1 and edges[k + 1] <= at[place]:
                k += 1
            slope = (sums[k + 1] - sums[k]) / (edges[k + 1] - edges[k])
            here = float(slope * (at[place] - edges[k]) + sums[k]) if at[place] < edges[steps] else float(sums[steps])
            result[row, place - 1] = (here - before) / STEP_S
            before = here
    return result


@compiled
def wanted_ahead(
    heats: Bools, sink: Ints, kind: Ints, capture: Floats, most_w: Floats, share: Floats, demand: Floats
) -> Floats:
    """Power that units are expected to be asked for, (units, `HORIZON`) [W]; `demand` is of each kind of sink."""
    result = np.zeros((len(heats), HORIZON))
    for u in range(len(heats)):
        if heats[u]:
            k = kind[sink[u]]
            for place in range(HORIZON):
                wanted = max(demand[k, place], 0.0) / max(capture[u], 0.05)
                result[u, place] = min(wanted * share[u], most_w[u])
    return result


@compiled
def unit_levels(
    heats: Bools,
    sink: Ints,
    wanted_w: Floats,
    share: Floats,
    temp_c: Floats,
    setpoint_c: Floats,
    lower_c: Floats,
    upper_c: Floats,
    capacity_j: Floats,
    store_j: Floats,
    network: Bools,
    network_room_j: Floats,
) -> Floats:
    """Per unit: what is wanted [W]; temperature, set-point, limits of its sink [°C]; room in it [J]; (6, units)."""
    result = np.full((6, len(heats)), np.nan)
    wanted, temp, setpoint, lower, upper, room = result[0], result[1], result[2], result[3], result[4], result[5]
    for u in range(len(heats)):
        wanted[u], room[u] = 0.0, 0.0
        if heats[u]:
            k = sink[u]
            wanted[u], temp[u], setpoint[u] = wanted_w[u], temp_c[k], setpoint_c[k]
            lower[u], upper[u] = lower_c[k], upper_c[k]
            room[u] = (network_room_j[k] if network[k] else max(capacity_j[k] - store_j[k], 0.0)) * share[u]
    return result
