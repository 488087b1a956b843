"""Given one scenario with heat, when the twin and the platform's own loop live it, then they decide the same."""

from __future__ import annotations

import dataclasses

import pytest

from ondol.control.record import unpack_view
from ondol.model.errors import InvalidFieldError
from ondol.twin.same.check import Verdict, check
from ondol.twin.same.columns_of import column_differences
from ondol.twin.scenario import read_scenario
from scenario.twin.same_fleet import TEXT, fleet, jobs, platform_ticks, twin_ticks

DAYS, JOBS = 0.15, 90
MEASURED = {"units.power_w", "nodes.up", "instances.done_s", "instances.since_s"}
"""Columns that differ although everything decides the same: docs/explanation/two-twins.md says why."""

TANK = """
name = "tank"
begin = 2026-01-12T00:00:00Z
days = 0.25
step_s = 300
[overflow]
nodes = 2
[[site]]
id = "house"
[[site.sink]]
id = "tank"
kind = "tank"
target_c = 50
initial_temp_c = 44
temp_max_c = 60
volume_l = 1500
[[site.sink.unit]]
nodes = 8
slots = 2
max_w = 250
case_ua_w_per_k = 2
"""


def lived(policy: str, *, steady: bool, filler: bool) -> Verdict:
    return check(fleet(DAYS, filler=filler), jobs(DAYS, JOBS), policy, steady=steady)


@pytest.mark.parametrize("policy", ["fcfs", "greco"])
def test_with_the_platforms_own_agents_every_decision_is_equal(policy: str) -> None:
    """Given policies that look at temperatures and set-points only, then PI loops and thermostats make no odds."""
    verdict = lived(policy, steady=False, filler=False)
    assert (verdict.acts, verdict.moments, verdict.floors) == (None, None, None)
    assert verdict.same
    assert verdict.shared == 1.0
    assert verdict.temp_k < 1e-9
    assert verdict.twin.starts >= JOBS - 15, "nearly all of it was started"
    assert verdict.platform.heat_kwh == pytest.approx(verdict.twin.heat_kwh, rel=1e-9)
    assert verdict.platform.electric_kwh == pytest.approx(verdict.twin.electric_kwh, rel=1e-9)
    if policy == "greco":
        assert verdict.twin.stops > 5, "it also made room"


@pytest.mark.parametrize("policy", ["greedy", "follow"])
def test_with_one_heat_layer_every_decision_is_equal(policy: str) -> None:
    """Given policies that plan with stores and forecasts, and spare work without end, then all the rest is the same."""
    verdict = lived(policy, steady=True, filler=True)
    assert (verdict.acts, verdict.moments, verdict.floors) == (None, None, None)
    assert verdict.twin.starts > 50
    assert verdict.twin.wait_s > 0
    assert dataclasses.replace(verdict.platform, moments=0) == dataclasses.replace(
        verdict.twin,
        moments=0,
        electric_kwh=pytest.approx(verdict.twin.electric_kwh, rel=1e-9),
        heat_kwh=pytest.approx(verdict.twin.heat_kwh, rel=1e-9),
        backup_kwh=pytest.approx(verdict.twin.backup_kwh, rel=1e-9),
    )
    if policy == "follow":
        assert verdict.twin.stops > 10


def test_what_agents_want_is_seen_where_it_matters() -> None:
    """Given a policy that follows what thermostats want, when agents ask in their place, then the check says so."""
    verdict = check(fleet(0.1, filler=True), jobs(0.1, 40), "thermostat-filler")
    assert not verdict.same
    assert verdict.acts is not None
    assert "the twin: " in str(verdict.acts)
    assert verdict.shared < 1.0
    assert verdict.twin.heat_kwh == pytest.approx(verdict.platform.heat_kwh, rel=0.25), "and yet heat is about alike"


def test_a_tank_is_filled_as_fast_as_production_fills_it() -> None:
    """Given a cold tank and spare work, when a thermostat fills it, then as fast as the platform's own loop does."""
    verdict = check(read_scenario(TANK), jobs(0.25, 8), "thermostat-filler")
    assert verdict.twin.heat_kwh > 8.0
    assert verdict.twin.heat_kwh == pytest.approx(verdict.platform.heat_kwh, rel=0.02)
    assert verdict.temp_k < 0.2


def test_views_are_the_same_but_for_what_is_measured() -> None:
    """Given a twin's and the platform's View of each moment, then only measured columns differ."""
    days, count = 0.06, 35
    ours = {tick.at_s: tick for tick in reversed(twin_ticks("follow", days, count, filler=True))}
    theirs = {tick.at_s: tick for tick in reversed(platform_ticks("follow", days, count, filler=True, steady=True))}
    assert len(ours) > 30
    assert ours.keys() <= theirs.keys()
    for at_s, tick in ours.items():
        found = column_differences(unpack_view(tick.view), unpack_view(theirs[at_s].view))
        assert found.keys() <= MEASURED, f"{at_s} s: {found}"


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ('[[site]]\nid = "town"\n[[site.sink]]\nid = "net"\nkind = "network"\n', "a room, tank or pool"),
        ('[[site]]\nid = "south"\nclimate = "H3"\n[[site.rack]]\nnodes = 1\n', "one climate"),
        ('[[site]]\nid = "fast"\n[[site.rack]]\nnodes = 1\nspeed = 2.0\n', "a node's own seconds"),
    ],
)
def test_a_scenario_that_the_platform_cannot_live_is_refused(more: str, allowed: str) -> None:
    with pytest.raises(InvalidFieldError, match=allowed):
        check(read_scenario(TEXT.format(days=DAYS, filler="false") + more), jobs(DAYS, 5), "fcfs")
