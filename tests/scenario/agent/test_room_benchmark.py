"""The room test of the heat study: 7 nodes of 150 W, a shell lag of 25 min, January, 20/17.5 °C, noise 0.05 K."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.sparse

from ondol.drivers.virtual.plant import VirtualPlant
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import daily
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind

START = dt.datetime(2026, 1, 5, 0, 0, tzinfo=dt.UTC)
ROOM, HEATER = SinkId("room"), UnitId("heater")
DAYS = 6
STUDY_MPC_BELOW_K = 0.15  # the study's MPC kept a mean distance of 0.15 K from the set-point, at 0 K·h under-heating


def room_fleet(idle_w: float = 0.0) -> Fleet:
    """One room of the study; idle power is 0 there."""
    site = SiteId("home")
    schedule = daily(((0, 17.5), (6 * 60, 20.0), (22 * 60, 17.5)))
    return Fleet(
        name="study",
        sites=(Site(id=site, name="Home"),),
        units=(Unit(id=HEATER, site_id=site, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM, loop_temp_max_c=95.0),),
        nodes=tuple(
            Node(id=NodeId(f"node-{k}"), unit_id=HEATER, curve=PowerCurve(idle_w=idle_w, max_w=150.0)) for k in range(7)
        ),
        sinks=(Zone(id=ROOM, site_id=site, name="Room", initial_temp_c=17.5),),
        requests=(HeatRequest(id=RequestId("r"), site_id=site, target_id=ROOM, schedule=schedule, band_k=0.3),),
    )


def mpc_energy_j(fleet: Fleet, january, snapshot, start: dt.datetime, below_k: float) -> float:
    """Energy of `DAYS` − 1 days under the study's MPC: an LP with the exact model and all weather known [J].

    The plant is linear in its power, so its free course and its answer to a pulse are its exact model. ``min Σ u`` such
    that ``T_free + H u ≥ set-point − below_k`` every 15 min, 0 ≤ u ≤ 1050 W; one more day follows that is not
    counted, so that it does not pay to end with cold walls.
    """
    step_s, steps = 900.0, DAYS * 96

    def course(first_w: float) -> np.ndarray:
        plant = VirtualPlant(fleet, january(), START)
        plant.restore(snapshot)
        temps, node = [], fleet.nodes[0].id
        for k in range(steps):
            plant.advance(start + dt.timedelta(seconds=(k + 1) * step_s), {node: first_w * step_s} if k == 0 else {})
            temps.append(plant.sinks()[0].temp_c)
        return np.array(temps)

    free_c = course(0.0)
    pulse_k_per_w = (course(1000.0) - free_c) / 1000.0
    response = scipy.sparse.csr_matrix(scipy.linalg.toeplitz(pulse_k_per_w, np.zeros(steps)))
    schedule = fleet.requests[0].schedule
    asked_c = np.array([schedule.at(start + dt.timedelta(seconds=(k + 1) * step_s - 1)) for k in range(steps)])
    short = scipy.sparse.identity(steps)
    found = scipy.optimize.linprog(
        np.concatenate([np.ones(steps), np.full(steps, 1e5)]),
        A_ub=scipy.sparse.hstack([-response, -short]),
        b_ub=free_c - (asked_c - below_k),
        bounds=[(0.0, 7 * 150.0)] * steps + [(0.0, None)] * steps,
        method="highs",
    )
    assert found.success
    return float(found.x[: steps - 96].sum()) * step_s


@pytest.mark.parametrize(("partial", "steps_s"), [(True, (60.0,)), (False, (60.0,)), (True, (15.0, 120.0, 60.0, 45.0))])
def test_room_is_warm_in_time_nodes_are_spared_and_energy_is_near_the_optimum(closed_loop, january, partial, steps_s):
    loop = closed_loop(room_fleet(), january(), START, noise_k=0.05, partial=partial, steps_s=steps_s)
    loop.run(24.0)  # the first day warms walls that nobody heated before
    snapshot, begun = loop.plant.snapshot(), loop.now
    trace = loop.run(24.0 * (DAYS - 1))

    schedule = loop.fleet.requests[0].schedule
    ends = [at.timestamp() for at in trace.at]
    under_kh, error_ks, occupied_s = 0.0, 0.0, 0.0
    energy_j = trace.power_w[HEATER][0] * (ends[0] - begun.timestamp())
    for k in range(1, len(ends)):
        step_s, temp_c, asked_c = ends[k] - ends[k - 1], trace.temps[ROOM][k], schedule.at(trace.at[k - 1])
        energy_j += trace.power_w[HEATER][k] * step_s
        under_kh += max(asked_c - 0.3 - temp_c, 0.0) * step_s / 3600
        if asked_c == 20.0:
            error_ks += abs(temp_c - asked_c) * step_s
            occupied_s += step_s
    mae_k = error_ks / occupied_s
    starts_per_day = trace.starts / (DAYS - 1)
    least_j = mpc_energy_j(loop.fleet, january, snapshot, begun, STUDY_MPC_BELOW_K)
    more = energy_j / least_j - 1.0
    print(
        f"partial={partial} under={under_kh:.4f} K·h mae={mae_k:.3f} K starts/day={starts_per_day:.1f} "
        f"max={max(trace.temps[ROOM]):.2f} energy={energy_j / 3.6e6:.2f} kWh, {100 * more:.2f} % above the MPC's"
    )
    assert under_kh <= 0.001
    assert mae_k <= 0.06
    assert starts_per_day <= 24
    assert more <= 0.03
