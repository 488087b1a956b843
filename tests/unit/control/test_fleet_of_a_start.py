"""Given a data folder, when the platform starts with another fleet, then nothing is lost and a bad start leaves all."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from ondol.control.layout import DataFolder
from ondol.control.platform import Platform
from ondol.control.preconditions import keep_fleet, refuse_lost_nodes
from ondol.control.settings import Settings
from ondol.control.works import Works
from ondol.demo.fleet import demo_fleet
from ondol.model.compute import Attempt, Instance, Task, TaskState
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, TaskId, attempt_id, instance_id
from ondol.storage.fleet_file import read_fleet
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)


def works_with(fleet: Fleet, attempts: int) -> Works:
    """Works with so many attempts under way on the fleet's first node."""
    key = TaskId("00000000-0000-4000-8000-000000000001")
    task = Task(
        id=key,
        account_id=AccountId("a"),
        name="t",
        profile="process",
        instance_numbers=tuple(range(attempts)),
        created_at=NOON,
        modified_at=NOON,
        state=TaskState.FULLY_DISPATCHED,
        state_since=NOON,
    )
    instances, tries = [], []
    for number in range(attempts):
        instance = instance_id(key, number)
        instances.append(Instance(id=instance, task_id=key, number=number, attempts=1, since=NOON))
        tries.append(
            Attempt(
                id=attempt_id(instance, 1),
                instance_id=instance,
                task_id=key,
                node_id=fleet.nodes[0].id,
                number=1,
                created_at=NOON,
                since=NOON,
            )
        )
    store = MemoryStore()
    store.commit(Changes(tasks=(task,), instances=tuple(instances), attempts=tuple(tries)))
    return Works(store)


def with_slots(fleet: Fleet, slots: int) -> Fleet:
    first, *others = fleet.nodes
    return dataclasses.replace(fleet, nodes=(dataclasses.replace(first, slots=slots), *others))


def test_a_node_may_lose_free_slots_but_not_those_with_work() -> None:
    fleet = with_slots(demo_fleet(), 3)
    works = works_with(fleet, 2)
    refuse_lost_nodes(fleet, works)
    refuse_lost_nodes(with_slots(fleet, 2), works)
    with pytest.raises(ConflictError, match=rf"{fleet.nodes[0].id} \(slots = 1, at work 2\)"):
        refuse_lost_nodes(with_slots(fleet, 1), works)


def test_the_copy_of_the_fleet_is_replaced_whole(tmp_path: Path) -> None:
    folder, fleet = DataFolder(tmp_path / "data").make(), demo_fleet()
    keep_fleet(folder, fleet)
    keep_fleet(folder, dataclasses.replace(fleet, name="another"))
    assert read_fleet(folder.fleet_file).name == "another"
    assert [path.name for path in folder.path.iterdir()] == ["fleet.toml"]


def test_a_start_that_fails_leaves_the_copy_that_worked(tmp_path: Path) -> None:
    folder, fleet = DataFolder(tmp_path / "data").make(), demo_fleet()
    keep_fleet(folder, fleet)
    other = dataclasses.replace(fleet, name="another")
    with pytest.raises(NotFoundError):
        Platform(Settings(data=folder.path, fleet=other, policy="no-such-policy", sandbox="none"))
    assert read_fleet(folder.fleet_file) == fleet
