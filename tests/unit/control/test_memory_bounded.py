"""Given users who name ever new inputs and hardware, when they go on for long, then what is remembered is bounded."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control import missing_inputs
from ondol.control.missing_inputs import MissingInputs
from ondol.model.compute import ResourceBucket, Task
from ondol.model.ids import AccountId, SiteId, TaskId

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
