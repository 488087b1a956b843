"""Given a kill -9 anywhere between a job's end and the word of its upload, then its results arrive, and count, once."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.lifecycle.events import EndSeen, RunSeen
from ondol.model.compute import AttemptState, TaskState
from scenario.control import one_life
from scenario.control.one_life import NAMES, NOW, TASK, Life

POINTS = (
    "upload-1-before", "upload-1-amid", "upload-2-amid", "upload-2-after", "upload-3-after", "commit-before",
    "commit-after",
)  # fmt: skip


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[list[Life]]:
    begun: list[Life] = []
    yield begun
    for life in begun:
        life.close()


def crashed(folder: Path, mode: str, point: str) -> None:
    command = [sys.executable, str(one_life.__file__), str(folder), mode, point]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]


def whole(text: str) -> dict[str, str]:
    return {name: f"{text} {name}" for name in NAMES}


@pytest.mark.parametrize("point", POINTS)
def test_a_final_upload_cut_short_is_done_again_and_counted_once(tmp_path: Path, lives: list[Life], point: str) -> None:
    crashed(tmp_path, "final", point)
    life = Life(tmp_path)
    lives.append(life)
    life.take_up()
    life.finish()
    (attempt,) = life.store.attempts(TASK.id)
    assert life.made() == whole("final")
    assert attempt.results == tuple(sorted(NAMES))
    assert (life.task.state, life.task.results_count) == (TaskState.SUCCESS, 1)


@pytest.mark.parametrize("point", POINTS)
def test_a_snapshot_cut_short_is_taken_again_and_counted_once(tmp_path: Path, lives: list[Life], point: str) -> None:
    crashed(tmp_path, "snapshot", point)
    life = Life(tmp_path)
    lives.append(life)
    life.take_up()
    life.until(lambda: all(one.over for one in life.task.snapshots))
    (taken,) = life.task.snapshots
    assert life.made() == whole("early")
    assert (taken.status, life.task.results_count) == ("Success", 1)
    if point != "commit-after":  # that one was over in the life before
        assert taken.size_bytes == taken.transferred_bytes == sum(len(text) for text in whole("early").values())
    for name in NAMES:
        (life.stager.job_dir(life.latest) / name).write_text(f"final {name}")
    life.finish()
    assert life.made() == whole("final")
    assert life.task.results_count == 2


def test_a_job_that_is_lost_with_the_crash_leaves_nothing_over_the_next_ones_results(
    tmp_path: Path, lives: list[Life]
) -> None:
    """Given a snapshot of the first try cut short and taken up while the second ends: the second's results stay."""
    crashed(tmp_path, "snapshot", "upload-2-amid")
    life = Life(tmp_path)
    lives.append(life)
    begun, go_on = threading.Event(), threading.Event()

    def hold(key: str) -> None:
        if not begun.is_set():  # the old one only: nothing but its being first may keep the second back
            begun.set()
            assert go_on.wait(20)

    life.objects.gate = hold
    life.take_up()
    assert begun.wait(20), "the old snapshot is at its first file"
    stale = life.latest
    life.report(RunSeen.ENDED, EndSeen.LOST)
    life.start_job("second")
    assert life.latest.number == stale.number + 1
    life.report(RunSeen.ENDED, EndSeen.EXITED)
    for _ in range(50):
        life.turn()
        time.sleep(0.005)
    assert life.latest.state is AttemptState.UPLOADING, "it waits for the old one to let go"
    go_on.set()
    life.finish()
    life.until(lambda: all(one.over for one in life.task.snapshots))
    assert life.made() == whole("second")
    assert [attempt.results for attempt in life.store.attempts(TASK.id)] == [(), tuple(sorted(NAMES))]


def test_what_is_said_of_a_snapshot_survives_its_task(tmp_path: Path, lives: list[Life]) -> None:
    life = Life(tmp_path)
    lives.append(life)
    life.works.admit([TASK], NOW)
    life.start_job("early")
    keys = [life.snapshot() for _ in range(3)]
    assert keys == [f"snap_{TASK.id}_20220126000000{more}" for more in ("", "_2", "_3")]
    life.until(lambda: all(one.over for one in life.task.snapshots))
    life.finish()
    again = Life(tmp_path)
    lives.append(again)
    states = [again.snapshots.state(again.task, key) for key in keys]
    assert [(state.id, state.status) for state in states] == [(key, "Success") for key in keys]
    unknown = dataclasses.replace(again.task, snapshots=())
    with pytest.raises(LookupError, match="snapshot"):
        again.snapshots.state(unknown, keys[0])
