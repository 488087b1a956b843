"""Ids, one type each, so that a node's id is never taken for a task's."""

from __future__ import annotations

from typing import NewType

SiteId = NewType("SiteId", str)
UnitId = NewType("UnitId", str)
NodeId = NewType("NodeId", str)
SinkId = NewType("SinkId", str)  # a zone, a tank or a swimming pool
CircuitId = NewType("CircuitId", str)
RequestId = NewType("RequestId", str)
AccountId = NewType("AccountId", str)
TaskId = NewType("TaskId", str)  # a UUID
JobId = NewType("JobId", str)  # a UUID
PoolId = NewType("PoolId", str)  # a UUID; a pool of slots
ProjectId = NewType("ProjectId", str)  # a UUID
NO_JOB, NO_POOL, NO_PROJECT = JobId(""), PoolId(""), ProjectId("")
InstanceId = NewType("InstanceId", str)  # "<task>/<number>"
AttemptId = NewType("AttemptId", str)  # "<task>.<instance number>.<attempt number>"
NO_ATTEMPT = AttemptId("")


def instance_id(task: TaskId, number: int) -> InstanceId:
    """Give the id of instance `number` of a task; zero-padded so that ids sort as numbers do."""
    return InstanceId(f"{task}/{number:06d}")


def instance_number(instance: InstanceId) -> int:
    """Give the number that the compute API shows for an instance."""
    return int(instance.rpartition("/")[2])


def task_of(key: InstanceId | AttemptId) -> TaskId:
    """Give the task that an instance or an attempt belongs to."""
    return TaskId(key.partition("/")[0].partition(".")[0])


def attempt_id(instance: InstanceId, number: int) -> AttemptId:
    """Give the id of the `number`-th attempt (from 1) at an instance; safe as a file name."""
    return AttemptId(f"{attempts_of(instance)}{number:03d}")


def attempts_of(instance: InstanceId) -> str:
    """Give what the ids of all attempts at an instance begin with."""
    task, _, rank = instance.partition("/")
    return f"{task}.{rank}."
