"""A window of the queue decides as the whole queue would; and what is kept up to date is what one would find anew."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.control.record import pack_view
from ondol.model.account import AccountLimits
from ondol.model.conditions import Scheduling
from ondol.model.decision import Decision, Start, Stop, Wait
from ondol.model.ids import TaskId, task_of
from ondol.model.quota import QuotaKind, quota_for
from ondol.model.view import Phase, ServiceClass, View
from ondol.policy.fcfs import Fcfs
from ondol.policy.follow import Follow
from ondol.policy.greco import Greco
from property.control.queues import Stage, limits, orders_of, small_fleet, tasks

POLICIES = [Fcfs(), Greco(), Follow()]
WHOLE = 1_000_000


@st.composite
def stages(draw: st.DrawFn, *, limited: bool = True) -> Stage:
    """A stage on which some of the work has started and some of that has ended."""
    fleet = small_fleet(tuple(draw(st.lists(st.integers(1, 2), min_size=2, max_size=4))))
    orders = orders_of(
        fleet,
        tuple(draw(st.lists(st.sampled_from([0.0, 200.0, 450.0, 900.0]), min_size=1, max_size=3))),
        tuple(draw(st.lists(st.sampled_from([17.0, 18.8, 20.0, 30.0]), min_size=1, max_size=3))),
    )
    stage = Stage(fleet, orders, terms=draw(limits()) if limited else {}, least_shown=0)
    stage.admit(draw(tasks()))
    for _ in range(draw(st.integers(0, 3))):
        act(stage, Fcfs().decide(stage.view(), Fcfs().fresh())[0])
        for number in draw(st.lists(st.integers(0, 9), max_size=3)):
            stage.end(number, draw(st.sampled_from([0, 0, 1])))
        if draw(st.booleans()):
            stage.cancel(draw(st.integers(0, 9)))
        stage.at += dt.timedelta(seconds=400)
    return stage


def act(stage: Stage, decision: Decision) -> None:
    for action in decision:
        if isinstance(action, Start):
            stage.start(action.instance_id, action.node_id)
        elif isinstance(action, Stop):
            stage.stop(action.instance_id)


def same(one: View, other: View) -> bool:
    """Compare two views bit by bit; names the column that differs."""
    first, second = (msgspec.msgpack.decode(pack_view(view)) for view in (one, other))
    for name, value in first.items():
        assert value == second[name], (name, getattr(one, name), getattr(other, name))
    return True


def done(decision: Decision) -> list[tuple[object, ...]]:
    """What a decision does, without what it says."""
    return [
        (type(one), one.instance_id, getattr(one, "node_id", ""))
        if not hasattr(one, "unit_id")
        else (type(one), one.unit_id, one.power_w)
        for one in decision
        if not isinstance(one, Wait)
    ]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=60, deadline=None)
@given(stage=stages())
def test_as_many_of_each_group_as_there_are_slots_decide_as_all_would(policy, stage):
    narrow, whole = stage.view_anew(), stage.view_anew(WHOLE)
    assert done(policy.decide(narrow, policy.fresh())[0]) == done(policy.decide(whole, policy.fresh())[0])
    assert int(whole.beyond.sum()) == 0
    assert len(narrow.instances.ids) + int(narrow.beyond.sum()) == len(whole.instances.ids)


@settings(max_examples=60, deadline=None)
@given(stage=stages(), more=tasks(), end=st.integers(0, 9))
def test_what_is_kept_up_to_date_is_what_one_would_find_anew(stage, more, end):
    """Given works that were watched from the first, when more happens, then the view is that of a fresh start."""
    assert same(stage.view(), stage.view_anew())
    seen = {work.task.id for work in stage.works}
    stage.admit([task for task in more if task.id not in seen and stage.store.task(task.id) is None])
    act(stage, Follow().decide(stage.view(), Follow().fresh())[0])
    stage.end(end, 0)
    assert same(stage.view(), stage.view_anew())
    stage.terms = {}
    assert same(stage.view(), stage.view_anew())


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=40, deadline=None)
@given(stage=stages())
def test_no_account_holds_more_than_its_quotas(policy, stage):
    """Whatever is started, on whichever node it lands; who waits first in an account and type starts first of it."""
    cores = {node.id: node.cores_per_slot for node in stage.fleet.nodes}
    for _ in range(2):
        view = stage.view()
        decision, _ = policy.decide(view, policy.fresh())
        act(stage, decision)
        used: dict[tuple[str, QuotaKind, str], list[int]] = {}
        for work, _, attempt in stage.works.under_way():
            quota = quota_for(work.task, stage.terms.get(work.task.account_id, AccountLimits()))
            row = used.setdefault((work.task.account_id, quota.kind, quota.reservation), [0, 0])
            row[0] += 1
            row[1] += cores[attempt.node_id]
            assert quota.max_instances is None or row[0] <= quota.max_instances
            assert quota.max_cores is None or row[1] <= quota.max_cores
        assert all("at once; who came first goes first" in wait.reason for wait in stage.world.withheld)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=40, deadline=None)
@given(stage=stages())
def test_machines_that_are_kept_take_no_lasting_work_of_others(policy, stage):
    decision, _ = policy.decide(stage.view(), policy.fresh())
    kept = {node: owner for owner, terms in stage.terms.items() for one in terms.reserved for node in one.nodes}
    for start in decision:
        if isinstance(start, Start):
            work = stage.works.get(TaskId(task_of(start.instance_id)))
            assert work is not None
            owner = kept.get(start.node_id)
            if work.task.scheduling is Scheduling.RESERVED:
                assert owner == work.task.account_id
            elif work.task.service <= ServiceClass.FLEX:
                assert owner in (None, work.task.account_id)


@settings(max_examples=40, deadline=None)
@given(stage=stages(limited=False))
def test_everything_that_may_start_is_shown_or_counted(stage):
    view = stage.view()
    shown = int((view.instances.phase == Phase.QUEUED).sum()) + int(view.beyond.sum())
    waits = sum(
        instance.state.value == "queued"
        for work in stage.works
        for instance in work.instances.values()
        if not work.task.cancel_wanted
    )
    assert shown == waits
