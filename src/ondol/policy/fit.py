"""Gives slots to work in line where not every slot will do: hardware, machines kept for somebody, inputs at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints, ServiceClass, View


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Who got which slot.

    Parameters
    ----------
    rows : instances that got one, in the order of the line
    slots : position in the given slots of the one that each got
    near : of each, whether it was chosen among equal slots for the inputs that lie there
    rows_left : instances that got none, in the order of the line
    slots_left : positions that nobody got, in their order
    """

    rows: Ints
    slots: Ints
    near: Bools
    rows_left: Ints
    slots_left: Ints


def fit(view: View, line: Ints, nodes: Ints, equal: Ints | None = None) -> Fit:
    """Give each in line the first slot that is left and allowed; who has none lets those behind pass.

    Rows of one allowance that get a slot are always the first ones of that allowance in the line: who stands behind
    somebody without a slot gets one only where that one may not run.

    Parameters
    ----------
    line : rows of instances, the first to be served first
    nodes : node row of each slot, the first to be used first
    equal : number of the group of equals of each slot, equals standing together; of those, work gets the one whose
        site lacks fewest of its inputs. None: inputs do not count
    """
    sets = view.instances.allowed[line]
    by_data = equal is not None and len(view.missing_bytes) > 1 and bool(view.instances.data[line].any())
    if not by_data and (not len(line) or not len(nodes) or (sets == sets[0]).all()):
        return _in_order(view, line, nodes)
    return _one_by_one(view, line, nodes, equal if by_data else None)


def _in_order(view: View, line: Ints, nodes: Ints) -> Fit:
    """All of one allowance: the first in line get the first slots that will do."""
    will_do = np.flatnonzero(view.allowances[view.instances.allowed[line[0]]][nodes]) if len(line) else nodes[:0]
    count = min(len(line), len(will_do))
    left = np.ones(len(nodes), dtype=np.bool_)
    left[will_do[:count]] = False
    return Fit(
        rows=line[:count],
        slots=will_do[:count],
        near=np.zeros(count, dtype=np.bool_),
        rows_left=line[count:],
        slots_left=np.flatnonzero(left),
    )


def _one_by_one(view: View, line: Ints, nodes: Ints, equal: Ints | None) -> Fit:
    sets, data = view.instances.allowed[line], view.instances.data[line]
    missing = np.nan_to_num(view.missing_bytes, nan=np.inf)
    site = view.units.site[view.nodes.unit[nodes]]
    taken, free = bytearray(len(nodes)), np.ones(len(nodes), dtype=np.bool_)  # bytes are read one by one far faster
    will_do = {int(number): np.flatnonzero(view.allowances[number][nodes]) for number in np.unique(sets)}
    in_turn = {number: slots.tolist() for number, slots in will_do.items()}
    first = dict.fromkeys(will_do, 0)
    ends = {} if equal is None else {number: _ends(equal[slots]) for number, slots in will_do.items()}
    got = np.full(len(line), -1, dtype=np.int64)
    near = np.zeros(len(line), dtype=np.bool_)
    open_sets = sum(1 for slots in in_turn.values() if slots)
    for place, (number, inputs) in enumerate(zip(sets.tolist(), data.tolist(), strict=True)):
        if not open_sets:
            break
        slots, at = in_turn[number], first[number]
        if at == len(slots):
            continue
        while at < len(slots) and taken[slots[at]]:
            at += 1
        first[number] = at
        if at == len(slots):
            open_sets -= 1
            continue
        slot = slots[at]
        if inputs and equal is not None and ends[number][at] > at + 1:
            slot, near[place] = _nearest(will_do[number][at : ends[number][at]], free, missing[inputs], site)
        got[place] = slot
        taken[slot], free[slot] = 1, False
    served = got >= 0
    return Fit(
        rows=line[served],
        slots=got[served],
        near=near[served],
        rows_left=line[~served],
        slots_left=np.flatnonzero(free),
    )


def _ends(equal: Ints) -> list[int]:
    """Position after the last equal of each."""
    ends: list[int] = np.searchsorted(equal, equal, side="right").tolist()
    return ends


def _nearest(slots: Ints, free: Bools, missing: Floats, site: Ints) -> tuple[int, bool]:
    """Of equal slots, give the free one whose site lacks fewest bytes; and whether any free one lacks more."""
    equals = slots[free[slots]]
    lacks = missing[site[equals]]
    best = int(lacks.argmin())
    return int(equals[best]), bool(lacks.max() > lacks[best])


def anywhere_at_once(view: View, rows: Ints) -> Bools:
    """Tell who, among work that cannot wait, takes even a slot of a sink that can take no more heat.

    There its site's safety holds work down to a crawl. That is better than nothing for what was to run at once; a
    pressed flex does better to wait for a rack, where one is open to it.
    """
    rack = ~view.units.heats[view.nodes.unit] & view.nodes.accepts
    no_rack = np.logical_not(np.any(view.allowances[:, rack], axis=1))
    instances = view.instances
    at_once = instances.service[rows] == ServiceClass.ON_DEMAND
    return np.asarray(at_once | no_rack[instances.allowed[rows]], dtype=np.bool_)
