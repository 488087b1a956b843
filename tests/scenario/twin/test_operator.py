"""Given a fleet at work, when its operator drains a node or its heat falls short, then that is obeyed and told."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.node_book import NodeBook
from ondol.demo.fleet import demo_fleet
from ondol.lifecycle.node import NodeState
from ondol.lifecycle.request import RequestState
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, NodeId, RequestId
from ondol.model.schedule import constant
from ondol.model.view import ServiceClass
from ondol.twin.rehearsal import Rehearsal
from scenario.twin.morning import BEGIN, arrival, morning


def test_a_draining_node_ends_its_work_and_gets_no_more() -> None:
    rehearsal = Rehearsal(demo_fleet(), "follow", morning(), begin=BEGIN)
    rehearsal.run(1500)
    (busy, *_) = [status.node_id for status in rehearsal.loop.node_status() if status.busy_slots]
    rehearsal.loop.nodes.ask(busy, "draining")
    drained_at = rehearsal.clock.now()
    rehearsal.run(5700)
    attempts = [
        attempt
        for task in rehearsal.store.tasks(AccountId("a")).rows
        for attempt in rehearsal.store.attempts(task.id)
        if attempt.node_id == busy
    ]
    assert attempts, "it was at work"
    assert all(attempt.state.value == "succeeded" for attempt in attempts), "what ran was let end"
    assert all(attempt.created_at <= drained_at for attempt in attempts), "nothing new came"


def test_node_states_outlive_the_platform_and_unknown_wishes_are_refused() -> None:
    fleet = demo_fleet()
    book = NodeBook(fleet)
    node = fleet.nodes[0].id
    assert book.ask(node, "draining") is NodeState.DRAINING
    again = NodeBook(fleet, book.pack())
    assert not again.accepts(node)
    assert again.works(node)
    assert again.ask(node, "ready") is NodeState.READY
    with pytest.raises(InvalidFieldError, match="draining, ready"):
        again.ask(node, "melted")
    with pytest.raises(NotFoundError, match="nowhere"):
        again.ask(NodeId("nowhere"), "ready")


def test_requests_are_limited_while_there_is_too_little_work_and_active_again_once_met() -> None:
    """Given cold rooms, when no work is there, then their requests are limited and say so; with work they are met."""
    idle = Rehearsal(demo_fleet(), "follow", [], begin=BEGIN)
    idle.run(1800)
    warm = idle.loop.requests.statuses[RequestId("warm-1")]
    assert warm.state is RequestState.LIMITED
    assert "there is work for" in warm.reason
    assert warm.since - BEGIN >= dt.timedelta(minutes=10), "a passing lack is not told"

    mild = demo_fleet()
    mild = dataclasses.replace(
        mild,
        sinks=tuple(
            dataclasses.replace(sink, initial_temp_c=18.0) if sink.id == "flat-1" else sink for sink in mild.sinks
        ),
        requests=tuple(
            dataclasses.replace(request, schedule=constant(18.0)) if request.id == "warm-1" else request
            for request in mild.requests
        ),
    )
    busy = Rehearsal(mild, "follow", [arrival(1, ServiceClass.FLEX, 40, 30.0, after_s=60)], begin=BEGIN)
    busy.run(1800)
    assert busy.loop.requests.statuses[RequestId("warm-1")].state is RequestState.ACTIVE


def test_work_that_comes_is_decided_at_once_and_not_with_the_next_regular_decision() -> None:
    """Given a clock of the wall's speed, when tasks come between decisions, then each is placed in the next tick."""
    coming = [arrival(number, ServiceClass.ON_DEMAND, 1, 0.5, after_s=40.0 + 7.0 * number) for number in range(5)]
    rehearsal = Rehearsal(demo_fleet(), "follow", coming, begin=BEGIN, clock_rate=1.0, tick_s=1.0, sample_s=1.0)
    rehearsal.run(90)
    tasks = rehearsal.store.tasks(AccountId("a")).rows
    waits_s = [(rehearsal.store.attempts(task.id)[0].created_at - task.created_at).total_seconds() for task in tasks]
    assert len(waits_s) == 5
    assert max(waits_s) <= 2.0
