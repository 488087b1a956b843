"""Errors put on perfect forecasts have their stated size, and scores say what they say."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.thermal.forecast.ar1 import TEMP_PHI, TEMP_SIGMA_K, ar1_errors, disturbed, shocks
from ondol.thermal.forecast.score import bias, coverage, nmae, pinball, score


def test_errors_grow_with_the_lead_to_their_stated_size() -> None:
    # given errors of 4000 issues
    leads = np.array([1, 6, 24, 48])
    errors = np.array([ar1_errors(48, 1.6, 0.93, 7, first_step=50 * k) for k in range(4000)])
    # then their standard deviation is σ √(1 − φ^2k) at each lead, within sampling error, and their mean is 0
    expected = 1.6 * np.sqrt(1.0 - 0.93 ** (2 * leads))
    np.testing.assert_allclose(errors[:, leads - 1].std(axis=0), expected, rtol=0.04)
    assert np.abs(errors.mean(axis=0)).max() < 0.1
    # and each carries on the one before
    assert np.corrcoef(errors[:, 46], errors[:, 47])[0, 1] == pytest.approx(0.93, abs=0.01)


def test_the_stated_error_of_the_temperature_is_that_of_its_shocks() -> None:
    assert pytest.approx(0.6 / np.sqrt(1 - 0.93**2), abs=0.005) == TEMP_SIGMA_K
    assert TEMP_PHI == 0.93


def test_successive_forecasts_of_one_moment_differ_by_the_shock_in_between() -> None:
    # given a truth of 0 and forecasts issued at steps 99 and 100
    truth = np.zeros(200)
    early, late = (disturbed(truth, issue, 24, 1.0, 0.9, 5) for issue in (99, 100))
    # then what they say of the same steps differs by the shock of step 100, and by less the later the step
    differs = early[1:] - late[:-1]
    shock = float(shocks(100, 1, 5)[0]) * np.sqrt(1 - 0.9**2)
    np.testing.assert_allclose(differs, shock * 0.9 ** np.arange(1, 24), atol=1e-12)


def test_relative_errors_leave_the_night_dark_and_the_sun_not_below_nothing() -> None:
    sun = np.tile([0.0, 0.0, 300.0, 600.0], 50)
    said = disturbed(sun, 9, 150, 1.5, 0.6, 3, relative=True, least=0.0)
    assert np.all(said[sun[10:160] == 0.0] == 0.0)
    assert said.min() == 0.0
    assert said.max() > 700.0


@pytest.mark.parametrize(
    ("issue", "horizon", "sigma", "phi", "named"),
    [
        (99, 1, 1.0, 0.9, "issue_step"),
        (90, 10, 1.0, 0.9, "horizon"),
        (0, 5, -1.0, 0.9, "sigma"),
        (0, 5, 1.0, 1.0, "phi"),
        (-2, 5, 1.0, 0.9, "issue_step"),
    ],
)
def test_forecasts_beyond_the_truth_or_of_no_size_are_refused(
    issue: int, horizon: int, sigma: float, phi: float, named: str
) -> None:
    with pytest.raises(InvalidFieldError, match=named):
        disturbed(np.zeros(100), issue, horizon, sigma, phi, 1)


def test_an_unknown_truth_is_not_forecast() -> None:
    with pytest.raises(InvalidFieldError, match="truth"):
        disturbed(np.array([1.0, np.nan, 1.0]), 0, 2, 1.0, 0.9, 1)


def test_scores_of_a_forecast_that_says_a_tenth_too_much() -> None:
    truth = np.full((3, 24), 1000.0)
    truth[:, 12:] = 2000.0
    said = score(truth, 1.1 * truth)
    assert said.nmae == pytest.approx(0.1)
    assert said.bias == pytest.approx(0.1)
    assert said.daily_mape == pytest.approx(0.1)
    assert said.hours == 72


def test_errors_within_a_day_cancel_in_its_energy_but_not_in_its_hours() -> None:
    truth = np.full((1, 24), 1000.0)
    swing = truth + np.tile([100.0, -100.0], 12)
    said = score(truth, swing)
    assert said.nmae == pytest.approx(0.1)
    assert said.daily_mape == pytest.approx(0.0)
    assert said.bias == pytest.approx(0.0)


def test_unknown_hours_are_left_out_and_their_day_has_no_energy() -> None:
    truth = np.full((2, 24), 1000.0)
    truth[0, 3] = np.nan
    forecast = np.full((2, 24), 1000.0)
    forecast[0, :] = 5000.0
    said = score(truth, forecast)
    assert said.hours == 47
    assert said.daily_mape == 0.0
    assert said.nmae == pytest.approx(4.0 * 23 / 47)


def test_pinball_weighs_the_two_sides_by_the_level() -> None:
    truth = np.array([10.0, 10.0])
    assert pinball(truth, np.array([8.0, 8.0]), 0.9) == pytest.approx(1.8)
    assert pinball(truth, np.array([12.0, 12.0]), 0.9) == pytest.approx(0.2)


def test_coverage_counts_both_ends() -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    assert coverage(truth, np.full(5, 1.0), np.full(5, 3.0)) == 0.75


@pytest.mark.parametrize("measure", [nmae, bias])
def test_nothing_to_compare_or_no_heat_at_all_is_refused(measure: type) -> None:
    with pytest.raises(InvalidFieldError, match="mean above 0"):
        measure(np.zeros(5), np.ones(5))
    with pytest.raises(InvalidFieldError, match="known hour"):
        measure(np.full(5, np.nan), np.ones(5))
    with pytest.raises(InvalidFieldError, match="shape"):
        measure(np.ones(5), np.ones(4))
    with pytest.raises(InvalidFieldError, match="finite"):
        measure(np.ones(2), np.array([1.0, np.nan]))


def test_a_day_without_heat_has_no_relative_error() -> None:
    with pytest.raises(InvalidFieldError, match="without any heat"):
        score(np.zeros((1, 24)), np.ones((1, 24)))
    with pytest.raises(InvalidFieldError, match=r"\(days, 24\)"):
        score(np.ones(24), np.ones(24))


def test_a_band_upside_down_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="at most `high`"):
        coverage(np.ones(3), np.full(3, 2.0), np.ones(3))
