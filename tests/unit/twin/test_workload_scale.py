"""Workloads made heavier, lighter, shorter, and given classes and data: what changes, and what must not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.errors import InvalidFieldError
from ondol.model.view import ServiceClass
from ondol.twin.workload import (
    GeneratorSpec,
    Jobs,
    ServiceMix,
    Trace,
    attach_data,
    classify,
    generate,
    replicate,
    scale_load,
    window,
)
from ondol.twin.workload.draws import uniforms

MIX = ServiceMix(on_demand=0.2, flex=0.5, harvest=0.3, resumable=0.4)
DAYS = classify(generate(GeneratorSpec(span_s=5 * 86_400.0), seed=7), MIX, seed=7)
WITH_DATA = attach_data(DAYS, np.geomspace(1.0, 1e9, 50), seed=7)


def same(one: Trace, other: Trace) -> bool:
    columns = all(np.array_equal(getattr(one.jobs, name), getattr(other.jobs, name)) for name in Jobs.__slots__)
    return columns and np.array_equal(one.data.bytes, other.data.bytes)


def of_task(trace: Trace, column: str) -> np.ndarray:
    """Value of the first instance of each task."""
    first = np.unique(trace.jobs.task, return_index=True)[1]
    return np.asarray(getattr(trace.jobs, column)[first])


def test_draws_are_those_of_splitmix64() -> None:
    # given the state that seed and purpose lead to, computed with Python's whole numbers
    lots = uniforms(3, "x", np.arange(5))
    mask = (1 << 64) - 1

    def mix(z: int) -> int:
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    state = mix(mix(3 + 0x9E3779B97F4A7C15) ^ 0x8CDC1683)  # CRC-32 of "x"
    expected = []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) & mask
        expected.append(((mix(state) >> 12) + 0.5) / 2**52)
    assert lots.tolist() == expected
    # and they are even, apart for seeds and purposes, and open at both ends
    many = uniforms(3, "x", np.arange(100_000))
    assert np.histogram(many, 10, (0, 1))[0] == pytest.approx(10_000, abs=500)
    assert abs(np.corrcoef(many, uniforms(4, "x", np.arange(100_000)))[0, 1]) < 0.02
    assert abs(np.corrcoef(many, uniforms(3, "y", np.arange(100_000)))[0, 1]) < 0.02
    with pytest.raises(InvalidFieldError, match="seed"):
        uniforms(-1, "x", np.arange(1))


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 6.0), st.integers(0, 2**63 - 1), st.sampled_from([0.0, 60.0, 1800.0, 1e7]))
def test_replication_multiplies_the_work_and_nothing_else(factor: float, seed: int, jitter_s: float) -> None:
    made = replicate(WITH_DATA, factor, seed, jitter_s)
    jobs, before = made.jobs, WITH_DATA.jobs
    # the work is what was asked for, and the same seed gives the same
    assert jobs.work_s == pytest.approx(factor * before.work_s, rel=0.002)
    assert same(made, replicate(WITH_DATA, factor, seed, jitter_s))
    # jobs, users and data are those that were there, and the span is the same
    assert set(jobs.run_s.tolist()) <= set(before.run_s.tolist())
    assert int(jobs.user.max()) <= int(before.user.max())
    assert set(made.data.bytes.tolist()) <= set(WITH_DATA.data.bytes.tolist())
    assert jobs.submitted_s[-1] <= before.submitted_s[-1]
    # each copy of a task is whole and keeps its class, its data and its time to the deadline
    sizes = set(np.bincount(before.task).tolist())
    assert set(np.bincount(jobs.task).tolist()) <= sizes
    keys = np.unique(np.stack([jobs.task, jobs.user, jobs.service, jobs.resumable, jobs.data]), axis=1)
    assert keys.shape[1] == jobs.tasks


def test_one_copy_is_the_trace_itself_and_two_hold_it() -> None:
    assert same(replicate(WITH_DATA, 1.0, seed=1), WITH_DATA)
    twice = replicate(WITH_DATA, 2.0, seed=1)
    assert len(twice.jobs) == 2 * len(WITH_DATA.jobs)
    assert len(twice.data.bytes) == 2 * len(WITH_DATA.data.bytes)
    there = set(twice.jobs.submitted_s.tolist())
    assert set(WITH_DATA.jobs.submitted_s.tolist()) <= there
    # the copies of a task are apart by no more than the jitter
    assert len(there) > 1.9 * len(set(WITH_DATA.jobs.submitted_s.tolist()))
    np.testing.assert_allclose(
        np.sort(np.repeat(WITH_DATA.jobs.submitted_s, 2)), twice.jobs.submitted_s, atol=1800.0 + 1e-6
    )


def test_moved_tasks_do_not_pile_up_at_the_ends() -> None:
    many = replicate(DAYS, 20.0, seed=1, jitter_s=86_400.0)
    at_s, last_s = of_task(many, "submitted_s"), DAYS.jobs.submitted_s[-1]
    assert at_s.max() <= last_s
    assert (at_s < 1.0).sum() + (at_s > last_s - 1.0).sum() <= 5


def test_copies_keep_the_time_to_their_deadline() -> None:
    twice, once = replicate(DAYS, 2.0, seed=1), DAYS
    left = [np.sort((t.jobs.deadline_s - t.jobs.submitted_s)[np.isfinite(t.jobs.deadline_s)]) for t in (twice, once)]
    np.testing.assert_allclose(left[0], np.repeat(left[1], 2), rtol=1e-9)


def test_thinning_takes_each_task_about_as_often_as_the_factor_says() -> None:
    # given many seeds
    times = np.zeros(DAYS.jobs.tasks)
    first = of_task(DAYS, "run_s")
    for seed in range(300):
        kept = replicate(DAYS, 0.3, seed)
        times[np.isin(first, of_task(kept, "run_s"))] += 1
    # then heavy and light tasks are taken alike: no size is left out
    work_s = np.bincount(DAYS.jobs.task, DAYS.jobs.run_s)
    heavy = work_s >= np.quantile(work_s, 0.9)
    assert times[heavy].mean() / 300 == pytest.approx(0.3, abs=0.05)
    assert times[~heavy].mean() / 300 == pytest.approx(0.3, abs=0.05)
    assert (times > 0).all()
    assert (times < 300).all()


@pytest.mark.parametrize(
    "change", [{"factor": 0.0}, {"factor": np.nan}, {"factor": 1e6}, {"jitter_s": -1.0}, {"seed": -1}]
)
def test_a_replication_that_cannot_be_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidFieldError) as error:
        replicate(DAYS, **({"factor": 1.5, "seed": 1} | change))  # type: ignore[arg-type]
    assert error.value.field == next(iter(change))


def test_more_jobs_than_a_machine_holds_are_refused() -> None:
    with pytest.raises(InvalidFieldError, match="at most 20000000 jobs"):
        replicate(DAYS, 1e5, seed=1)


@pytest.mark.parametrize("load", [0.05, 0.8, 1.3])
def test_a_load_is_reached_and_said(load: float) -> None:
    scaled = scale_load(DAYS, slots=100, load=load)
    span_s = DAYS.jobs.submitted_s[-1]
    assert scaled.jobs.work_s / (100 * span_s) == pytest.approx(load, rel=0.002)
    assert f"asked {load:g}" in scaled.notes[-1]
    half = scale_load(DAYS, slots=100, load=load, span_s=span_s / 2)
    assert half.jobs.work_s == pytest.approx(scaled.jobs.work_s / 2, rel=0.004)


def test_a_task_heavier_than_what_is_chosen_or_left_is_not_what_decides() -> None:
    work_s = np.bincount(DAYS.jobs.task, DAYS.jobs.run_s)
    share = 0.5 * work_s.max() / work_s.sum()
    for seed in range(20):
        assert replicate(DAYS, share, seed).jobs.work_s == pytest.approx(share * work_s.sum(), rel=0.002)
        # and where so little is to be left out, it stays
        assert replicate(DAYS, 1 - share, seed).jobs.work_s == pytest.approx((1 - share) * work_s.sum(), rel=1e-4)
    with pytest.raises(InvalidFieldError, match="at least one task"):
        replicate(DAYS, 0.5 * work_s.min() / work_s.sum(), seed=1)


def test_a_load_that_cannot_be_is_refused() -> None:
    for field, change in (("load", {"load": 0.0}), ("slots", {"slots": 0}), ("span_s", {"span_s": 0.0})):
        with pytest.raises(InvalidFieldError, match=field):
            scale_load(DAYS, **({"slots": 5, "load": 0.5} | change))  # type: ignore[arg-type]
    with pytest.raises(InvalidFieldError, match="at least one job"):
        scale_load(window(DAYS, 1e9, 2e9), 5, 0.5)
    with pytest.raises(InvalidFieldError, match="multiplied"):
        scale_load(DAYS, 10**9, 100.0)


def test_a_window_keeps_what_is_submitted_in_it_and_counts_from_its_begin() -> None:
    day = window(WITH_DATA, 86_400.0, 2 * 86_400.0)
    inside = (WITH_DATA.jobs.submitted_s >= 86_400) & (WITH_DATA.jobs.submitted_s < 2 * 86_400)
    assert 0 < inside.sum() < len(inside)
    np.testing.assert_array_equal(day.jobs.submitted_s, WITH_DATA.jobs.submitted_s[inside] - 86_400)
    np.testing.assert_array_equal(day.jobs.deadline_s, WITH_DATA.jobs.deadline_s[inside] - 86_400)
    np.testing.assert_array_equal(day.jobs.run_s, WITH_DATA.jobs.run_s[inside])
    np.testing.assert_array_equal(day.data.bytes[day.jobs.data], WITH_DATA.data.bytes[WITH_DATA.jobs.data[inside]])
    # numbers are dense again
    for column in (day.jobs.task, day.jobs.user, day.jobs.data):
        assert sorted(set(column.tolist())) == list(range(len(set(column.tolist()))))
    assert len(day.data.bytes) == len(set(day.jobs.data.tolist()))
    # all is all, none is none
    assert same(window(WITH_DATA, 0.0, 1e9), WITH_DATA)
    assert len(window(WITH_DATA, 1e9, 2e9).jobs) == 0
    with pytest.raises(InvalidFieldError, match="end_s"):
        window(WITH_DATA, 5.0, 5.0)


def test_a_task_draws_one_class_and_one_deadline_for_all_its_instances() -> None:
    big = generate(GeneratorSpec(span_s=200 * 86_400.0, instances_mean=3.0), seed=2)
    mixed = classify(big, MIX, seed=5)
    jobs = mixed.jobs
    keys = np.unique(np.stack([jobs.task, jobs.service, jobs.resumable, jobs.deadline_s]), axis=1)
    assert keys.shape[1] == jobs.tasks
    # shares are those of the mix, by tasks
    shares = np.bincount(of_task(mixed, "service"), minlength=4) / jobs.tasks
    assert shares == pytest.approx([0.2, 0.5, 0.3, 0.0], abs=0.02)
    assert of_task(mixed, "resumable").mean() == pytest.approx(0.4, abs=0.02)
    # only flexible work has a deadline, and its slack has the median that was asked for
    flex = jobs.service == ServiceClass.FLEX
    assert np.isfinite(jobs.deadline_s[flex]).all()
    assert np.isinf(jobs.deadline_s[~flex]).all()
    longest_s = np.zeros(jobs.tasks)
    np.maximum.at(longest_s, jobs.task, jobs.run_s)
    slack = ((of_task(mixed, "deadline_s") - of_task(mixed, "submitted_s")) / longest_s)[of_task(mixed, "service") == 1]
    assert np.median(slack) == pytest.approx(4.0, rel=0.03)
    assert np.log(slack - 1.0).std() == pytest.approx(0.8, rel=0.03)
    # the rest is as it was, and the seed decides
    assert np.array_equal(jobs.run_s, big.jobs.run_s)
    assert same(classify(mixed, MIX, seed=5), mixed)
    assert not same(classify(big, MIX, seed=6), mixed)


def test_slack_of_a_list_and_a_least_time_to_spare() -> None:
    mix = ServiceMix(on_demand=0.0, flex=1.0, slack_choices=(1.0, 3.0), slack_min_s=0.0)
    jobs = classify(generate(GeneratorSpec(instances_mean=1.0), seed=1), mix, seed=1).jobs
    slack = (jobs.deadline_s - jobs.submitted_s) / jobs.run_s
    assert np.all(np.isclose(slack, 1.0, atol=1e-6) | np.isclose(slack, 3.0, atol=1e-6))
    assert 0.4 < np.isclose(slack, 3.0, atol=1e-6).mean() < 0.6
    patient = ServiceMix(on_demand=0.0, flex=1.0, slack_choices=(1.0,), slack_min_s=3600.0)
    jobs = classify(generate(GeneratorSpec(instances_mean=1.0), seed=1), patient, seed=1).jobs
    np.testing.assert_allclose(jobs.deadline_s - jobs.submitted_s - jobs.run_s, 3600.0, atol=1e-5)


def test_by_user_all_tasks_of_a_user_are_of_one_class() -> None:
    mix = ServiceMix(on_demand=0.5, harvest=0.5, by="user")
    jobs = classify(DAYS, mix, seed=1).jobs
    pairs = np.unique(np.stack([jobs.user, jobs.service]), axis=1)
    assert pairs.shape[1] == jobs.user.max() + 1
    assert len(set(pairs[1].tolist())) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"flex": 0.5}, "mix"),
        ({"on_demand": 1.5, "flex": -0.5}, "mix.on_demand"),
        ({"slack_p50": 1.0}, "mix.slack_p50"),
        ({"slack_choices": (2.0, 0.5)}, "mix.slack_choices"),
        ({"resumable": np.nan}, "mix.resumable"),
        ({"by": "site"}, "mix.by"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidFieldError) as error:
        ServiceMix(**change)  # type: ignore[arg-type]
    assert error.value.field == field


def test_data_is_read_by_whole_tasks_some_of_it_by_several() -> None:
    # given a trace of many tasks and sizes that tell how many were added up
    big = generate(GeneratorSpec(span_s=300 * 86_400.0, instances_mean=2.0), seed=2)
    linked = attach_data(big, np.array([1.0]), seed=4)
    # then each task reads one row, and the shares are those of the notes of the GRECO project
    rows = of_task(linked, "data")
    assert np.array_equal(rows[linked.jobs.task], linked.jobs.data)
    assert sorted(set(rows.tolist())) == list(range(len(linked.data.bytes)))
    assert (linked.data.bytes > 1).mean() == pytest.approx(0.54, abs=0.02)
    assert (np.bincount(rows) > 1).mean() == pytest.approx(0.16, abs=0.01)
    # who reads again does so within about 80 days
    at_s = of_task(linked, "submitted_s")
    first_s, last_s = np.full(len(linked.data.bytes), np.inf), np.zeros(len(linked.data.bytes))
    np.minimum.at(first_s, rows, at_s)
    np.maximum.at(last_s, rows, at_s)
    assert (last_s - first_s).max() < 100 * 86_400
    # and the seed decides
    assert same(attach_data(big, np.array([1.0]), seed=4), linked)
    assert not same(attach_data(big, np.array([1.0]), seed=5), linked)
    assert np.array_equal(linked.jobs.run_s, big.jobs.run_s)


def test_sizes_that_cannot_be_are_refused() -> None:
    for sizes in ([], [1.0, np.nan], [-1.0]):
        with pytest.raises(InvalidFieldError):
            attach_data(DAYS, np.array(sizes, dtype=np.float64), seed=1)
    with pytest.raises(InvalidFieldError, match="shared"):
        attach_data(DAYS, np.array([1.0]), seed=1, shared=2.0)
