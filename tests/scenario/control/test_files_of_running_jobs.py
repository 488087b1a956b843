"""Given a whole platform, when inputs are refreshed and snapshots taken as a job runs, then each file goes its way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acceptance.platform import SMALL_FLEET
from ondol.control.platform import Platform
from ondol.control.settings import Settings
from ondol.model.compute import ResourceBucket, Task, TaskState
from ondol.model.conditions import SnapshotConfig
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, TaskId
from ondol.model.view import ServiceClass
from ondol.storage.fleet_file import read_fleet
from ondol.storage.objects.s3 import S3ObjectStore

JOB = "sh -c 'cat a > early; echo begun; until [ -e go ]; do sleep 0.05; done; cat go a > late'"
KEY = "5d9f4f9e-0000-4000-8000-000000000002"


class Bench:
    def __init__(self, folder: Path) -> None:
        (folder / "fleet.toml").write_text(SMALL_FLEET, encoding="utf-8")
        fleet = read_fleet(folder / "fleet.toml")
        self.platform = Platform(Settings(data=folder / "data", fleet=fleet, clock_rate=60.0, sandbox="none"))
        seaweed = self.platform.files.seaweed
        self.objects = S3ObjectStore(seaweed.url, seaweed.access_key, seaweed.secret_key)
        self.me: AccountId = self.platform.directory.add_account("me@example.org")[0].id
        self.platform.start()

    def bucket(self, name: str) -> str:
        backend = self.platform.directory.register(self.me, name)
        self.objects.create_bucket(backend)
        return backend

    def holds(self, name: str) -> dict[str, str]:
        backend = self.bucket(name)
        return {one.key: self.objects.get_bytes(backend, one.key).decode() for one in self.objects.list(backend)}

    def submit(self) -> None:
        now = self.platform.clock.now()
        task = Task(
            id=TaskId(KEY), account_id=self.me, name="n", profile="process", constants={"CMD": JOB},
            resources=(ResourceBucket(bucket="in"),), result_bucket="out", service=ServiceClass.ON_DEMAND,
            created_at=now, modified_at=now, state_since=now,
        )  # fmt: skip
        self.platform.desk.submit([task])

    @property
    def task(self) -> Task:
        return self.platform.desk.detail(self.me, KEY).task

    def until(self, holds: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 40
        while not holds():
            assert time.monotonic() < deadline_s, self.platform.desk.detail(self.me, KEY)
            time.sleep(0.05)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.platform.close()


def test_inputs_refreshed_and_results_so_far(bench: Bench) -> None:
    desk, given = bench.platform.desk, bench.bucket("in")
    for name in ("out", "snaps"):
        bench.bucket(name)
    bench.objects.put_bytes(given, "a", b"first")
    bench.submit()
    bench.until(lambda: "begun" in desk.output(bench.me, KEY, "stdout", fresh=False))
    lacking = bench.platform.files.missing_inputs.missing_bytes(bench.task)
    assert sorted(lacking.values()) == [0.0, 5.0], "one site has them, the other has not"

    with pytest.raises(NotFoundError, match="no-such-bucket"):
        desk.snapshot(bench.me, KEY, SnapshotConfig(bucket="no-such-bucket"))
    with pytest.raises(InvalidFieldError, match="whitelist"):
        desk.snapshot(bench.me, KEY, SnapshotConfig(whitelist="("))
    own = desk.snapshot(bench.me, KEY, SnapshotConfig(whitelist="early", bucket="snaps", prefix="p/"))
    again = desk.snapshot(bench.me, KEY)
    assert again != own
    bench.until(lambda: desk.snapshot_state(bench.me, KEY, again).status == "Success")
    state = desk.snapshot_state(bench.me, KEY, own)
    assert (state.status, state.size_bytes, state.transferred_bytes) == ("Success", 5, 5)
    assert desk.snapshot_state(bench.me, KEY, again).config.bucket == "snaps", "as the last time"
    assert bench.holds("snaps") == {"p/early": "first"}
    assert bench.holds("out") == {}
    counted = bench.task.results_count
    assert counted in (1, 2), "one upload or two, as the second waited for the first or not"

    bench.objects.put_bytes(given, "a", b"second")
    bench.objects.put_bytes(given, "go", b"and then ")
    desk.refresh(bench.me, KEY)
    bench.until(lambda: bench.task.state.final)
    assert bench.task.state is TaskState.SUCCESS, bench.task.errors
    assert bench.holds("out") == {"early": "first", "late": "and then second"}, "no refreshed input among them"
    assert bench.task.results_count == counted + 1
    with pytest.raises(ConflictError):
        desk.refresh(bench.me, KEY)
    with pytest.raises(ConflictError):
        desk.snapshot(bench.me, KEY)


def test_periodic_snapshots_have_lists_of_their_own(bench: Bench) -> None:
    desk, given = bench.platform.desk, bench.bucket("in")
    bench.bucket("out")
    bench.objects.put_bytes(given, "a", b"first")
    bench.submit()
    bench.until(lambda: "begun" in desk.output(bench.me, KEY, "stdout", fresh=False))
    desk.set_periodic_snapshot(bench.me, KEY, SnapshotConfig(interval_s=1, prefix="every/"))
    bench.until(lambda: bench.task.results_count >= 2)
    assert set(bench.holds("out")) == {"every/early"}
    desk.set_periodic_snapshot(bench.me, KEY, SnapshotConfig())
    assert len(bench.task.snapshots) >= 2
    assert all(one.periodic for one in bench.task.snapshots)
    desk.abort(bench.me, KEY)
    bench.until(lambda: bench.task.state.final)
