"""Given the API in front of the loop, when work is submitted over HTTP as it comes, then the twin decides the same."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from ondol.control.account_desk import PlatformAccounts
from ondol.control.charges import Charges, tariff_in
from ondol.control.desk import PlatformDesk
from ondol.control.directory import Directory
from ondol.control.file_desk import FileDesk
from ondol.control.outputs import Outputs
from ondol.control.secret_desk import PlatformSecrets
from ondol.control.snapshots import Snapshots
from ondol.control.transfers import Transfers
from ondol.model.compute import Task, TaskState
from ondol.policy.registry import load_policy
from ondol.server.api import task_creation
from ondol.server.app import create_api
from ondol.storage.sql.store import SqlStore
from ondol.storage.tokens import Keyring
from ondol.twin.files import AtOnce, NoFiles
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.same.acts import Diary, first_difference
from ondol.twin.same.check import twin_job_of
from ondol.twin.same.platform_life import PlatformLife, task_id
from scenario.twin.same_fleet import levelled

DAYS, JOBS = 0.07, 40


def desk_of(life: PlatformLife, folder: Path) -> tuple[PlatformDesk, str]:
    """The platform's own desk over a life, and the token of an account."""
    keyring = Keyring(folder / "key")
    directory, secrets = Directory(life.store, keyring), PlatformSecrets(life.store, keyring)
    _, token = directory.add_account("me@example.org")
    cores = {node.id: float(node.cores_per_slot) for node in life.fleet.nodes}
    charges = Charges(lambda: tariff_in(life.store), cores.__getitem__)
    transfers = Transfers(pool=AtOnce())
    snapshots = Snapshots(life.works, NoFiles(), transfers, now=life.clock.now, clock_rate=1.0)  # type: ignore[arg-type]
    accounts = PlatformAccounts(
        store=life.store,
        works=life.works,
        charges=charges,
        now=life.clock.now,
        cores_of=cores.__getitem__,
        stored_bytes=lambda _account: {},
        holders_of=life.loop.groups.pools.holders,
    )
    desk = PlatformDesk(
        fleet=life.fleet,
        store=life.store,
        directory=directory,
        works=life.works,
        loop=life.loop,
        sites=life.sites,
        outputs=Outputs(folder / "outputs", life.engine),
        files=FileDesk(life.works, snapshots, life.hands, directory, flush=life.loop.flush, now=life.clock.now),
        now=life.clock.now,
        clock_rate=1.0,
        policy="greco",
        accounts=accounts,
        secrets=secrets,
        hands=life.hands,
    )
    return desk, token


def body_of(task: Task) -> dict[str, object]:
    """What a client sends; the moment of coming is the server's."""
    labels = {"ondol.service": task.service.name.lower(), "ondol.resumable": str(task.resumable).lower()}
    if task.expected_s is not None and math.isfinite(task.expected_s):
        labels["ondol.expected"] = repr(task.expected_s)
    if task.deadline is not None:
        labels["ondol.deadline"] = task.deadline.isoformat()
    return {
        "name": task.name,
        "profile": task.profile,
        "instanceCount": 1,
        "labels": labels,
        "constants": [{"key": key, "value": value} for key, value in task.constants.items()],
    }


@pytest.mark.parametrize("policy", ["fcfs", "greco"])
def test_work_that_comes_over_http_is_decided_as_in_the_twin(
    policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given API, SQLite, agents and loop on a leaping clock, when tasks are posted, then every act is the twin's."""
    scenario, series, trace = levelled(DAYS, JOBS, filler=False)
    diary = Diary(series.begin_s, twin_job_of)
    twin = FleetTwin(
        scenario, series, trace, load_policy(policy), lambda view, _, decision: diary.note(view.now_s, decision)
    )
    twin.machines.up[:] = 1
    twin.live(series.steps)

    store = SqlStore(f"sqlite:///{tmp_path}/ondol.db", alone=True)
    life = PlatformLife(scenario, series, trace, load_policy(policy), store=store)
    desk, token = desk_of(life, tmp_path)
    ids: deque[str] = deque()
    # Ties are broken by id, so that the server's random ones have to come in the order of the work.
    monkeypatch.setattr(task_creation, "uuid", SimpleNamespace(uuid4=ids.popleft))
    client = TestClient(create_api(desk, storage_url=None), headers={"Authorization": token})
    posted = 0

    def post(tasks: list[Task]) -> None:
        nonlocal posted
        ids.extend(task.id for task in tasks)
        answer = client.post("/tasks", json=[body_of(task) for task in tasks])
        assert answer.status_code == 200, answer.text
        posted += len(tasks)

    life.submit = post
    life.live()

    assert posted == len(trace.jobs)
    assert not ids
    assert diary.acts
    assert first_difference(diary.acts, life.diary.acts) is None
    tasks = [life.store.task(task_id(row)) for row in range(posted)]
    over = [task for task in tasks if task is not None and task.state is TaskState.SUCCESS]
    ended = twin.attempts.end_s[:posted] < series.steps * series.step_s
    assert [task.id for task in over] == [task_id(row) for row in ended.nonzero()[0].tolist()]
    shown = client.get(f"/tasks/{over[0].id}").json()
    assert shown["state"] == "Success"
    store.close()
