"""The bound of long horizons: prices from longer steps, proved at the true ones; never above the exact one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.errors import InvalidFieldError
from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.coarse import coarsened
from ondol.twin.bound.long import WHOLE_STEPS, bound_of
from ondol.twin.bound.problem import BoundProblem
from ondol.twin.bound.relaxing import relax
from ondol.twin.layout import lay_out
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.nouns import BackupSpec
from ondol.twin.summary import summarise
from unit.twin.bound_cases import STEP_S, const, problem, random_problem, tank, unit, work
from unit.twin.small_fleets import fleet, lived, series_of
from unit.twin.small_fleets import work as trace_of


def lasting(question: BoundProblem, times: int) -> BoundProblem:
    """The same inputs, each held for `times` steps of the same length."""

    def held(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, times, axis=0)

    sinks = tuple(
        replace(
            sink,
            drive=held(sink.drive),
            lower_c=held(sink.lower_c),
            upper_c=held(sink.upper_c),
            demand_w=held(sink.demand_w),
            backup_cost=held(sink.backup_cost),
            **{
                name: held(value)
                for name in ("heat", "backup", "draw", "loss_gain")
                if (value := getattr(sink, name)).ndim == 2
            },
            A=held(sink.A) if sink.A.ndim == 3 else sink.A,
            losses=tuple(
                (held(slope) if np.ndim(slope) == 2 else slope, held(offset) if np.ndim(offset) else offset)
                for slope, offset in sink.losses
            ),
        )
        for sink in question.sinks
    )
    units = tuple(replace(one, electric_cost=held(one.electric_cost)) for one in question.units)
    classes = tuple(
        replace(one, released=held(one.released) * times, due=held(np.append(0.0, one.due[:-1])) * times)
        for one in question.work
    )
    return replace(question, sinks=sinks, units=units, work=classes)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), times=st.integers(2, 5))
def test_it_never_lies_above_the_exact_one_nor_above_a_schedule(seed: int, times: int) -> None:
    # given any problem, whose steps divide by the longer ones or do not
    question = lasting(random_problem(seed), 3)
    exact = lower_bound(question)
    try:
        long = bound_of(question, times=min(times, question.steps))
    except InvalidFieldError as error:  # a tangent too steep for the longer step is refused, not bent
        pytest.fail(str(error))
    # then it is a bound, too, and its own schedule costs no less than the exact optimum
    room = 1e-7 * (1.0 + abs(exact.near))
    assert long.bound <= exact.near + room
    assert long.near >= exact.bound - room


def test_where_nothing_changes_within_longer_steps_little_is_lost() -> None:
    # given a tank, prices and work that change every hour only, and quarter hours
    hours = 24
    price = np.repeat(2e-5 + 1e-5 * np.sin(np.arange(hours)), 4)
    wanted = np.repeat(np.where(np.arange(hours) % 6 < 3, 1500.0, 200.0), 4)
    steps = 4 * hours
    question = problem(
        [tank(steps, ua_w_per_k=5.0, demand_w=wanted, end_value=np.array([5.0]))],
        [unit(steps, cost=price)],
        [work(steps, {0: 40 * STEP_S}, {steps - 1: 40 * STEP_S})],
    )
    exact, long = lower_bound(question), bound_of(question, times=4)
    assert exact.near - long.bound <= 0.02 * abs(exact.near)
    assert long.status == "Optimal"


def test_longer_steps_hold_what_the_true_ones_come_to() -> None:
    # given a tank that is heated and drawn from at held rates
    steps = 8
    sink = tank(steps, ua_w_per_k=8.0, demand_w=const(500.0, steps))
    long = coarsened(problem([sink], [unit(steps)], []), 4)
    state = np.array([50.0])
    for _ in range(4):
        state = sink.A @ state + sink.heat * 900.0 + sink.draw * 400.0 + sink.drive[0]
    one = long.sinks[0]
    coarse = one.A[0] @ np.array([50.0]) + one.heat[0] * 900.0 + one.draw[0] * 400.0 + one.drive[0]
    # then a longer step ends where four true ones do
    assert coarse == pytest.approx(state)
    assert (long.steps, long.step_s) == (2, 4 * STEP_S)


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
    long = bound_of(asked.problem, times=2).bound + asked.constant
    assert long <= exact + 1e-6 * abs(exact)
    assert long >= exact - 0.05 * abs(exact)
    for policy in ("greedy", "follow"):
        figures = summarise(lived(scenario, trace, policy))
        assert (figures["total_eur"] if money else figures["total_kg"] * 1000.0) >= long


def test_short_horizons_are_solved_as_they_are() -> None:
    question = random_problem(3)
    assert question.steps <= WHOLE_STEPS
    assert bound_of(question).bound == lower_bound(question).bound
    with pytest.raises(InvalidFieldError, match="times"):
        bound_of(question, times=question.steps + 1)


def test_work_without_any_is_no_market() -> None:
    steps = 8
    question = problem([tank(steps, demand_w=const(800.0, steps))], [unit(steps, burns=True)], [])
    exact, long = lower_bound(question), bound_of(question, times=2)
    assert long.bound == pytest.approx(exact.bound, rel=1e-3)
