"""One life of the parts that move results, which may end by `kill -9` at a chosen point; run as a process of its own.

The store, the object store, the lifecycle, hands, transfers and snapshots are the real ones. There is no engine: what a
job would write is written here, and its end is reported.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondol.control.hands import Hands
from ondol.control.outputs import Outputs
from ondol.control.snapshots import Snapshots
from ondol.control.staging import Stager
from ondol.control.transfers import Transfers
from ondol.control.works import Works
from ondol.lifecycle.events import AttemptReported, EndSeen, RunSeen, StartDecided
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, NodeId, TaskId, instance_id
from ondol.storage.objects.folder import FolderObjectStore
from ondol.storage.objects.port import Tell, unheard
from ondol.storage.ports import Changes
from ondol.storage.sql.store import SqlStore

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)
NAMES = ("a", "b", "deep/c")
TASK = Task(
    id=TaskId("5d9f4f9e-0000-4000-8000-000000000001"), account_id=AccountId("a"), name="n", profile="process",
    result_bucket="made", created_at=NOW, modified_at=NOW, state_since=NOW,
)  # fmt: skip
ONE = instance_id(TASK.id, 0)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


class Store(SqlStore):
    """Dies before or after the commit that counts an upload."""

    point = ""

    def commit(self, changes: Changes) -> None:
        counts = any(task.results_count for task in changes.tasks)
        if counts and self.point == "commit-before":
            die()
        super().commit(changes)
        if counts and self.point == "commit-after":
            die()


class Objects(FolderObjectStore):
    """Dies before, amid or after the upload of a number."""

    point = ""
    uploads = 0
    gate: Callable[[str], None] = staticmethod(lambda key: None)

    def upload(self, path: Path, bucket: str, key: str, tell: Tell = unheard) -> None:
        Objects.uploads += 1
        mine = f"upload-{Objects.uploads}"
        self.gate(key)
        if self.point == f"{mine}-before":
            die()
        super().upload(path, bucket, key, (lambda _: die()) if self.point == f"{mine}-amid" else tell)
        if self.point == f"{mine}-after":
            die()


class Engine:
    """Launches nothing and has heard nothing."""

    def launch(self, order: Any) -> None: ...

    def release(self, attempt_id: Any) -> None: ...

    def output(self, attempt_id: Any, *_: Any) -> bytes:
        raise NotFoundError("attempt", attempt_id)


class SameNames:
    def backend_name(self, account_id: AccountId, bucket: str) -> str:
        return f"behind-{bucket}"

    def register(self, account_id: AccountId, bucket: str) -> str:
        return f"behind-{bucket}"


class Life:
    """Begins, or takes up what an earlier life in the same folder left."""

    def __init__(self, folder: Path, point: str = "") -> None:
        self.store = Store(f"sqlite:///{folder / 'ondol.db'}")
        self.objects = Objects(folder / "objects")
        self.works, self.transfers = Works(self.store), Transfers()
        self.stager = Stager(folder / "jobs", self.objects, SameNames(), progress=self.transfers.book)
        engine: Any = Engine()
        self.hands = Hands(
            Fleet(name="none", sites=(), units=(), nodes=()), engine, self.stager, Outputs(folder / "out", engine),
            find=self.works.find, now=lambda: NOW, wake=lambda: None, inside=lambda _: ("", ""),
            transfers=self.transfers,
        )  # fmt: skip
        self.hands._launch = lambda *_: None  # type: ignore[method-assign]
        self.snapshots = Snapshots(self.works, self.stager, self.transfers, now=lambda: NOW, clock_rate=1.0)
        self.store.point = self.objects.point = point

    def turn(self) -> None:
        """What a tick does with transfers: hear outcomes, write, carry out."""
        with self.works.lock:
            for outcome in self.hands.collect():
                self.works.apply(TASK.id, outcome)
            changes, instructions = self.works.take_changes()
            self.store.commit(changes)
            for instruction in instructions:
                self.hands.do(instruction)
            self.works.drop_closed(instructions)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline_s, (self.task, self.store.attempts(TASK.id))
            self.turn()
            time.sleep(0.005)

    @property
    def task(self) -> Task:
        found = self.store.task(TASK.id)
        assert found is not None
        return found

    @property
    def latest(self) -> Attempt:
        work = self.works.get(TASK.id)
        found = None if work is None else work.latest(ONE)
        assert found is not None
        return found

    def start_job(self, text: str) -> None:
        """An attempt begins, and its job has written its results."""
        self.works.apply(TASK.id, StartDecided(at=NOW, instance_id=ONE, node_id=NodeId("n"), reason="why not"))
        self.until(lambda: self.latest.started_at is not None)
        self.report(RunSeen.RUNNING)
        job = self.stager.job_dir(self.latest)
        (job / "deep").mkdir()
        for name in NAMES:
            (job / name).write_text(f"{text} {name}")

    def report(self, state: RunSeen, cause: EndSeen | None = None) -> None:
        code = 0 if cause is EndSeen.EXITED else None
        seen = AttemptReported(at=NOW, attempt_id=self.latest.id, state=state, cause=cause, exit_code=code)
        self.works.apply(TASK.id, seen)
        self.turn()

    def take_up(self) -> None:
        """What a start does: ask again for what a crash may have swallowed."""
        for instruction in self.works.pending():
            self.hands.do(instruction)
        self.snapshots.take_due()
        self.turn()

    def snapshot(self) -> str:
        """A user asks for one; its id is durable before anybody is told of it."""
        with self.works.lock:
            key = self.snapshots.take(TASK, NOW)
            self.turn()
        return key

    def finish(self) -> None:
        """The job ends, if it has not, and its results are uploaded."""
        if self.works.get(TASK.id) is not None and self.latest.state is AttemptState.RUNNING:
            self.report(RunSeen.ENDED, EndSeen.EXITED)
        self.until(lambda: self.task.state.final)

    def made(self) -> dict[str, str]:
        return {
            one.key: self.objects.get_bytes("behind-made", one.key).decode() for one in self.objects.list("behind-made")
        }

    def close(self) -> None:
        self.transfers.close()
        self.store.close()


def main(folder: Path, mode: str, point: str) -> None:
    """First life: admit, run and either end the job or take a snapshot; it dies at `point`."""
    life = Life(folder)
    life.works.admit([TASK], NOW)
    life.start_job("early" if mode == "snapshot" else "final")
    life.store.point = life.objects.point = point
    if mode == "snapshot":
        life.snapshot()
        life.until(lambda: all(one.over for one in life.task.snapshots))
    else:
        life.finish()
    raise AssertionError(f"it should have died at {point}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
