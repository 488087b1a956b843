"""Power under a plan: full speed where work cannot wait or heat is worth its electricity, thrift elsewhere."""

from __future__ import annotations

import functools

import numpy as np

from ondol.model.decision import SetPower
from ondol.model.ids import UnitId
from ondol.model.view import Bools, Ints, View
from ondol.policy.plan.field import Field
from ondol.policy.plan.thrift import THRIFTY_SHARE
from ondol.policy.urgency import Urgency

_SLACK = 0.05  # of planned power: slots come in whole numbers


def powers(view: View, urgent: Urgency, field: Field, running: Bools, rows: Ints, nodes: Ints) -> list[SetPower]:
    """Say for every unit with work how much it may draw.

    A thrifty unit gets the idle power of its nodes with power, and `THRIFTY_SHARE` of the range of every slot at work.

    Parameters
    ----------
    running : per instance, whether it holds a slot and goes on
    rows, nodes : instances that start now, and the node row of each
    """
    instances, units, columns = view.instances, view.units, view.nodes
    unit_of, count = columns.unit, len(units.ids)
    held = np.bincount(instances.node[running], minlength=len(columns.ids)) + np.bincount(
        nodes, minlength=len(columns.ids)
    )
    must = urgent.pressing_held.copy()
    must[urgent.pressing] = True
    pressed = np.concatenate([instances.node[running & must], nodes[must[rows]]])
    hurried = np.bincount(unit_of[pressed], minlength=count)
    runs = np.bincount(unit_of, held, count).astype(np.int64)
    lit = (held > 0) | ~field.cold
    range_w = np.maximum(columns.max_w - columns.idle_w, 0.0) / np.maximum(columns.slots, 1)
    thrifty_w = np.bincount(unit_of, lit * columns.idle_w + THRIFTY_SHARE * held * range_w, count)
    wanted = np.zeros(count, dtype=np.bool_)
    wanted[unit_of] = field.gain_g_per_kwh >= 0.0  # alike for all nodes of a unit
    # At the margin heat may be worth no more than its electricity: what the plan draws for it is wanted all the same.
    sink = np.where(units.heats, units.sink, -1)
    drawn_w = field.useful_w + field.filler_w + field.per_sink_w(nodes)
    within = drawn_w <= (1.0 + _SLACK) * field.heat_w
    wanted |= (sink >= 0) & within[np.maximum(sink, 0)]
    full = (hurried > 0) | wanted
    power_w = np.where(full, units.power_max_w, np.minimum(thrifty_w, units.power_max_w))
    at = np.flatnonzero(runs)
    ids = units.ids
    return [
        _said(ids[row], watts, number, must_run, is_wanted)
        for row, watts, number, must_run, is_wanted in zip(
            at.tolist(), power_w[at].tolist(), runs[at].tolist(), hurried[at].tolist(), wanted[at].tolist(), strict=True
        )
    ]


@functools.lru_cache(maxsize=65_536)
def _said(unit_id: UnitId, power_w: float, running: int, hurried: int, wanted: bool) -> SetPower:
    """Say it once: most units are told the same time and again."""
    if hurried:
        cause = f"full speed, {power_w:.0f} W, for {running} running, {hurried} of which cannot wait"
    elif wanted:
        cause = f"full speed, {power_w:.0f} W, for {running} running: heat is worth its electricity"
    else:
        cause = f"thrift, {power_w:.0f} W, for {running} running: heat is worth less than its electricity"
    return SetPower(unit_id, power_w, cause)
