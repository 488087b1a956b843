"""Given work under way, when the platform is killed again and again, then nothing is lost and nothing counted twice."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.platform import Up
from ondol.control.audit import audit
from ondol.control.layout import DataFolder
from ondol.model.compute import AttemptState
from ondol.storage.sql.store import SqlStore

WORK = (
    "python3 -c 'import time, os; begun = time.process_time()\n"
    "while time.process_time() - begun < 0.7: pass\n"
    'open("result-" + os.environ["INSTANCE_ID"], "w").write("done")\''
)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    installation = Up(tmp_path)
    yield installation
    installation.stop()


@pytest.mark.timeout(300)
def test_ten_kills_lose_no_task_and_no_joule(up: Up) -> None:
    chance = random.Random(7)
    up.start()
    connection = up.connection()
    connection.create_bucket("results")
    names = []
    for turn in range(10):
        task = connection.create_task(f"task {turn}", "process", 2)
        task.constants["CMD"] = WORK
        task.results = connection.retrieve_bucket("results")
        task.labels = {"ondol.service": ("on_demand", "flex", "harvest")[turn % 3]}
        task.submit()
        names.append(task.uuid)
        time.sleep(chance.uniform(0.1, 1.6))
        up.kill()
        up.start()
        connection = up.connection()
    deadline_s = time.monotonic() + 90
    while any(connection.retrieve_task(name).state != "Success" for name in names):
        assert time.monotonic() < deadline_s, [connection.retrieve_task(name).state for name in names]
        time.sleep(0.5)
    assert len(names) == len({task.uuid for task in connection.all_tasks()}) == 10
    up.stop()

    store = SqlStore(DataFolder(up.data).database_url)
    found = audit(store)
    outcomes = [(attempt.state, attempt.number) for name in names for attempt in store.attempts(name)]
    store.close()
    assert found.findings == ()
    assert found.tasks == 10
    assert found.instances == 20
    assert found.attempts >= 20
    assert found.energy_j > 0
    assert found.worst_residual < 1e-9
    assert sum(state is AttemptState.SUCCEEDED for state, _ in outcomes) == 20, "each instance succeeded exactly once"


def test_a_second_platform_on_the_same_data_refuses(up: Up) -> None:
    up.start()
    second = subprocess.run(up.command(), capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert "in use" in second.stderr
    assert list(up.connection().all_tasks()) == [], "the first goes on as before"


def test_a_port_in_use_is_said(up: Up, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [*up.command(), "--api-port", str(port)]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert str(port) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert tmp_path.exists()
