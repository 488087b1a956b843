"""Made-up work is like the work that it was fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.errors import InvalidFieldError
from ondol.model.view import ServiceClass
from ondol.twin.workload import GeneratorSpec, Jobs, ServiceMix, generate
from ondol.twin.workload.run_times import fit_run_times

SINGLE = GeneratorSpec(span_s=100 * 86_400.0, tasks_per_day=2000.0, instances_mean=1.0)


def test_the_fit_goes_through_median_quantile_and_mean_and_finds_the_tail_by_itself() -> None:
    fitted = fit_run_times(652.0, 6039.0, 2224.0)
    p50_s, p90_s, p99_s = fitted.quantile_s(np.array([0.5, 0.9, 0.99]))
    assert (p50_s, p90_s) == (pytest.approx(652.0), pytest.approx(6039.0))
    assert fitted.mean_s == pytest.approx(2224.0)
    middles = (np.arange(200_000) + 0.5) / 200_000
    run_s = fitted.quantile_s(middles)
    assert run_s.mean() == pytest.approx(2224.0, rel=1e-3)
    # what was not fitted: 1 % of the trace is longer than 20,976 s; 70.7 % of its work is in jobs of over an hour
    assert p99_s == pytest.approx(20_976.0, rel=0.07)
    assert run_s[run_s > 3600.0].sum() / run_s.sum() == pytest.approx(0.707, abs=0.01)
    assert fitted.longest_s == pytest.approx(30_700.0, rel=0.01)


def test_without_a_mean_it_is_the_whole_lognormal() -> None:
    whole = fit_run_times(652.0, 6039.0, None)
    assert whole.sigma == pytest.approx(np.log(6039.0 / 652.0) / 1.2815515655)
    assert whole.mean_s == pytest.approx(652.0 * np.exp(whole.sigma**2 / 2))
    assert np.isinf(whole.longest_s)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.01, 1e6), st.floats(1.01, 100.0), st.floats(0.01, 6.0))
def test_a_cut_lognormal_is_found_again_from_what_it_is_like(p50_s: float, ratio: float, cut: float) -> None:
    from ondol.twin.workload.run_times import _through

    made = _through(p50_s, p50_s * ratio, cut)
    found = fit_run_times(p50_s, p50_s * ratio, made.mean_s)
    assert found.mean_s == pytest.approx(made.mean_s, rel=1e-9)
    assert found.quantile_s(np.array([0.5, 0.9])) == pytest.approx([p50_s, p50_s * ratio], rel=1e-9)


@pytest.mark.parametrize("mean_s", [500.0, 3000.0, np.nan])
def test_a_mean_that_no_cut_gives_is_refused_with_those_there_are(mean_s: float) -> None:
    with pytest.raises(InvalidFieldError, match=r"between .* and 2946"):
        fit_run_times(652.0, 6039.0, mean_s)
    with pytest.raises(InvalidFieldError, match="run_p90_s"):
        fit_run_times(652.0, 652.0, None)


def test_run_times_and_number_of_jobs_are_those_that_were_asked_for() -> None:
    jobs = generate(SINGLE, seed=1).jobs
    assert len(jobs) == pytest.approx(SINGLE.jobs_mean, abs=4 * SINGLE.jobs_mean**0.5)
    assert np.quantile(jobs.run_s, [0.5, 0.9]) == pytest.approx([652.0, 6039.0], rel=0.02)
    assert jobs.run_s.mean() == pytest.approx(2224.0, rel=0.02)
    assert jobs.work_s == pytest.approx(SINGLE.work_mean_s, rel=0.02)


def test_users_come_in_office_hours_and_after_midnight() -> None:
    jobs = generate(SINGLE, seed=1).jobs
    by_hour = np.bincount((jobs.submitted_s // 3600 % 24).astype(int), minlength=24)
    wanted = np.array(SINGLE.hourly) / sum(SINGLE.hourly) * len(jobs)
    assert by_hour == pytest.approx(wanted, rel=0.05)
    assert by_hour[10:16].min() > 3 * by_hour[2:7].max()
    assert by_hour[0] > 3 * by_hour[1]
    # a scenario that begins at noon and a half has its office hours where they are
    noon = generate(replace(SINGLE, begin_h=12.5), seed=1).jobs
    shifted = np.bincount(((noon.submitted_s + 12.5 * 3600) // 3600 % 24).astype(int), minlength=24)
    assert shifted == pytest.approx(wanted, rel=0.05)


def test_arrivals_vary_as_those_of_a_poisson_process() -> None:
    # given 400 days of the same mean
    spec = replace(SINGLE, span_s=400 * 86_400.0, tasks_per_day=100.0)
    daily = np.bincount((generate(spec, seed=3).jobs.submitted_s // 86_400).astype(int), minlength=400)
    # then their variance is their mean, and one day says nothing about the next
    assert daily.mean() == pytest.approx(100.0, abs=2.0)
    assert daily.var() == pytest.approx(100.0, rel=0.25)
    assert abs(np.corrcoef(daily[1:], daily[:-1])[0, 1]) < 0.2


def test_instances_of_a_task_are_alike_and_their_number_is_geometric() -> None:
    spec = replace(SINGLE, tasks_per_day=300.0, instances_mean=4.0, alike=0.6)
    jobs = generate(spec, seed=2).jobs
    sizes = np.bincount(jobs.task)
    assert sizes.mean() == pytest.approx(4.0, rel=0.03)
    for k in (1, 2, 5):
        assert (sizes == k).mean() == pytest.approx(0.25 * 0.75 ** (k - 1), rel=0.05)
    # the scores of the first two instances of a task correlate as asked
    first = np.flatnonzero(np.diff(jobs.task, prepend=-1))[sizes > 1]
    ranks = np.argsort(np.argsort(jobs.run_s)) / len(jobs)
    pearson_of_ranks = 6 / np.pi * np.arcsin(0.6 / 2)  # of a normal copula
    assert np.corrcoef(ranks[first], ranks[first + 1])[0, 1] == pytest.approx(pearson_of_ranks, abs=0.02)
    # instances are submitted together by one user
    assert len(np.unique(np.stack([jobs.task, jobs.submitted_s, jobs.user]), axis=1).T) == jobs.tasks


def test_a_few_users_have_most_of_the_tasks() -> None:
    jobs = generate(replace(SINGLE, users=10), seed=2).jobs
    shares = np.sort(np.bincount(jobs.user) / len(jobs))[::-1]
    harmonic = sum(1 / k for k in range(1, 11))
    assert shares == pytest.approx([1 / k / harmonic for k in range(1, 11)], rel=0.05)


def test_the_mix_of_the_spec_is_used_and_the_source_says_that_it_is_made_up() -> None:
    spec = GeneratorSpec(slots=2, mix=ServiceMix(on_demand=0.0, harvest=1.0, resumable=1.0))
    trace = generate(spec, seed=9)
    assert set(trace.jobs.service.tolist()) == {ServiceClass.HARVEST}
    assert trace.jobs.resumable.all()
    assert set(trace.jobs.slots.tolist()) == {2}
    assert "made up" in trace.source
    assert "seed 9" in trace.source


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**63 - 1),
    st.floats(1.0, 3 * 86_400.0),
    st.floats(0.01, 500.0),
    st.floats(1.0, 8.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 24.0),
)
def test_the_same_seed_makes_the_same_good_jobs(
    seed: int, span_s: float, per_day: float, instances: float, alike: float, begin_h: float
) -> None:
    spec = GeneratorSpec(
        span_s=span_s, tasks_per_day=per_day, instances_mean=instances, alike=alike, begin_h=begin_h, run_mean_s=None
    )
    one, other = generate(spec, seed).jobs, generate(spec, seed).jobs  # Jobs refuses what cannot be
    for name in Jobs.__slots__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.submitted_s <= span_s).all()


def test_another_seed_makes_other_jobs() -> None:
    assert generate(GeneratorSpec(), 1).jobs.run_s.tolist() != generate(GeneratorSpec(), 2).jobs.run_s.tolist()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"span_s": 0.0}, "span_s"),
        ({"span_s": 1e9, "tasks_per_day": 1e6}, "span_s"),
        ({"tasks_per_day": np.nan}, "tasks_per_day"),
        ({"instances_mean": 0.5}, "instances_mean"),
        ({"run_mean_s": 100.0}, "run_mean_s"),
        ({"alike": 1.1}, "alike"),
        ({"hourly": (1.0,) * 23}, "hourly"),
        ({"hourly": (0.0,) * 24}, "hourly"),
        ({"hourly": (-1.0,) * 24}, "hourly[0]"),
        ({"begin_h": 25.0}, "begin_h"),
        ({"slots": 0}, "slots"),
        ({"users": 0}, "users"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidFieldError) as error:
        GeneratorSpec(**change)  # type: ignore[arg-type]
    assert error.value.field == field
