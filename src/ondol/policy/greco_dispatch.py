"""Dispatch as published for the GRECO schedulers: priority groups, three levels of warmth, small sites first.

Source: `reference/landscape.md` §2.2 and `reference/simulators.md` §1.2, see `policy.greco`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Start
from ondol.model.view import Floats, Ints, Phase, ServiceClass, View
from ondol.policy.fit import Fit, fit
from ondol.policy.greco_direct import direct
from ondol.policy.greco_thresholds import START_K, off
from ondol.policy.standing import Standing, deal, queue
from ondol.policy.waiting import NAMES, no_fit

LEVELS_K = np.array([1.0, -1.0, -4.0])  # a slot is offered first as one for BKGD, then for LOW, then for HIGH
_GROUPS = (
    ((ServiceClass.ON_DEMAND,), True),
    ((ServiceClass.FLEX, ServiceClass.HARVEST), False),
    ((ServiceClass.FILLER,), True),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatched:
    """What starts, and who is left over.

    Parameters
    ----------
    starts : actions
    nodes : node row of each
    left_over : per group, rows that got no slot, and why
    """

    starts: list[Start]
    nodes: Ints
    left_over: list[tuple[Ints, str]]


def dispatch(
    view: View, now: Standing, lack_k: Floats, *, ended: Mapping[str, str], filler_due: bool, data_first: bool
) -> Dispatched:
    """Fill free slots: direct dispatch, then group by group.

    Parameters
    ----------
    lack_k : per unit, set-point - temperature; nan for racks and where the sensor is lost [K]
    ended : instances that ended since the last decision, with the id of the node of each
    filler_due : may filler start although nothing else does?
    data_first : prefer slots at sites that hold all inputs of a task
    """
    instances, nodes = view.instances, view.nodes
    direct_rows, direct_nodes = direct(view, now, lack_k, ended)
    queued = instances.phase == Phase.QUEUED
    queued[direct_rows] = False
    free = now.free - np.bincount(direct_nodes, minlength=len(nodes.ids))
    running = np.bincount(instances.task[now.active], minlength=int(instances.task.max(initial=-1)) + 1)
    starts = [
        Start(instances.ids[row], nodes.ids[node], "direct dispatch: an instance of its task has just ended there")
        for row, node in zip(direct_rows.tolist(), direct_nodes.tolist(), strict=True)
    ]
    used, left_over = [direct_nodes], list[tuple[Ints, str]]()
    for classes, coolest in _GROUPS:
        line = queue(view, *classes)
        line = line[queued[line]]
        line = line[np.lexsort((running[instances.task[line]], instances.service[line]))]
        least_k = float(START_K[classes[0]])
        if classes[0] is ServiceClass.FILLER and not filler_due and not starts:
            left_over.append((line, "filler starts together with other work, or in the next step of regulation"))
            continue
        slots = _by_level(view, lack_k, free, least_k, coolest=coolest)
        if classes[0] is ServiceClass.ON_DEMAND:
            slots = np.concatenate([slots, _overflow(view, now, free)])
        fitted = _fit(view, line, slots, data_first=data_first)
        given = slots[fitted.slots]
        free = free - np.bincount(given, minlength=len(nodes.ids))
        used.append(given)
        starts += _starts(view, fitted, given, lack_k, least_k)
        left_over.append((fitted.rows_left, _cause(lack_k, least_k, len(fitted.slots_left))))
    return Dispatched(starts=starts, nodes=np.concatenate(used), left_over=left_over)


def _by_level(view: View, lack_k: Floats, free: Ints, least_k: float, *, coolest: bool) -> Ints:
    """Put the free slots of a group in order, one node row a slot.

    The global scheduler goes through the levels, coolest first, and at each through the sites with slots of that level,
    fewest first, so that large free blocks are kept. A site then gives as many slots as were asked of it, the coolest
    first for HIGH and BKGD, for LOW the warmest that is allowed, each unit filled before the next.
    """
    nodes, sites = view.nodes, len(view.sites.ids)
    rows = np.flatnonzero((free > 0) & (lack_k[nodes.unit] >= least_k))
    lack, unit = lack_k[nodes.unit[rows]], nodes.unit[rows]
    level = (lack[:, None] < LEVELS_K).sum(axis=1)
    site = view.units.site[unit]
    count = np.zeros((len(LEVELS_K), sites), dtype=np.int64)
    np.add.at(count, (level, site), free[rows])
    visits = [np.repeat(order, of[order]) for of in count for order in (np.argsort(of, kind="stable"),)]
    visited = np.concatenate(visits)
    within = rows[np.lexsort((rows, unit, -lack if coolest else lack, site))]
    slots = np.empty(len(visited), dtype=np.int64)
    slots[np.argsort(visited, kind="stable")] = np.repeat(within, free[within])
    return slots


def _overflow(view: View, now: Standing, free: Ints) -> Ints:
    """Free slots of units that heat nobody: the data centre that takes what finds no heater."""
    rack = np.where(view.units.heats, np.inf, 0.0)
    return deal(view, rack, free, np.full(len(rack), np.inf), now.slot_w, least=0.0)[0]


def _fit(view: View, line: Ints, slots: Ints, *, data_first: bool) -> Fit:
    """Give slots in order; with data first, each takes the first one at a site that lacks nothing, else the first."""
    if not data_first:
        return fit(view, line, slots)
    lacks = np.where(view.missing_bytes == 0.0, 0.0, 1.0)  # nan: nobody knows, so it is not held
    return fit(dataclasses.replace(view, missing_bytes=lacks), line, slots, np.zeros(len(slots), dtype=np.int64))


def _starts(view: View, fitted: Fit, given: Ints, lack_k: Floats, least_k: float) -> list[Start]:
    instances, nodes, units = view.instances, view.nodes, view.units
    unit = nodes.unit[given]
    said = {
        row: f"{units.ids[row]} is {off(float(lack_k[row]))} {units.setpoint_c[row]:.1f} °C; "
        if units.heats[row]
        else f"no heated unit has a free slot for on-demand work; {units.ids[row]} takes the overflow"
        for row in np.unique(unit).tolist()
    }
    rule = tuple(f"{name} work may start down to {least_k:+.0f} K below" for name in NAMES)
    starts: list[Start] = []
    for row, node, own, kind, near in zip(
        fitted.rows.tolist(),
        given.tolist(),
        unit.tolist(),
        instances.service[fitted.rows].tolist(),
        fitted.near.tolist(),
        strict=True,
    ):
        why = said[own] + rule[kind] if units.heats[own] else said[own]
        if near:
            why += f"; site {view.sites.ids[units.site[own]]} holds all its inputs"
        starts.append(Start(instances.ids[row], nodes.ids[node], why))
    return starts


def _cause(lack_k: Floats, least_k: float, free: int) -> str:
    if free:
        return no_fit(free)
    allowed = int((lack_k >= least_k).sum())
    return f"no slot is free in the {allowed} units that are at least {least_k:+.0f} K below their set-point"
