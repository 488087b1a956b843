"""Levels of power of each heat sink: few units at full load rather than many at part load.

A running unit loses heat through its case whatever its load, so a unit at part load heats badly; its nodes without
work idle. The units of a sink are therefore filled one after the other, the largest first, then by id. The levels are
eighths of the sink's nodes, each moved to the nearest whole unit where one is within half an eighth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Bools, Floats, Ints, View

LEVELS = 8
"""Steps of power between off and full."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Levels of each sink, (n, LEVELS + 1), from off to full, none falling.

    Parameters
    ----------
    power_w : electric power [W]
    heat_w : heat that the sink gets [W]
    rate : work done: nodes at full load, node-seconds per second
    """

    power_w: Floats
    heat_w: Floats
    rate: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """Usable nodes in the order in which they are loaded, sink by sink, with a point of no load before each sink.

    Parameters
    ----------
    start : (n + 1,) where the points of each sink begin
    whole : whether a point is the end of a unit, or no load
    power_w, heat_w : with all nodes up to the point loaded
    """

    start: Ints
    whole: Bools
    power_w: Floats
    heat_w: Floats


def levels_of(view: View, *, case_loss_w: Floats | None = None, usable: Bools | None = None) -> Levels:
    """Build the levels of all sinks from their units and nodes.

    Parameters
    ----------
    view : its sinks are the rows of what comes back; `SinkColumns.capture` counts at full load, case loss included
    case_loss_w : (units,) heat that a running unit loses through its case at any load, ``UA·(T_loop − T_room)``, ≥ 0;
        None for none [W]
    usable : (nodes,) nodes to count on; None for those that accept work

    Raises
    ------
    InvalidFieldError : a unit that heats no known sink, or a unit that loses or gives more heat than it gets power
    """
    usable = view.nodes.accepts if usable is None else usable
    loss_w = np.zeros(len(view.units.ids)) if case_loss_w is None else np.asarray(case_loss_w, dtype=np.float64)
    _refuse(view, loss_w, usable)
    packed = _pack(view, loss_w, usable)

    nodes = np.diff(packed.start) - 1
    wanted = nodes[:, None] * (np.arange(LEVELS + 1) / LEVELS)
    at = packed.start[:-1, None] + _to_whole_units(packed, wanted, nodes)
    before = np.floor(at).astype(np.int64)
    after = np.minimum(before + 1, packed.start[1:, None] - 1)
    share = at - before
    return Levels(
        power_w=packed.power_w[before] * (1.0 - share) + packed.power_w[after] * share,
        heat_w=packed.heat_w[before] * (1.0 - share) + packed.heat_w[after] * share,
        rate=at - packed.start[:-1, None],
    )


def _refuse(view: View, loss_w: Floats, usable: Bools) -> None:
    units = view.units
    sinks = len(view.sinks.ids)
    if usable.shape != view.nodes.unit.shape:
        raise InvalidFieldError("usable", usable.shape, f"one per node: {view.nodes.unit.shape}")
    if loss_w.shape != units.sink.shape:
        raise InvalidFieldError("case_loss_w", loss_w.shape, f"one per unit: {units.sink.shape}")
    for row in np.flatnonzero((units.sink >= sinks) | (units.sink < -1))[:1].tolist():
        raise InvalidFieldError(f"units.sink[{units.ids[row]}]", int(units.sink[row]), f"-1 to {sinks - 1}")
    good = np.isfinite(loss_w) & (loss_w >= 0.0)
    for row in np.flatnonzero(~good)[:1].tolist():
        raise InvalidFieldError(f"case_loss_w[{units.ids[row]}]", float(loss_w[row]), "a finite number of 0 W or more")


def _pack(view: View, loss_w: Floats, usable: Bools) -> _Packed:
    """Load the nodes of each sink one after the other, unit by unit."""
    nodes, units = view.nodes, view.units
    count = len(units.ids)
    chosen = np.flatnonzero(usable & (units.sink[nodes.unit] >= 0))
    unit = nodes.unit[chosen]
    full_w = np.bincount(unit, weights=nodes.max_w[chosen], minlength=count)
    idle_w = np.bincount(unit, weights=nodes.idle_w[chosen], minlength=count)
    capture = view.sinks.capture[np.maximum(units.sink, 0)] if len(view.sinks.ids) else np.zeros(count)
    # Share of the power that the loop takes up: at full load, what the sink gets and what the case loses.
    taken_w = capture * full_w + loss_w
    for row in np.flatnonzero((units.sink >= 0) & (full_w > 0.0) & (taken_w > full_w * (1.0 + 1e-9)))[:1].tolist():
        spare_w = (1.0 - capture[row]) * full_w[row]
        most = f"up to {spare_w:g} W, what the unit of {full_w[row]:g} W does not give to its sink"
        raise InvalidFieldError(f"case_loss_w[{units.ids[row]}]", float(loss_w[row]), most)
    order = np.lexsort((chosen, unit, -full_w[unit], units.sink[unit]))
    chosen, unit = chosen[order], unit[order]
    first = np.diff(unit, prepend=-1) != 0
    sink = units.sink[unit]

    load_w = nodes.max_w[chosen] - nodes.idle_w[chosen] + np.where(first, idle_w[unit], 0.0)
    within_w = _since_first(load_w, first)
    absorbed = np.divide(taken_w, full_w, out=np.zeros(count), where=full_w > 0.0)
    heat_w = np.maximum(absorbed[unit] * within_w - loss_w[unit], 0.0)
    gained_w = np.diff(heat_w, prepend=0.0)
    gained_w[first] = heat_w[first]

    start = np.concatenate([[0], np.cumsum(np.bincount(sink, minlength=len(view.sinks.ids)) + 1)])
    place = np.arange(len(chosen)) + sink + 1
    total = int(start[-1])
    power, heat, whole = np.zeros(total), np.zeros(total), np.ones(total, dtype=np.bool_)
    begins = np.zeros(total, dtype=np.bool_)
    begins[start[:-1]] = True
    power[place], heat[place] = load_w, gained_w
    whole[place] = np.append(first[1:], True)[: len(chosen)]
    return _Packed(start, whole, _since_first(power, begins), _since_first(heat, begins))


def _since_first(values: Floats, first: Bools) -> Floats:
    """Sum up within each group; `first` marks where groups begin."""
    if not len(values):
        return values
    total = np.cumsum(values)
    begin = np.flatnonzero(first)
    before = total[begin] - values[begin]
    summed: Floats = total - np.repeat(before, np.diff(np.append(begin, len(values))))
    return summed


def _to_whole_units(packed: _Packed, wanted: Floats, nodes: Ints) -> Floats:
    """Move numbers of nodes, (n, levels), to the nearest end of a unit within half a step."""
    ends = np.flatnonzero(packed.whole)
    if not len(ends):
        return wanted
    absolute = packed.start[:-1, None] + wanted
    above = np.minimum(np.searchsorted(ends, absolute), len(ends) - 1)
    below = np.maximum(above - 1, 0)
    near = np.where(np.abs(ends[below] - absolute) < np.abs(ends[above] - absolute), ends[below], ends[above])
    close = np.abs(near - absolute) <= 0.5 * nodes[:, None] / LEVELS
    # The ends of a sink are no load and full load, which are ends of units themselves: no level leaves its sink.
    moved: Floats = np.where(close, near, absolute) - packed.start[:-1, None]
    return moved
