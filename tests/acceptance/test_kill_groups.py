"""Given a job and a pool at work, when the platform is killed again and again, then each promise to them is kept."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qarnot.scheduling_type import OnDemandScheduling

from acceptance.platform import Up
from ondol.control.audit import audit
from ondol.control.layout import DataFolder
from ondol.model.compute import AttemptState
from ondol.model.conditions import FinalState
from ondol.storage.sql.store import SqlStore

PREPARATION = 'sh -c "echo preparing; echo tool > tool.txt"'
IN_POOL = 'sh -c "cat tool.txt && sleep 0.4"'
PLAIN = 'sh -c "sleep 0.5"'


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    installation = Up(tmp_path)
    yield installation
    installation.stop()


def submitted(connection: Any, name: str, where: Any, command: str, after: Any = None) -> str:
    task = connection.create_task(name, where, 2)
    task.scheduling_type = OnDemandScheduling()
    task.constants["CMD"] = command
    if after is not None:
        task.set_task_dependencies_from_uuids([after])
    task.submit()
    return str(task.uuid)


@pytest.mark.timeout(300)
def test_kills_in_between_break_no_promise(up: Up) -> None:
    """Twice two slots' worth of work and a chain of three, killed after every step."""
    up.start()
    connection = up.connection()
    pool = connection.create_pool("workshop", "process", instancecount=2)
    pool.scheduling_type = OnDemandScheduling()
    pool.preparation_command_line = PREPARATION
    pool.submit()
    job = connection.create_job("chain", useDependencies=True)
    job.submit()
    in_pool, chain = [], []
    for turn in range(3):
        job = connection.retrieve_job(job.uuid)
        task = connection.create_task(f"link {turn}", "process", 2, job=job)
        task.scheduling_type = OnDemandScheduling()
        task.constants["CMD"] = PLAIN
        if chain:
            task.set_task_dependencies_from_uuids([chain[-1]])
        task.submit()
        chain.append(task.uuid)
        in_pool.append(submitted(connection, f"pot {turn}", connection.retrieve_pool(pool.uuid), IN_POOL))
        time.sleep(0.3 + 0.4 * turn)
        up.kill()
        up.start()
        connection = up.connection()
    deadline_s = time.monotonic() + 120
    while any(connection.retrieve_task(name).state != "Success" for name in (*in_pool, *chain)):
        states = {name: connection.retrieve_task(name).state for name in (*in_pool, *chain)}
        assert time.monotonic() < deadline_s, states
        assert not {"Failure", "Cancelled"} & set(states.values()), states
        time.sleep(0.5)
    assert connection.retrieve_task(in_pool[0]).stdout().count("tool") == 2
    connection.retrieve_pool(pool.uuid).close()
    connection.retrieve_job(job.uuid).terminate()
    while connection.retrieve_pool(pool.uuid).state != "Closed":
        assert time.monotonic() < deadline_s, connection.retrieve_pool(pool.uuid).state
        time.sleep(0.2)
    assert connection.retrieve_job(job.uuid).state == "Completed"
    up.stop()

    store = SqlStore(DataFolder(up.data).database_url)
    found = audit(store)
    tasks = {name: store.task(name) for name in (*chain, *in_pool)}
    attempts = {name: store.attempts(name) for name in tasks}
    store.close()
    assert found.findings == ()
    for before, after in itertools.pairwise(chain):
        assert tasks[after].dependencies[0].ended is FinalState.SUCCESS
        assert min(one.created_at for one in attempts[after]) >= tasks[before].ended_at
    slots: dict[str, list[Any]] = {}
    for name in in_pool:
        for one in attempts[name]:
            slots.setdefault(one.held_by, []).append(one)
    assert "" not in slots
    for inside in slots.values():
        assert all(sum(a.created_at <= b.created_at < a.ended_at for a in inside) == 1 for b in inside)
    done = [one.state for tries in attempts.values() for one in tries]
    assert done.count(AttemptState.SUCCEEDED) == 12, "each instance succeeded exactly once"
