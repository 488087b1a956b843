"""Nouns for the tests of stores."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.model.compute import ResourceBucket, Task, TaskError
from ondol.model.ids import AccountId, JobId, NodeId, PoolId, SiteId, TaskId, UnitId
from ondol.model.job import Job
from ondol.model.ledger import EnergyRow, Share, Tier
from ondol.model.pool import ComputePool, Scaling
from ondol.model.view import ServiceClass

NOON = dt.datetime(2026, 1, 14, 12, 0, 0, 123456, tzinfo=dt.UTC)
ALICE = AccountId("alice")
BOB = AccountId("bob")


def make_task(number: int, account: AccountId = ALICE, **changes: object) -> Task:
    base = Task(
        id=TaskId(f"00000000-0000-4000-8000-{number:012d}"),
        account_id=account,
        name=f"task {number} ☀",
        profile="process",
        instance_numbers=(0, 1, 5),
        constants={"B": "2", "A": "1"},
        tags=("x", "y"),
        resources=(ResourceBucket(bucket="in", prefix="a/", strip_prefix="a/"),),
        service=ServiceClass.HARVEST,
        deadline=NOON + dt.timedelta(hours=3),
        errors=(TaskError(code="E1", message="so it went"),),
        created_at=NOON + dt.timedelta(seconds=number),
        modified_at=NOON,
        state_since=NOON,
    )
    return dataclasses.replace(base, **changes)


def energy(number: int, task: Task | None) -> EnergyRow:
    return EnergyRow(
        site_id=SiteId("s"),
        unit_id=UnitId("u"),
        node_id=NodeId("n"),
        share=Share.JOB if task else Share.IDLE,
        start=NOON + dt.timedelta(minutes=number),
        end=NOON + dt.timedelta(minutes=number + 1),
        energy_j=0.1 + number,
        grid_g_per_kwh=24.3,
        tier=Tier.T4_CURVE,
        cpu_s=1 / 3,
        task_id=None if task is None else task.id,
    )


def make_job(number: int, account: AccountId = ALICE, **changes: object) -> Job:
    base = Job(
        id=JobId(f"10000000-0000-4000-8000-{number:012d}"),
        account_id=account,
        name=f"job {number}",
        tags=("x",),
        created_at=NOON + dt.timedelta(seconds=number),
        modified_at=NOON,
        state_since=NOON,
    )
    return dataclasses.replace(base, **changes)


def make_pool(number: int, account: AccountId = ALICE, **changes: object) -> ComputePool:
    base = ComputePool(
        id=PoolId(f"20000000-0000-4000-8000-{number:012d}"),
        account_id=account,
        name=f"pool {number}",
        profile="process",
        slots=2,
        tags=("x", "z"),
        scaling=(Scaling(name="s", queue_driven=True, least=0, most=4),),
        created_at=NOON + dt.timedelta(seconds=number),
        modified_at=NOON,
        state_since=NOON,
    )
    return dataclasses.replace(base, **changes)
