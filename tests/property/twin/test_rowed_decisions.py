"""A decision in rows says what its actions say, and a fleet lives by either to the same bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.control.record import pack_decision
from ondol.model.decision import Decision, RowedDecision, SetPower, Start, Wait
from ondol.model.view import Phase, View
from ondol.policy.fcfs import Fcfs, FcfsMemory
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario import Scenario
from ondol.twin.shown import Shown
from property.policy.test_decisions import worlds
from property.twin.test_fleet_invariants import Chaos, scenarios
from unit.policy.views import World
from unit.twin.small_fleets import series_of, work


class Plain:
    """What a policy decides, as the plain tuple of its actions."""

    def __init__(self, policy: Fcfs) -> None:
        self.name, self.fills, self._policy = policy.name, policy.fills, policy

    def fresh(self) -> FcfsMemory:
        return self._policy.fresh()

    def decide(self, view: View, memory: FcfsMemory) -> tuple[Decision, FcfsMemory]:
        decision, memory = self._policy.decide(view, memory)
        return tuple(decision), memory


def said_in_rows(view: View, decision: RowedDecision) -> tuple[list[tuple[str, str]], list[tuple[str, float]]]:
    """What the rows of a decision start and where, and the floors that they set."""
    rows = decision.rows
    names, nodes = view.instances.ids, view.nodes.ids
    starts = [(names[row], nodes[at]) for row, at in zip(rows.started.tolist(), rows.node.tolist(), strict=True)]
    units = [view.units.ids[row] for row in rows.unit.tolist()]
    return starts, list(zip(units, rows.power_w.tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(world=worlds() | worlds(constrained=True))
def test_rows_say_what_the_actions_say(world: World) -> None:
    """Given any world, when fcfs decides, then rows and actions are the same; only what is thawed has no rows."""
    view, policy = world.view(), Fcfs()
    decision, _ = policy.decide(view, policy.fresh())
    assert isinstance(decision, RowedDecision) is not bool((view.instances.phase == Phase.PAUSED).any())
    assert policy.decide(view, policy.fresh())[0] == decision == Fcfs().decide(view, FcfsMemory())[0]
    if isinstance(decision, RowedDecision):
        assert decision == tuple(decision)
        assert pack_decision(decision) == pack_decision(tuple(decision))
        assert {type(action) for action in decision} <= {Start, SetPower, Wait}
        starts, floors = said_in_rows(view, decision)
        assert starts == [(one.instance_id, one.node_id) for one in decision if isinstance(one, Start)]
        assert floors == [(one.unit_id, one.power_w) for one in decision if isinstance(one, SetPower)]


@settings(max_examples=12, deadline=None)
@given(scenario=scenarios(), seed=st.integers(0, 100))
def test_a_fleet_lives_by_rows_as_by_actions(scenario: Scenario, seed: int) -> None:
    """Given any fleet with faults, when one twin takes rows and the other actions, then they never differ."""
    trace = work(40, 15_000.0, seed, longest_s=3000.0)
    twins = [FleetTwin(scenario, series_of(scenario), trace, policy) for policy in (Fcfs(), Plain(Fcfs()))]
    while not twins[0].over:
        for twin in twins:
            twin.live(1)
        by_rows, by_actions = twins
        for part, names in (
            ("attempts", ("node", "attempt", "done_s", "energy_j", "end_s")),
            ("machines", ("held", "up", "floor_w", "target_w", "share")),
        ):
            for name in names:
                one, other = (getattr(getattr(twin, part), name) for twin in twins)
                assert one.tobytes() == other.tobytes(), (by_rows.step, part, name)
        assert by_rows.decisions == by_actions.decisions


@settings(max_examples=12, deadline=None)
@given(scenario=scenarios(), seed=st.integers(0, 100))
def test_columns_that_are_kept_are_what_they_would_be_made_anew(scenario: Scenario, seed: int) -> None:
    """Given a policy that starts, stops, freezes and thaws by lot, then every View shows work as it is by then."""
    trace = work(60, 15_000.0, seed, longest_s=3000.0)
    twin = FleetTwin(scenario, series_of(scenario), trace, Chaos())

    def watch(view: View, _memory: Any, _decision: Decision) -> None:
        now_s = view.now_s - twin.series.begin_s
        fresh = Shown(twin.attempts, int(twin.layout.node_slots.sum()), twin.series.begin_s)
        fresh.look()
        assert np.array_equal(view.beyond, fresh.beyond)
        for name in view.instances.__dataclass_fields__:
            shown = getattr(view.instances, name)
            if name == "ids":
                assert shown == fresh.column(name, now_s)
            elif name != "data":
                assert np.array_equal(shown, fresh.column(name, now_s), equal_nan=shown.dtype.kind == "f"), name
        assert np.array_equal(view.nodes.slots_free, twin.layout.node_slots - twin.machines.held)
        assert np.array_equal(view.nodes.accepts, twin.machines.failed_until_s <= now_s)

    twin._watch = watch
    twin.live(twin.series.steps)
    assert twin.decisions
