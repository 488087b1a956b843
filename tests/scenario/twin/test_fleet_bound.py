"""No policy beats the bound, in carbon or in money: fleets of every kind of sink, drawn by lot and all together."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.relaxing import relax
from ondol.twin.layout import lay_out
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import BackupSpec, ForecastSpec, GridSpec, OverflowSpec
from ondol.twin.scenario.sinks import SinkSpec
from ondol.twin.summary import summarise
from ondol.twin.workload import Trace
from unit.twin.small_fleets import POLICIES, fleet, lived, network, pool, room, series_of, tank, unit, work


def bounds(scenario: Scenario, trace: Trace) -> tuple[float, float]:
    """Least carbon [g] and money [€]."""
    layout, series = lay_out(scenario), series_of(scenario)
    plant = Plant(layout, series)
    carbon, money = (relax(scenario, layout, plant, series, trace.jobs, money=one) for one in (False, True))
    return tuple(lower_bound(one.problem).bound + one.constant for one in (carbon, money))  # type: ignore[return-value]


def costs(scenario: Scenario, trace: Trace, policy: str) -> tuple[float, float]:
    """Carbon [g] and money [€] of a run."""
    figures = summarise(lived(scenario, trace, policy))
    return figures["total_kg"] * 1000.0, figures["total_eur"]


def hold(scenario: Scenario, trace: Trace, policies: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    least = bounds(scenario, trace)
    reached = {policy: costs(scenario, trace, policy) for policy in policies}
    for policy, cost in reached.items():
        for got, bound in zip(cost, least, strict=True):
            assert got >= bound - 1e-9 * abs(bound), f"{policy} reached {got}, below {bound}"
    return {policy: (cost[0] / least[0], cost[1] / least[1]) for policy, cost in reached.items()}


@pytest.mark.parametrize(
    ("month", "backup", "filler", "jobs"),
    [(1, "gas", True, 20), (7, "heat_pump", True, 120), (4, "heat_pump", False, 120), (10, "gas", False, 20)],
)
def test_all_kinds_together(month: int, backup: str, filler: bool, jobs: int) -> None:
    scenario = fleet(
        begin=dt.datetime(2026, month, 5, tzinfo=dt.UTC),
        backup=BackupSpec(kind=backup),
        filler=filler,
        forecast=ForecastSpec(kind="perfect"),
    )
    reached = hold(scenario, work(jobs, 78_000.0, month), POLICIES)
    # and the bound is worth something: somebody comes near
    assert min(carbon for carbon, _ in reached.values()) < 1.25
    assert min(money for _, money in reached.values()) < 1.15


def by_lot(make: Any, lots: np.random.Generator) -> SinkSpec:
    """A sink with one unit whose numbers are at the corners of what may be."""
    units = unit(
        nodes=int(lots.integers(1, 8)),
        slots=int(lots.choice([1, 3])),
        boot_s=float(lots.choice([0.0, 120.0])),
        off_after_s=float(lots.choice([0.0, 600.0])),
        off_w=float(lots.choice([0.0, 1.0, 30.0])),
        idle_w=float(lots.choice([30.0, 60.0])),
        capture=float(lots.choice([0.8, 1.0])),
        case_ua_w_per_k=0.0 if make is room else float(lots.choice([0.0, 2.0, 8.0])),
        speed=float(lots.choice([0.5, 1.0, 2.0])),
    )
    corners: dict[Any, dict[str, list[float]]] = {
        room: {
            "initial_temp_c": [15.0, 20.0, 25.0],
            "solar_aperture_m2": [0.0, 8.0],
            "ua_w_per_k": [5.0, 40.0],
            "setback_c": [16.0, 20.0],
        },
        tank: {
            "initial_temp_c": [3.0, 35.0, 70.0],
            "ambient_c": [-5.0, 15.0, 25.0],
            "draw_l_per_day": [0.0, 100.0, 2000.0],
            "volume_l": [100.0, 1000.0],
            "temp_max_c": [45.0, 75.0],
            "ua_w_per_k": [0.0, 6.0, 40.0],
        },
        pool: {
            "initial_temp_c": [26.0, 28.0, 30.0],
            "hall_temp_c": [24.0, 29.0, 33.0],
            "hall_humidity": [0.4, 0.9],
            "band_k": [0.1, 0.5, 2.0],
        },
        network: {"base_w": [0.0, 300.0, 2000.0], "return_c": [15.0, 40.0, 70.0]},
    }
    fields = {name: float(lots.choice(values)) for name, values in corners[make].items()}
    fields["backup_max_w"] = float(lots.choice([300.0, 1e6]))
    return make(unit=(units,), **fields)  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [room, tank, pool, network], ids=["room", "tank", "pool", "network"])
def test_one_kind_by_lot(make: Any, seed: int) -> None:
    # given one sink at the corners of what may be, little or much work, any season, grid and backup
    lots = np.random.default_rng([seed, 7])
    scenario = fleet(
        by_lot(make, lots),
        begin=dt.datetime(2026, int(lots.integers(1, 13)), 5, int(lots.integers(0, 24)), tzinfo=dt.UTC),
        days=float(lots.choice([0.25, 1.0])),
        step_s=float(lots.choice([300.0, 900.0])),
        backup=BackupSpec(kind=str(lots.choice(["gas", "heat_pump"]))),
        grid=GridSpec(country=str(lots.choice(["FR", "NL"]))),
        overflow=OverflowSpec(nodes=int(lots.choice([0, 4]))),
        filler=bool(lots.random() < 0.5),
        seed=seed,
    )
    trace = work(
        int(lots.choice([1, 5, 40])), scenario.days * 78_000.0, seed, longest_s=float(lots.choice([20.0, 7200.0]))
    )
    hold(scenario, trace, ("fcfs", "greedy", "follow"))


def test_an_idle_fleet_costs_what_the_bound_says() -> None:
    # given nobody who could compute for heat, and a second of work: the backup does all in both
    scenario = fleet(
        room(unit=(), initial_temp_c=19.0), pool(unit=(), initial_temp_c=27.5), network(unit=()), filler=False
    )
    trace = work(1, 1.0, 0, longest_s=11.0)
    reached = hold(scenario, trace, ("fcfs",))["fcfs"]
    # then the two are some thousandths apart: what is left is how a pool's loss bends
    assert reached[0] < 1.005
    assert reached[1] < 1.005
