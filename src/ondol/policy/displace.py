"""Makes room where no slot is left: heat-bound work gives up its slot, what is worth least or loses nothing first."""

from __future__ import annotations

import numpy as np

from ondol.model.decision import Stop
from ondol.model.view import Bools, Phase, ServiceClass, View
from ondol.policy.demand import Demand
from ondol.policy.standing import Standing
from ondol.policy.waiting import NAMES


def make_room(view: View, now: Standing, urgent: int, moved: frozenset[str]) -> list[Stop]:
    """Stop heat-bound work for work that cannot wait; slots that are being freed already count.

    In this order: filler (what loses nothing by it first), resumable harvest, and as the last resort harvest that must
    begin anew, the least work done first. Harvest runs only on heat and may be stopped, so that nobody who cannot wait
    ever waits for it, frozen or not. Of equals the frozen go first, then the lower id.

    Parameters
    ----------
    urgent : instances that cannot wait and found no slot
    moved : ids that are stopped already
    """
    instances = view.instances
    coming = int((instances.phase == Phase.LEAVING).sum()) + len(moved)
    held = (now.active | (instances.phase == Phase.PAUSED)) & (now.unit >= 0)
    filler = instances.service == ServiceClass.FILLER
    bound = filler | (instances.service == ServiceClass.HARVEST)
    rows = np.flatnonzero(held & bound & _accepting(view))
    frozen, begins_anew = instances.phase[rows] == Phase.PAUSED, ~instances.resumable[rows]
    lost_s = np.where(begins_anew & ~filler[rows], instances.done_s[rows], 0.0)
    rows = rows[np.lexsort((rows, ~frozen, lost_s, begins_anew, ~filler[rows]))]
    need = max(urgent - coming, 0)
    if not need:
        return []
    stays = np.array([instances.ids[row] not in moved for row in rows.tolist()], dtype=np.bool_)
    return [
        Stop(
            instances.ids[row],
            f"{NAMES[instances.service[row]]} makes room: {urgent} that cannot wait have no slot"
            + ("" if filler[row] or instances.resumable[row] else "; no other heat-bound work is left to stop"),
        )
        for row in rows[stays][:need].tolist()
    ]


def replace_filler(view: View, now: Standing, wants: Demand, useful: int, coming: int) -> list[Stop]:
    """Stop resumable filler in units that want heat for queued work that somebody waits for.

    Parameters
    ----------
    useful : flex and harvest instances in the queue that found no slot
    coming : slots that are being freed already
    """
    instances = view.instances
    rows = np.flatnonzero(
        now.active & (instances.service == ServiceClass.FILLER) & instances.resumable & _accepting(view)
    )
    rows = rows[view.units.heats[now.unit[rows]] & ~wants.unwanted[now.unit[rows]]]
    return [
        Stop(instances.ids[row], f"filler gives the heat of its slot to work that somebody waits for ({useful} queued)")
        for row in rows[: max(useful - coming, 0)].tolist()
    ]


def _accepting(view: View) -> Bools:
    """Tell per instance whether the node it holds a slot of takes new work."""
    node = view.instances.node
    return (node >= 0) & view.nodes.accepts[np.maximum(node, 0)] if len(view.nodes.ids) else node >= 0
