"""Baselines give the figures that their sources publish, as near as docs/reference/baselines.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.baselines.machine_learning import (
    PUBLISHED,
    before,
    draw_jobs,
    most_percent,
    read_intensity,
    saved_percent,
)
from benchmarks.baselines.two_weeks import PUBLISHED as QARNOT
from benchmarks.baselines.two_weeks import SMALL_AND_LARGE, Figures, jobs_with_data, live, replicated
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.workload.jobs import Trace

FIVE_WEEKS = 5 * 7 * 48  # half hours


@pytest.fixture(scope="module")
def two_weeks(shared_data: Path) -> Trace:
    folder = shared_data / "workloads"
    return jobs_with_data(folder / "greco14d_jobs.csv", folder / "greco_datasets.json")


@pytest.fixture(scope="module")
def standard(two_weeks: Trace) -> tuple[Figures, FleetTwin]:
    """Qarnot's rules on the 1,010 boards of the published run."""
    return live(two_weeks, SMALL_AND_LARGE)


@pytest.mark.shared_data
def test_inputs_are_found_by_the_minute_of_the_jobs_that_asked_for_them(two_weeks: Trace):
    # given the sets that are named after jobs of March 2019, when jobs are given those of their minute
    jobs, sets = two_weeks.jobs, two_weeks.data
    # then none of the first three days has any, as in the log, and most of the others have
    first_days = jobs.submitted_s < 3 * 86_400.0 - 240.0
    assert (jobs.data[first_days] >= 0).mean() < 0.2
    assert (jobs.data[~first_days] >= 0).mean() > 0.75
    # and the image of 1.3 GB is there, whose 104.49 s over 100 Mbit/s are the most frequent wait of the log
    assert 1_305_968_769.0 in sets.bytes


@pytest.mark.shared_data
def test_qarnots_rules_draw_what_the_published_run_drew_and_its_median_job_waits_as_long(
    standard: tuple[Figures, FleetTwin],
):
    # given the jobs, their data and the 1,010 boards of the published run, when Qarnot's rules place them
    figures, twin = standard
    # then all is done, at full speed, and energy and use of the boards are the published ones
    assert twin.attempts.kills == 0
    assert figures.energy_kwh == pytest.approx(QARNOT.energy_kwh, rel=1e-3)
    assert figures.busy_share == pytest.approx(QARNOT.busy_share, rel=5e-3)
    # and so is the median wait, which is the time that an image takes
    assert figures.wait_p50_s == pytest.approx(QARNOT.wait_p50_s, rel=0.05)
    # while the mean is below it: here no board is ever shut off
    assert 0.4 < figures.wait_s / QARNOT.wait_s < 0.7


@pytest.mark.shared_data
def test_with_a_fifth_of_the_boards_shut_off_waits_are_the_published_ones(two_weeks: Trace):
    # given four fifths of the boards, since events whose number is not known shut some off
    figures, _ = live(two_weeks, tuple(max(1, round(0.8 * boards)) for boards in SMALL_AND_LARGE))
    # then mean, median and longest wait are as published
    assert figures.wait_s == pytest.approx(QARNOT.wait_s, rel=0.05)
    assert figures.wait_p50_s == pytest.approx(QARNOT.wait_p50_s, rel=0.05)
    assert figures.wait_max_s == pytest.approx(QARNOT.wait_max_s, rel=0.05)


@pytest.mark.shared_data
def test_data_at_all_sites_beforehand_almost_halve_slowdowns_for_several_times_the_bytes(
    two_weeks: Trace, standard: tuple[Figures, FleetTwin]
):
    # given all data at all sites, when Qarnot's rules place the jobs
    at_hand, moved_bytes = replicated(two_weeks)
    figures, _ = live(at_hand, SMALL_AND_LARGE)
    # then it is as published of other weeks: about half the slowdown and the wait, for about five times the bytes
    assert figures.slowdown / standard[0].slowdown == pytest.approx(0.5, abs=0.07)
    assert figures.wait_s / standard[0].wait_s == pytest.approx(0.5, abs=0.1)
    assert 4.0 < moved_bytes / standard[1].caches.moved_bytes < 8.0


@pytest.mark.shared_data
@pytest.mark.parametrize("interrupting", [False, True])
def test_a_year_of_machine_learning_saves_in_france_what_is_published(shared_data: Path, interrupting: bool):
    # given the paper's intensities and its jobs, drawn anew; over 20 other draws savings spread by 0.12 and 0.13 points
    intensity = read_intensity(shared_data / "carbon" / "lwa_fr_ci_2020.csv")
    # when each runs at its cleanest, then the year saves what was published
    saved = most_percent(intensity, draw_jobs(), interrupting=interrupting)
    assert saved == pytest.approx(PUBLISHED[0.0, interrupting], abs=0.13)


@pytest.mark.shared_data
@pytest.mark.parametrize("interrupting", [False, True])
def test_wait_awhile_runs_each_of_these_jobs_at_its_cleanest(shared_data: Path, interrupting: bool):
    # given five weeks of them
    intensity = read_intensity(shared_data / "carbon" / "lwa_fr_ci_2020.csv")[:FIVE_WEEKS]
    jobs = before(draw_jobs(), FIVE_WEEKS)
    assert len(jobs.length) > 250
    # when the policy decides half hour by half hour, then it saves the most that can be saved, and none is late
    saved, late = saved_percent(intensity, jobs, interrupting=interrupting)
    assert saved == pytest.approx(most_percent(intensity, jobs, interrupting=interrupting), abs=1e-6)
    assert late == 0
    # and with a forecast that is wrong by a tenth it saves less, if it may interrupt, and never more
    worse, _ = saved_percent(intensity, jobs, interrupting=interrupting, error=0.1)
    assert worse < saved - (0.3 if interrupting else 0.0)
