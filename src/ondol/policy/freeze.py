"""Work where heat is no longer wanted: harvest and filler are frozen and thawed, long-stuck work is moved."""

from __future__ import annotations

import numpy as np

from ondol.model.decision import Pause, Resume, Stop
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.demand import LEAST_SHARE, Demand, state_of
from ondol.policy.fit import Fit, fit
from ondol.policy.standing import Standing, watts_by_unit

UNWANTED_S = 300.0  # heat must be unwanted this long before work is frozen; it is thawed at once
MOVE_AFTER_S = 1200.0  # frozen or slowed down this long, work that loses nothing by it is moved to wanted heat


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
        if heat_bound
        else Resume(instances.ids[row], "this work is not bound to heat and need not stand frozen")
        for row, heat_bound in zip(
            np.flatnonzero(mask).tolist(), (instances.service[mask] >= ServiceClass.HARVEST).tolist(), strict=True
        )
    ]
    return actions, watts_by_unit(view, mask, now.slot_w), np.sort(rows[~goes_on])


def freeze(view: View, now: Standing, wants: Demand, since_s: dict[str, float]) -> tuple[list[Pause], dict[str, float]]:
    """Pause harvest and filler in units that have not wanted heat for `UNWANTED_S` and are above their set-point.

    Parameters
    ----------
    since_s : since when a unit with such work, or flex, wants none, by unit id [s since the epoch]

    Returns
    -------
    actions; the new `since_s`
    """
    instances, units = view.instances, view.units
    rows = np.flatnonzero(
        (instances.phase == Phase.RUNNING) & (instances.service >= ServiceClass.FLEX) & (now.unit >= 0)
    )
    too_warm = wants.unwanted & ~(units.temp_c <= units.setpoint_c)
    rows = rows[too_warm[now.unit[rows]]]
    new_since_s: dict[str, float] = {}
    for unit in np.unique(now.unit[rows]).tolist():
        new_since_s[units.ids[unit]] = since_s.get(units.ids[unit], view.now_s)
    actions: list[Pause] = []
    for row in rows[instances.service[rows] >= ServiceClass.HARVEST].tolist():
        unit = int(now.unit[row])
        for_s = view.now_s - new_since_s[units.ids[unit]]
        if for_s >= UNWANTED_S:
            cause = f"no heat wanted for {for_s / 60:.0f} min: {state_of(view, now, unit)}"
            actions.append(Pause(instances.ids[row], cause))
    return actions, new_since_s


def moves(
    view: View, now: Standing, *, frozen: Ints, pressing: Bools, since_s: dict[str, float], slots: Ints
) -> tuple[list[Stop], Fit]:
    """Take long-stuck work out of its slot where as many slots elsewhere want heat and no queued work takes them.

    Stuck is harvest that is frozen, and flex that a thermostat holds down to idle power; only work that goes on from a
    checkpoint is moved, so that a move costs no more than staging.

    Parameters
    ----------
    frozen : rows that stay frozen
    pressing : per instance, whether it runs at full speed whatever the thermostat says
    since_s : since when a unit wants no heat, as `freeze` gives it
    slots : node rows of slots that want heat and are left over

    Returns
    -------
    actions; who is moved and the slots left to it
    """
    if not len(slots):
        return [], fit(view, slots, slots)
    instances, units = view.instances, view.units
    long_ago_s = view.now_s - MOVE_AFTER_S
    harvest = frozen[(instances.service[frozen] == ServiceClass.HARVEST) & (instances.since_s[frozen] < long_ago_s)]
    flex = np.flatnonzero(
        (instances.phase == Phase.RUNNING) & (instances.service == ServiceClass.FLEX) & ~pressing & (now.unit >= 0)
    )
    owners, owner = np.unique(now.unit[flex], return_inverse=True)
    stuck = np.array([since_s.get(units.ids[unit], np.inf) < long_ago_s for unit in owners.tolist()], dtype=np.bool_)
    flex = flex[stuck[owner]]
    rows = np.concatenate([flex, harvest])
    rows = rows[instances.resumable[rows]]
    fitted = fit(view, rows, slots)
    stops = [
        Stop(
            instances.ids[row],
            f"stuck in {units.ids[now.unit[row]]}, which has wanted no heat for over {MOVE_AFTER_S / 60:.0f} min; "
            f"goes on from its checkpoint where it is wanted: {state_of(view, now, view.nodes.unit[slot])}",
        )
        for row, slot in zip(fitted.rows.tolist(), slots[fitted.slots].tolist(), strict=True)
    ]
    return stops, fitted
