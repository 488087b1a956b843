"""Harvest and filler work where heat is no longer wanted: frozen, thawed, and moved only when frozen for long."""

from __future__ import annotations

import numpy as np

from ondol.model.decision import Pause, Resume, Stop
from ondol.model.view import Floats, Ints, Phase, ServiceClass, View
from ondol.policy.demand import LEAST_SHARE, Demand, state_of
from ondol.policy.standing import Standing, watts_by_unit

UNWANTED_S = 300.0  # heat must be unwanted this long before work is frozen; it is thawed at once
MOVE_AFTER_S = 1200.0  # frozen this long, work that loses nothing by it is moved to where heat is wanted


def thaw(view: View, now: Standing) -> tuple[list[Resume], Floats, Ints]:
    """Let frozen work go on: what is not harvest or filler always, these up to what their unit wants again.

    Returns
    -------
    actions; watts per unit that they add [W]; rows that stay frozen
    """
    instances, units = view.instances, view.units
    frozen = np.flatnonzero((instances.phase == Phase.PAUSED) & (now.unit >= 0))
    bound = instances.service[frozen] >= ServiceClass.HARVEST
    mask = np.zeros(len(instances.ids), dtype=bool)
    mask[frozen[~bound]] = True
    given_w = now.given_w + watts_by_unit(view, mask, now.slot_w)
    wanted_w = np.where(units.heats, np.nan_to_num(units.wanted_w), 0.0)
    most = np.maximum(np.ceil((wanted_w - given_w) / now.typical_w - LEAST_SHARE), 0.0)
    rows = frozen[bound]
    rows = rows[np.lexsort((rows, instances.service[rows], now.unit[rows]))]
    owner = now.unit[rows]
    place = np.arange(len(rows)) - np.searchsorted(owner, owner)
    goes_on = place < most[owner]
    mask[rows[goes_on]] = True
    actions = [
        Resume(instances.ids[row], f"heat is wanted again: {state_of(view, now, now.unit[row])}")
        if instances.service[row] >= ServiceClass.HARVEST
        else Resume(instances.ids[row], "this work is not bound to heat and need not stand frozen")
        for row in np.flatnonzero(mask).tolist()
    ]
    return actions, watts_by_unit(view, mask, now.slot_w), np.sort(rows[~goes_on])


def freeze(view: View, now: Standing, wants: Demand, since_s: dict[str, float]) -> tuple[list[Pause], dict[str, float]]:
    """Pause harvest and filler in units that have not wanted heat for `UNWANTED_S` and are above their set-point.

    Parameters
    ----------
    since_s : since when a unit with such work wants none, by unit id [s since the epoch]

    Returns
    -------
    actions; the new `since_s`
    """
    instances, units = view.instances, view.units
    rows = np.flatnonzero(
        (instances.phase == Phase.RUNNING) & (instances.service >= ServiceClass.HARVEST) & (now.unit >= 0)
    )
    too_warm = wants.unwanted & ~(units.temp_c <= units.setpoint_c)
    rows = rows[too_warm[now.unit[rows]]]
    new_since_s: dict[str, float] = {}
    for unit in np.unique(now.unit[rows]).tolist():
        new_since_s[units.ids[unit]] = since_s.get(units.ids[unit], view.now_s)
    actions: list[Pause] = []
    for row in rows.tolist():
        unit = int(now.unit[row])
        for_s = view.now_s - new_since_s[units.ids[unit]]
        if for_s >= UNWANTED_S:
            cause = f"no heat wanted for {for_s / 60:.0f} min: {state_of(view, now, unit)}"
            actions.append(Pause(instances.ids[row], cause))
    return actions, new_since_s


def moves(view: View, now: Standing, frozen: Ints, slots: Ints) -> list[Stop]:
    """Take long-frozen harvest out of its slot where as many slots elsewhere want heat and no queued work takes them.

    Parameters
    ----------
    frozen : rows that stay frozen
    slots : node rows of slots that want heat and are left over
    """
    instances = view.instances
    movable = (
        (instances.service[frozen] == ServiceClass.HARVEST)
        & instances.resumable[frozen]
        & (view.now_s - instances.since_s[frozen] > MOVE_AFTER_S)
    )
    return [
        Stop(
            instances.ids[row],
            f"frozen for {(view.now_s - instances.since_s[row]) / 60:.0f} min in {view.units.ids[now.unit[row]]}; "
            f"goes on from its checkpoint where heat is wanted: {state_of(view, now, view.nodes.unit[slot])}",
        )
        for row, slot in zip(frozen[movable].tolist(), slots.tolist(), strict=False)
    ]
