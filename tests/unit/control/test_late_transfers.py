"""Given transfers and snapshots that queue, when their turn comes after the attempt is over, then they do nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import threading
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from ondol.control.hands import Hands
from ondol.control.snapshots import Snapshots
from ondol.control.transfers import Transfers
from ondol.control.works import Works
from ondol.lifecycle.events import InputsReady
from ondol.lifecycle.instructions import StageInputs, UploadResults
from ondol.lifecycle.work import Work
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task, TaskState
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, NodeId, TaskId, attempt_id, instance_id
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)
TASK = Task(
    id=TaskId("t"), account_id=AccountId("a"), name="n", profile="process", result_bucket="made",
    created_at=NOW, modified_at=NOW, state=TaskState.FULLY_EXECUTING, state_since=NOW,
)  # fmt: skip
INSTANCE = Instance(id=instance_id(TASK.id, 0), task_id=TASK.id, number=0, state=InstanceState.ACTIVE, since=NOW)
STAGING = Attempt(
    id=attempt_id(INSTANCE.id, 1), instance_id=INSTANCE.id, task_id=TASK.id, node_id=NodeId("n"), number=1,
    state=AttemptState.STAGING, created_at=NOW, since=NOW,
)  # fmt: skip


def work_of(attempt: Attempt, state: InstanceState = InstanceState.ACTIVE) -> Work:
    return Work.of(TASK, [dataclasses.replace(INSTANCE, state=state)], [attempt])


class Later(Executor):
    """Runs what was submitted when told to."""

    def __init__(self) -> None:
        self.queue: list[Any] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.queue.append(fn)
        return Future()

    def run(self) -> None:
        queue, self.queue = self.queue, []
        for one in queue:
            one()


class Notes:
    """A stager that notes what it was asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.during = lambda: None

    def job_dir(self, attempt: Attempt) -> Path:
        return Path("job")

    def checkpoint_dir(self, attempt: Attempt) -> Path:
        return Path("checkpoint")

    def bring_in(self, task: Task, attempt: Attempt, *, wanted: Any = lambda: True) -> None:
        self.done.append(("in",))
        self.during()

    def refresh(self, task: Task, attempt: Attempt, *, wanted: Any = lambda: True) -> int:
        self.done.append(("refresh", wanted()))
        return 1

    def bring_out(
        self, task: Task, attempt: Attempt, *, wanted: Any = lambda: True, config: Any = None, key: str = ""
    ) -> tuple[str, ...]:
        self.done.append(("out", wanted()))
        self.during()
        return ("key",)

    def clear(self, attempt: Attempt, *, instance_over: bool) -> None:
        self.done.append(("clear", instance_over))


class Bench:
    def __init__(self) -> None:
        self.pool, self.stager = Later(), Notes()
        self.transfers = Transfers(pool=self.pool)
        self.work: Work | None = work_of(STAGING)
        nothing: Any = None
        self.hands = Hands(
            Fleet(name="none", sites=(), units=(), nodes=()), nothing, self.stager, nothing,
            find=self.find, now=lambda: NOW, wake=lambda: None, inside=nothing, transfers=self.transfers,
        )  # fmt: skip

    def find(self, key: Any) -> tuple[Work, Attempt] | None:
        attempt = None if self.work is None else self.work.attempt(key)
        return None if self.work is None or attempt is None else (self.work, attempt)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def over(state: InstanceState) -> Work:
    return work_of(dataclasses.replace(STAGING, state=AttemptState.STOPPED), state)


@pytest.mark.parametrize(
    ("after", "instance_over"),
    [(over(InstanceState.CANCELLED), True), (over(InstanceState.QUEUED), False), (None, True)],
)
def test_inputs_of_an_attempt_that_is_over_are_not_fetched(
    bench: Bench, after: Work | None, instance_over: bool
) -> None:
    bench.hands.do(StageInputs(STAGING.id))
    bench.work = after
    bench.pool.run()
    assert bench.stager.done == [("clear", instance_over)]
    assert bench.hands.collect() == []


def test_inputs_that_came_too_late_are_removed(bench: Bench) -> None:
    def cancel() -> None:
        bench.work = None

    bench.stager.during = cancel
    bench.hands.do(StageInputs(STAGING.id))
    bench.pool.run()
    assert bench.stager.done == [("in",), ("clear", True)]


def test_inputs_are_not_fetched_again_before_the_first_outcome_is_heard(bench: Bench) -> None:
    """Given a reminder between the end of a transfer and its hearing, then the launched job's folder is not emptied."""
    bench.hands.do(StageInputs(STAGING.id))
    bench.pool.run()
    bench.hands.do(StageInputs(STAGING.id))
    assert bench.pool.queue == []
    assert [type(one) for one in bench.hands.collect()] == [InputsReady]
    bench.hands.do(StageInputs(STAGING.id))
    bench.work = work_of(dataclasses.replace(STAGING, started_at=NOW))
    bench.pool.run()
    assert bench.stager.done == [("in",)]


def test_results_of_an_attempt_that_is_over_are_not_uploaded(bench: Bench) -> None:
    bench.work = work_of(dataclasses.replace(STAGING, state=AttemptState.UPLOADING))
    bench.hands.do(UploadResults(STAGING.id))
    bench.work = over(InstanceState.CANCELLED)
    bench.pool.run()
    assert bench.stager.done == []


def running_works() -> tuple[Works, Attempt]:
    store = MemoryStore()
    running = dataclasses.replace(STAGING, state=AttemptState.RUNNING, started_at=NOW)
    store.commit(Changes(tasks=(TASK,), instances=(INSTANCE,), attempts=(running,)))
    return Works(store), running


def until_over(works: Works, snapshots: Snapshots, key: str, status: str) -> Task:
    deadline_s = time.monotonic() + 10
    while True:
        with works.lock:
            work = works.get(TASK.id)
            assert work is not None
            task = work.task
        if snapshots.state(task, key).status == status:
            return task
        assert time.monotonic() < deadline_s, snapshots.state(task, key)
        time.sleep(0.01)


def test_one_snapshot_of_a_task_waits_at_most_and_none_takes_what_ended() -> None:
    works, running = running_works()
    stager, transfers = Notes(), Transfers(usual=1, most=1)
    begun, go_on = threading.Event(), threading.Event()

    def during() -> None:
        begun.set()
        assert go_on.wait(10)

    stager.during = during
    given: Any = stager
    snapshots = Snapshots(works, given, transfers, now=lambda: NOW, clock_rate=1.0)
    first = snapshots.take(TASK, NOW)
    assert begun.wait(10)
    more = [snapshots.take(TASK, NOW) for _ in range(5)]
    assert len({first, *more}) == 6, "each has an id of its own, in the same second too"
    ended = dataclasses.replace(running, state=AttemptState.UPLOADING)
    with works.lock:
        work = works.get(TASK.id)
        assert work is not None
        works._works[TASK.id] = Work.of(work.task, [INSTANCE], [ended])
    go_on.set()
    for key in (first, *more):
        task = until_over(works, snapshots, key, "Success")
    transfers.close()
    assert stager.done == [("out", True)]
    assert task.results_count == 1


def test_a_snapshot_that_meets_the_unforeseen_says_so(caplog: pytest.LogCaptureFixture) -> None:
    works, _ = running_works()
    stager: Any = Notes()

    def fail() -> None:
        raise ValueError("odd")

    stager.during = fail
    transfers = Transfers()
    snapshots = Snapshots(works, stager, transfers, now=lambda: NOW, clock_rate=1.0)
    until_over(works, snapshots, snapshots.take(TASK, NOW), "Failure")
    transfers.close()
    assert "odd" in caplog.text


def test_an_upload_that_the_closing_cuts_short_has_no_outcome(bench: Bench) -> None:
    bench.work = work_of(dataclasses.replace(STAGING, state=AttemptState.UPLOADING))
    bench.stager.during = bench.transfers.close
    bench.hands.do(UploadResults(STAGING.id))
    bench.pool.run()
    assert bench.stager.done == [("out", True)]
    assert bench.hands.collect() == []


def test_two_threads_that_ask_for_one_transfer_get_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an image that is ready just when the loop asks again, when both ask at once, then it is fetched once."""
    both = threading.Barrier(2)

    class Shared(set[Any]):
        """Lets both look before either notes that it is under way, if they can."""

        def __contains__(self, key: object) -> bool:
            found = super().__contains__(key)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.2)
            return found

    monkeypatch.setattr(bench.hands, "_busy", Shared())
    ask = [
        threading.Thread(target=bench.hands._transfer, args=("in", TASK, STAGING, bench.hands._bring_in))
        for _ in range(2)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join(10)
    assert len(bench.pool.queue) == 1
