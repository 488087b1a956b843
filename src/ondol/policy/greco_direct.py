"""Direct dispatch: when an instance ends, the next one of its task takes the node at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

import numpy as np

from ondol.model.decision import Start
from ondol.model.ids import InstanceId, task_of
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.greco_thresholds import KILL_K
from ondol.policy.standing import Standing


def ended_since(view: View, now: Standing, held: Mapping[str, str]) -> dict[str, str]:
    """Give those of `held` (node ids by instance id) that the view no longer has, in their order."""
    ids = view.instances.ids
    holding = {ids[row] for row in np.flatnonzero(now.unit >= 0).tolist()}
    ended: dict[str, str] = {}
    for key, node_id in held.items():
        if key not in holding:
            row = bisect_left(ids, key)
            if row == len(ids) or ids[row] != key:
                ended[key] = node_id
    return ended


def holding_after(view: View, now: Standing, stopped: Bools, starts: list[Start]) -> dict[str, str]:
    """Who works where after this decision: node ids by instance id."""
    instances, nodes = view.instances, view.nodes
    rows = np.flatnonzero((now.active | (instances.phase == Phase.PAUSED)) & (now.unit >= 0) & ~stopped)
    held: dict[str, str] = {
        instances.ids[row]: nodes.ids[node]
        for row, node in zip(rows.tolist(), instances.node[rows].tolist(), strict=True)
    }
    held.update((start.instance_id, start.node_id) for start in starts)
    return held


def direct(view: View, now: Standing, lack_k: Floats, ended: Mapping[str, str]) -> tuple[Ints, Ints]:
    """Give nodes on which an instance ended to the next one of its task, if nobody of a higher class waits.

    It was allowed to run there, so that only what would kill it keeps it out. Instances of one task have ids that
    follow each other (`model.ids.instance_id`); a view numbers tasks anew each time.
    """
    instances, nodes = view.instances, view.nodes
    queued = instances.phase == Phase.QUEUED
    highest = int(instances.service[queued].min(initial=len(ServiceClass)))
    free = now.free.copy()
    rows: list[int] = []
    used: list[int] = []
    next_of: dict[str, tuple[int, int]] = {}
    for key, node_id in ended.items():
        node = bisect_left(nodes.ids, node_id)
        if node == len(nodes.ids) or nodes.ids[node] != node_id or not free[node]:
            continue
        task = task_of(InstanceId(key))
        begin, end = next_of.get(task) or (
            bisect_left(instances.ids, f"{task}/"),
            bisect_left(instances.ids, f"{task}0"),  # "0" follows "/"
        )
        while begin < end and not queued[begin]:
            begin += 1
        next_of[task] = (begin, end)
        if begin == end or instances.service[begin] > highest:
            continue
        kind, unit = instances.service[begin], nodes.unit[node]
        warm_enough = lack_k[unit] >= KILL_K[kind] if view.units.heats[unit] else kind == ServiceClass.ON_DEMAND
        if warm_enough and view.allowances[instances.allowed[begin], node]:
            rows.append(begin)
            used.append(node)
            free[node] -= 1
            next_of[task] = (begin + 1, end)
    return np.array(rows, dtype=np.int64), np.array(used, dtype=np.int64)
