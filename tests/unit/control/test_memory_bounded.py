"""Given users who name ever new inputs and hardware, when they go on for long, then what is remembered is bounded."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control import allowances, missing_inputs
from ondol.control.missing_inputs import MissingInputs
from ondol.model.account import AccountLimits
from ondol.model.compute import ResourceBucket, Task
from ondol.model.conditions import HardwareConstraint, HardwareKind
from ondol.model.ids import AccountId, SiteId, TaskId
from property.control.queues import small_fleet

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
ALICE = AccountId("alice")


def needing(resource: ResourceBucket) -> Task:
    return Task(
        id=TaskId("t"), account_id=ALICE, name="x", profile="process", created_at=NOON, modified_at=NOON,
        state_since=NOON, resources=(resource,),
    )  # fmt: skip


def test_inputs_that_nobody_wants_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_inputs, "_MOST_SOURCES", 10)
    asked: list[ResourceBucket] = []
    missing = MissingInputs([SiteId("s")], lambda _, resource: asked.append(resource))
    resources = [ResourceBucket(bucket="b", prefix=f"in/{number}/") for number in range(100)]
    for resource in resources:
        missing.missing_bytes(needing(resource))
        missing.listed(ALICE, resource, ())
        missing.missing_bytes(needing(resources[0]))  # still wanted
    assert len(missing._asked) <= 10
    assert len(missing._listings) <= 10
    assert missing.missing_bytes(needing(resources[0])) == {"s": 0.0}
    assert asked == resources  # each once


def test_hardware_that_was_asked_for_is_forgotten_and_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "_MOST_MET", 10)
    monkeypatch.setattr(allowances, "_MOST_ASKED", 10)
    book = allowances.Allowances(small_fleet((1, 2)), lambda _: AccountLimits(), dict)
    kinds = [HardwareConstraint(kind=HardwareKind.MINIMUM_CORE, amount=cores) for cores in range(1, 101)]
    tasks = [dataclasses.replace(needing(ResourceBucket(bucket="b")), hardware=(kind,)) for kind in kinds]
    numbers = [book.number(task) for task in tasks]
    assert len(book._met) <= 10
    assert len(book._numbers) <= 10
    assert [book.number(task) for task in tasks] == numbers
