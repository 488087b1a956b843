"""Given a prepared slot, when a job is begun in it, then it has its own copy of all, and none of it is a result."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from ondol.control.staging import Stager
from ondol.model.compute import Attempt, ResourceBucket, Task
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, TaskId
from ondol.storage.objects.folder import FolderObjectStore

NOW = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
ACCOUNT = AccountId("a")


class Buckets:
    """Every bucket is behind the front as it is before it."""

    def backend_name(self, account_id: AccountId, bucket: str) -> str:
        return bucket

    def register(self, account_id: AccountId, bucket: str) -> str:
        return bucket


def task_of(key: str, **fields: object) -> Task:
    return Task(
        id=TaskId(key), account_id=ACCOUNT, name=key, profile="process", created_at=NOW, modified_at=NOW,
        state_since=NOW, **fields,
    )  # fmt: skip


def attempt_of(key: str, held_by: str = "") -> Attempt:
    return Attempt(
        id=AttemptId(f"{key}.000000.001"), instance_id=InstanceId(f"{key}/000000"), task_id=TaskId(key),
        node_id=NodeId("n"), number=1, created_at=NOW, since=NOW, held_by=AttemptId(held_by),
    )  # fmt: skip


HOLDER, JOB = attempt_of("h"), attempt_of("t", "h.000000.001")


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjectStore:
    store = FolderObjectStore(tmp_path / "objects")
    for bucket, key, text in (("pool", "data", "of the pool"), ("own", "data", "of the task"), ("own", "more", "m")):
        store.create_bucket(bucket)
        (tmp_path / "upload").write_text(text)
        store.upload(tmp_path / "upload", bucket, key)
    store.create_bucket("made")
    return store


@pytest.fixture
def stager(tmp_path: Path, objects: FolderObjectStore) -> Stager:
    made = Stager(tmp_path / "jobs", objects, Buckets())
    made.bring_in(task_of("h", resources=(ResourceBucket(bucket="pool"),)), HOLDER)
    return made


def test_a_job_finds_resources_and_what_the_preparation_made(stager: Stager) -> None:
    slot = stager.job_dir(HOLDER)
    (slot / "tools" / "empty").mkdir(parents=True)
    (slot / "tools" / "run").write_text("#!/bin/sh\n")
    (slot / "tools" / "run").chmod(0o755)
    (slot / "python").symlink_to("/usr/bin/python3")
    (slot / "here").symlink_to("tools")
    os.mkfifo(slot / "pipe")
    stager.bring_in(task_of("t", result_bucket="made"), JOB)
    job = stager.job_dir(JOB)
    assert (job / "data").read_text() == "of the pool"
    assert (job / "tools" / "run").stat().st_mode & 0o777 == 0o755
    assert (job / "tools" / "empty").is_dir()
    assert [str((job / name).readlink()) for name in ("python", "here")] == ["/usr/bin/python3", "tools"]
    assert sorted(path.name for path in job.iterdir()) == ["data", "here", "python", "tools"]
    (job / "tools" / "run").write_text("changed")
    (job / "new").write_text("new")
    assert (slot / "tools" / "run").read_text() == "#!/bin/sh\n", "the slot keeps its own"
    assert stager.bring_out(task_of("t", result_bucket="made"), JOB) == ("new", "tools/run")


def test_its_own_resources_lie_over_those_of_the_pool(stager: Stager) -> None:
    stager.bring_in(task_of("t", resources=(ResourceBucket(bucket="own"),)), JOB)
    assert (stager.job_dir(JOB) / "data").read_text() == "of the task"
    assert (stager.job_dir(JOB) / "more").read_text() == "m"
    assert (stager.job_dir(HOLDER) / "data").read_text() == "of the pool"


def test_a_slot_that_is_gone_is_said(stager: Stager) -> None:
    stager.clear(HOLDER, instance_over=True)
    with pytest.raises(NotFoundError, match="slot"):
        stager.bring_in(task_of("t"), JOB)


def test_a_link_of_the_preparation_leads_no_input_out_of_the_folder(stager: Stager, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (stager.job_dir(HOLDER) / "data").unlink()
    (stager.job_dir(HOLDER) / "in").symlink_to(tmp_path / "outside")
    objects = stager._objects
    (tmp_path / "upload").write_text("x")
    objects.upload(tmp_path / "upload", "own", "in/secret")
    own = ResourceBucket(bucket="own", prefix="in/")
    with pytest.raises(ConflictError):
        stager.bring_in(task_of("t", resources=(own,)), JOB)
    assert list((tmp_path / "outside").iterdir()) == []
