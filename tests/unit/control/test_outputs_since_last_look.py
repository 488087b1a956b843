"""Given a job that talks, when it is asked what is new, then each character comes once and whole."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ondol.control.outputs import Outputs
from ondol.model.compute import Attempt
from ondol.model.errors import NotFoundError
from ondol.model.ids import AttemptId, InstanceId, NodeId, TaskId

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)


def attempt(instance: int = 0, number: int = 1) -> Attempt:
    return Attempt(
        id=AttemptId(f"t.{instance:06d}.{number:03d}"), instance_id=InstanceId(f"t/{instance:06d}"),
        task_id=TaskId("t"), node_id=NodeId("n"), number=number, created_at=NOW, since=NOW,
    )  # fmt: skip


class Talk:
    """The part of an engine that knows what was said; notes what it was asked for."""

    def __init__(self) -> None:
        self.said: dict[str, bytes] = {}
        self.asked: list[int] = []

    def output(self, attempt_id: str, stream: str, offset: int = 0) -> bytes:
        self.asked.append(offset)
        if attempt_id not in self.said:
            raise NotFoundError("attempt", attempt_id)
        return self.said[attempt_id][offset:] if stream == "stdout" else b""


@pytest.fixture
def talk() -> Any:
    return Talk()


@pytest.fixture
def outputs(tmp_path: Path, talk: Any) -> Outputs:
    return Outputs(tmp_path, talk)


def test_a_character_begun_waits_for_its_rest(outputs: Outputs, talk: Any) -> None:
    one = attempt()
    seen = ""
    whole = "é🔥 done\n"
    for end in range(len(whole.encode()) + 1):
        talk.said[one.id] = whole.encode()[:end]
        seen += outputs.fresh(one.task_id, (one,), "stdout", number=None)
    assert seen == whole
    assert talk.asked[-1] == len(whole.encode()) - 1, "only what is new is read"


def test_what_an_ended_job_broke_off_is_shown(outputs: Outputs, talk: Any) -> None:
    one = attempt()
    talk.said[one.id] = b"caf\xc3"
    assert outputs.fresh(one.task_id, (one,), "stdout", number=None) == "caf"
    outputs.keep(one)
    del talk.said[one.id]
    assert outputs.fresh(one.task_id, (one,), "stdout", number=None) == "\N{REPLACEMENT CHARACTER}"
    assert outputs.fresh(one.task_id, (one,), "stdout", number=None) == ""
    assert outputs.whole((one,), "stdout") == "caf\N{REPLACEMENT CHARACTER}"


def test_instances_and_attempts_are_told_apart(outputs: Outputs, talk: Any) -> None:
    first, second, other = attempt(), attempt(number=2), attempt(1)
    talk.said |= {first.id: b"a\n", other.id: b"x"}
    assert outputs.fresh(first.task_id, (first, other), "stdout", number=None) == "0> a\n1> x\n"
    talk.said[second.id] = b"b\n"
    assert outputs.fresh(first.task_id, (first, second, other), "stdout", number=None) == "0> b\n"
    assert outputs.fresh(first.task_id, (first, second), "stdout", number=0) == "a\nb\n"


def test_progress_reads_the_end_only_and_knows_a_job_that_left(outputs: Outputs, talk: Any) -> None:
    one = attempt()
    assert outputs.progress(one) is None
    talk.said[one.id] = b"progress 10 %\n" + b"." * 5000 + b"\nprogress 42%\n"
    assert outputs.progress(one) == 0.42
    assert set(talk.asked) == {-4096}
