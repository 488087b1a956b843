"""The usage mirror: what waiting gained, and suggestions out of one's own jobs with what they would have saved."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.accounting.mirror import Moved, gain_of
from ondol.accounting.suggested_ends import Suggestion
from ondol.accounting.suggestions import advice
from ondol.accounting.waste import Spent, Waste, waste_of
from ondol.model.ids import AccountId, AttemptId, NodeId, TaskId
from ondol.model.ledger import AttemptFact, WorkFact

T0 = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)
NODE = NodeId("n")
IDLE_W = {NODE: 10.0}


def _work(task: str, name: str = "", *, service: str = "flex", resumable: bool = False) -> WorkFact:
    return WorkFact(
        task_id=TaskId(task), account_id=AccountId("me"), name=name or task, service=service, submitted_at=T0,
        resumable=resumable,
    )  # fmt: skip


def _end(
    task: str, number: int, outcome: str, *, cause: str = "", code: int | None = None, used: float = 1.0
) -> AttemptFact:
    return AttemptFact(
        attempt_id=AttemptId(f"{task}.{number}"), task_id=TaskId(task), node_id=NODE, outcome=outcome, cause=cause,
        slots=1, cores=4.0, held_s=600.0, cpu_s=2400.0 * used, exit_code=code,
        ended_at=T0 + dt.timedelta(minutes=number),
    )  # fmt: skip


def _spent(end: AttemptFact, kwh: float = 0.1, g: float = 5.0) -> Spent:
    return Spent(
        attempt_id=end.attempt_id, task_id=end.task_id, node_id=NODE, energy_j=kwh * 3.6e6, co2e_g=g, span_s=600.0
    )


def _look(ends: list[AttemptFact], works: list[WorkFact], moved: list[Moved] | None = None) -> tuple[str, ...]:
    return tuple(one.kind for one in _suggest(ends, works, moved))


def _suggest(
    ends: list[AttemptFact], works: list[WorkFact], moved: list[Moved] | None = None
) -> tuple[Suggestion, ...]:
    spent = [_spent(end) for end in ends]
    by_end, by_task = {end.attempt_id: end for end in ends}, {work.task_id: work for work in works}
    found = waste_of(spent, by_end, by_task, IDLE_W)
    return advice(spent, by_end, by_task, found, moved or [], IDLE_W).suggestions


def _moved(task: str, service: str, *, ran_g: float, at_once: float, best: float) -> Moved:
    return Moved(
        task_id=TaskId(task), service=service, energy_kwh=2.0, ran_g=ran_g, at_once_g=2.0 * at_once,
        best_g_per_kwh=best, best_at=T0 + dt.timedelta(hours=5),
    )  # fmt: skip


def test_gain_is_energy_times_the_difference_of_intensities_and_may_be_negative() -> None:
    """Given a task that waited for a cleaner hour, one that met a dirtier one, and one on demand: it did not wait."""
    moved = [
        _moved("a", "flex", ran_g=60.0, at_once=50.0, best=30.0),
        _moved("b", "harvest", ran_g=200.0, at_once=50.0, best=30.0),
        _moved("c", "on_demand", ran_g=500.0, at_once=50.0, best=30.0),
    ]

    gain = gain_of(moved)

    assert (gain.tasks, gain.energy_kwh) == (2, 4.0)
    assert gain.gained_g == pytest.approx((100.0 - 60.0) + (100.0 - 200.0))


def test_failures_of_one_kind_are_counted_from_the_second_on() -> None:
    """Given three attempts of like tasks that ran out of memory, then two of them need not have been."""
    ends = [_end(f"render-{number}", number, "failed", code=137) for number in (1, 2, 3)]

    found = _suggest(ends, [_work(f"render-{number}") for number in (1, 2, 3)])

    assert [one.kind for one in found] == ["failed"]
    assert found[0].saves_kwh == pytest.approx(0.2)
    assert found[0].saves_g == pytest.approx(10.0)
    assert '3 attempts of "render" failed with exit code 137 (killed: mostly out of memory)' in found[0].text


def test_cores_that_rested_save_idle_power_only() -> None:
    """Given four cores held for ten minutes of which one computed, then three quarters of a slot's 10 W are saved."""
    found = _suggest([_end("fit-1", 1, "succeeded", used=0.25)], [_work("fit-1")])

    assert [one.kind for one in found] == ["over_reserved"]
    assert found[0].saves_kwh == pytest.approx(0.75 * 10.0 * 600.0 / 3.6e6)
    assert "used 0.167 (25 %)" in found[0].text


def test_work_that_used_its_cores_and_succeeded_gets_no_suggestion() -> None:
    assert _look([_end("good-1", 1, "succeeded", used=0.95)], [_work("good-1")]) == ()


def test_resumable_work_that_was_stopped_is_not_called_lost() -> None:
    ends = [_end("long-1", 1, "stopped", cause="heat", used=1.0)]

    assert _look(ends, [_work("long-1", service="harvest", resumable=True)]) == ()
    assert _look(ends, [_work("long-1", service="harvest")]) == ("ended",)


def test_cancelled_and_limited_work_are_told_apart() -> None:
    ends = [_end("a-1", 1, "stopped", cause="user"), _end("b-1", 2, "failed", cause="limit")]

    assert set(_look(ends, [_work("a-1"), _work("b-1")])) == {"cancelled", "limit"}


def test_on_demand_work_is_shown_what_a_day_of_patience_saves() -> None:
    moved = [_moved("now-1", "on_demand", ran_g=120.0, at_once=60.0, best=35.0)]

    found = _suggest([_end("now-1", 1, "succeeded")], [_work("now-1", service="on_demand")], moved)

    assert [one.kind for one in found] == ["on_demand"]
    assert found[0].saves_g == pytest.approx(120.0 - 2.0 * 35.0)
    assert found[0].saves_kwh == 0.0
    assert "from 13:00 UTC on" in found[0].text


def test_at_most_three_and_the_one_that_saves_most_carbon_first() -> None:
    ends = [
        *(_end(f"x-{number}", number, "failed", code=1) for number in (1, 2, 3, 4)),
        *(_end(f"y-{number}", number, "failed", code=2) for number in (1, 2)),
        _end("z-1", 1, "stopped", cause="user"),
        _end("w-1", 1, "succeeded", used=0.1),
    ]

    found = _suggest(ends, [_work(name) for name in sorted({end.task_id for end in ends})])

    assert len(found) == 3
    assert [one.saves_g for one in found] == sorted((one.saves_g for one in found), reverse=True)
    assert found[0].kind == "failed"
    assert "4 attempts" in found[0].text


def test_nothing_ran_nothing_is_suggested() -> None:
    empty = Waste(total_j=0.0, total_g=0.0, lines=(), kept_j=0.0, unknown_j=0.0)

    assert advice([], {}, {}, empty, [], {}).suggestions == ()
