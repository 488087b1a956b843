"""The room test of the heat study: 7 nodes of 150 W, a shell lag of 25 min, January, 20/17.5 °C, noise 0.05 K."""

from __future__ import annotations

import datetime as dt

import pytest

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


@pytest.mark.parametrize(("partial", "steps_s"), [(True, (60.0,)), (False, (60.0,)), (True, (15.0, 120.0, 60.0, 45.0))])
def test_room_is_warm_in_time_and_nodes_are_spared(closed_loop, january, partial, steps_s):
    loop = closed_loop(room_fleet(), january(), START, noise_k=0.05, partial=partial, steps_s=steps_s)
    loop.run(24.0)  # the first day warms walls that nobody heated before
    trace = loop.run(24.0 * (DAYS - 1))

    schedule = loop.fleet.requests[0].schedule
    ends = [at.timestamp() for at in trace.at]
    under_kh, error_ks, occupied_s = 0.0, 0.0, 0.0
    for k in range(1, len(ends)):
        step_s, temp_c, asked_c = ends[k] - ends[k - 1], trace.temps[ROOM][k], schedule.at(trace.at[k - 1])
        under_kh += max(asked_c - 0.3 - temp_c, 0.0) * step_s / 3600
        if asked_c == 20.0:
            error_ks += abs(temp_c - asked_c) * step_s
            occupied_s += step_s
    mae_k = error_ks / occupied_s
    starts_per_day = trace.starts / (DAYS - 1)
    print(
        f"partial={partial} under={under_kh:.3f} K·h mae={mae_k:.3f} K starts/day={starts_per_day:.1f} "
        f"max={max(trace.temps[ROOM]):.2f}"
    )
    assert under_kh <= 0.02
    assert mae_k <= 0.1
    assert starts_per_day <= 24
