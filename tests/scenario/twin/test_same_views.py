"""Given equal Views, when one side's are decided by the other side's means, then every policy says the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ondol.control.placing import Placing
from ondol.control.record import TickWriter, pack_decision, replay, unpack_view
from ondol.control.works import Works
from ondol.demo.fleet import demo_fleet
from ondol.model.decision import Decision
from ondol.model.view import View
from ondol.policy.registry import load_policy, policy_names
from ondol.storage.memory.store import MemoryStore
from ondol.twin.rehearsal import Rehearsal
from scenario.twin.morning import BEGIN, morning
from scenario.twin.same_fleet import platform_ticks, twin_ticks

DAYS, JOBS = 0.035, 25
POLICIES = policy_names()


class Hears(TickWriter):
    """Takes the loop's record in memory."""

    def __init__(self) -> None:
        self.decisions: list[bytes] = []

    def write(self, policy: str, view: View, memory: object, decision: Decision) -> None:  # type: ignore[override]
        self.decisions.append(pack_decision(decision))


def test_all_policies_are_tried() -> None:
    assert {"fcfs", "greco", "greedy", "thermostat-filler", "follow", "wait-awhile"} <= set(POLICIES)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_twins_views_are_decided_alike_by_the_loops_own_decide(policy: str) -> None:
    """Given the Views of a twin in their order, when the platform's `Placing` decides them, then byte by byte alike."""
    ticks = twin_ticks(policy, DAYS, JOBS, filler=True)
    chosen, heard = load_policy(policy), Hears()
    placing = Placing(Works(MemoryStore()), chosen, chosen.fresh(), heard)
    for tick in ticks:
        placing.decide(unpack_view(tick.view))
    assert len(ticks) > 20
    assert heard.decisions == [tick.decision for tick in ticks]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_platforms_views_are_decided_alike_as_the_twin_decides(policy: str, tmp_path: Path) -> None:
    """Given the Views of the platform's loop, when they are decided as the twin does, then byte by byte alike."""
    record = tmp_path / "ticks.gz"
    ticks = platform_ticks(policy, DAYS, JOBS, filler=True, steady=False, record=record)
    chosen = load_policy(policy)
    memory: Any = chosen.fresh()
    for tick in ticks:
        decision, memory = chosen.decide(unpack_view(tick.view), memory)
        assert pack_decision(decision) == tick.decision
    replayed = replay(record)
    assert (replayed.ticks, replayed.differing) == (len(ticks), ())
    assert replayed.ticks > 20


@pytest.mark.parametrize("policy", POLICIES)
def test_a_live_record_replays_equal_though_it_was_cut_by_a_kill(policy: str, tmp_path: Path) -> None:
    """Given a platform that dies while it writes a tick, when a new life goes on, then what both left replays equal."""
    record = tmp_path / "ticks.gz"
    first = Rehearsal(demo_fleet(), policy, morning(), begin=BEGIN, tick_s=30.0, recorder=TickWriter(record))
    first.run(900)
    before = replay(record)
    size = record.stat().st_size
    with record.open("ab") as file:  # what a kill leaves of the tick that was being written
        file.write(record.read_bytes()[: size // before.ticks // 2])
    cut = replay(record)
    assert (cut.ticks, cut.differing) == (before.ticks, ())

    again = Rehearsal(demo_fleet(), policy, morning(), begin=BEGIN, tick_s=30.0, recorder=TickWriter(record))
    again.run(480)
    whole = replay(record)
    assert whole.ticks >= before.ticks + 10
    assert whole.actions > before.actions
    assert whole.differing == ()


def test_a_record_that_was_meddled_with_does_not_replay(tmp_path: Path) -> None:
    """Given a record in which a decision was changed, when it is replayed, then it is told which one."""
    record, forged = tmp_path / "ticks.gz", tmp_path / "forged.gz"
    ticks = platform_ticks("fcfs", DAYS, JOBS, filler=False, steady=False, record=record)
    begun = next(
        number for number, tick in enumerate(ticks, 1) if any(a[0] == "Start" for a in unpacked(tick.decision))
    )
    writer, chosen = TickWriter(forged), load_policy("fcfs")
    for number, tick in enumerate(ticks, 1):
        decision, _ = chosen.decide(unpack_view(tick.view), chosen.fresh())
        writer.write("fcfs", unpack_view(tick.view), chosen.fresh(), () if number == begun else decision)
    assert replay(record).differing == ()
    assert [number for number, _, _ in replay(forged).differing] == [begun]


def unpacked(decision: bytes) -> list[list[Any]]:
    return list(msgspec.msgpack.decode(decision))
