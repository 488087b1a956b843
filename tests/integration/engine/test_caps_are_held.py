"""Given a task with a cap, when its job computes without pause, then the engine lets it have that share and no more."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.storage.samples import NOON, make_task
from ondol.agent.orders import NodeOrder, SiteOrders
from ondol.control.caps import apply_caps
from ondol.control.hands import Hands
from ondol.control.transfers import Transfers
from ondol.demo.fleet import demo_fleet
from ondol.engine.local.engine import LocalEngine
from ondol.lifecycle.instructions import Launch
from ondol.lifecycle.work import Work
from ondol.model.compute import Attempt, Task
from ondol.model.ids import AttemptId, InstanceId
from ondol.twin.files import AtOnce, NoFiles, NoOutputs

SPIN = "python -I -S -c 'while True: pass'"
FLEET = demo_fleet()
NODE = dataclasses.replace(FLEET.nodes[0], host_cores=0.8, slots=1)
WINDOW_S = 0.8


class Folders(NoFiles):
    """Gives each attempt a folder that is there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def job_dir(self, attempt: Attempt) -> Path:
        return self._made(attempt.id)

    def checkpoint_dir(self, attempt: Attempt) -> Path:
        return self._made(f"kept-{attempt.id}")

    def _made(self, name: str) -> Path:
        path = self._root / name
        path.mkdir(exist_ok=True)
        return path


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    """With control groups where there are any, else with duty cycles; the contract holds both to any share."""
    made = LocalEngine(tmp_path / "state", sandbox="none", containers=False)
    yield made
    for report in made.poll():
        made.stop(report.attempt_id, 0.0)
    end = time.monotonic() + 10.0
    while any(report.ended_at_s is None for report in made.poll()) and time.monotonic() < end:
        time.sleep(0.02)
    for report in made.poll():
        made.release(report.attempt_id)
    made.close()


def launched(engine: LocalEngine, folder: Path, task: Task) -> Attempt:
    """Launch its first instance as the loop does."""
    attempt = Attempt(
        id=AttemptId("a"), instance_id=InstanceId(f"{task.id}/0"), task_id=task.id, node_id=NODE.id, number=1,
        created_at=NOON, since=NOON,
    )  # fmt: skip
    work = Work.of(task, (), ())
    fleet = dataclasses.replace(FLEET, nodes=(NODE, *FLEET.nodes[1:]))
    hands = Hands(
        fleet, engine, Folders(folder), NoOutputs(), find=lambda _id: (work, attempt), now=lambda: NOON,
        wake=lambda: None, inside=engine.inside_paths, transfers=Transfers(pool=AtOnce()),
    )  # fmt: skip
    hands.do(Launch(attempt_id=attempt.id))
    return attempt


def used_cores(engine: LocalEngine, wanted: float) -> float:
    """Mean cores that the one attempt used over a window; the best of three that are never above the share."""
    best = 0.0
    for _ in range(3):
        (first,), begin = engine.poll(), time.monotonic()
        time.sleep(WINDOW_S)
        (later,) = engine.poll()
        mean = (later.cpu_s - first.cpu_s) / (time.monotonic() - begin)
        assert mean <= wanted * 1.2 + 0.01, "a cap is never passed"
        best = max(best, mean)
        if best >= wanted * 0.8 - 0.01:
            break
    return best


def capped(**fields: Any) -> Task:
    return dataclasses.replace(
        make_task(1), profile="process", constants={"CMD": SPIN}, instance_numbers=(0,), pool_id="", job_id="",
        holds_pool="", **fields,
    )  # fmt: skip


def test_a_busy_job_has_its_share_and_less_where_its_node_is_capped_lower(engine: LocalEngine, tmp_path: Path) -> None:
    attempt = launched(engine, tmp_path, capped(speed_cap=0.5))
    end = time.monotonic() + 10.0
    while not any(report.cpu_s > 0.1 for report in engine.poll()):
        assert time.monotonic() < end, engine.poll()
        time.sleep(0.02)
    assert used_cores(engine, 0.4) == pytest.approx(0.4, rel=0.25)

    order = NodeOrder(node_id=NODE.id, cap_w=NODE.curve.power_w(0.2), hot=True, accepts=True)
    orders = (SiteOrders(now=NOON, dt_s=1.0, units=(), nodes=(order,), sinks=()),)
    apply_caps(engine, {NODE.id: NODE}, orders, {NODE.id: [attempt]}, {}, speed_cap=lambda _one: 0.5)
    time.sleep(0.4)
    assert used_cores(engine, 0.16) == pytest.approx(0.16, rel=0.3)
