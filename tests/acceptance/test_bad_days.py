"""Given a bad day of the machine or its user, when it comes, then there is a clear word, and the platform goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from qarnot.exceptions import QarnotException

from acceptance.asking import abort_all, end_of, keys, messages, ondol, processes_with, says, until, work
from acceptance.platform import Up
from acceptance.test_bad_jobs import unique_seconds
from ondol.control.layout import DataFolder
from ondol.model.compute import AttemptState
from ondol.storage.sql.store import SqlStore


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A platform whose process a test may harm."""
    installation = Up(tmp_path)
    yield installation
    installation.stop()


# -- the object store --


def test_a_killed_object_store_comes_back_and_no_result_is_lost(up: Up) -> None:
    """Given a running task with inputs and results, when SeaweedFS is killed, then it returns, and the results come."""
    up.start()
    connection = up.connection()
    bucket = connection.create_bucket("kept")
    bucket.add_string("before", "given")
    task = work(connection, 'sh -c "cp given made; echo up; sleep 1.5"')
    task.resources, task.results = [bucket], bucket
    task.submit()
    says(task, "up")
    (weed,) = [child for child in _children(up) if "weed" in child.name()]
    weed.kill()
    assert end_of(task, 60.0) == "Success", messages(task)
    assert keys(bucket) == ["given", "made"]
    assert [child.pid for child in _children(up) if "weed" in child.name()] != [weed.pid]


def _children(up: Up) -> list[psutil.Process]:
    assert up.process is not None
    return psutil.Process(up.process.pid).children(recursive=True)


# -- requests that are none --


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"name": "big", "profile": "process", "tags": ["' + b"x" * (17 << 20) + b'"]}', "application/json", 413),
        (b'{"name": "cut', "application/json", 400),
        (b"\xff\xfe\x00", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'"a text"', "application/json", 400),
        (b"[1, null, []]", "application/json", 400),
        (b'{"name": 1e999, "instanceCount": -1e400}', "application/json", 400),
        (b'{"name": "n", "profile": "process", "instanceCount": "many", "constants": 3}', "application/json", 400),
        (b"name=form&profile=process", "application/x-www-form-urlencoded", 400),
        (b"<task/>", "text/xml", 400),
        (b"", "application/json", 400),
    ],
)
def test_malformed_requests_are_refused_with_a_word(friendly: Up, body: bytes, kind: str, status: int) -> None:
    """Given a body that is too large, no JSON or no task, when it is posted, then 4xx says why and nothing is made."""
    answer = requests.post(
        friendly.client["url"] + "/tasks",
        data=body,
        headers={"Authorization": friendly.client["token"], "Content-Type": kind},
        timeout=30,
    )
    assert answer.status_code == status, answer.text[:300]
    told = answer.json()
    assert told if isinstance(told, list) else told["message"]
    assert "Traceback" not in answer.text
    assert requests.get(
        friendly.client["url"] + "/info", headers={"Authorization": friendly.client["token"]}, timeout=30
    ).ok


# -- the fleet file --


def test_a_wrong_fleet_file_is_refused_with_every_mistake(tmp_path: Path) -> None:
    """Given a fleet file with four mistakes, when `ondol up` reads it, then all are told with their lines, exit 1."""
    file = tmp_path / "wrong.toml"
    file.write_text(
        '[fleet]\nname = "Wrong"\n[[site]]\nid = "house"\nname = "House"\npue = 0.5\n[[zone]]\nid = "room"\n'
        'site = "hut"\n'
        'name = "Room"\n[[unit]]\nid = "heater"\nsite = "house"\nkind = "stove"\n[[node]]\nunit = "heater"\nslotz = 2\n'
    )
    refused = ondol("up", "--fleet", str(file), "--data", str(tmp_path / "data"))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    for line, word in ((6, "pue"), (9, "hut"), (14, "stove"), (17, "slotz")):
        assert any(f"{line}" in told and word in told for told in refused.stderr.splitlines()), refused.stderr
    assert not (tmp_path / "data" / "client.json").exists()


# -- the disk --


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 96 MiB; only root can mount one, and not in every container."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a disk to fill cannot be mounted here: that takes root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a disk to fill cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.timeout(180)
def test_a_full_disk_refuses_work_and_is_survived(small_disk: Path, tmp_path: Path) -> None:
    """Given a full disk, when work is submitted, then 503 or 507 says so; once there is space again, all goes on."""
    up = Up(tmp_path)
    up.data = small_disk / "data"
    up.start()
    try:
        connection = up.connection()
        bucket = connection.create_bucket("after")
        running = work(connection, 'sh -c "echo up; while [ ! -e never ]; do sleep 1; done"', name="running")
        running.submit()
        says(running, "up")
        _fill(small_disk / "ballast")
        status, message = until(lambda: _refusal(up), "a refused submission")
        assert status in (503, 507)
        assert "disk" in message
        assert running.stdout() == "up\n", "reading goes on"
        with contextlib.suppress(QarnotException):  # heard or refused, it must not be half done
            running.abort()
        assert up.process is not None
        assert up.process.poll() is None

        (small_disk / "ballast").unlink()
        task = work(connection, 'sh -c "echo made > made"', name="after")
        task.results = bucket
        until(lambda: _submitted(task), "a submission that is taken")
        assert end_of(task, 60.0) == "Success", messages(task)
        assert keys(bucket) == ["made"]
        abort_all(connection)
        assert end_of(running) == "Cancelled", messages(running)
    finally:
        up.stop()
    checked = ondol("ledger", "check", "--data", str(up.data))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    again = ondol("replay", str(up.data / "ticks.gz"))
    assert again.returncode == 0, again.stdout + again.stderr


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017


def _refusal(up: Up) -> tuple[int, str] | None:
    """Submit work that takes much space; gives status and message where it is not taken."""
    constants = [{"key": f"K{number}", "value": "x" * 2000} for number in range(149)]
    body = {"name": "large", "profile": "process", "instanceCount": 1, "labels": {"ondol.service": "flex"},
            "constants": [{"key": "CMD", "value": "true"}, *constants]}  # fmt: skip
    answer = requests.post(
        up.client["url"] + "/tasks", json=body, headers={"Authorization": up.client["token"]}, timeout=60
    )
    return None if answer.ok else (answer.status_code, answer.json()["message"])


def _submitted(task: Any) -> bool:
    try:
        task.submit()
    except QarnotException:
        return False
    return True


# -- the platform gone --


def test_no_job_outlives_the_platform_for_longer_than_its_lease(tmp_path: Path) -> None:
    """Given a running job, when the platform is killed for good, then no process of the job is left after the lease."""
    up = Up(tmp_path, "--lease", "3")
    up.start()
    seconds = unique_seconds()
    task = work(
        up.connection(), f"sh -c \"trap '' TERM; setsid sleep {seconds} & echo up; sleep {seconds}; sleep {seconds}\""
    )
    task.submit()
    says(task, "up")
    up.kill()
    assert processes_with(seconds), "the job does not end with the platform"
    until(lambda: not processes_with(seconds), "the end of the job's processes", 3 + 5 + 10)
    until(lambda: not processes_with(str(up.data)), "the end of shims and object store", 10)


def test_a_restart_within_the_lease_adopts_the_running_attempt(up: Up) -> None:
    """Given a running job, when the platform is killed and started again, then the same attempt succeeds, once."""
    up.start()
    task = work(up.connection(), 'sh -c "echo begun; while [ ! -e go ]; do sleep 0.2; done; echo done"')
    task.submit()
    says(task, "begun")
    up.kill()
    up.start()
    task = up.connection().retrieve_task(task.uuid)
    until(lambda: (task.update(True), task.state == "FullyExecuting")[1], "the adoption of the job")
    (folder,) = (up.data / "jobs" / "attempts").glob(f"{task.uuid}*/job")
    (folder / "go").touch()
    assert end_of(task) == "Success", messages(task)
    assert task.stdout() == "begun\ndone\n", "it was not begun anew"
    up.stop()
    store = SqlStore(DataFolder(up.data).database_url)
    attempts = store.attempts(task.uuid)
    store.close()
    assert [(attempt.number, attempt.state, attempt.exit_code) for attempt in attempts] == [
        (1, AttemptState.SUCCEEDED, 0)
    ]
