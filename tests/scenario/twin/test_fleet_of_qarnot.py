"""Qarnot's two weeks of 2019 on 1,000 hosts: the fleet waits and draws as other simulators found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ondol.twin.workload.greco import read_greco
from unit.twin.small_fleets import FleetTwin, OverflowSpec, fleet, load_policy, room, series_of, site, unit


@pytest.mark.shared_data
@pytest.mark.parametrize("step_s", [900.0, 300.0, 150.0])
def test_first_come_first_served_waits_as_elsewhere(shared_data: Path, step_s: float) -> None:
    # given 1,000 hosts of 100 W idle and 200 W busy that are always on, heaters of ten big buildings
    trace = read_greco(shared_data / "workloads" / "greco14d_jobs.csv")
    hosts = unit(count=25, nodes=4, idle_w=100.0, max_w=200.0, off_w=100.0, boot_s=0.0, off_after_s=float("inf"))
    building = room(
        air_j_per_k=5e7,
        mass_j_per_k=8e8,
        ua_w_per_k=2000.0,
        mass_ua_w_per_k=12_000.0,
        mass_outside_ua_w_per_k=1300.0,
        shell_j_per_k=2.25e6,
        shell_ua_w_per_k=1500.0,
        unit=(hosts,),
    )
    scenario = fleet(
        site=(site(building, count=10),),
        days=14.0,
        step_s=step_s,
        place_s=0.0,
        filler=False,
        overflow=OverflowSpec(nodes=0),
    )
    twin = FleetTwin(scenario, series_of(scenario), trace, load_policy("fcfs"))
    # when they run first come, first served
    twin.live(twin.series.steps)
    # then the mean wait is what SimGrid, LEAF and others found, at any step
    jobs, attempts = trace.jobs, twin.attempts
    assert (attempts.first_start_s - jobs.submitted_s).mean() == pytest.approx(45.62, abs=0.005)
    # and every job ran its time at full speed
    assert attempts.end_s - attempts.first_start_s == pytest.approx(jobs.run_s, abs=1e-3)
    # and energy is that of all idle hosts and of all run times
    by_hand_j = 1000 * 100.0 * scenario.days * 86_400.0 + 100.0 * float(jobs.run_s.sum())
    assert twin.score.electric_j == pytest.approx(by_hand_j, rel=1e-6)
    assert float(np.nansum(attempts.energy_j)) == pytest.approx(100.0 * float(jobs.run_s.sum()), rel=1e-6)
