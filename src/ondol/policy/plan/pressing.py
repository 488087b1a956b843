"""Slots for what cannot wait, under a plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Stop
from ondol.model.view import Bools, Floats, Ints, Phase, View
from ondol.policy.fit import anywhere_at_once
from ondol.policy.plan.field import Field
from ondol.policy.plan.free import Free
from ondol.policy.plan.yielding import displaced, ended, make_room, make_way


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pressing:
    """What becomes of work that cannot wait and does not start now.

    Parameters
    ----------
    stops : filler, and harvest with a checkpoint, that makes way
    served, left : rows that get a slot which is being freed; rows that get none
    promised : per instance, whether its slot is freed for one of those served
    taken_w : per sink, what those served will draw [W]
    """

    stops: list[Stop]
    served: Ints
    left: Ints
    promised: Bools
    taken_w: Floats


def give_pressing(view: View, ground: Field, free: Free, going: Bools, line: Ints) -> Pressing:
    """Give what cannot wait its slots; notes in `going` who has to stop for it.

    First free slots where heat is worth something, in a sink that stores nothing no more than it can use; then, where
    it would be wasted otherwise, slots of filler, which are warm; then the others; sinks that can take no more last,
    and not for all (`anywhere_at_once`).
    """
    instances, nodes, heats = view.instances, view.nodes, view.units.heats
    takes = (~heats | (view.units.room_j > 0.0))[nodes.unit]
    useful = (ground.sink[free.nodes] < 0) | ground.within(free.nodes, ground.spare_w)
    left = free.give(view, ground, line, (takes & ~ground.wasted())[free.nodes] & useful).rows_left

    served, freed = displaced(view, ground, going, left, takes)
    promised = np.zeros(len(instances.ids), dtype=np.bool_)
    promised[freed] = True
    cause = f"one of {len(served)} that cannot wait: their heat would be wasted elsewhere"
    stops = ended(going, make_way(view, np.sort(freed[going[freed]]), cause))

    left = left[np.isin(left, served, invert=True)]
    left = free.give(view, ground, left, takes[free.nodes]).rows_left
    bold = anywhere_at_once(view, left)
    choosy, bold_left = left[~bold], free.give(view, ground, left[bold], free.left).rows_left

    stops += ended(going, make_room(view, ground, going & takes[instances.node], choosy, promised))
    # What the first may have reckoned with is not for the second.
    reckoned = promised | (instances.phase == Phase.LEAVING) if len(choosy) else promised
    stops += ended(going, make_room(view, ground, going, bold_left, reckoned))
    return Pressing(
        stops=stops,
        served=served,
        left=np.concatenate([choosy, bold_left]),
        promised=promised,
        taken_w=ground.per_sink_w(instances.node[freed]),
    )
