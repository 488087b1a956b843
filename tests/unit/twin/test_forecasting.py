"""Forecasts from readings look at nothing that is still to come, say what can be, and go on after a break."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from ondol.cli.twin_shown import comparison_table
from ondol.model.errors import InvalidFieldError
from ondol.policy.registry import load_policy
from ondol.report.run_figures import cost_of
from ondol.twin import snapshot
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.forecasting.cost import live_with
from ondol.twin.forecasting.denoise import reach_h, smoothed
from ondol.twin.forecasting.errors import ForecastErrors
from ondol.twin.forecasting.expected import Expected
from ondol.twin.forecasting.hours import hours_of_week
from ondol.twin.outlook import Ahead
from ondol.twin.run_reading import check_alike, names_of, read_run
from ondol.twin.runs import live_into, prepare
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import FaultSpec, ForecastSpec
from ondol.twin.scenario.series import Series, make_series
from unit.twin.run_scenarios import WORLD, contents, write_world
from unit.twin.small_fleets import JANUARY, fleet, network, pool, room, series_of, site, tank, work

KINDS = ("learned", "persistence")
NOW = 4 * 30 + 2  # a step of the second day, between two renewals of the demand's forecast


def of_kind(kind: str, **changes: Any) -> Scenario:
    return fleet(forecast=ForecastSpec(kind=kind), **({"days": 2.0} | changes))


def twin_at(scenario: Scenario, series: Series, step: int) -> FleetTwin:
    twin = FleetTwin(scenario, series, work(60, 86_400.0, 3), load_policy("fcfs"))
    twin.live(step)
    return twin


def same(one: Ahead, other: Ahead) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Ahead.__dataclass_fields__)


def other_future(series: Series, columns: dict[str, int]) -> Series:
    """The same series with other values from a step of each column on."""
    changed = {}
    for name, step in columns.items():
        values = getattr(series, name).copy()
        values[..., step:] = values[..., step:] * 1.3 + 0.2 * np.abs(values).mean()
        changed[name] = values
    return dataclasses.replace(series, **changed)


def test_what_is_learned_does_not_hang_on_what_is_to_come() -> None:
    # given two worlds that are alike up to now; in one more will be drawn, and the weather after the horizon is another
    scenario = of_kind("learned", fault=FaultSpec(sensor_noise_k=0.1))
    series = series_of(scenario)
    beyond = NOW + 4 * (48 + 3)
    other = other_future(series, {"draws": NOW, "mains_c": NOW + 1, "outdoor_c": beyond, "solar_w_m2": beyond})
    assert beyond < series.length
    # when both live up to now
    issues = [twin_at(scenario, one, NOW).outlook.issue(NOW) for one in (series, other)]
    # then the same is forecast
    assert same(*issues)


def test_the_naive_forecast_does_not_hang_on_any_future() -> None:
    scenario = of_kind("persistence", fault=FaultSpec(sensor_noise_k=0.1))
    series = series_of(scenario)
    columns = ("draws", "mains_c", "outdoor_c", "solar_w_m2", "grid_g_per_kwh")
    other = other_future(series, dict.fromkeys(columns, NOW + 1))
    # the work that comes is expected by what came; the network's demand follows from the weather
    issues = [twin_at(scenario, one, NOW).outlook.issue(NOW) for one in (series, other)]
    assert same(*issues)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_does_change_forecasts(kind: str) -> None:
    # given a world in which more was drawn and it was colder since yesterday
    scenario = of_kind(kind)
    series = series_of(scenario)
    other = other_future(series, {"draws": NOW - 60, "outdoor_c": NOW - 60})
    one, two = (twin_at(scenario, each, NOW).outlook.issue(NOW) for each in (series, other))
    # then both tank and room are expected to need something else
    unlike = np.abs(one.demand_w - two.demand_w).max(axis=1)
    names = FleetTwin(scenario, series, work(5, 9e3, 1), load_policy("fcfs")).layout.sink_ids
    changed = dict(zip(names, unlike > 1.0, strict=True))
    assert changed["house-tank"]
    assert changed["house-room"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_given_back_forecasts_the_same(kind: str, tmp_path: Path) -> None:
    scenario = of_kind(kind, step_s=1800.0, fault=FaultSpec(sensor_noise_k=0.1))
    series, trace = series_of(scenario), work(60, 86_400.0, 3)
    given = FleetTwin(scenario, series, trace, load_policy("wait-awhile"))
    given.live(61)
    snapshot.save(tmp_path / "s.npz", given)

    back = FleetTwin(scenario, series, trace, load_policy("wait-awhile"))
    snapshot.load(tmp_path / "s.npz", back)
    assert same(back.outlook.issue(61), given.outlook.issue(61))
    assert same(back.outlook.issue(57), given.outlook.issue(57))  # as issued before the break: nothing read since
    given.live(40)
    back.live(40)

    snapshot.save(tmp_path / "a.npz", given)
    snapshot.save(tmp_path / "b.npz", back)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert given.forecast_errors.figures() == back.forecast_errors.figures() != {}


def test_a_run_with_learned_forecasts_cut_short_ends_with_the_same_bytes(tmp_path: Path) -> None:
    run = prepare(write_world(tmp_path / "world"), "greedy", forecast="learned")

    def cut(done: int, _all: int) -> None:
        if done == 49:
            raise KeyboardInterrupt

    live_into(run, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        live_into(run, tmp_path / "out", tell=cut)
    summary = live_into(run, tmp_path / "out")

    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert summary["forecast"] == "learned"
    assert 0.0 < summary["figures"]["forecast_nmae_sum"] < 2.0
    assert set(summary["forecast_by_sink"]) >= {"quay-basin", "quay-net"}


def test_runs_of_one_world_under_unlike_forecasts_can_be_compared(tmp_path: Path) -> None:
    file = write_world(tmp_path / "world")
    perfect, learned = (prepare(file, "fcfs", forecast=kind) for kind in ("perfect", "learned"))
    assert perfect.identity.world == learned.identity.world
    assert perfect.identity.digest != learned.identity.digest


def test_costs_are_told_against_perfect_forecasts(tmp_path: Path) -> None:
    run = prepare(write_world(tmp_path, WORLD.replace("days = 3", "days = 1")), "follow")
    perfect, naive = live_with(run, ("perfect", "persistence"))
    cost = naive.cost(perfect)
    assert cost["total_kg"] == naive.figures["total_kg"] - perfect.figures["total_kg"]
    assert {"discomfort_kh", "backup_kwh"} <= set(cost)
    assert "forecast_nmae_sum" not in perfect.figures
    assert naive.figures["forecast_nmae_sum"] > 0.0
    with pytest.raises(InvalidFieldError, match="kinds"):
        live_with(run, ("clairvoyant",))


class OffBy:
    """Forecasts that are the truth times a number, with bands of a given half width."""

    def __init__(self, twin: FleetTwin, factor: float, half: float) -> None:
        self._twin, self._factor, self._half = twin, factor, half

    def expect(self, step: int, first: np.ndarray, ends: np.ndarray) -> Expected:
        series = self._twin.series
        window = slice(int(first[0]), int(ends[-1]))
        truth = self._twin.stores.demand_of_kinds_w(
            first, ends, series.outdoor_c[:, window], series.solar_w_m2[:, window], series.draws[:, window]
        )
        said = np.maximum(truth, 0.0) * self._factor
        cuts, lengths = first - first[0], ends - first
        return Expected(
            demand_w=said,
            quantiles_w=np.stack([said * (1 - self._half), said, said * (1 + self._half)]),
            outdoor_c=np.add.reduceat(series.outdoor_c[:, window], cuts, axis=1) / lengths + 2.0,
            grid_g_per_kwh=np.add.reduceat(series.grid_g_per_kwh[window], cuts) / lengths * 0.9,
            backup_g_per_kwh=np.zeros(len(first)),
            backup_eur_per_kwh=np.zeros(len(first)),
        )


def test_errors_are_what_a_hand_calculation_says() -> None:
    # given forecasts a fifth too high, whose bands are a tenth of themselves wide either way
    scenario = of_kind("real", days=3.0, site=(site(network(), tank(), count=2),))
    twin = twin_at(scenario, series_of(scenario), 1)
    errors = ForecastErrors(scenario, twin.series, twin.stores, twin.readings)
    for step in range(twin.series.steps):
        errors.add(step, OffBy(twin, 1.2, 0.1))
    figures = errors.figures()
    # then every error is a fifth, of every hour, day and sink, and the truth lies outside of the bands
    assert errors.noons == 3
    for name in ("nmae_sum", "nmae_mean", "nmae_worst", "bias", "daily_mape_sum", "daily_mape_mean"):
        assert figures[f"forecast_{name}"] == pytest.approx(0.2), name
    # over by 0.08, 0.2 and 0.32 of the truth at levels 0.1, 0.5 and 0.9
    pinball = (0.9 * 0.08 + 0.5 * 0.2 + 0.1 * 0.32) / 3.0
    assert figures["forecast_pinball"] == pytest.approx(pinball)
    hours_of_nothing = figures["forecast_covered"]  # an hour without a draw is said exactly
    assert 0.0 <= hours_of_nothing < 0.5
    assert figures["forecast_temp_mae_k"] == pytest.approx(2.0)
    assert figures["forecast_carbon_nmae"] == pytest.approx(0.1)


def test_perfect_forecasts_are_not_measured() -> None:
    scenario = of_kind("perfect", days=1.0)
    assert twin_at(scenario, series_of(scenario), 96).forecast_errors.figures() == {}


def test_readings_of_a_house_are_its_demand() -> None:
    # given a day and a half in which the backup alone holds a steady room, a pool and a network, without noise
    quiet = room(setback_c=20.0, solar_aperture_m2=0.0, unit=())
    scenario = of_kind("learned", site=(site(quiet, tank(), pool(), network()),))
    twin = twin_at(scenario, series_of(scenario), 150)
    read, series = twin.readings, twin.series
    edges = 4 * np.arange(13, 38)
    first, ends = edges[:-1], edges[1:]
    window = slice(edges[0], edges[-1])
    truth = twin.stores.demand_w(
        first, ends, series.outdoor_c[:, window], series.solar_w_m2[:, window], series.draws[:, window]
    )
    names = [str(twin.layout.sink_ids[row]) for row in read.groups.first]
    shown = dict(zip(names, read.shown[:, 13:37], strict=True))
    true = dict(zip(map(str, twin.layout.sink_ids), truth, strict=True))
    # then the meters show what the stores are said to need, in watts or, of the tank, in litres
    assert read.hours == 37
    for name, tolerance in (("house-room", 0.05), ("house-pool", 0.05), ("house-network", 1e-9)):
        assert shown[name].sum() == pytest.approx(true[name].sum(), rel=tolerance), name
    drawn_l = (series.draws[twin.plant.tanks.draw_row[0], window] * 800.0 * 900.0).sum()
    assert shown["house-tank"].sum() == pytest.approx(drawn_l)


def test_alike_rooms_are_read_together_and_tanks_alone() -> None:
    scenario = of_kind("learned", site=(site(room(), tank(), count=5),))
    twin = twin_at(scenario, series_of(scenario), 1)
    assert sorted(twin.readings.groups.count.tolist()) == [1, 1, 1, 1, 1, 5]


def test_noise_is_smoothed_away_and_sums_are_kept() -> None:
    lots = np.random.default_rng(5)
    noise = np.diff(lots.standard_normal(2001))
    demand = np.full(2000, 3.0)
    for reach in range(4):
        got = smoothed(demand + noise, reach)
        assert got.std() == pytest.approx(np.sqrt(2.0 / (reach + 1) ** 3), rel=0.1)
        assert got.mean() == pytest.approx(3.0, abs=0.01)
    assert [reach_h(noise_k, 1e6, 100.0) for noise_k in (0.0, 0.1, 0.2, 9.0)] == [0, 1, 2, 3]


def test_hours_of_the_week_are_those_of_the_place() -> None:
    monday = 1_767_571_200.0  # 5 January 2026, 00:00 UTC
    assert hours_of_week(monday, 2, "Europe/Paris").tolist() == [1, 2]
    assert hours_of_week(monday - 7200.0, 3, "UTC").tolist() == [166, 167, 0]
    summer = 1_774_828_800.0  # 30 March 2026, 00:00 UTC, a Monday after the change
    assert hours_of_week(summer, 1, "Europe/Paris").tolist() == [2]


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(InvalidFieldError, match=r"forecast\.kind"):
        ForecastSpec(kind="oracle")
    written = msgspec.json.decode(msgspec.json.encode(ForecastSpec()))
    assert written["kind"] == "real"  # results of benchmarks are known by this text
    assert len(written) == 5


def test_a_house_that_was_read_before_is_forecast_better_from_the_first_day() -> None:
    # given three weeks before the begin in which the backup heated and the sensors were read
    def errors(history_days: int) -> dict[str, float]:
        spec = ForecastSpec(kind="learned", history_days=history_days)
        scenario = fleet(pool(), network(), days=2.0, step_s=3600.0, forecast=spec)
        twin = twin_at(scenario, series_of(scenario), 48)
        assert twin.readings.hours == 48 + 24 * history_days - 1  # the last hour is closed with the next step
        return twin.forecast_errors.figures()

    new, known = errors(0), errors(21)
    # then neither the survey's error nor the hours of the pool are news any more
    assert known["forecast_nmae_mean"] < 0.5 * new["forecast_nmae_mean"]
    assert known["forecast_nmae_mean"] < 0.15
    with pytest.raises(InvalidFieldError, match="history_days"):
        ForecastSpec(history_days=61)


def test_days_before_the_begin_are_those_of_the_calendar() -> None:
    # given readings of ten days before; the begin is a Monday, 00:00 UTC
    spec = ForecastSpec(kind="learned", history_days=10)
    scenario = fleet(network(), days=1.0, step_s=3600.0, forecast=spec)
    series = series_of(scenario)
    twin = twin_at(scenario, series, 5)
    read = twin.readings
    # then the hours before the begin are as cold as a run that begins ten days earlier has them, and the next as this
    earlier = make_series(fleet(network(), days=10.0, step_s=3600.0, begin=JANUARY - dt.timedelta(days=10)), Path())
    assert read.outdoor_c[0, :240] == pytest.approx(earlier.outdoor_c[0, :240])
    assert read.outdoor_c[0, 240:244] == pytest.approx(series.outdoor_c[0, :4])


def test_compared_with_a_run_that_knew_all_the_cost_of_errors_is_told(tmp_path: Path) -> None:
    # given two runs of one policy, of which one had perfect forecasts, and one of another policy
    file = write_world(tmp_path / "world", WORLD.replace("days = 3", "days = 1"))
    asked = (("greedy", "perfect"), ("greedy", "persistence"), ("fcfs", "learned"))
    folders = [tmp_path / f"{policy}-{kind}" for policy, kind in asked]
    for (policy, kind), folder in zip(asked, folders, strict=True):
        live_into(prepare(file, policy, forecast=kind), folder)
    runs = [read_run(folder) for folder in folders]
    check_alike(runs)
    # then they are named by their forecasts, and only the second has something to be measured by
    assert names_of(runs) == ["greedy, perfect", "greedy, persistence", "fcfs, learned"]
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(comparison_table(names_of(runs), runs))
    text = console.export_text()
    costs = text[text.index("cost of forecast errors") :]
    assert "discomfort" in costs
    cost = cost_of(runs[1].figures, runs[0].figures)["total_kg"]
    row = next(line for line in costs.splitlines() if "carbon in" in line)
    numbers = [float(word) for word in row.split() if word[-1].isdigit()]
    assert numbers == [pytest.approx(cost, rel=0.01, abs=1e-3)]  # of the second run alone
    # and runs that all guess alike have no such table
    console.print(comparison_table(names_of(runs[1:]), runs[1:]))
    assert "cost of forecast errors" not in console.export_text()
