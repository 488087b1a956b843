"""Dispatch as published for the GRECO schedulers: priority groups, three levels of warmth, small sites first.

Sources: see `policy.greco`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Start, Stop
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.fit import Fit, fit
from ondol.policy.greco_direct import direct
from ondol.policy.greco_slots import Slots, being_freed, by_level, free_or_burning
from ondol.policy.greco_thresholds import START_K, off
from ondol.policy.standing import Standing, deal, queue
from ondol.policy.waiting import NAMES, no_fit

_GROUPS = (
    ((ServiceClass.ON_DEMAND,), True),
    ((ServiceClass.FLEX, ServiceClass.HARVEST), False),
    ((ServiceClass.FILLER,), True),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatched:
    """What starts, what filler makes room, and who is left over.

    Parameters
    ----------
    starts, stops : actions
    nodes : node row of each start
    stopped : per instance, whether it is stopped now, or was killed before
    unserved : on-demand rows for which neither a slot is free nor filler can make room
    left_over : rows that do not start now, and why
    """

    starts: list[Start]
    stops: list[Stop]
    nodes: Ints
    stopped: Bools
    unserved: Ints
    left_over: list[tuple[Ints, str]]


def dispatch(
    view: View,
    now: Standing,
    lack_k: Floats,
    killed: Bools,
    *,
    ended: Mapping[str, str],
    filler_due: bool,
    data_first: bool,
) -> Dispatched:
    """Fill slots: direct dispatch, then group by group, where filler makes room for those above it.

    Parameters
    ----------
    lack_k : per unit, set-point - temperature; nan for racks and where the sensor is lost [K]
    killed : per instance, whether it has just been killed
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
    used, stops, left_over = [direct_nodes], list[Stop](), list[tuple[Ints, str]]()
    stopped, coming = killed.copy(), being_freed(view, now, killed)
    unserved = queued.nonzero()[0][:0]
    for classes, coolest in _GROUPS:
        line = queue(view, *classes)
        line = line[queued[line]]
        if not len(line):
            continue
        line = line[np.lexsort((running[instances.task[line]], instances.service[line]))]
        least_k = float(START_K[classes[0]])
        high, filler = classes[0] is ServiceClass.ON_DEMAND, classes[0] is ServiceClass.FILLER
        if filler and not filler_due and not starts and not stops:
            left_over.append((line, "filler starts together with other work, or in the next step of regulation"))
            continue
        slots = by_level(view, lack_k, free_or_burning(view, now, free, stopped, burning=not filler), least_k, coolest)
        if high:
            slots = slots.then(_overflow(view, now, free))
        fitted = _fit(view, line, slots.node, data_first=data_first)
        begins = slots.filler[fitted.slots] < 0
        given = slots.node[fitted.slots[begins]]
        free = free - np.bincount(given, minlength=len(nodes.ids))
        used.append(given)
        starts += _starts(view, fitted.rows[begins], fitted.near[begins], given, lack_k, least_k)
        without = line[np.isin(line, fitted.rows[begins], invert=True)]
        if not filler:
            may = (lack_k[nodes.unit[coming]] >= least_k) | (high & ~view.units.heats[nodes.unit[coming]])
            soon = fit(view, without, coming[may])
            coming = np.delete(coming, np.flatnonzero(may)[soon.slots])
            burning = np.flatnonzero(slots.filler >= 0)
            room = _fit(view, soon.rows_left, slots.node[burning], data_first=data_first)
            stops += _stops(view, slots.filler[burning[room.slots]], stopped, NAMES[classes[0]])
            left_over.append((np.concatenate([soon.rows, room.rows]), "its slot is being freed"))
            without = room.rows_left
        if high:
            unserved = without
        left_over.append((without, _cause(lack_k, least_k, len(fitted.slots_left))))
    return Dispatched(
        starts=starts,
        stops=stops,
        nodes=np.concatenate(used),
        stopped=stopped,
        unserved=unserved,
        left_over=left_over,
    )


def _overflow(view: View, now: Standing, free: Ints) -> Slots:
    """Free slots of units that heat nobody: the data centre that takes what finds no heater."""
    rack = np.where(view.units.heats, np.inf, 0.0)
    node = deal(view, rack, free, np.full(len(rack), np.inf), now.slot_w, least=0.0)[0]
    return Slots(node=node, filler=np.full(len(node), -1))


def _fit(view: View, line: Ints, slots: Ints, *, data_first: bool) -> Fit:
    """Give slots in order; with data first, each takes the first one at a site that lacks nothing, else the first."""
    if not data_first:
        return fit(view, line, slots)
    lacks = np.where(view.missing_bytes == 0.0, 0.0, 1.0)  # nan: nobody knows, so it is not held
    return fit(dataclasses.replace(view, missing_bytes=lacks), line, slots, np.zeros(len(slots), dtype=np.int64))


def _stops(view: View, rows: Ints, stopped: Bools, whom: str) -> list[Stop]:
    """Stop filler, and note it in `stopped`."""
    stopped[rows] = True
    cause = f"filler work makes room for {len(rows)} {whom}"
    return [Stop(view.instances.ids[row], cause) for row in np.sort(rows).tolist()]


def _starts(view: View, rows: Ints, nears: Bools, given: Ints, lack_k: Floats, least_k: float) -> list[Start]:
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
        rows.tolist(),
        given.tolist(),
        unit.tolist(),
        instances.service[rows].tolist(),
        nears.tolist(),
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
