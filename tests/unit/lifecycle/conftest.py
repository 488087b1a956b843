"""A task to play with, and a player that validates after every step."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.lifecycle import events as ev
from ondol.lifecycle.machine import step, submit
from ondol.lifecycle.work import Change, validate
from ondol.model.compute import Attempt, Instance, Task
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, TaskId, attempt_id, instance_id

T0 = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)


class Play:
    """Feeds events one second apart and keeps what they changed."""

    def __init__(self, instances: int = 1, **settings: object) -> None:
        self.at = T0
        task = Task(
            id=TaskId("11111111-2222-3333-4444-555555555555"),
            account_id=AccountId("ada"),
            name="render",
            profile="batch",
            instance_numbers=tuple(range(instances)),
            created_at=T0,
            modified_at=T0,
            state_since=T0,
            **settings,  # type: ignore[arg-type]
        )
        self.work, self.change = submit(ev.TaskSubmitted(at=T0, task=task))
        validate(self.work)

    @property
    def task(self) -> Task:
        return self.work.task

    def iid(self, number: int = 0) -> InstanceId:
        return instance_id(self.task.id, number)

    def aid(self, number: int = 0, attempt: int = 1) -> AttemptId:
        return attempt_id(self.iid(number), attempt)

    def instance(self, number: int = 0) -> Instance:
        return self.work.instances[self.iid(number)]

    def latest(self, number: int = 0) -> Attempt:
        attempt = self.work.latest(self.iid(number))
        assert attempt is not None
        return attempt

    def feed(self, event: ev.Event) -> Change:
        before = self.work
        self.work, self.change = step(before, event)
        validate(self.work)
        validate(before)  # the old value is untouched
        return self.change

    def tick(self, seconds: float = 1.0) -> dt.datetime:
        self.at += dt.timedelta(seconds=seconds)
        return self.at

    def start(self, number: int = 0, node: str = "n1") -> Change:
        return self.feed(
            ev.StartDecided(at=self.tick(), instance_id=self.iid(number), node_id=NodeId(node), reason="cold here")
        )

    def ready(self, number: int = 0) -> Change:
        return self.feed(ev.InputsReady(at=self.tick(), attempt_id=self.latest(number).id))

    def seen(self, number: int = 0, state: str = "running", cause: str | None = None, **more: object) -> Change:
        return self.feed(
            ev.AttemptReported(
                at=self.tick(),
                attempt_id=self.latest(number).id,
                state=ev.RunSeen(state),
                cause=None if cause is None else ev.EndSeen(cause),
                **more,  # type: ignore[arg-type]
            )
        )

    def run(self, number: int = 0) -> Change:
        self.start(number)
        self.ready(number)
        return self.seen(number)

    def ended(self, number: int = 0, code: int | None = 0, cause: str = "exited", **more: object) -> Change:
        return self.seen(number, "ended", cause, exit_code=code, **more)

    def uploaded(self, number: int = 0, *keys: str) -> Change:
        return self.feed(ev.ResultsUploaded(at=self.tick(), attempt_id=self.latest(number).id, keys=keys))

    def stop(self, number: int = 0) -> Change:
        return self.feed(ev.StopDecided(at=self.tick(), instance_id=self.iid(number), reason="too warm"))

    def pause(self, number: int = 0) -> Change:
        return self.feed(ev.PauseDecided(at=self.tick(), instance_id=self.iid(number), reason="warm"))

    def cancel(self) -> Change:
        return self.feed(ev.CancelAsked(at=self.tick(), task_id=self.task.id))

    def delete(self) -> Change:
        return self.feed(ev.DeleteAsked(at=self.tick(), task_id=self.task.id))


@pytest.fixture
def play() -> type[Play]:
    return Play
