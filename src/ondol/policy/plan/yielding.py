"""Who gives up a slot under a plan: filler for work that somebody waits for, and work that does better elsewhere.

Work that no checkpoint keeps is never stopped, but for filler. Slots that are being freed already count, so that not a
second one is freed for the same work.
"""

from __future__ import annotations

import numpy as np

from ondol.model.decision import Stop
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.displace import give_way
from ondol.policy.fit import fit
from ondol.policy.plan.field import EQUAL_G_PER_KWH, Field
from ondol.policy.standing import Standing
from ondol.policy.urgency import Urgency, left_s

MOVE_LEFT_S = 1800.0  # work that ends sooner stays where it is

FREED_WITHIN_S = 120.0  # who leaves its slot takes seconds, but for uploads: those nobody waits for

USELESS_SHARE = 0.8  # of its electricity: filler whose heat is worth less ends at once where nothing is planned


def held(view: View, now: Standing) -> Bools:
    """Tell per instance whether it holds a slot that it is not leaving."""
    return np.asarray((now.unit >= 0) & (view.instances.phase != Phase.LEAVING), dtype=np.bool_)


def ended(going: Bools, stopped: tuple[list[Stop], Ints]) -> list[Stop]:
    """Note in `going` who does not go on."""
    stops, rows = stopped
    going[rows] = False
    return stops


def make_room(view: View, field: Field, going: Bools, pressing: Ints, promised: Bools) -> tuple[list[Stop], Ints]:
    """Stop filler, then harvest that loses nothing by it, for work that cannot wait and found no slot.

    Parameters
    ----------
    promised : per instance, whether its slot is being freed for somebody already

    Returns
    -------
    actions; rows that are stopped
    """
    if not len(pressing):
        return [], pressing[:0]
    instances = view.instances
    filler = instances.service == ServiceClass.FILLER
    rows = np.flatnonzero(going & (filler | ((instances.service == ServiceClass.HARVEST) & instances.resumable)))
    rows = rows[field.in_order(instances.node[rows], (~instances.resumable[rows], rows))]
    rows = rows[np.argsort(~filler[rows], kind="stable")]
    return give_way(view, rows, pressing, "makes room for work that cannot wait and has no slot", promised)


def displaced(view: View, field: Field, going: Bools, pressing: Ints, usable: Bools) -> tuple[Ints, Ints]:
    """Find slots where heat is wanted, filler's or freed by it, for work that else would run where heat is wasted.

    Parameters
    ----------
    usable : per node, whether such work may go there

    Returns
    -------
    rows that get one; rows whose slots they are
    """
    instances = view.instances
    rows = coming(view, field, going)
    rows = rows[(instances.service[rows] == ServiceClass.FILLER) & (usable & ~field.wasted())[instances.node[rows]]]
    fitted = fit(view, pressing, instances.node[rows])
    return fitted.rows, rows[fitted.slots]


def useless_filler(view: View, field: Field, going: Bools) -> tuple[list[Stop], Ints]:
    """Stop filler where the plan gives nothing and heat is worth clearly less than its electricity.

    Where it is worth a little less, filler fades away with the eased plan: values go up and down, and starts are wear.
    Where the plan gives something, what another kWh is worth says nothing about those that are planned: in a sink that
    stores nothing it is 0 as soon as the demand is met.
    """
    instances = view.instances
    rows = np.flatnonzero(going & (instances.service == ServiceClass.FILLER))
    node = instances.node[rows]
    gain, sink = field.gain_g_per_kwh[node], field.sink[node]
    useless = (gain < (USELESS_SHARE - 1.0) * field.cost_g_per_kwh[node]) & (
        (sink < 0) | field.unplanned[np.maximum(sink, 0)]
    )
    cause = "filler ends: no power is planned, and heat is worth far less than its electricity ({:.0f} g a kWh)"
    stops = [
        Stop(instances.ids[row], cause.format(worth))
        for row, worth in zip(rows[useless].tolist(), gain[useless].tolist(), strict=True)
    ]
    return stops, rows[useless]


def coming(view: View, field: Field, going: Bools) -> Ints:
    """Rows whose slots others may have soon: what is leaving, unless it takes long, and filler, by falling gain."""
    instances = view.instances
    freed = (instances.phase == Phase.LEAVING) & (view.now_s - instances.since_s < FREED_WITHIN_S)
    leaving = freed & (instances.node >= 0)
    rows = np.flatnonzero(leaving | (going & (instances.service == ServiceClass.FILLER)))
    rows = rows[view.nodes.accepts[instances.node[rows]]]
    return rows[field.in_order(instances.node[rows], (~leaving[rows], rows))]


def make_way(view: View, rows: Ints, cause: str) -> tuple[list[Stop], Ints]:
    """Stop filler whose slots are taken over.

    Parameters
    ----------
    cause : for people to read, after "filler makes way for "
    """
    return [Stop(view.instances.ids[row], f"filler makes way for {cause}") for row in rows.tolist()], rows


def excess_filler(view: View, field: Field, going: Bools, room_w: Floats) -> tuple[list[Stop], Ints]:
    """Stop filler, the last ones of each sink, by which it passes what the plan leaves to it by over half a slot.

    Less than that is how filler starts (see `Field.within`), so that it does not stop and start in turn.

    Parameters
    ----------
    room_w : per sink, planned power less all useful work [W]
    """
    instances = view.instances
    last = np.flatnonzero(going & (instances.service == ServiceClass.FILLER))[::-1]
    nodes = instances.node[last]
    drawn_w = field.per_sink_w(nodes)
    over_w = np.maximum(drawn_w - np.maximum(room_w, 0.0), 0.0)
    rows = np.sort(last[field.within(nodes, over_w * (1.0 - 1e-9), strictly=True)])
    stops = []
    for row, sink in zip(rows.tolist(), field.sink[instances.node[rows]].tolist(), strict=True):
        cause = f"filler draws {drawn_w[sink]:.0f} W where the plan leaves it {max(room_w[sink], 0.0):.0f} W"
        stops.append(Stop(instances.ids[row], cause))
    return stops, rows


def move(
    view: View, urgent: Urgency, field: Field, going: Bools, *, useful_w: Floats, slots: Ints
) -> tuple[list[Stop], Ints, Ints]:
    """Take work with a checkpoint out of sinks that draw more than planned and want no heat, to where heat is wanted.

    Parameters
    ----------
    going : per instance, whether it holds a slot and goes on
    useful_w : per sink, all useful work, what starts now included [W]
    slots : node rows of free slots that nobody in line may have; those of filler are had beside them

    Returns
    -------
    actions; rows that are stopped, filler among them; positions of the slots that are to be kept for them
    """
    instances, none = view.instances, slots[:0]
    movable = (
        going
        & (instances.phase == Phase.RUNNING)
        & instances.resumable
        & ((instances.service == ServiceClass.HARVEST) | (instances.service == ServiceClass.FLEX))
        & ~urgent.pressing_held
        & (left_s(view) > MOVE_LEFT_S)
    )
    last = np.flatnonzero(movable)[::-1]
    last = last[field.gain_g_per_kwh[instances.node[last]] < -EQUAL_G_PER_KWH]
    rows = np.sort(last[field.within(instances.node[last], useful_w - field.planned_w)])
    if not len(rows):
        return [], none, none
    filler = np.flatnonzero(going & (instances.service == ServiceClass.FILLER))
    filler = filler[view.nodes.accepts[instances.node[filler]]]
    filler = filler[field.in_order(instances.node[filler], (filler,))]
    targets = np.concatenate([slots, instances.node[filler]])
    wanted = field.gain_g_per_kwh[targets] > 0.0
    places = np.flatnonzero(wanted & field.within(targets, field.planned_w - useful_w))
    fitted = fit(view, rows, targets[places])
    used = places[fitted.slots]
    stops = []
    for row, node in zip(fitted.rows.tolist(), targets[used].tolist(), strict=True):
        here, there = field.gain_g_per_kwh[instances.node[row]], field.gain_g_per_kwh[node]
        cause = "goes on from its checkpoint where heat is worth more than its electricity"
        stops.append(Stop(instances.ids[row], f"{cause}: a kWh is worth {there:.0f} g there, {here:.0f} g here"))
    gone = filler[used[used >= len(slots)] - len(slots)]
    stops += make_way(view, gone, f"one of {len(fitted.rows)} that come from where heat is not wanted")[0]
    return stops, np.concatenate([fitted.rows, gone]), used[used < len(slots)]
