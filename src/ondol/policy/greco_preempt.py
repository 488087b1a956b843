"""Killing and displacing as published for the GRECO schedulers; source in `policy.greco`."""

from __future__ import annotations

import numpy as np

from ondol.model.decision import Stop
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.greco_thresholds import KILL_K, START_K
from ondol.policy.standing import Standing
from ondol.policy.waiting import NAMES


def kill(view: View, now: Standing, lack_k: Floats) -> tuple[list[Stop], Bools]:
    """Stop what runs where it is too warm for its class; tell per instance which."""
    instances, units = view.instances, view.units
    own_k = np.full(len(now.unit), np.nan)
    own_k[now.unit >= 0] = lack_k[now.unit[now.unit >= 0]]
    held = now.active | (instances.phase == Phase.PAUSED)
    stopped: Bools = held & (own_k < KILL_K[instances.service])
    rows = np.flatnonzero(stopped)
    return [
        Stop(
            instances.ids[row],
            f"{units.ids[unit]} is {-lack_k[unit]:.1f} K above {units.setpoint_c[unit]:.1f} °C; "
            f"{NAMES[kind]} work ends at {-KILL_K[kind]:.0f} K",
        )
        for row, unit, kind in zip(
            rows.tolist(), now.unit[rows].tolist(), instances.service[rows].tolist(), strict=True
        )
    ], stopped


def displace(
    view: View, now: Standing, lack_k: Floats, left_over: list[tuple[Ints, str]], stopped: Bools
) -> tuple[list[Stop], Bools]:
    """Stop lower groups for those left over, never the same one; slots that are being freed count first.

    HIGH displaces the coolest first, BKGD before LOW; LOW displaces BKGD, the warmest that is allowed first.

    Parameters
    ----------
    stopped : per instance, whether it is killed already

    Returns
    -------
    actions; per instance, whether it is stopped now, `stopped` among them
    """
    instances, stops, stopped = view.instances, list[Stop](), stopped.copy()
    held = (now.active | (instances.phase == Phase.PAUSED)) & ~stopped & (now.unit >= 0)
    held[held] = view.nodes.accepts[instances.node[held]]
    coming = instances.node[((instances.phase == Phase.LEAVING) | stopped) & (now.unit >= 0)]
    coming = coming[view.nodes.accepts[coming]]
    unit = view.nodes.unit[coming]
    of_high = (lack_k[unit] >= START_K[ServiceClass.ON_DEMAND]) | ~view.units.heats[unit]
    high = fit(view, left_over[0][0], coming[of_high])
    used = np.zeros(len(coming), dtype=np.bool_)
    used[np.flatnonzero(of_high)[high.slots]] = True
    low = fit(view, left_over[1][0], coming[~used & (lack_k[unit] >= START_K[ServiceClass.FLEX])]).rows_left
    unserved = high.rows_left
    for kind, victims in (
        (ServiceClass.ON_DEMAND, (ServiceClass.FILLER,)),
        (ServiceClass.ON_DEMAND, (ServiceClass.FLEX, ServiceClass.HARVEST)),
        (ServiceClass.FLEX, (ServiceClass.FILLER,)),
    ):
        is_high = kind is ServiceClass.ON_DEMAND
        rows = np.flatnonzero(held & np.isin(instances.service, victims))
        own_k = lack_k[now.unit[rows]]
        rows, own_k = rows[own_k >= START_K[kind]], own_k[own_k >= START_K[kind]]
        rows = rows[np.argsort(-own_k if is_high else own_k, kind="stable")]
        fitted = fit(view, unserved if is_high else low, instances.node[rows])
        rows = rows[np.sort(fitted.slots)]
        if is_high:
            unserved = fitted.rows_left
        held[rows] = False
        stopped[rows] = True
        waiting = len(left_over[0 if is_high else 1][0])
        stops += [
            Stop(instances.ids[row], f"{NAMES[instances.service[row]]} work makes room for {waiting} {NAMES[kind]}")
            for row in rows.tolist()
        ]
    return stops, stopped
