"""A View of a fleet of which nothing is known yet: every slot free, nobody waits, every sink takes what it can get."""

from __future__ import annotations

import numpy as np

from ondol.control.grids import Grids
from ondol.model.fleet import Fleet
from ondol.model.site import UnitKind
from ondol.model.view import InstanceColumns, NodeColumns, SiteColumns, UnitColumns, View

STEP_S, HORIZON = 900.0, 8


def bare_view(fleet: Fleet, grids: Grids, now_s: float) -> View:
    """Give the View that stands in until the platform's first decision.

    Parameters
    ----------
    now_s : [s since the epoch]
    """
    site_row = {site.id: row for row, site in enumerate(fleet.sites)}
    unit_row = {unit.id: row for row, unit in enumerate(fleet.units)}
    sink_row = {sink.id: row for row, sink in enumerate(fleet.sinks)}
    sinks = [fleet.sink_of(unit) for unit in fleet.units]
    node_unit = np.array([unit_row[node.unit_id] for node in fleet.nodes], dtype=np.int64)
    node_max_w = np.array([node.curve.max_w for node in fleet.nodes])
    slots = np.array([node.slots for node in fleet.nodes], dtype=np.int64)
    units = len(fleet.units)
    unknown, none = np.full(units, np.nan), np.zeros(units)
    power_max_w = np.bincount(node_unit, weights=node_max_w, minlength=units).astype(np.float64)
    heats = np.array([unit.kind is not UnitKind.SERVER_RACK for unit in fleet.units], dtype=np.bool_)
    whole = np.zeros(0, dtype=np.int64)
    blank = np.zeros(0)
    return View(
        now_s=now_s,
        step_s=STEP_S,
        seed=0,
        sites=SiteColumns(
            ids=tuple(site.id for site in fleet.sites),
            pue=np.array([site.pue for site in fleet.sites]),
            grid_g_per_kwh=np.array([grids.ahead(site.country, now_s, STEP_S, HORIZON) for site in fleet.sites]),
            electrical_limit_w=np.array([site.electrical_limit_w for site in fleet.sites]),
        ),
        units=UnitColumns(
            ids=tuple(unit.id for unit in fleet.units),
            site=np.array([site_row[unit.site_id] for unit in fleet.units], dtype=np.int64),
            heats=heats,
            sink=np.array([-1 if sink is None else sink_row[sink.id] for sink in sinks], dtype=np.int64),
            power_max_w=power_max_w,
            power_w=none,
            wanted_w=np.where(heats, power_max_w, 0.0),
            wanted_ahead_w=np.zeros((units, HORIZON)),
            temp_c=unknown,
            setpoint_c=unknown,
            lower_c=unknown,
            upper_c=unknown,
            room_j=none,
        ),
        nodes=NodeColumns(
            ids=tuple(node.id for node in fleet.nodes),
            unit=node_unit,
            slots=slots,
            slots_free=slots,
            idle_w=np.array([node.curve.idle_w for node in fleet.nodes]),
            max_w=node_max_w,
            cap_w=node_max_w,
            accepts=np.ones(len(slots), dtype=np.bool_),
        ),
        instances=InstanceColumns(
            ids=(),
            task=whole,
            phase=whole,
            service=whole,
            node=whole,
            submitted_s=blank,
            deadline_s=blank,
            since_s=blank,
            expected_s=blank,
            done_s=blank,
            attempts=whole,
            resumable=np.zeros(0, dtype=np.bool_),
            allowed=whole,
            data=whole,
        ),
        allowances=np.ones((1, len(slots)), dtype=np.bool_),
        missing_bytes=np.zeros((1, len(fleet.sites))),
    )
