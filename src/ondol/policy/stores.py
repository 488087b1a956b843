"""How empty and how roomy the heat store behind each unit is, as measured; no forecast."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Bools, Floats, Ints, View
from ondol.policy.demand import ROOM_S


def emptiness(view: View) -> Floats:
    """Share of the store behind each unit that is unfilled, 0 (full) to 1 (the backup is about to run).

    1 - store_j / capacity_j where the sink is known as a store, else (upper - temp) / (upper - lower) of its band,
    which is above 1 for a sink below the band and negative above it.

    Returns
    -------
    per unit; nan for racks, and where the sensor is lost
    """
    units, sinks = view.units, view.sinks
    band_k = units.upper_c - units.lower_c
    unknown = np.full(len(units.ids), np.nan)
    share = np.divide(units.upper_c - units.temp_c, band_k, out=unknown, where=band_k > 0.0)
    if len(sinks.ids):
        sink = np.clip(units.sink, 0, len(sinks.ids) - 1)
        capacity_j = sinks.capacity_j[sink]
        store = (units.sink >= 0) & (capacity_j > 0.0)
        share[store] = 1.0 - sinks.store_j[sink[store]] / capacity_j[store]
    return np.where(units.heats, share, np.nan)


def below_half(view: View, empty: Floats) -> Bools:
    """Tell per unit whether its store is less than half full or, where no store is known, below its set-point."""
    units, sinks = view.units, view.sinks
    if not len(sinks.ids):
        return units.heats & (units.temp_c < units.setpoint_c)
    store = (units.sink >= 0) & (sinks.capacity_j[np.clip(units.sink, 0, len(sinks.ids) - 1)] > 0.0)
    return units.heats & np.where(store, empty > 0.5, units.temp_c < units.setpoint_c)


def order_by_emptiness(view: View, empty: Floats) -> Ints:
    """Rows of units whose store is known, the emptiest first, units of one sink together, ties by id."""
    rows = np.flatnonzero(np.isfinite(empty))
    return rows[np.lexsort((rows, _owner(view)[rows], -empty[rows]))]


def room_by_unit_w(view: View, order: Ints, running_w: Floats, free_w: Floats) -> Floats:
    """Share out what each sink can take for `ROOM_S` beyond what runs there, to its units in their order.

    Parameters
    ----------
    order : rows of units, those of one sink together
    running_w : per unit, work at full speed, without idle power [W]
    free_w : per unit, what its free slots would draw [W]

    Returns
    -------
    per unit, watts of work that may be added [W]; 0 for those that are not in `order`
    """
    owner = _owner(view)
    heated_w = np.bincount(owner, weights=running_w, minlength=1)[owner]
    left_w = np.maximum(np.nan_to_num(view.units.room_j) / ROOM_S - heated_w, 0.0)
    room_w = np.zeros(len(owner))
    if len(order):
        own = owner[order]
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = own[1:] != own[:-1]
        before_w = np.cumsum(free_w[order]) - free_w[order]
        before_w -= before_w[first][np.cumsum(first) - 1]
        room_w[order] = np.clip(left_w[order] - before_w, 0.0, free_w[order])
    return room_w


def _owner(view: View) -> Ints:
    """Number per unit, the same for units of one sink."""
    sink = view.units.sink
    shared = int(sink.max(initial=-1)) + 1
    return np.where(sink >= 0, sink, shared + np.arange(len(sink)))
