"""The bound of long horizons: prices from windows, proved for the whole; never above the exact one."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.errors import InvalidFieldError
from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.long import WHOLE_STEPS, bound_of
from ondol.twin.bound.relaxing import relax
from ondol.twin.layout import lay_out
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.nouns import BackupSpec
from ondol.twin.summary import summarise
from unit.twin.bound_cases import STEP_S, const, network, problem, random_problem, tank, unit, work
from unit.twin.small_fleets import fleet, lived, series_of
from unit.twin.small_fleets import work as trace_of


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), window=st.integers(1, 8))
def test_it_never_lies_above_the_exact_one_nor_above_a_schedule(seed: int, window: int) -> None:
    # given any problem, in windows of any length
    question = random_problem(seed)
    exact = lower_bound(question)
    long = bound_of(question, window=min(window, question.steps))
    # then it is a bound, too, and its own schedule costs no less than the exact optimum
    room = 1e-7 * (1.0 + abs(exact.near))
    assert long.bound <= exact.near + room
    assert long.near >= exact.bound - room


def test_windows_that_see_a_day_ahead_lose_little() -> None:
    # given four days of a tank, and a network that takes no more than it asks for, with work that has a day
    steps, day = 4 * 96, 96
    hour = np.arange(steps) // 4
    wanted = np.where(hour % 6 < 3, 1500.0, 200.0)
    at = range(0, steps - day, 12)
    question = problem(
        [
            tank(steps, ua_w_per_k=5.0, demand_w=wanted, end_value=np.array([5.0])),
            network(steps, wanted[::-1].copy(), const(1e-4, steps)),
        ],
        [unit(steps, cost=2e-5 + 1e-5 * np.sin(hour)), unit(steps, sink=1, cost=3e-5 + 1e-5 * np.cos(hour))],
        [work(steps, dict.fromkeys(at, 2 * STEP_S), dict.fromkeys((one + day for one in at), 2 * STEP_S))],
    )
    exact, long = lower_bound(question), bound_of(question, window=day)
    assert exact.near - long.bound <= 0.01 * abs(exact.near)
    assert long.near - exact.bound <= 0.01 * abs(exact.near)
    assert long.status == "Optimal"


@pytest.mark.parametrize(("month", "money"), [(1, False), (7, True)])
def test_no_policy_beats_it_and_it_is_near_the_exact_one(month: int, money: bool) -> None:
    # given two days of a fleet with a sink of each kind
    scenario = fleet(
        begin=dt.datetime(2026, month, 5, tzinfo=dt.UTC), days=2.0, backup=BackupSpec(kind="gas"), step_s=900.0
    )
    trace = trace_of(80, 150_000.0, month)
    layout, series = lay_out(scenario), series_of(scenario)
    asked = relax(scenario, layout, Plant(layout, series), series, trace.jobs, money=money)
    exact = lower_bound(asked.problem).bound + asked.constant
    long = bound_of(asked.problem, window=96).bound + asked.constant
    assert long <= exact + 1e-6 * abs(exact)
    assert long >= exact - 0.05 * abs(exact)
    for policy in ("greedy", "follow"):
        figures = summarise(lived(scenario, trace, policy))
        assert (figures["total_eur"] if money else figures["total_kg"] * 1000.0) >= long


def test_short_horizons_are_solved_as_they_are() -> None:
    question = random_problem(3)
    assert question.steps <= WHOLE_STEPS
    assert bound_of(question).bound == lower_bound(question).bound
    with pytest.raises(InvalidFieldError, match="window"):
        bound_of(question, window=question.steps + 1)


def test_work_without_any_is_no_market() -> None:
    steps = 8
    question = problem([tank(steps, demand_w=const(800.0, steps))], [unit(steps, burns=True)], [])
    exact, long = lower_bound(question), bound_of(question, window=4)
    assert long.bound == pytest.approx(exact.bound, rel=1e-3)
