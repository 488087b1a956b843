"""Rooms and tanks of a twin are known again from what its own sensors showed, and can be planned by as fitted."""

from __future__ import annotations

import pytest

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.forecasting.believing import believing
from ondol.twin.forecasting.fitting import FittedSink, Probe
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import FaultSpec
from ondol.twin.summary import summarise
from unit.twin.small_fleets import fleet, lived, room, series_of, tank, work


def house(days: float) -> Scenario:
    return fleet(room(solar_aperture_m2=1.8), tank(), days=days, fault=FaultSpec(sensor_noise_k=0.05))


@pytest.fixture(scope="module")
def fits() -> dict[str, FittedSink]:
    """A fortnight of January with work and set-backs, thermometers with noise."""
    scenario = house(14.0)
    twin = FleetTwin(scenario, series_of(scenario), work(500, 14 * 86_400.0, 5), load_policy("fcfs"))
    probe = Probe(twin)
    probe.live(twin.series.steps)
    return {fit.sink: fit for fit in probe.fit()}


def test_a_room_is_known_again(fits: dict[str, FittedSink]) -> None:
    fit = fits["house-room"]
    # given a guess from which a plan would go wrong
    assert max(map(abs, fit.guess_errors.values())) > 0.2
    # then the readings of a fortnight correct it
    assert fit.identifiable, fit.reason
    assert abs(fit.errors["loss"]) < 0.05
    assert abs(fit.errors["capacity over 6 h"]) < 0.1
    assert abs(fit.errors["sun aperture"]) < 0.15


def test_a_tank_is_known_again(fits: dict[str, FittedSink]) -> None:
    fit = fits["house-tank"]
    assert max(map(abs, fit.guess_errors.values())) > 0.05
    assert fit.identifiable, fit.reason
    assert abs(fit.errors["loss"]) < 0.1
    assert abs(fit.errors["capacity"]) < 0.03


def test_planning_by_fitted_stores_costs_next_to_nothing(fits: dict[str, FittedSink]) -> None:
    scenario, trace = house(1.0), work(20, 86_400.0, 7)

    def total_kg(believe: dict[str, FittedSink]) -> float:
        specs = {name: fit.spec for name, fit in believe.items()}
        told = believing(specs)
        twin = FleetTwin(scenario, series_of(scenario), trace, load_policy("follow"), believe=told)
        twin.live(twin.series.steps)
        return float(summarise(twin)["total_kg"])

    # given the same plan by true stores; nothing else believed is the truth itself
    true = float(summarise(lived(scenario, trace, "follow"))["total_kg"])
    assert total_kg({}) == true
    # then fitted ones cost little more
    assert total_kg(fits) == pytest.approx(true, rel=0.02)


def test_what_is_believed_is_shown_and_what_is_true_is_lived() -> None:
    scenario = house(0.5)
    series, trace = series_of(scenario), work(10, 4e4, 7)
    half = tank(volume_l=500.0)
    twin = FleetTwin(scenario, series, trace, load_policy("fcfs"), believe=believing({"house-tank": half}))
    true = FleetTwin(scenario, series, trace, load_policy("fcfs"))
    row = twin.layout.sink_ids.index(next(one for one in twin.layout.sink_ids if one.endswith("tank")))
    for both in (twin, true):
        both.live(20)
    # then the tank holds as much as it does, and is said to have half of the capacity
    assert twin.plant.tanks.capacity_j_per_k == pytest.approx(true.plant.tanks.capacity_j_per_k)
    assert twin.stores.j_per_k[row] == pytest.approx(0.5 * true.stores.j_per_k[row])
    assert twin.stores.levels(20).temp_c[row] == pytest.approx(float(twin.plant.tanks.mean_c()[0]))


def test_other_sinks_than_there_are_cannot_be_believed() -> None:
    scenario = house(0.5)
    series, trace = series_of(scenario), work(5, 4e4, 7)
    with pytest.raises(NotFoundError, match="house-cellar"):
        FleetTwin(scenario, series, trace, load_policy("fcfs"), believe=believing({"house-cellar": tank()}))
    with pytest.raises(InvalidFieldError, match="house-room"):
        FleetTwin(scenario, series, trace, load_policy("fcfs"), believe=believing({"house-room": tank()}))
    with pytest.raises(InvalidFieldError, match="two steps"):
        Probe(FleetTwin(scenario, series, trace, load_policy("fcfs"))).fit()
