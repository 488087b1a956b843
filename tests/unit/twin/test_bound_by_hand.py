"""Cases of the bound that can be worked out on paper."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf

import numpy as np
import pytest

from ondol.twin.bound.bound import Bound, lower_bound
from ondol.twin.bound.problem import BoundProblem
from ondol.twin.bound.solving import Effort
from unit.twin.bound_cases import STEP_S, WATER, const, network, problem, tank, unit, work

GAS = 6e-5  # objective units per J


def solved(question: BoundProblem, expected: float) -> Bound:
    """The bound, after bound and schedule have met at the expected number."""
    answer = lower_bound(question)
    assert answer.bound == pytest.approx(expected, rel=1e-9, abs=1e-7)
    assert answer.near == pytest.approx(expected, rel=1e-9, abs=1e-7)
    return answer


def test_one_tank_one_step() -> None:
    # given a tank at its lower limit, 1 kW asked of it, and 900 node-s that take a 1 kW node for the whole step
    question = problem(
        [tank(1, start=np.array([45.0]), demand_w=const(1000.0, 1))], [unit(1)], [work(1, {0: 900.0}, {0: 900.0})]
    )
    # then the work's heat meets the demand, and all that is paid is its electricity: 900 kJ at 1e-5
    answer = solved(question, 9.0)
    assert answer.course.power_w[0, 0] == pytest.approx(1000.0)
    assert answer.course.delivered_w[0, 0] == pytest.approx(1000.0)
    assert answer.course.backup_w[0, 0] == pytest.approx(0.0, abs=1e-6)
    assert answer.course.temp_c[0, 0] == pytest.approx(45.0)


@pytest.mark.parametrize(
    ("ua_w_per_k", "upper_c", "expected"),
    [
        (0.0, 60.0, 9.0),  # run while electricity is cheap, keep the heat for the draw
        (0.0, 45.0, 45.0),  # nothing can be kept: run when the heat is wanted, 900 kJ at 5e-5
    ],
)
def test_store_shifts_work_to_cheap_electricity(ua_w_per_k: float, upper_c: float, expected: float) -> None:
    question = problem(
        [
            tank(
                2,
                ua_w_per_k=ua_w_per_k,
                start=np.array([45.0]),
                upper_c=const(upper_c, 2),
                demand_w=np.array([0.0, 1000.0]),
            )
        ],
        [unit(2, cost=np.array([1e-5, 5e-5]))],
        [work(2, {0: 900.0})],
    )
    solved(question, expected)


def test_store_that_leaks_pays_for_what_it_leaks() -> None:
    # given a tank that keeps half of its kelvins above ambient over a step, at ambient, which is its limit
    gain = 900.0 / (100 * WATER)
    leaky = replace(
        tank(2, start=np.array([15.0]), lower_c=const(15.0, 2), demand_w=np.array([0.0, 1000.0])),
        A=np.array([[0.5]]),
        heat=np.array([gain]),
        draw=np.array([-gain]),
        drive=const(7.5, 2)[:, None],
    )
    # when electricity costs 1e-5 first and 2e-5 then, and backup 6e-5
    question = problem([leaky], [unit(2, cost=np.array([1e-5, 2e-5]))], [work(2, {0: 900.0})])
    # then to run at once would lose half of the heat, 27 of backup: better to run in the second step, at 18
    solved(question, 18.0)


def test_filler_runs_only_where_its_heat_is_cheaper_than_the_backup() -> None:
    # given a network that asks 1 kW, no work, and a unit that may burn; grid at 3e-5 and 7e-5, gas at 6e-5
    def question(capture: float) -> BoundProblem:
        burner = unit(2, cost=np.array([3e-5, 7e-5]), burns=True, capture=capture)
        return problem([network(2, const(1000.0, 2), const(GAS, 2))], [burner])

    # then it burns in the first step and gas serves the second
    answer = solved(question(1.0), 27.0 + 54.0)
    assert answer.course.power_w[:, 0] == pytest.approx([1000.0, 0.0], abs=1e-6)
    # and where 40 % of the heat arrives, a J of it costs 7.5e-5: never
    assert solved(question(0.4), 108.0).course.power_w[:, 0] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_a_unit_that_may_not_burn_heats_by_work_or_by_idling_only() -> None:
    # given nodes that draw 300 W idle, no work, and a network whose gas is dearer than electricity
    nodes = unit(1, cost=1e-5, speed_w=np.array([300.0, 1000.0]), speed=np.array([0.0, 1.0]))
    question = problem([network(1, const(1000.0, 1), const(GAS, 1))], [nodes])
    # then they idle for heat: 270 kJ of electricity, 630 kJ of gas
    solved(question, 2.7 + 37.8)


@pytest.mark.parametrize(("work_s", "power_w"), [(450.0, 300.0), (675.0, 650.0), (900.0, 1000.0)])
def test_units_run_on_their_hull(work_s: float, power_w: float) -> None:
    # given a rack that does half of its work at 300 W and all of it at 1 kW
    rack = unit(1, -1, speed_w=np.array([300.0, 1000.0]), speed=np.array([0.5, 1.0]))
    answer = solved(problem([], [rack], [work(1, {0: work_s})]), power_w * 900.0 * 1e-5)
    assert answer.course.work_rate[0, 0] == pytest.approx(work_s / 900.0)


def test_work_waits_for_clean_electricity_up_to_its_deadline() -> None:
    # given work of one step that is due by the end of the second of three steps, each cleaner than the one before
    def question(due: int) -> BoundProblem:
        rack = unit(3, -1, cost=np.array([3e-5, 2e-5, 1e-5]))
        return problem([], [rack], [work(3, {0: 900.0}, {due: 900.0})])

    assert solved(question(1), 18.0).course.work[:, 0] == pytest.approx([0.0, 900.0, 0.0], abs=1e-6)
    assert solved(question(2), 9.0).course.work[:, 0] == pytest.approx([0.0, 0.0, 900.0], abs=1e-6)


def test_work_that_cannot_be_in_time_is_charged_once() -> None:
    # given twice as much work as fits before its deadline, and as much again that has none and fits neither
    question = problem([], [unit(1, -1)], [work(1, {0: 1800.0}, {0: 1800.0}, late=0.5), work(1, {0: 900.0}, late=0.25)])
    # then the dearer is done: 9 of electricity, 900 node-s late at 0.5, 900 undone at 0.25
    answer = solved(question, 9.0 + 450.0 + 225.0)
    assert answer.course.late == pytest.approx([900.0, 900.0])
    # and a node-second more, done in place of one that is late, saves half a unit
    assert answer.work_price[0] == pytest.approx(0.5)


def test_price_of_work_and_heat_are_those_of_the_margin() -> None:
    # given a network that asks more than the unit gives, and a rack that does the rest of the work
    question = problem(
        [network(1, const(5000.0, 1), const(GAS, 1))],
        [unit(1, cost=2e-5), unit(1, -1, power_w=2000.0, cost=3e-5)],
        [work(1, {0: 1200.0}, {0: 1200.0})],
    )
    # then a J captured saves a J of gas, and a node-second more runs on the rack: 2 kJ at 3e-5
    answer = lower_bound(question)
    assert answer.heat_price[0, 0] == pytest.approx(GAS)
    assert answer.work_price[0] == pytest.approx(0.06)


def test_heat_left_in_a_store_is_worth_what_is_said() -> None:
    # given a lossless tank of 1 m³ in which a K is worth 100, a J so 2.39e-5, and electricity to burn at 1e-5
    filled = tank(1, end_value=np.array([100.0]), upper_c=const(inf, 1))
    question = problem([filled], [unit(1, burns=True)])
    rise_k = STEP_S * 1000.0 / (1000.0 * WATER)
    # then the unit burns, and the bound is its electricity less the worth of the warm tank
    solved(question, 9.0 - 100.0 * (50.0 + rise_k))
    # and at a tenth of that worth it does not
    solved(problem([replace(filled, end_value=np.array([10.0]))], question.units), -500.0)


def test_cold_is_charged_where_no_heat_is_to_be_had() -> None:
    # given a tank that cools from its lower limit, and nothing that heats it
    alone = tank(2, ua_w_per_k=20.0, start=np.array([45.0]))
    keep = exp(-20.0 * STEP_S / (1000.0 * WATER))
    cold = [30.0 - 30.0 * keep, 30.0 - 30.0 * keep**2]
    answer = solved(problem([alone], [unit(2, -1)], discomfort_cost=7.0), 7.0 * sum(cold))
    assert answer.course.cold_k[:, 0] == pytest.approx(cold)


def test_pool_needs_what_its_tangents_say() -> None:
    # given a pool at its lower limit; the loss is 5 kW there on one tangent and 2 kW on another
    gain = STEP_S / (10_000 * WATER)
    pool = replace(
        tank(1, start=np.array([28.0]), lower_c=const(28.0, 1)),
        A=np.eye(1),
        heat=np.array([gain]),
        backup=np.array([gain]),
        draw=np.zeros(1),
        drive=np.zeros((1, 1)),
        losses=((np.array([500.0]), -9000.0), (np.array([100.0]), -800.0)),
        loss_gain=np.array([-gain]),
        backup_max_w=20_000.0,
    )
    # then 5 kW hold it: 4.5 MJ at 6e-5
    answer = solved(problem([pool], [unit(1, -1)], discomfort_cost=1e6), 270.0)
    assert answer.course.backup_w[0, 0] == pytest.approx(5000.0)
    assert answer.course.temp_c[0, 0] == pytest.approx(28.0)


def test_backup_inside_a_store_runs_while_it_is_cheap() -> None:
    # given a room that has to be 1 K warmer by the end of the second step, at prices of 1 and 2, 800 W at most a step
    gain = 1.0 / 1000.0
    room = replace(
        tank(2, start=np.array([20.0]), lower_c=np.array([-inf, 21.0])),
        heat=np.array([gain]),
        backup=np.array([gain]),
        draw=np.zeros(1),
        drive=np.zeros((2, 1)),
        backup_max_w=800.0,
        backup_cost=np.array([1.0, 2.0]),
    )
    # then 800 W in the first step and 200 W in the second
    answer = solved(problem([room], [unit(2, -1)], discomfort_cost=1e8), STEP_S * (800.0 + 2 * 200.0))
    assert answer.course.backup_w[:, 0] == pytest.approx([800.0, 200.0])


def test_site_lets_through_what_its_connection_carries() -> None:
    # given two racks behind one connection of 1 kW, one of them twice as clean, and work for both
    racks = [unit(1, -1, cost=1e-5), unit(1, -1, cost=2e-5)]
    open_question = problem([], racks, [work(1, {0: 1800.0}, late=0.1)])
    limited = replace(open_question, limit_w=np.array([1000.0]), site=np.zeros(2, dtype=np.int64))
    # then both run without the limit; with it the clean one does, and half of the work is left
    solved(open_question, 27.0)
    answer = solved(limited, 9.0 + 90.0)
    assert answer.course.power_w[0] == pytest.approx([1000.0, 0.0], abs=1e-6)


def test_nothing_to_decide_costs_what_it_must() -> None:
    # given a network with no unit at all
    solved(problem([network(3, const(1000.0, 3), const(GAS, 3))], []), 3 * 54.0)
    # and a rack with no work
    solved(problem([], [unit(3, -1)]), 0.0)


@pytest.mark.parametrize("method", ["simplex", "ipm", "pdlp"])
def test_every_method_proves_the_same(method: str) -> None:
    # given the tank that shifts work, with a draw that takes more than the work's heat
    question = problem(
        [tank(4, ua_w_per_k=30.0, demand_w=np.array([0.0, 500.0, 2000.0, 1500.0]))],
        [unit(4, cost=np.array([1e-5, 5e-5, 4e-5, 2e-5])), unit(4, -1, cost=1.5e-5)],
        [work(4, {0: 1800.0, 2: 900.0}, {2: 1500.0})],
    )
    best = lower_bound(question)
    answer = lower_bound(question, Effort(method=method, tolerance=1e-6))  # type: ignore[arg-type]
    assert answer.bound <= best.near * (1.0 + 1e-12)
    assert answer.bound == pytest.approx(best.bound, rel=1e-3)
    assert answer.near == pytest.approx(best.near, rel=1e-3)
