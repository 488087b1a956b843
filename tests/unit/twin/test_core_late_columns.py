"""Columns of a View that nobody looks at are not made; those that are, are what they would have been."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ondol.model.decision import Decision
from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.model.view import View
from ondol.policy.fcfs import Fcfs, FcfsMemory
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.late_columns import LateNodes, late, look_at_all
from unit.twin.small_fleets import POLICIES, fleet, lived, room, series_of, work


class Keeps:
    """Keeps what it is shown beyond its moment, which the contract does not allow."""

    name = "keeps"

    def __init__(self) -> None:
        self.views: list[View] = []

    def fresh(self) -> int:
        return 0

    def decide(self, view: View, memory: int) -> tuple[Decision, int]:
        self.views.append(view)
        return (), memory


def test_a_column_is_made_when_it_is_first_looked_at_and_then_kept() -> None:
    """Given nodes of which only names are known, when a column is read twice, then it was made once."""
    asked: list[str] = []

    def make(name: str) -> object:
        asked.append(name)
        return np.arange(3)

    nodes = late(LateNodes, make, (("ids", ("a", "b", "c")),))
    assert nodes.ids == ("a", "b", "c")
    assert not asked
    assert nodes.slots is nodes.slots
    assert asked == ["slots"]


def test_what_is_no_column_is_no_attribute() -> None:
    nodes = late(LateNodes, lambda _: np.arange(3), ())
    with pytest.raises(AttributeError, match="colour"):
        _ = nodes.colour  # type: ignore[attr-defined]  # that is what is tested


def test_a_policy_that_is_blind_to_heat_has_no_forecasts_drawn_up() -> None:
    """Given rooms, whose thermostats look at no forecast, when fcfs decides all day, then none is ever issued."""
    scenario, issued = fleet(room()), list[int]()
    twin = FleetTwin(scenario, series_of(scenario), work(40, 60_000.0, seed=3), load_policy("fcfs"))
    issue = twin.outlook.issue
    twin.outlook.issue = lambda step: (issued.append(step), issue(step))[1]  # type: ignore[method-assign]
    twin.live(twin.series.steps)
    assert twin.decisions > 50
    assert not issued


@pytest.mark.parametrize("policy", POLICIES)
def test_a_run_that_somebody_watches_is_the_run_that_nobody_does(policy: str) -> None:
    """Given a watcher, for whom whole Views are made, six hours end as without one, to the bit."""
    scenario, trace = fleet(days=0.25), work(40, 18_000.0, seed=5)
    seen: list[View] = []
    alone = lived(scenario, trace, policy)
    watched = lived(scenario, trace, policy, lambda view, *_: seen.append(view))
    assert len(seen) == watched.decisions == alone.decisions > 0
    for name in ("node", "attempt", "done_s", "energy_j", "first_start_s", "end_s"):
        assert getattr(watched.attempts, name).tobytes() == getattr(alone.attempts, name).tobytes(), name
    assert watched.score.heat_j.tobytes() == alone.score.heat_j.tobytes()
    assert all(len(view.units.power_w) == len(view.units.ids) for view in seen), "what was shown stays to be read"


def test_a_view_that_was_kept_does_not_tell_what_came_later() -> None:
    """Given a policy that keeps its Views, when it reads one after its moment, then that is refused, not made up."""
    scenario, policy = fleet(room()), Keeps()
    lived(scenario, work(10, 20_000.0, seed=1), policy)
    with pytest.raises(ConflictError, match="power_w of a View is first looked at after its moment"):
        _ = policy.views[0].units.power_w
    with pytest.raises(ConflictError, match="sites of a View"):
        look_at_all(policy.views[-1])


def test_heat_into_water_needs_to_know_which_cases_are_warm() -> None:
    scenario = fleet()
    twin = FleetTwin(scenario, series_of(scenario), work(1, 10.0, seed=1), load_policy("fcfs"))
    with pytest.raises(InvalidFieldError, match="unit_on"):
        twin.plant.step(0, np.zeros(len(twin.layout.unit_ids)), None)


def test_fcfs_answers_the_same_columns_with_the_same_decision() -> None:
    """Given work that runs and an empty queue, when nothing but the hour is new, then the answer is the one before."""
    policy, decisions = Fcfs(), list[tuple[Decision, bool]]()
    scenario = fleet(room())
    lived(
        scenario,
        work(12, 40_000.0, seed=2),
        policy,
        lambda view, _, decision: decisions.append((decision, decision == Fcfs().decide(view, FcfsMemory())[0])),
    )
    again = sum(now is before for (before, _), (now, _) in pairwise(decisions))
    assert 10 < again < len(decisions)
    assert all(as_fresh for _, as_fresh in decisions)
