"""Given work with a cap of its own, when it runs, then it takes longer, draws less, and teaches nothing wrong."""

from __future__ import annotations

import dataclasses

import pytest

from ondol.accounting.task_kind import kind_of
from ondol.model.compute import Task, TaskState
from ondol.model.ids import NodeId
from ondol.model.ledger import Share
from ondol.model.view import ServiceClass
from scenario.control.groups_stage import BEGIN, Stage
from scenario.control.test_quotes_of_work import QuoteStage, stage

HOURS = 6 * 3600.0


def ran_s(here: Stage, task: Task) -> float:
    (attempt,) = here.attempts(task)
    assert attempt.started_at is not None and attempt.exited_at is not None  # noqa: PT018
    return (attempt.exited_at - attempt.started_at).total_seconds()


def joules(here: Stage, task: Task) -> float:
    return sum(row.energy_j for row in here.store.energy(task_id=task.id))


def test_half_the_speed_takes_twice_as_long_and_every_joule_is_counted() -> None:
    """Given two tasks alike, when one is capped, then its power is lower, and by the curve its electricity is not."""
    here = Stage(tick_s=15.0)
    full = here.task(cpu_s=1.0)
    here.until(lambda: here.stored(full).state is TaskState.SUCCESS)
    capped = here.task(cpu_s=1.0, speed_cap=0.5)
    here.until(lambda: bool(here.attempts(capped)) and here.attempts(capped)[0].started_at is not None)
    (attempt,) = here.attempts(capped)
    here.run(60.0)
    assert here.loop.speed(here.works.find(attempt.id)[1]) == pytest.approx(0.5)  # type: ignore[index]
    assert here.loop.view is not None
    assert here.loop.view.instances.speed_cap.tolist() == [0.5]
    here.until(lambda: here.stored(capped).state is TaskState.SUCCESS)
    here.run(120.0)
    assert ran_s(here, capped) == pytest.approx(2.0 * ran_s(here, full), abs=3 * 15.0)
    full_w, capped_w = joules(here, full) / ran_s(here, full), joules(here, capped) / ran_s(here, capped)
    assert capped_w < 0.9 * full_w
    assert joules(here, capped) > joules(here, full)
    metered = sum(row.energy_j for row in here.store.energy() if row.share is not Share.OVERHEAD)
    idle_j = sum(node.curve.idle_w for node in here._fleet.nodes) * (here.clock.now() - BEGIN).total_seconds()
    node = next(one for one in here._fleet.nodes if one.id == attempt.node_id)
    seconds = node.slots / node.host_cores * here.clock.rate  # that a second of CPU takes at full speed
    above_w = [node.curve.power_w(cap / node.slots) - node.curve.idle_w for cap in (1.0, 0.5)]
    assert metered - idle_j == pytest.approx(above_w[0] * seconds + above_w[1] * 2.0 * seconds, rel=0.05)


def test_a_cap_survives_a_kill_of_the_platform_and_old_shares_are_told_anew() -> None:
    """Given a job whose share an earlier life had lowered, when the platform is back, then it has its cap again."""
    here = Stage(tick_s=5.0)
    capped = here.task(cpu_s=60.0, speed_cap=0.25)
    here.until(lambda: bool(here.attempts(capped)) and here.attempts(capped)[0].started_at is not None)
    (attempt,) = here.attempts(capped)
    here.engine.limit_cpu(attempt.id, 0.001)
    here.restart()
    here.run(60.0)
    assert here.stored(capped).speed_cap == 0.25
    assert here.loop.speed(attempt) == pytest.approx(0.25)
    node = next(one for one in here._fleet.nodes if one.id == attempt.node_id)
    (before,) = here.engine.poll()
    here.run(600.0)
    (report,) = here.engine.poll()
    share = 0.25 * node.host_cores / node.slots
    assert report.cpu_s - before.cpu_s == pytest.approx(share * 600.0 / here.clock.rate)


def test_what_ran_under_a_cap_teaches_how_long_it_would_run_at_full_speed() -> None:
    """Given runs at full speed, when the same work runs at 0.4 of it, then run times that are learned stay the same."""
    learned = []
    for cap in (1.0, 0.4):
        here = stage(tick_s=30.0)
        task = _submit(here, cap)
        here.until(lambda here=here, task=task: here.stored(task).state is TaskState.SUCCESS, at_most_s=HOURS)
        learned.append(here.estimator.foreteller.runs.expect(kind_of(task), ServiceClass.ON_DEMAND))
        assert ran_s(here, task) > learned[-1].p50_s
    assert [one.runs for one in learned] == [1, 1]
    assert learned[1].p50_s == pytest.approx(learned[0].p50_s, rel=0.1)


def _submit(here: QuoteStage, cap: float) -> Task:
    task = here.asked(1, service=ServiceClass.ON_DEMAND, speed_cap=cap)
    here._cpu_s[task.id] = 2.0
    here.desk.submit([task])
    return task


def test_slower_is_offered_with_its_cap_and_comes_as_quoted() -> None:
    """Given runs that taught how long such work takes, when `slower` is taken, then it is done by its p90."""
    here = stage()
    for _ in range(3):
        made = _submit(here, 1.0)
        here.until(lambda made=made: here.stored(made).state is TaskState.SUCCESS, at_most_s=HOURS)
    here.run(120)
    task = here.asked(1, service=ServiceClass.ON_DEMAND, expected_s=None)
    quote = here.give(task)
    now, slower = quote.option("now"), quote.option("slower")
    assert now is not None and slower is not None and now.estimate and slower.estimate  # noqa: PT018
    assert (slower.instances, slower.service, slower.speed_cap) == (1, ServiceClass.ON_DEMAND, 0.5)
    assert slower.feasible
    assert "at 0.5 of full speed a slot draws" in slower.why
    assert "more electricity, by the nodes' power curves" in slower.why
    took = [one.estimate.end_p50 - quote.made_at for one in (now, slower)]
    assert took[1] > 1.3 * took[0]
    taken = here.take(quote, task, "slower", cpu_s=2.0)
    stored = here.stored(taken)
    assert (stored.speed_cap, stored.labels["ondol.cap"]) == (0.5, "0.5")
    here.until(lambda: here.stored(taken).state is TaskState.SUCCESS, at_most_s=HOURS)
    here.run(180)
    here.quotes.settle()
    outcome = here.quotes.get(taken.account_id, quote.id).outcome
    assert outcome is not None
    assert outcome.end <= slower.estimate.end_p90
    assert outcome.energy_kwh <= slower.estimate.energy_p90_kwh
    assert outcome.end > now.estimate.end_p50
    fastest_s = 2.0 / max(node.host_cores / node.slots for node in here._fleet.nodes) * here.clock.rate
    assert ran_s(here, taken) >= 2.0 * fastest_s - 61.0, "its cap was kept"


def test_a_slower_run_that_would_miss_its_deadline_or_its_limit_cannot_be_had() -> None:
    here = stage()
    soon = here.clock.now() + 1.6 * (here.clock.now() - here.clock.now().replace(hour=0))  # some hours
    hours = (soon - here.clock.now()).total_seconds()
    tight = here.give(here.asked(1, deadline=soon, expected_s=0.7 * hours)).option("slower")
    assert tight is not None
    assert not tight.feasible
    assert "after its deadline" in tight.why_not
    limited = here.give(here.asked(1, expected_s=600.0, time_limit_s=900.0 / here.clock.rate))
    slower, deadline = limited.option("slower"), limited.option("deadline")
    assert slower is not None and deadline is not None  # noqa: PT018
    assert deadline.feasible
    assert "time limit of 15 s" in slower.why_not


def test_a_budget_that_has_no_room_for_slower_says_so() -> None:
    here = stage()
    whole = here.give(here.asked(4, expected_s=36_000.0))
    slower = whole.option("slower")
    assert slower is not None and slower.estimate is not None  # noqa: PT018
    here.budget("mine", energy_kwh=slower.estimate.energy_p90_kwh * 0.9)
    again = here.give(here.asked(4, expected_s=36_000.0)).option("slower")
    assert again is not None
    assert "budget mine (account) has too little left" in again.why_not


def test_a_node_that_is_gone_leaves_a_run_time_as_it_was() -> None:
    """Given a capped run on a node that is no more, when it is learned from, then nothing is made of its CPU time."""
    here = stage()
    task = here.asked(1, speed_cap=0.5)
    made = _submit(here, 1.0)
    here.until(lambda: here.stored(made).state is TaskState.SUCCESS, at_most_s=HOURS)
    (attempt,) = here.attempts(made)
    gone = dataclasses.replace(attempt, node_id=NodeId("gone"))
    assert here.estimator._at_full_speed(task, gone, 100.0) == 100.0
    busy = dataclasses.replace(attempt, cpu_s=1e9)
    assert here.estimator._at_full_speed(task, busy, 100.0) == pytest.approx(50.0)
    idle = dataclasses.replace(attempt, cpu_s=0.0)
    assert here.estimator._at_full_speed(task, idle, 100.0) == 100.0
