"""Given sites that cap their nodes, when instances run there, then each is told its share of full speed."""

from __future__ import annotations

from ondol.demo.fleet import demo_fleet
from ondol.model.compute import AttemptState
from ondol.model.view import ServiceClass
from ondol.twin.rehearsal import Rehearsal
from scenario.twin.morning import BEGIN, morning


def speeds_of(rehearsal: Rehearsal) -> dict[ServiceClass, set[float]]:
    speeds: dict[ServiceClass, set[float]] = {}
    for _ in range(20):
        rehearsal.run(300.0)
        for work, _, attempt in rehearsal.works.under_way():
            if attempt.state is AttemptState.RUNNING:
                speeds.setdefault(work.task.service, set()).add(rehearsal.loop.speed(attempt))
    return speeds


def test_thermostats_slow_what_can_wait_and_never_what_cannot() -> None:
    rehearsal = Rehearsal(demo_fleet(), "follow", morning(), begin=BEGIN)
    rehearsal.loop._world._outlook = None  # nobody forecasts: thermostats decide
    speeds = speeds_of(rehearsal)
    every = set().union(*speeds.values())
    assert every
    assert min(every) >= 0.0
    assert max(every) <= 1.0
    assert min(every) < 0.9, "a thermostat asked for less"
    assert min(speeds.get(ServiceClass.ON_DEMAND, {1.0})) > 0.9


def test_under_a_plan_what_cannot_wait_has_full_speed_too() -> None:
    """Given forecasts, when heat is wanted all morning, then a plan lets work run up to what its heat is worth."""
    speeds = speeds_of(Rehearsal(demo_fleet(), "follow", morning(), begin=BEGIN))
    every = set().union(*speeds.values())
    assert every
    assert min(every) >= 0.0
    assert max(every) <= 1.0
    assert min(speeds.get(ServiceClass.ON_DEMAND, {1.0})) > 0.9
