"""A morning of the demonstration's fleet, to be lived through on a leaping clock."""

from __future__ import annotations

import datetime as dt

from ondol.model.compute import Task
from ondol.model.ids import AccountId, TaskId
from ondol.model.view import ServiceClass
from ondol.twin.rehearsal import Arrival

BEGIN = dt.datetime.fromisoformat("2022-01-26T05:30+01:00")


def arrival(
    number: int,
    service: ServiceClass,
    instances: int,
    cpu_s: float,
    *,
    after_s: float,
    deadline_s: float | None = None,
) -> Arrival:
    at = BEGIN + dt.timedelta(seconds=after_s)
    task = Task(
        id=TaskId(f"00000000-0000-4000-8000-{number:012d}"),
        account_id=AccountId("a"),
        name=service.name.lower(),
        profile="process",
        constants={"CMD": "work"},
        instance_numbers=tuple(range(instances)),
        service=service,
        resumable=service is ServiceClass.HARVEST,
        deadline=None if deadline_s is None else at + dt.timedelta(seconds=deadline_s),
        created_at=at,
        modified_at=at,
        state_since=at,
    )
    return Arrival(task=task, cpu_s=cpu_s)


def morning() -> list[Arrival]:
    """The demonstration's work: a study, prices that cannot wait, frames."""
    return [
        arrival(1, ServiceClass.HARVEST, 12, 3.7, after_s=120),
        arrival(2, ServiceClass.ON_DEMAND, 2, 2.1, after_s=600),
        arrival(3, ServiceClass.FLEX, 24, 1.7, after_s=900, deadline_s=3 * 3600),
    ]
