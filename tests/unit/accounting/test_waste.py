"""Given work that failed, was ended, reserved too much or held slots in vain, when it is looked at, then it is told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.waste import KINDS, Waste, waste, waste_by
from ondol.model.filler import BURN_NAME
from ondol.model.ids import AccountId, AttemptId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import AttemptFact, EnergyRow, Share, Tier, WorkFact

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
IDLE_W = {NodeId("n"): 25.0}


def row(task: str, minute: int, joules: float, attempt: int = 1) -> EnergyRow:
    return EnergyRow(
        site_id=SiteId("s"),
        unit_id=UnitId("u"),
        node_id=NodeId("n"),
        share=Share.JOB,
        start=T0 + dt.timedelta(minutes=minute),
        end=T0 + dt.timedelta(minutes=minute + 1),
        energy_j=joules,
        grid_g_per_kwh=360.0,
        tier=Tier.T4_CURVE,
        task_id=TaskId(task),
        attempt_id=AttemptId(f"{task}.000000.{attempt:03d}"),
    )


def end(task: str, outcome: str, cause: str = "", attempt: int = 1, **changes: float) -> AttemptFact:
    fields = {"cores": 4.0, "held_s": 60.0, "cpu_s": 240.0} | changes
    return AttemptFact(
        attempt_id=AttemptId(f"{task}.000000.{attempt:03d}"),
        task_id=TaskId(task),
        node_id=NodeId("n"),
        outcome=outcome,
        cause=cause,
        slots=1,
        ended_at=T0 + dt.timedelta(minutes=1),
        **fields,
    )


def work(task: str, account: str = "alice", **changes: object) -> WorkFact:
    return WorkFact(
        task_id=TaskId(task), account_id=AccountId(account), name=task, service="flex", submitted_at=T0, **changes
    )


def grams(one: EnergyRow) -> float:
    return one.energy_j / 1e4


def told(found: Waste) -> dict[tuple[str, str], tuple[int, float]]:
    return {(line.kind, line.cause): (line.attempts, line.energy_j) for line in found.lines}


def test_cycles_burnt_for_heat_have_no_work_to_lose() -> None:
    """Given burnt cycles and filler of use that heat demand ended, then only the latter lost work."""
    kinds = [("burn", f"{BURN_NAME} J. Doe, cold rooms"), ("boinc", "useful to somebody")]
    works = [dataclasses.replace(work(task), name=name, service="filler") for task, name in kinds]
    rows = [row("burn", 0, 1000.0), row("boinc", 0, 500.0)]
    ends = [end(task, "stopped", "heat", cpu_s=0.0) for task, _ in kinds]
    found = waste(rows, ends, works, grams, IDLE_W)
    assert told(found) == {("ended", "heat"): (1, 500.0)}
    assert found.total_j == 1500.0
    assert found.unknown_j == 0.0


def test_failed_ended_and_lost_attempts_are_told_apart() -> None:
    rows = [row("a", 0, 1000.0), row("a", 1, 500.0, 2), row("b", 0, 300.0), row("c", 0, 200.0), row("d", 0, 100.0)]
    ends = [
        end("a", "failed"),
        end("a", "succeeded", attempt=2),
        end("b", "failed", "limit"),
        end("c", "stopped", "user"),
        end("d", "lost", "node"),
    ]
    found = waste(rows, ends, [work(name) for name in "abcd"], grams, IDLE_W)
    assert told(found) == {
        ("failed", ""): (1, 1000.0),
        ("failed", "limit"): (1, 300.0),
        ("ended", "user"): (1, 200.0),
        ("lost", "node"): (1, 100.0),
    }
    assert (found.total_j, found.energy_j) == (2100.0, 1600.0)
    assert found.co2e_g == pytest.approx(0.16)
    assert [line.kind for line in found.lines] == sorted((line.kind for line in found.lines), key=KINDS.index)


def test_what_goes_on_from_a_checkpoint_is_not_wasted() -> None:
    found = waste([row("a", 0, 800.0)], [end("a", "stopped", "heat")], [work("a", resumable=True)], grams, IDLE_W)
    assert (found.lines, found.kept_j) == ((), 800.0)


def test_cores_that_rested_waste_their_idle_power() -> None:
    # Given 4 cores for two minutes, of which one and a half worked: (1 − 180/480) × 25 W × 120 s.
    rows = [row("a", 0, 4000.0), row("a", 1, 4000.0)]
    found = waste(rows, [end("a", "succeeded", held_s=120.0, cpu_s=180.0)], [work("a")], grams, IDLE_W)
    (line,) = found.lines
    assert (line.kind, line.energy_j, line.core_s) == ("over_reserved", pytest.approx(1875.0), pytest.approx(300.0))
    # When only half of it is looked at, then half of it is told; when it took less than that, no more than it took.
    (half,) = waste(rows[:1], [end("a", "succeeded", held_s=120.0, cpu_s=180.0)], [work("a")], grams, IDLE_W).lines
    assert half.energy_j == pytest.approx(937.5)
    (little,) = waste([row("a", 0, 10.0)], [end("a", "succeeded", cpu_s=0.0)], [work("a")], grams, IDLE_W).lines
    assert little.energy_j == 10.0


def test_what_still_runs_is_said_to_be_unknown() -> None:
    found = waste([row("a", 0, 800.0)], [], [work("a")], grams, IDLE_W)
    assert (found.lines, found.unknown_j) == ((), 800.0)


def test_slots_of_a_pool_waste_while_nothing_runs_in_them() -> None:
    # Given a pool that holds two slots for two minutes; in the second minute one of them has work.
    works = [work("h1", holds_pool="p"), work("h2", holds_pool="p"), work("w", pool_id="p")]
    rows = [row(name, minute, 600.0) for name in ("h1", "h2") for minute in (0, 1)] + [row("w", 1, 5000.0)]
    found = waste(rows, [end("w", "succeeded", cores=0.0)], works, grams, IDLE_W)
    assert told(found) == {("idle_pool_slot", ""): (2, 1200.0 + 600.0)}
    # When more works share a slot than there are holders, then none is idle.
    busy = waste(
        [row("h1", 0, 600.0), row("w", 0, 1.0), row("x", 0, 1.0)], [], [*works, work("x", pool_id="p")], grams, {}
    )
    assert busy.lines == ()


def test_it_is_told_for_every_user_by_itself() -> None:
    rows = [row("a", 0, 100.0), row("b", 0, 50.0), row("gone", 0, 7.0)]
    ends = [end("a", "failed"), end("b", "failed"), end("gone", "failed")]
    by_user = waste_by(lambda one: one.account_id, rows, ends, [work("b", "bob"), work("a")], grams, IDLE_W)
    assert {name: found.energy_j for name, found in by_user.items()} == {"alice": 100.0, "bob": 50.0}
    assert waste_by(lambda one: one.project_id, rows, ends, [work("a")], grams, IDLE_W) == {}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["succeeded", "failed", "stopped", "lost"]),
            st.floats(0.0, 1e9),
            st.floats(0.0, 1e6),
            st.floats(0.0, 1e5),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_no_more_is_wasted_than_was_taken(given_ends: list[tuple[str, float, float, float, bool]]) -> None:
    names = [f"t{n}" for n in range(len(given_ends))]
    rows = [row(name, 0, joules) for name, (_, joules, *_) in zip(names, given_ends, strict=True)]
    ends = [
        end(name, outcome, cpu_s=cpu_s, held_s=held_s)
        for name, (outcome, _, cpu_s, held_s, _) in zip(names, given_ends, strict=True)
    ]
    works = [work(name, resumable=keeps) for name, (*_, keeps) in zip(names, given_ends, strict=True)]
    found = waste(rows, ends, works, grams, IDLE_W)
    assert 0.0 <= found.energy_j <= found.total_j * (1 + 1e-12)
    assert math.isclose(found.total_j, math.fsum(one.energy_j for one in rows), rel_tol=1e-12)
    assert found.co2e_g <= found.total_g * (1 + 1e-9)
