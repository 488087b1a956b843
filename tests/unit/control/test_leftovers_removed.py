"""Given folders that jobs left, when they are removed, then nothing stays and nothing else goes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from pathlib import Path

from ondol.control.leftovers import remove_tree, sweep
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task
from ondol.model.ids import AccountId, NodeId, TaskId, attempt_id, instance_id
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)


def test_unreadable_and_deep_folders_go_and_links_are_not_followed(tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "job"
    (kept / "inner").mkdir(parents=True)
    (kept / "file").write_text("mine")
    (folder / "shut" / "inner").mkdir(parents=True)
    (folder / "link").symlink_to(kept)
    (folder / "shut" / "link").symlink_to(kept)
    (folder / "shut" / "inner").chmod(0)
    (folder / "shut").chmod(0)
    at = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("deep", dir_fd=at)
        inner = os.open("deep", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    folder.chmod(0o500)
    remove_tree(folder)
    assert not folder.exists()
    assert (kept / "file").read_text() == "mine"
    assert (kept / "inner").is_dir()
    remove_tree(folder)


def test_a_link_in_the_folders_place_is_left(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "job").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "job")
    assert (tmp_path / "kept").is_dir()


def test_the_sweep_keeps_what_is_under_way(tmp_path: Path) -> None:
    task = Task(
        id=TaskId("t"), account_id=AccountId("a"), name="n", profile="process", instance_numbers=(0, 1),
        created_at=NOW, modified_at=NOW, state_since=NOW,
    )  # fmt: skip
    going, over = instance_id(task.id, 0), instance_id(task.id, 1)
    running = Attempt(
        id=attempt_id(going, 2), instance_id=going, task_id=task.id, node_id=NodeId("n"), number=2,
        state=AttemptState.RUNNING, created_at=NOW, since=NOW,
    )  # fmt: skip
    stopped = dataclasses.replace(running, id=attempt_id(going, 1), number=1, state=AttemptState.STOPPED)
    instances = (
        Instance(id=going, task_id=task.id, number=0, state=InstanceState.ACTIVE, since=NOW),
        Instance(id=over, task_id=task.id, number=1, state=InstanceState.SUCCEEDED, since=NOW),
    )
    store = MemoryStore()
    store.commit(Changes(tasks=(task,), instances=instances, attempts=(stopped, running)))
    jobs, outputs = tmp_path / "jobs", tmp_path / "outputs"
    for name in (running.id, stopped.id, "gone.000000.001"):
        (jobs / "attempts" / name / "job").mkdir(parents=True)
    for name in ("t.000000", "t.000001", "gone.000000"):
        (jobs / "checkpoints" / name).mkdir(parents=True)
    for name in ("t", "gone"):
        (outputs / name).mkdir(parents=True)
    sweep(store, jobs, outputs)
    assert [path.name for path in (jobs / "attempts").iterdir()] == [running.id]
    assert [path.name for path in (jobs / "checkpoints").iterdir()] == ["t.000000"]
    assert [path.name for path in outputs.iterdir()] == ["t"]
    sweep(store, tmp_path / "nothing", tmp_path / "nothing")
