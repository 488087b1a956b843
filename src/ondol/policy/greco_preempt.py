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


def displace(view: View, now: Standing, lack_k: Floats, unserved: Ints, stopped: Bools) -> tuple[list[Stop], Bools]:
    """Stop LOW work for HIGH that has found no slot and no filler to make room, in the coolest units first.

    Parameters
    ----------
    unserved : rows of it
    stopped : per instance, whether it is stopped already

    Returns
    -------
    actions; per instance, whether it is stopped now, `stopped` among them
    """
    instances, stopped = view.instances, stopped.copy()
    held = (now.active | (instances.phase == Phase.PAUSED)) & ~stopped & (now.unit >= 0)
    held[held] = view.nodes.accepts[instances.node[held]]
    rows = np.flatnonzero(held & np.isin(instances.service, (ServiceClass.FLEX, ServiceClass.HARVEST)))
    own_k = lack_k[now.unit[rows]]
    rows, own_k = rows[own_k >= START_K[ServiceClass.ON_DEMAND]], own_k[own_k >= START_K[ServiceClass.ON_DEMAND]]
    rows = rows[np.argsort(-own_k, kind="stable")]
    rows = rows[np.sort(fit(view, unserved, instances.node[rows]).slots)]
    stopped[rows] = True
    cause = f"work makes room for {len(unserved)} {NAMES[ServiceClass.ON_DEMAND]}"
    return [Stop(instances.ids[row], f"{NAMES[instances.service[row]]} {cause}") for row in rows.tolist()], stopped
