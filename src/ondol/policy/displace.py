"""Makes room where no slot is left: heat-bound work gives up its slot, what is worth least or loses nothing first."""

from __future__ import annotations

import numpy as np

from ondol.model.decision import Stop
from ondol.model.view import Bools, Ints, Phase, ServiceClass, View
from ondol.policy.demand import Demand
from ondol.policy.fit import fit
from ondol.policy.standing import Standing
from ondol.policy.waiting import NAMES


def make_room(view: View, now: Standing, urgent: Ints, moved: Ints) -> tuple[list[Stop], Ints]:
    """Stop heat-bound work for work that cannot wait; slots that are being freed already count.

    In this order: filler (what loses nothing by it first), resumable harvest, and as the last resort harvest that must
    begin anew, the least work done first. Harvest runs only on heat and may be stopped, so that nobody who cannot wait
    ever waits for it, frozen or not. Of equals the frozen go first, then the lower id.

    Parameters
    ----------
    urgent : rows that cannot wait and found no slot
    moved : rows that are stopped already

    Returns
    -------
    actions; all rows that are stopped now, `moved` among them
    """
    instances = view.instances
    held = (now.active | (instances.phase == Phase.PAUSED)) & (now.unit >= 0)
    held[moved] = False
    filler = instances.service == ServiceClass.FILLER
    bound = filler | (instances.service == ServiceClass.HARVEST)
    rows = np.flatnonzero(held & bound & _accepting(view))
    frozen, begins_anew = instances.phase[rows] == Phase.PAUSED, ~instances.resumable[rows]
    lost_s = np.where(begins_anew & ~filler[rows], instances.done_s[rows], 0.0)
    rows = rows[np.lexsort((rows, ~frozen, lost_s, begins_anew, ~filler[rows]))]
    unserved = fit(view, urgent, _coming(view, moved)).rows_left
    chosen = rows[np.sort(fit(view, unserved, instances.node[rows]).slots)]
    stops = [
        Stop(
            instances.ids[row],
            f"{NAMES[instances.service[row]]} makes room: {len(urgent)} that cannot wait have no slot"
            + ("" if filler[row] or instances.resumable[row] else "; no other heat-bound work is left to stop"),
        )
        for row in chosen.tolist()
    ]
    return stops, np.concatenate([moved, chosen])


def replace_filler(view: View, now: Standing, wants: Demand, useful: Ints, stopped: Ints) -> list[Stop]:
    """Stop resumable filler in units that want heat for queued work that somebody waits for.

    Parameters
    ----------
    useful : rows of flex and harvest in the queue that found no slot
    stopped : rows that are stopped already
    """
    instances = view.instances
    going = now.active & (instances.service == ServiceClass.FILLER) & instances.resumable & _accepting(view)
    going[stopped] = False
    rows = np.flatnonzero(going)
    rows = rows[view.units.heats[now.unit[rows]] & ~wants.unwanted[now.unit[rows]]]
    unserved = fit(view, useful, _coming(view, stopped)).rows_left
    cause = f"filler gives the heat of its slot to work that somebody waits for ({len(useful)} queued)"
    return [
        Stop(instances.ids[row], cause)
        for row in rows[np.sort(fit(view, unserved, instances.node[rows]).slots)].tolist()
    ]


def give_way(
    view: View, victims: Ints, needy: Ints, cause: str, promised: Bools | None = None
) -> tuple[list[Stop], Ints]:
    """Stop as many of some work as others need slots, the first ones first; slots that are being freed already count.

    Parameters
    ----------
    victims : rows that hold a slot and may be stopped, in the order in which they give way
    needy : rows that found no slot
    cause : for people to read
    promised : per instance, whether its slot is freed for others than these; None for no such

    Returns
    -------
    actions; rows that are stopped
    """
    instances = view.instances
    rows = victims[_accepting(view)[victims]]
    unserved = fit(view, needy, _coming(view, rows[:0], promised)).rows_left
    chosen = rows[np.sort(fit(view, unserved, instances.node[rows]).slots)]
    return [Stop(instances.ids[row], f"{cause} ({len(needy)} queued)") for row in chosen.tolist()], chosen


def _coming(view: View, stopped: Ints, promised: Bools | None = None) -> Ints:
    """Node rows of slots that are being freed."""
    instances = view.instances
    leaving = (instances.phase == Phase.LEAVING) & (instances.node >= 0)
    if promised is not None:
        leaving &= ~promised
    nodes: Ints = instances.node[np.concatenate([np.flatnonzero(leaving), stopped])]
    return nodes


def _accepting(view: View) -> Bools:
    """Tell per instance whether the node it holds a slot of takes new work."""
    node = view.instances.node
    return (node >= 0) & view.nodes.accepts[np.maximum(node, 0)] if len(view.nodes.ids) else node >= 0
