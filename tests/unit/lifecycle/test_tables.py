"""The tables by themselves: nodes, requests, diagrams."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.lifecycle.attempt import ATTEMPT_TABLE
from ondol.lifecycle.diagram import diagrams
from ondol.lifecycle.node import NODE_TABLE, NodeEvent, NodeState, next_node_state
from ondol.lifecycle.request import RequestEvent, RequestState, RequestStatus, next_request_status
from ondol.model.compute import AttemptState
from ondol.model.errors import ConflictError

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)


def test_every_attempt_state_is_reached_and_final_ones_are_left_by_nothing():
    reached = set(ATTEMPT_TABLE.values()) | {AttemptState.PLACED}
    assert reached == set(AttemptState)
    assert not any(state.final for state, _ in ATTEMPT_TABLE)


def test_a_node_drains_fails_and_comes_back():
    state = NodeState.READY
    for event, after in (
        (NodeEvent.DRAIN_ASKED, NodeState.DRAINING),
        (NodeEvent.DRAIN_ENDED, NodeState.READY),
        (NodeEvent.SILENT, NodeState.OFFLINE),
        (NodeEvent.HEARD, NodeState.READY),
        (NodeEvent.BROKE, NodeState.FAILED),
        (NodeEvent.HEARD, NodeState.FAILED),
        (NodeEvent.REPAIRED, NodeState.OFFLINE),
    ):
        state = next_node_state(state, event)
        assert state is after
    assert {s for s, _ in NODE_TABLE} == set(NodeState)
    with pytest.raises(ConflictError, match="draining"):
        next_node_state(NodeState.DRAINING, NodeEvent.REPAIRED)


def test_a_request_that_falls_short_says_why():
    status = next_request_status(RequestStatus(since=T0), RequestEvent.BEGAN, T0)
    with pytest.raises(ConflictError, match="Say why"):
        next_request_status(status, RequestEvent.FELL_SHORT, T0)
    later = T0 + dt.timedelta(minutes=5)
    short = next_request_status(status, RequestEvent.FELL_SHORT, later, "no work for 300 W")
    assert (short.state, short.since, short.reason) == (RequestState.LIMITED, later, "no work for 300 W")
    assert next_request_status(short, RequestEvent.FELL_SHORT, T0, "no work for 300 W") is short
    met = next_request_status(short, RequestEvent.MET_AGAIN, later)
    assert (met.state, met.reason) == (RequestState.ACTIVE, "")
    done = next_request_status(met, RequestEvent.ENDED, later)
    with pytest.raises(ConflictError):
        next_request_status(done, RequestEvent.BEGAN, later)


def test_diagrams_are_drawn_from_the_tables():
    drawn = diagrams()
    assert set(drawn) == {"task", "job", "pool", "instance", "attempt", "node", "request"}
    assert "    uploading --> succeeded : results stored, exit 0\n" in drawn["attempt"]
    assert all(text.startswith("stateDiagram-v2\n") for text in drawn.values())
