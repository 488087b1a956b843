"""Start actions with their reasons: why now, and how the unit stands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ondol.model.decision import Start
from ondol.model.view import Bools, Ints, ServiceClass, View
from ondol.policy.urgency import Urgency
from ondol.policy.waiting import clock


def starts(
    view: View, urgent: Urgency, rows: Ints, nodes: Ints, state: Callable[[int], str], near: Bools | None = None
) -> list[Start]:
    """Start instances, each on its node.

    Parameters
    ----------
    rows, nodes : instances that start, and the node row of each
    state : says how a unit, given by its row, stands; asked once for each
    near : of each, whether its node was chosen for the inputs that lie at its site; None for none
    """
    instances = view.instances
    unit = view.nodes.unit[nodes]
    said = {row: state(row) for row in np.unique(unit).tolist()}
    service, latest_s = instances.service[rows], urgent.latest_start_s[rows]
    at_once = service == ServiceClass.ON_DEMAND
    late = (service == ServiceClass.FLEX) & (latest_s <= view.now_s)
    reasons = [said[row] for row in unit.tolist()]
    for place in np.flatnonzero(at_once).tolist():
        reasons[place] = f"cannot wait; {reasons[place]}"
    for place in np.flatnonzero(late).tolist():
        reasons[place] = f"had to start by {clock(latest_s[place])} to be in time; {reasons[place]}"
    for place in np.flatnonzero(near).tolist() if near is not None else ():
        site = view.units.site[unit[place]]
        missing_mb = view.missing_bytes[instances.data[rows[place]], site] / 1e6
        reasons[place] += f"; of equals, site {view.sites.ids[site]} lacks fewest of its inputs ({missing_mb:.0f} MB)"
    ids, node_ids = instances.ids, view.nodes.ids
    return [
        Start(ids[row], node_ids[node], reason)
        for row, node, reason in zip(rows.tolist(), nodes.tolist(), reasons, strict=True)
    ]
