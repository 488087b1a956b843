"""Whatever came before, a forecast is finite, ordered and not below nothing; errors and losses keep their laws."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.thermal.forecast.ar1 import ar1_errors, disturbed, shocks
from ondol.thermal.forecast.conformal import conformal_quantile, weighted_quantile
from ondol.thermal.forecast.day_ahead import HeatForecaster
from ondol.thermal.forecast.features import low_pass
from ondol.thermal.forecast.hour_of_week import DrawForecaster
from ondol.thermal.forecast.profile import DegreeHourProfile
from ondol.thermal.forecast.score import pinball
from ondol.thermal.forecast.series import HeatHistory, WeatherAhead
from ondol.thermal.forecast.trees import bin_edges

SEEDS = st.integers(0, 2**32 - 1)
PROFILE = DegreeHourProfile(annual_kwh=5000.0, annual_degree_hours_kh=50_000.0)


@settings(max_examples=12)
@given(
    SEEDS,
    st.integers(1, 24 * 30),
    st.floats(0.0, 0.9),
    st.sampled_from([0.0, 1.0, 3000.0, 1e8]),
    st.floats(-40.0, 40.0),
    st.integers(1, 48),
)
def test_a_heat_forecast_is_finite_ordered_and_never_cooling(
    seed: int, hours: int, lost: float, size_w: float, ahead_c: float, ahead_h: int
) -> None:
    rng = np.random.default_rng(seed)
    demand = size_w * rng.random(hours)
    demand[rng.random(hours) < lost] = np.nan
    outdoor = rng.normal(8.0, 6.0, hours).clip(-60.0, 50.0)
    outdoor[rng.random(hours) < 0.5 * lost] = np.nan
    history = HeatHistory(
        demand_w=demand,
        outdoor_c=outdoor,
        sun_w_per_m2=500.0 * rng.random(hours),
        hour_of_week=(np.arange(hours) + 5) % 168,
    )
    ahead = WeatherAhead(
        outdoor_c=np.full(ahead_h, ahead_c),
        sun_w_per_m2=np.zeros(ahead_h),
        hour_of_week=(np.arange(ahead_h) + hours + 5) % 168,
    )
    forecast = HeatForecaster.fit(history, profile=PROFILE).predict(ahead)
    for part in (forecast.mean_w, forecast.p10_w, forecast.p50_w, forecast.p90_w):
        assert part.shape == (ahead_h,)
        assert np.all(np.isfinite(part))
        assert np.all(part >= 0.0)
    assert np.all(forecast.p10_w <= forecast.p50_w)
    assert np.all(forecast.p50_w <= forecast.p90_w)
    assert 0.0 <= forecast.learned_share <= 1.0


@settings(max_examples=10)
@given(SEEDS, st.integers(24, 24 * 40), st.floats(0.0, 0.5), st.integers(0, 167), st.integers(1, 48))
def test_a_draw_forecast_is_ordered_and_its_sums_never_fall(
    seed: int, hours: int, lost: float, start: int, ahead_h: int
) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.exponential(8.0, hours) * (rng.random(hours) < 0.4)
    draws[24:][rng.random(hours - 24) < lost] = np.nan
    forecaster = DrawForecaster.fit(draws, np.arange(hours) % 168)
    forecast = forecaster.predict(start, ahead_h)
    assert np.all(forecast.p10_l >= 0.0)
    assert np.all(forecast.p10_l <= forecast.p50_l)
    assert np.all(forecast.p50_l <= forecast.p90_l)
    assert np.all(np.diff(forecast.total_p90_l) >= 0.0)
    assert float(forecast.p90_l.max()) <= float(np.nanmax(draws))


@given(
    SEEDS,
    st.integers(0, 10**9),
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(0.0, 50.0),
    st.floats(0.0, 0.99),
)
def test_a_longer_forecast_begins_with_the_shorter_one(
    seed: int, first: int, n: int, more: int, sigma: float, phi: float
) -> None:
    short = ar1_errors(n, sigma, phi, seed, first_step=first)
    long = ar1_errors(n + more, sigma, phi, seed, first_step=first)
    np.testing.assert_array_equal(short, long[:n])
    np.testing.assert_array_equal(shocks(first + n, more, seed), shocks(first, n + more, seed)[n:])
    assert np.all(np.isfinite(long))


@given(SEEDS, st.integers(-1, 40), st.integers(1, 50), st.floats(-5.0, 5.0))
def test_disturbing_depends_on_seed_and_issue_alone_and_not_on_what_lies_behind(
    seed: int, issue: int, horizon: int, shift: float
) -> None:
    truth = np.linspace(-3.0, 3.0, 100)
    other = truth.copy()
    other[: issue + 1] += shift
    said = disturbed(truth, issue, horizon, 1.0, 0.9, seed)
    np.testing.assert_array_equal(said, disturbed(other, issue, horizon, 1.0, 0.9, seed))
    np.testing.assert_array_equal(disturbed(truth, issue, horizon, 0.0, 0.9, seed), truth[issue + 1 :][:horizon])
    assert np.all(disturbed(truth, issue, horizon, 9.0, 0.9, seed, least=-1.0) >= -1.0)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    st.sampled_from([0.1, 0.5, 0.9]),
    SEEDS,
)
def test_a_weighted_quantile_is_one_of_the_values_and_moves_with_the_level(
    values: list[float], level: float, seed: int
) -> None:
    array = np.array(values)
    weight = np.random.default_rng(seed).uniform(0.1, 1.0, array.size)
    found = weighted_quantile(array, weight, level)
    assert found in values
    assert weight[array <= found].sum() >= (level - 1e-9) * weight.sum()
    wider = conformal_quantile(array, weight, level)
    assert (wider - found) * (level - 0.5) >= 0.0
    assert weighted_quantile(array, weight, 0.1) <= weighted_quantile(array, weight, 0.5)
    assert weighted_quantile(array, weight, 0.5) <= weighted_quantile(array, weight, 0.9)


@given(st.lists(st.floats(0.0, 1e4), min_size=1, max_size=30), st.floats(0.05, 0.95), st.floats(0.0, 1e4))
def test_no_constant_has_less_pinball_loss_than_the_quantile(values: list[float], level: float, guess: float) -> None:
    truth = np.array(values)
    best = np.quantile(truth, level, method="inverted_cdf")
    loss = pinball(truth, np.full(truth.size, best), level)
    assert loss <= pinball(truth, np.full(truth.size, guess), level) + 1e-9 * (1.0 + loss)


@given(st.lists(st.floats(-40.0, 40.0), min_size=1, max_size=60), st.floats(0.5, 200.0))
def test_a_low_pass_stays_between_the_extremes_and_keeps_what_never_moves(series: list[float], tau_h: float) -> None:
    array = np.array(series)
    smooth = low_pass(array, tau_h)
    assert smooth.min() >= array.min() - 1e-9
    assert smooth.max() <= array.max() + 1e-9
    np.testing.assert_allclose(low_pass(np.full(5, array[0]), tau_h), array[0], atol=1e-9)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=200))
def test_bin_edges_rise_and_are_at_most_31(column: list[float]) -> None:
    edges = bin_edges(np.array(column)[:, None])[0]
    assert edges.size <= 31
    assert np.all(np.diff(edges) > 0.0)
