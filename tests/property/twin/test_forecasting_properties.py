"""Whatever was read, forecasts are finite, ordered and possible; means over spans keep what they are means of."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.forecasting.denoise import smoothed
from ondol.twin.forecasting.hours import means_over
from ondol.twin.scenario.nouns import BackupSpec, FaultSpec, ForecastSpec
from unit.twin.small_fleets import fleet, series_of, work


@settings(max_examples=10, deadline=None)
@given(
    kind=st.sampled_from(["learned", "persistence", "real", "perfect"]),
    seed=st.integers(0, 2**31),
    noise_k=st.sampled_from([0.0, 0.3, 3.0]),
    sigma=st.sampled_from([0.0, 0.5, 2.0]),
    backup=st.sampled_from(["gas", "heat_pump"]),
    steps=st.integers(0, 60),
)
def test_forecasts_are_finite_ordered_and_not_negative(
    kind: str, seed: int, noise_k: float, sigma: float, backup: str, steps: int
) -> None:
    scenario = fleet(
        days=2.5,
        step_s=3600.0,
        seed=seed,
        forecast=ForecastSpec(kind=kind, demand_sigma=sigma, temp_sigma_k=3.0 * sigma, carbon_sigma=0.5 * sigma),
        fault=FaultSpec(sensor_noise_k=noise_k),
        backup=BackupSpec(kind=backup),
    )
    series = series_of(fleet(days=2.5, step_s=3600.0))  # which hangs on none of all that
    twin = FleetTwin(scenario, series, work(20, 1e5, 3), load_policy("fcfs"))
    twin.live(steps)
    step = min(steps, twin.series.steps - 1)
    ahead = twin.outlook.issue(step)
    first = step + np.arange(24)
    said = twin.outlook.forecasts.expect(step, first, first + 1)
    assert all(np.isfinite(getattr(ahead, name)).all() for name in type(ahead).__dataclass_fields__)
    assert (ahead.demand_high_w >= ahead.demand_w).all()
    assert (np.diff(said.quantiles_w, axis=0) >= -1e-9).all()
    assert (said.high_w >= said.demand_w).all()
    assert (said.grid_g_per_kwh >= 0.0).all()
    if kind in ("learned", "persistence"):  # what comes below 0 is the fall of a room's lower limit
        rise_w = twin.stores.rise_of_kinds_w(first, first + 1)
        assert (said.demand_w - rise_w >= -1e-6).all()
        assert (said.quantiles_w - rise_w >= -1e-6).all()
    assert all(np.isfinite(value) for value in twin.forecast_errors.figures().values())


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=60),
    width_s=st.sampled_from([60.0, 150.0, 900.0, 1000.0, 3600.0]),
    cuts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8),
)
def test_means_over_spans_keep_the_sum(values: list[float], width_s: float, cuts: list[float]) -> None:
    row, end_s = np.array(values), len(values) * width_s
    # whole seconds, as all spans are: of one that is an ulp wide no mean is left after two roundings
    edges = np.concatenate([[0.0], np.round(np.sort(np.array(cuts)) * end_s), [end_s]])
    means = means_over(row, width_s, edges)[0]
    assert np.isclose(means @ np.diff(edges), row.sum() * width_s, rtol=1e-9, atol=1e-4)
    assert (means >= row.min() - 1e-6).all()
    assert (means <= row.max() + 1e-6).all()


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), reach=st.integers(0, 3))
def test_smoothing_stays_among_its_neighbours(values: list[float], reach: int) -> None:
    row = np.array(values)
    got = smoothed(row, reach)
    assert got.shape == row.shape
    for hour, value in enumerate(got.tolist()):
        near = row[max(0, hour - reach) : hour + reach + 1]
        assert near.min() - 1e-6 <= value <= near.max() + 1e-6
