"""Flex that no planned power will come for in time: begun early enough to run thriftily, where it disturbs nobody.

Where more work is there than heat is wanted, the rest warms nobody wherever it runs. At full speed it needs half as
much energy again as at the thriftiest one (`thrift`). So it does not wait until only full speed is in time, but starts
while the thriftiest is, in units where nothing runs that cannot wait: a cap is one for all of a unit.
"""

from __future__ import annotations

import numpy as np

from ondol.model.view import Bools, Ints, ServiceClass, View
from ondol.policy.plan.field import Field
from ondol.policy.plan.free import Free
from ondol.policy.plan.thrift import THRIFTY_SPEED
from ondol.policy.urgency import STRETCH, Urgency, left_s


def give_slow(view: View, ground: Field, urgent: Urgency, going: Bools, free: Free, line: Ints) -> Ints:
    """Give slots to those in line whose time has come to start thriftily; gives who is left.

    Parameters
    ----------
    going : per instance, whether it holds a slot that it is not leaving
    line : patient rows, in order
    """
    instances, units, nodes = view.instances, view.units, view.nodes
    cap = instances.speed_cap[line] if len(instances.speed_cap) else 1.0  # what is capped lower takes no longer
    longer_s = STRETCH * left_s(view)[line] * (np.maximum(cap / THRIFTY_SPEED, 1.0) - 1.0)
    ripe = (instances.service[line] == ServiceClass.FLEX) & (urgent.latest_start_s[line] - longer_s <= view.now_s)
    if not ripe.any():
        return line
    takes = ~units.heats | (units.room_j > 0.0)
    open_to = (takes & ~_hurried(view, urgent, going, free))[nodes.unit][free.nodes]
    given = free.give(view, ground, line[ripe], open_to)
    return line[np.isin(line, given.rows, invert=True)]


def _hurried(view: View, urgent: Urgency, going: Bools, free: Free) -> Bools:
    """Tell per unit whether work runs or starts there that must run at full speed."""
    unit, instances = view.nodes.unit, view.instances
    must = urgent.pressing_held.copy()
    must[urgent.pressing] = True
    hurried = np.zeros(len(view.units.ids), dtype=np.bool_)
    hurried[unit[instances.node[going & must & (instances.node >= 0)]]] = True
    for rows, nodes in zip(free.rows, free.got, strict=True):
        hurried[unit[nodes[must[rows]]]] = True
    return hurried
