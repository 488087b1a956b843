"""The slots that GRECO's schedulers count as available, and the order in which they offer them.

Source: `updateAndReportState` and `scheduleInstances` of `qarnotBoxSched.py`, `doDispatch` of `qarnotNodeSched.py`; see
`policy.greco`. A slot is of BKGD's level where it is free and d ≥ 1, of LOW's where it is free or runs filler and
d ≥ −1, of HIGH's where d ≥ −4. A slot on which filler runs is thus no worse than a free one: it is freed for who comes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.standing import Standing

LEVELS_K = np.array([1.0, -1.0, -4.0])  # a slot is offered first as one for BKGD, then for LOW, then for HIGH


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slots:
    """Slots in an order.

    Parameters
    ----------
    node : row of the node of each
    filler : row of the instance of filler that runs there, -1 where the slot is free
    """

    node: Ints
    filler: Ints

    def then(self, others: Slots) -> Slots:
        """Give these, and the others behind them."""
        return Slots(node=np.concatenate([self.node, others.node]), filler=np.concatenate([self.filler, others.filler]))


def free_or_burning(view: View, now: Standing, free: Ints, stopped: Bools, *, burning: bool) -> Slots:
    """Give free slots, and with `burning` those on which filler runs; of each node the free ones first.

    Parameters
    ----------
    free : per node
    stopped : per instance, whether it is stopped already
    """
    empty = np.repeat(np.arange(len(free)), np.maximum(free, 0))
    if not burning:
        return Slots(node=empty, filler=np.full(len(empty), -1))
    instances = view.instances
    burns = (instances.service == ServiceClass.FILLER) & (now.unit >= 0) & ~stopped
    burns &= now.active | (instances.phase == Phase.PAUSED)
    rows = np.flatnonzero(burns)
    rows = rows[view.nodes.accepts[instances.node[rows]]]
    node = np.concatenate([empty, instances.node[rows]])
    filler = np.concatenate([np.full(len(empty), -1), rows])
    order = np.argsort(node, kind="stable")
    return Slots(node=node[order], filler=filler[order])


def being_freed(view: View, now: Standing, killed: Bools) -> Ints:
    """Node row of each slot whose work is leaving, or has just been killed."""
    instances = view.instances
    node: Ints = instances.node[((instances.phase == Phase.LEAVING) | killed) & (now.unit >= 0)]
    taken: Ints = node[view.nodes.accepts[node]]
    return taken


def by_level(view: View, lack_k: Floats, slots: Slots, least_k: float, coolest: bool) -> Slots:
    """Put the slots of a group in order.

    The global scheduler goes through the levels, coolest first, and at each through the sites with slots of that level,
    fewest first, so that large free blocks are kept. A site then gives as many slots as were asked of it, the coolest
    first for HIGH and BKGD, for LOW the warmest that is allowed, each unit filled before the next, where nothing runs
    first.

    Parameters
    ----------
    lack_k : per unit, set-point - temperature; nan for racks and where the sensor is lost [K]
    least_k : least of it for the group [K]
    """
    chosen = lack_k[view.nodes.unit[slots.node]] >= least_k
    node, filler = slots.node[chosen], slots.filler[chosen]
    unit = view.nodes.unit[node]
    lack, site = lack_k[unit], view.units.site[unit]
    level = np.maximum((lack[:, None] < LEVELS_K).sum(axis=1), filler >= 0)
    count = np.zeros((len(LEVELS_K), len(view.sites.ids)), dtype=np.int64)
    np.add.at(count, (level, site), 1)
    visited = np.concatenate(
        [np.repeat(order, of[order]) for of in count for order in (np.argsort(of, kind="stable"),)]
    )
    within = np.lexsort((filler >= 0, unit, -lack if coolest else lack, site))
    order = np.empty(len(node), dtype=np.int64)
    order[np.argsort(visited, kind="stable")] = within
    return Slots(node=node[order], filler=filler[order])
