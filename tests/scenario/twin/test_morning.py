"""Given the demonstration's morning, when each policy lives through it on a leaping clock, then heat decides well."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from ondol.accounting.conservation import check, worst_residual
from ondol.accounting.statement import FleetStatement, fleet_statement
from ondol.control.audit import audit
from ondol.control.record import TickWriter, replay
from ondol.demo.fleet import demo_fleet
from ondol.model.account import Account
from ondol.model.compute import TaskState
from ondol.model.ids import AccountId
from ondol.model.view import ServiceClass
from ondol.twin.rehearsal import Rehearsal
from scenario.twin.morning import BEGIN, arrival, morning

HOURS_2 = 7200.0


def lived(policy: str, record: Path | None = None) -> tuple[Rehearsal, FleetStatement]:
    rehearsal = Rehearsal(
        demo_fleet(), policy, morning(), begin=BEGIN, recorder=None if record is None else TickWriter(record)
    )
    rehearsal.store.add_account(
        Account(id=AccountId("a"), email="a@b.c", token_hash="h", token_sealed=b"", created_at=BEGIN)
    )
    rehearsal.run(HOURS_2)
    return rehearsal, fleet_statement([*rehearsal.store.energy(), *rehearsal.store.heat()])


@pytest.fixture(scope="module")
def mornings() -> dict[str, tuple[Rehearsal, FleetStatement]]:
    return {policy: lived(policy) for policy in ("fcfs", "greco", "follow")}


def test_follow_is_more_comfortable_and_wastes_less_than_fcfs(
    mornings: dict[str, tuple[Rehearsal, FleetStatement]],
) -> None:
    follow, fcfs = mornings["follow"][1], mornings["fcfs"][1]
    assert follow.figures.heat is not None
    assert fcfs.figures.heat is not None
    assert follow.discomfort_kh < 0.9 * fcfs.discomfort_kh
    assert follow.figures.heat.useful_kwh > 1.05 * fcfs.figures.heat.useful_kwh


@pytest.mark.parametrize("policy", ["fcfs", "greco", "follow"])
def test_all_work_gets_done_and_every_joule_has_an_owner(
    mornings: dict[str, tuple[Rehearsal, FleetStatement]], policy: str
) -> None:
    store = mornings[policy][0].store
    rows = [*store.energy(), *store.heat()]
    assert check(rows) == []
    assert worst_residual(rows) < 1e-9
    assert audit(store).findings == ()
    # Whose work it was and how every attempt ended stands in the ledger, so that what was wasted can be told for good.
    tasks = store.tasks(AccountId("a")).rows
    assert {fact.task_id for fact in store.work_facts()} == {task.id for task in tasks}
    tries = [attempt for task in tasks for attempt in store.attempts(task.id)]
    assert [fact.attempt_id for fact in store.attempt_facts()] == sorted(attempt.id for attempt in tries)
    assert {task.state for task in store.tasks(AccountId("a")).rows} == {TaskState.SUCCESS}


@pytest.mark.parametrize("policy", ["fcfs", "follow"])
def test_work_that_cannot_wait_starts_within_five_wall_seconds(
    mornings: dict[str, tuple[Rehearsal, FleetStatement]], policy: str
) -> None:
    store = mornings[policy][0].store
    task = next(t for t in store.tasks(AccountId("a")).rows if t.service is ServiceClass.ON_DEMAND)
    for attempt in store.attempts(task.id):
        assert attempt.started_at is not None
        assert attempt.started_at - task.created_at <= dt.timedelta(seconds=5 * 60)


def test_the_same_morning_twice_is_the_same_to_the_bit(mornings: dict[str, tuple[Rehearsal, FleetStatement]]) -> None:
    again, _ = lived("follow")
    assert list(again.store.energy()) == list(mornings["follow"][0].store.energy())
    assert list(again.store.heat()) == list(mornings["follow"][0].store.heat())


@pytest.mark.parametrize("policy", ["fcfs", "greco", "follow"])
def test_recorded_ticks_replay_to_equal_decisions(tmp_path: Path, policy: str) -> None:
    record = tmp_path / "ticks.gz"
    lived(policy, record)
    replayed = replay(record)
    assert replayed.ticks > 100
    assert replayed.actions > 30
    assert replayed.differing == ()


def test_a_record_cut_short_still_replays_its_whole_ticks(tmp_path: Path) -> None:
    record = tmp_path / "ticks.gz"
    lived("follow", record)
    whole = replay(record).ticks
    record.write_bytes(record.read_bytes()[:-60])
    assert replay(record).ticks == whole - 1


def test_harvest_waits_in_a_warm_world_and_flex_is_in_time() -> None:
    """Given rooms that want nothing, when work comes, then harvest never starts and flex meets its deadline."""
    fleet = demo_fleet()
    warm = dataclasses.replace(
        fleet,
        sinks=tuple(dataclasses.replace(sink, initial_temp_c=_warm(sink.id)) for sink in fleet.sinks),
        requests=tuple(
            dataclasses.replace(
                request,
                schedule=dataclasses.replace(
                    request.schedule,
                    slots=tuple(dataclasses.replace(slot, value=10.0) for slot in request.schedule.slots),
                ),
            )
            for request in fleet.requests
        ),
    )
    work = [
        arrival(1, ServiceClass.FLEX, 6, 1.9, after_s=60, deadline_s=5400),
        arrival(2, ServiceClass.HARVEST, 4, 2.0, after_s=60),
    ]
    rehearsal = Rehearsal(warm, "follow", work, begin=BEGIN)
    rehearsal.run(HOURS_2)
    flex, harvest = (rehearsal.store.task(each.task.id) for each in work)
    assert flex is not None
    assert harvest is not None
    assert harvest.state is TaskState.SUBMITTED
    assert flex.state is TaskState.SUCCESS
    assert flex.deadline is not None
    assert flex.ended_at <= flex.deadline
    assert flex.ended_at - flex.created_at > dt.timedelta(minutes=30), "it waited for heat first"


def _warm(sink_id: str) -> float:
    return 24.0 if sink_id.startswith("flat") else 34.0 if sink_id == "basin" else 60.0
