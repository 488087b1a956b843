"""Given work that may not start now, when the World makes a View, then it is left out, counted or told why it waits."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

from ondol.control.grids import Grids
from ondol.control.limit_book import FRESH_S, LimitBook
from ondol.control.world import World
from ondol.lifecycle.events import DeleteAsked, ParentEnded
from ondol.model.account import Account, AccountLimits, ReservedQuota
from ondol.model.compute import Task
from ondol.model.conditions import Dependency, FinalState, Scheduling
from ondol.model.ids import AccountId, NodeId, PoolId, TaskId
from ondol.model.view import Phase, ServiceClass
from ondol.storage.memory.store import MemoryStore
from property.control.queues import NOW, SSD, Stage, orders_of, small_fleet

PARENT = TaskId("00000000-0000-4000-8000-00000000000f")


def task(number: int, **fields: object) -> Task:
    plain = Task(
        id=TaskId(f"00000000-0000-4000-8000-{number:012d}"),
        account_id=AccountId("a"),
        name="t",
        profile="process",
        created_at=NOW + dt.timedelta(seconds=number),
        modified_at=NOW,
        state_since=NOW,
    )
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]


def stage_with(*made: Task, terms: AccountLimits | None = None) -> Stage:
    fleet = small_fleet((2, 2, 1))
    stage = Stage(
        fleet,
        orders_of(fleet, (450.0,), (18.0,)),
        terms={} if terms is None else {AccountId("a"): terms},
        least_shown=256,
    )
    stage.admit(list(made))
    return stage


def test_blocked_tasks_come_when_the_last_they_wait_for_has_ended() -> None:
    blocked = task(1, dependencies=(Dependency(task_id=PARENT),))
    stage = stage_with(blocked, task(2))
    assert stage.view().instances.ids == (f"{task(2).id}/000000",)
    assert stage.works.apply(blocked.id, ParentEnded(at=NOW, task_id=PARENT, ended=FinalState.SUCCESS))
    assert len(stage.view().instances.ids) == 2


def test_tasks_of_slot_pools_take_no_slot_and_are_not_placed_but_holders_are() -> None:
    pooled = task(1, pool_id=PoolId("p"))
    holder = task(2, holds_pool=PoolId("p"))
    stage = stage_with(pooled, holder)
    stage.start(f"{pooled.id}/000000", "n0")
    stage.start(f"{holder.id}/000000", "n0")
    view = stage.view()
    assert view.instances.ids == (f"{holder.id}/000000",)
    assert view.instances.phase.tolist() == [Phase.RUNNING]
    assert view.nodes.slots_free.tolist() == [1, 2, 1]


def test_quotas_hold_back_who_came_last_and_say_why() -> None:
    """Given a quota of two on three, when one runs, then the earlier of the others is shown and the later told why."""
    on_demand = task(4, service=ServiceClass.ON_DEMAND)
    stage = stage_with(task(1), task(3), task(2), on_demand, terms=AccountLimits(flex_instances=2))
    stage.start(f"{task(1).id}/000000", "n0")
    assert stage.view().instances.ids == tuple(f"{task(number).id}/000000" for number in (1, 2, 4))
    (told,) = stage.world.withheld
    assert told.instance_ids == (f"{task(3).id}/000000",)
    assert "2 instances, and 1 are in use, for flex work at once" in told.reason
    stage.end(0, 0)
    assert f"{task(3).id}/000000" in stage.view().instances.ids
    assert stage.world.withheld == ()


def test_allowances_follow_hardware_and_reservations() -> None:
    """Given n0 kept for another account, when work of several kinds waits, then each has the nodes it may use."""
    kept = ReservedQuota(reservation="r", machine_key="k", nodes=(NodeId("n0"),))
    stage = stage_with(
        task(1, account_id=AccountId("b")),
        task(2, account_id=AccountId("b"), service=ServiceClass.FILLER),
        task(3, hardware=(SSD,)),
        task(4, scheduling=Scheduling.RESERVED, service=ServiceClass.ON_DEMAND),
        task(5, scheduling=Scheduling.RESERVED, service=ServiceClass.ON_DEMAND, reservation="other"),
        terms=AccountLimits(reserved=(kept,)),
    )
    view = stage.view()
    allowed = view.allowances[view.instances.allowed].tolist()
    assert allowed == [
        [False, True, True],
        [True, True, True],
        [True, False, True],
        [True, False, False],
        [False, False, False],
    ]


def test_missing_inputs_are_asked_for_of_the_tasks_in_the_view() -> None:
    stage = stage_with(task(1), task(2))
    table = np.array([[0.0], [7e6]])
    world = World(
        stage.fleet,
        Grids(stage.fleet),
        clock_rate=1.0,
        inputs=lambda tasks: (table, np.array([1 if one.id == task(2).id else 0 for one in tasks])),
    )
    view = world.view(NOW.timestamp(), [stage.orders], stage.works, {})
    assert view.missing_bytes[view.instances.data].tolist() == [[0.0], [7e6]]


def test_long_queues_are_shown_in_part_and_counted() -> None:
    stage = stage_with(task(1, instance_numbers=tuple(range(1000))))
    view = stage.view()
    assert len(view.instances.ids) == 256
    assert view.beyond.tolist() == [0, 744, 0, 0]


def test_the_index_forgets_what_is_deleted_and_over() -> None:
    stage = stage_with(task(1), task(2))
    stage.start(f"{task(1).id}/000000", "n0")
    stage.end(0, 0)
    stage.works.ask(task(2).id, DeleteAsked(at=NOW, task_id=task(2).id))
    assert list(stage.works.under_way()) == []
    stage.flush()
    assert list(stage.works) == []
    assert stage.works.index.busy() == ()
    assert list(stage.works.index.deleting) == []
    assert len(stage.view().instances.ids) == 0


def test_limits_are_read_again_after_a_while() -> None:
    store, now_s = MemoryStore(), [0.0]
    account = Account(id=AccountId("a"), email="a@b.c", token_hash="h", token_sealed=b"", created_at=NOW)
    store.add_account(account)
    book = LimitBook(store, elapsed_s=lambda: now_s[0])
    assert book.limits_of(account.id) == AccountLimits()
    kept = ReservedQuota(reservation="r", machine_key="k", nodes=(NodeId("n0"),))
    limits = AccountLimits(flex_instances=1, reserved=(kept,))
    store.set_terms(account.id, organization="", limits=limits)
    assert book.limits_of(account.id) == AccountLimits()
    now_s[0] += FRESH_S
    assert book.limits_of(account.id) == limits
    assert book.reserved() == {account.id: (kept,)}
    assert book.limits_of(AccountId("nobody")) == AccountLimits()


@pytest.mark.parametrize("number", [0, 999])
def test_a_start_finds_tasks_that_never_left_the_queue_as_storage_tells_them(number: int) -> None:
    made = task(1, instance_numbers=(0, number) if number else (0,))
    stage = stage_with(made)
    stage.flush()
    work = type(stage.works)(stage.store).get(made.id)
    assert work is not None
    assert tuple(work.instances.values()) == stage.store.instances(made.id)
