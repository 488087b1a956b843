"""Given runs that ended, when a like one is expected, then its own kind speaks first, then its user, then its class."""

from __future__ import annotations

import dataclasses
import math

import pytest

from integration.storage.samples import make_task
from ondol.accounting.run_times import RunTimes
from ondol.accounting.task_kind import kind_of, stem_of
from ondol.model.errors import InvalidFieldError
from ondol.model.view import ServiceClass

FLEX = ServiceClass.FLEX


def test_before_anything_ran_a_public_trace_speaks() -> None:
    run = RunTimes().expect("", FLEX)
    assert run.p50_s == pytest.approx(652.0)
    assert run.p90_s == pytest.approx(6039.0)
    assert run.grounds == "class"


def test_own_runs_come_before_what_is_declared_and_that_before_the_class() -> None:
    times = RunTimes()
    for _ in range(50):
        times.learn("other", FLEX, 5000.0)
    assert times.expect("mine", FLEX).grounds == "class"
    assert times.expect("mine", FLEX, 60.0).p50_s == pytest.approx(60.0)
    for _ in range(5):
        times.learn("mine", FLEX, 100.0)
    own = times.expect("mine", FLEX, 60.0)
    assert (own.grounds, own.runs) == ("own", 5)
    assert 90.0 < own.p50_s < 160.0  # drawn a little towards the class


def test_a_task_of_a_thousand_instances_weighs_as_one_task() -> None:
    times = RunTimes()
    for _ in range(1000):
        times.learn("mine", FLEX, 10.0, 1000)
    for _ in range(3):
        times.learn("mine", FLEX, 1000.0)
    assert times.expect("mine", FLEX).p50_s > 200.0


def test_more_runs_make_it_surer() -> None:
    few, many = RunTimes(), RunTimes()
    for number in range(100):
        run_s = 100.0 * math.exp(0.1 * (-1) ** number)
        many.learn("mine", FLEX, run_s)
        if number < 2:
            few.learn("mine", FLEX, run_s)
    assert many.expect("mine", FLEX).p90_s < few.expect("mine", FLEX).p90_s


def test_a_limit_ends_every_run() -> None:
    run = RunTimes().expect("", FLEX, limit_s=500.0)
    assert (run.p50_s, run.p90_s, run.mean_s) == (500.0, 500.0, 500.0)


@pytest.mark.parametrize("run_s", [0.0, -1.0, math.nan, math.inf])
def test_a_run_time_that_is_none_is_refused(run_s: float) -> None:
    with pytest.raises(InvalidFieldError, match="run_s"):
        RunTimes().learn("mine", FLEX, run_s)


def test_what_was_learned_outlives_a_restart() -> None:
    times = RunTimes()
    times.learn("mine", FLEX, 100.0)
    times.learn("mine", FLEX, 200.0)
    assert RunTimes(times.pack()).expect("mine", FLEX) == times.expect("mine", FLEX)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("render-0012", "render"),
        ("Render 13", "render"),
        ("sim_2026-01-12T10:00:00Z", "sim"),
        ("job-6f6e646f-6c20-4875-8f74-657300000008", "job"),
        ("mp3-encode", "mp3-encode"),
        ("123", "-"),
    ],
)
def test_running_numbers_do_not_make_a_kind(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_kinds_differ_by_account_image_and_program_not_by_arguments() -> None:
    task = dataclasses.replace(make_task(1), constants={"DOCKER_CMD": "python a.py --x 1", "DOCKER_REPO": "python"})
    same = dataclasses.replace(task, constants={**task.constants, "DOCKER_CMD": "python a.py --x 2"})
    other = dataclasses.replace(task, constants={**task.constants, "DOCKER_REPO": "r-base"})
    assert kind_of(task) == kind_of(same)
    assert kind_of(task) != kind_of(other)
