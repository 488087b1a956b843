"""Work that came, and what is expected of it: by the lifecycle's own steps, bounded, and over a restart."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

from ondol.control.work_log import _KEPT, KEY, WorkLog
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState
from ondol.model.ids import NodeId, attempt_id, instance_id
from ondol.model.view import ServiceClass
from ondol.policy.urgency import UNKNOWN_RUN_S
from scenario.twin.morning import BEGIN, arrival

NODE = NodeId("n")
BEGIN_S = BEGIN.timestamp()
DAY_S, QUARTER_S = 86_400.0, 900.0


def log_at(now_s: float = BEGIN_S, kept: bytes | None = None) -> WorkLog:
    return WorkLog({NODE: 0.5}, clock_rate=60.0, now_s=now_s, kept=kept)


def work_of(instances: int, after_s: float, service: ServiceClass = ServiceClass.FLEX, number: int = 1) -> Work:
    task = arrival(number, service, instances, 1.0, after_s=after_s).task
    rows = [
        Instance(id=instance_id(task.id, n), task_id=task.id, number=n, since=task.created_at) for n in range(instances)
    ]
    return Work.of(task, rows)


def ended(work: Work, number: int, cpu_s: float, state: InstanceState = InstanceState.SUCCEEDED) -> tuple[Work, Change]:
    """One instance ends after one attempt."""
    key = instance_id(work.task.id, number)
    at = work.task.created_at
    attempt = Attempt(
        id=attempt_id(key, 1),
        instance_id=key,
        task_id=work.task.id,
        number=1,
        node_id=NODE,
        state=AttemptState.SUCCEEDED,
        created_at=at,
        since=at,
        ended_at=at,
        cpu_s=cpu_s,
    )
    instance = dataclasses.replace(work.instances[key], state=state)
    after = dataclasses.replace(
        work, instances={**work.instances, key: instance}, attempts={**work.attempts, key: (attempt,)}
    )
    return after, Change(instances=(instance,), attempts=(attempt,))


def test_on_the_first_day_nothing_is_said() -> None:
    log = log_at()
    log.observe(None, work_of(3, 60.0), Change())
    assert log.expected_s(BEGIN_S + 20 * 3600) is None
    assert log.expected_s(BEGIN_S + DAY_S + QUARTER_S) is not None


def test_what_came_yesterday_at_this_hour_is_expected_today() -> None:
    """Given three flex tasks two hours after the begin, when it is a day later, then they are expected in two hours."""
    log = log_at()
    log.observe(None, work_of(3, 7200.0), Change())
    told = log.expected_s(BEGIN_S + DAY_S)
    assert told is not None
    assert told.sum(axis=1) == pytest.approx([0.0, 2 * 3 * UNKNOWN_RUN_S, 0.0, 0.0]), "on both of the days ahead"
    assert told[ServiceClass.FLEX, 5] == pytest.approx(3 * UNKNOWN_RUN_S), "the span from 2 h to 3 h"


def test_what_has_ended_counts_for_what_it_took() -> None:
    """Given two instances, when one took 10 CPU s of half a core at 60 s a second, then both count 1200 s."""
    log = log_at()
    work = work_of(2, 60.0)
    log.observe(None, work, Change())
    after, change = ended(work, 0, 10.0)
    log.observe(work, after, change)
    told = log.expected_s(BEGIN_S + DAY_S)
    assert told is not None
    assert told[ServiceClass.FLEX, 0] == pytest.approx(1200.0 + 1200.0)
    cancelled, change = ended(after, 1, 0.0, InstanceState.CANCELLED)
    log.observe(after, cancelled, change)
    again = log.expected_s(BEGIN_S + DAY_S)
    assert again is not None
    assert again[ServiceClass.FLEX, 0] == pytest.approx(1200.0)


def test_slots_of_pools_do_not_count_twice() -> None:
    log = log_at()
    work = work_of(4, 60.0)
    log.observe(None, dataclasses.replace(work, task=dataclasses.replace(work.task, pool_id="p")), Change())
    told = log.expected_s(BEGIN_S + DAY_S)
    assert told is not None
    assert not told.any()


def test_it_outlives_a_restart_and_is_written_each_quarter_of_an_hour_at_most() -> None:
    log = log_at()
    log.observe(None, work_of(3, 7200.0), Change())
    assert log.documents(BEGIN_S + 60.0) == {}
    kept = log.documents(BEGIN_S + 7300.0)
    assert log.documents(BEGIN_S + 7400.0) == {}
    again = log_at(BEGIN_S + 7500.0, kept[KEY])
    first, second = log.expected_s(BEGIN_S + DAY_S), again.expected_s(BEGIN_S + DAY_S)
    assert first is not None
    assert second is not None
    assert np.array_equal(first, second)


def test_memory_is_bounded_and_the_old_is_forgotten() -> None:
    log = log_at()
    for day in range(40):
        log.observe(None, work_of(1, day * DAY_S, number=day + 1), Change())
    assert log._open.shape == (4, _KEPT)
    assert log._open.sum() <= 9.0
    told = log.expected_s(BEGIN_S + 40 * DAY_S)
    assert told is not None
    assert told[ServiceClass.FLEX].sum() == pytest.approx(2 * UNKNOWN_RUN_S), "one a day"
    assert dt.timedelta(seconds=_KEPT * QUARTER_S) == dt.timedelta(days=9)
