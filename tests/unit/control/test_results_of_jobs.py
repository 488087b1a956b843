"""Given a job's folder, when its results are taken, then only its own regular files are, under names that are text."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from ondol.control.staging import Stager
from ondol.model.compute import Attempt, Task
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, TaskId
from ondol.storage.objects.folder import FolderObjectStore

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)
TASK = Task(
    id=TaskId("t"), account_id=AccountId("a"), name="n", profile="process", result_bucket="made", result_prefix="p/",
    created_at=NOW, modified_at=NOW, state_since=NOW,
)  # fmt: skip
ATTEMPT = Attempt(
    id=AttemptId("t.000000.001"), instance_id=InstanceId("t/000000"), task_id=TASK.id, node_id=NodeId("n"), number=1,
    created_at=NOW, since=NOW,
)  # fmt: skip


class OneBucket:
    """Every account's bucket has the same name behind the front."""

    def backend_name(self, account_id: AccountId, bucket: str) -> str:
        return "behind"

    def register(self, account_id: AccountId, bucket: str) -> str:
        return "behind"


class Swapping(Stager):
    """Lists the files as they were a moment ago, before the job put other things in their place."""

    seen: tuple[str, ...] = ()

    def results(self, task: Task, attempt: Attempt) -> list[str]:
        return list(self.seen)


@pytest.fixture
def stager(tmp_path: Path) -> Swapping:
    made = Swapping(tmp_path / "jobs", FolderObjectStore(tmp_path / "objects"), OneBucket())
    made.bring_in(TASK, ATTEMPT)
    return made


def test_what_took_a_files_place_is_not_read(stager: Swapping, tmp_path: Path) -> None:
    job = stager.job_dir(ATTEMPT)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("hush")
    (job / "fine").write_text("mine")
    (job / "link").symlink_to(tmp_path / "secrets" / "key")
    (job / "folder").symlink_to(tmp_path / "secrets")
    os.mkfifo(job / "pipe")
    (job / "empty").mkdir()
    stager.seen = ("fine", "link", "folder/key", "pipe", "empty", "gone", "gone/too", "fine/not-a-folder")
    assert stager.bring_out(TASK, ATTEMPT) == ("p/fine",)


def test_bytes_that_are_no_text_are_written_out(stager: Swapping) -> None:
    job = stager.job_dir(ATTEMPT)
    Path(os.fsdecode(os.fsencode(job) + b"/caf\xe9")).write_text("1")
    stager.seen = tuple(Stager.results(stager, TASK, ATTEMPT))
    assert stager.bring_out(TASK, ATTEMPT) == ("p/caf%E9",)
