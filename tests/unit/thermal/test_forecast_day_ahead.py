"""Tomorrow's heat demand: better than yesterday's, with bands that hold, in cold snaps, with gaps and from nothing."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.thermal.forecast.conformal import conformal_quantile, errors_by_hour, weighted_quantile
from ondol.thermal.forecast.day_ahead import HeatForecaster
from ondol.thermal.forecast.features import PERFECT_WEATHER, SLOW_H, low_pass
from ondol.thermal.forecast.profile import DegreeHourProfile, degree_hours_kh
from ondol.thermal.forecast.score import coverage, nmae, pinball, score
from ondol.thermal.forecast.series import HeatHistory, WeatherAhead
from unit.thermal.simulated_houses import Backtest, Weeks, backtest, simulated_weeks

HOUSES, DAYS = 4, 112
MEAN = HOUSES  # the column of the houses' mean


@pytest.fixture(scope="module")
def weeks() -> Weeks:
    return simulated_weeks(HOUSES, DAYS)


@pytest.fixture(scope="module")
def winter(weeks: Weeks) -> Backtest:
    """Every second day from December to mid-January, with weather forecasts that err."""
    return backtest(weeks, MEAN, range(62, 108, 2))


def with_demand(history: HeatHistory, demand_w: np.ndarray) -> HeatHistory:
    return replace(history, demand_w=demand_w)


def test_a_day_ahead_is_far_better_than_the_same_hour_two_days_before(winter: Backtest) -> None:
    own, naive = score(winter.truth, winter.mean), score(winter.truth, winter.naive)
    assert own.nmae < 0.16
    assert own.daily_mape < 0.12
    assert own.nmae < 0.5 * naive.nmae
    assert own.daily_mape < 0.5 * naive.daily_mape
    assert abs(own.bias) < 0.05


def test_bands_hold_four_hours_in_five_under_weather_errors(winter: Backtest) -> None:
    assert 0.70 <= coverage(winter.truth, winter.p10, winter.p90) <= 0.90
    assert 0.83 <= float((winter.truth <= winter.p90).mean()) <= 0.97
    assert 0.83 <= float((winter.truth >= winter.p10).mean()) <= 0.97


def test_bands_are_sharper_than_those_of_the_naive_forecast(winter: Backtest) -> None:
    # given bands of the naive forecast made of its own errors, with hindsight
    spread = np.quantile(winter.truth - winter.naive, [0.1, 0.9])
    # then ours cost less, at the top and at the bottom, without hindsight
    for quantile, level, shift in ((winter.p10, 0.1, spread[0]), (winter.p90, 0.9, spread[1])):
        naive = pinball(winter.truth, winter.naive + shift, level)
        assert pinball(winter.truth, quantile, level) < 0.6 * naive


def test_one_house_alone_is_harder_and_still_better_than_naive(weeks: Weeks) -> None:
    test = backtest(weeks, 1, range(64, 108, 5))
    assert nmae(test.truth, test.mean) < 0.6 * nmae(test.truth, test.naive)


def test_the_same_history_gives_the_same_forecast_to_the_last_bit(weeks: Weeks) -> None:
    history, ahead = weeks.history(0, 1440, 0), weeks.ahead(1440)
    first, second = (HeatForecaster.fit(history).predict(ahead) for _ in range(2))
    for part in ("mean_w", "p10_w", "p50_w", "p90_w"):
        assert getattr(first, part).tobytes() == getattr(second, part).tobytes()


def test_a_cold_snap_beyond_all_experience_costs_more_heat_than_ever_seen() -> None:
    # given a house of 200 W/K that has seen nothing below 4 °C
    rng = np.random.default_rng(1)
    hours = np.arange(1440 + 48)
    outdoor = 9.0 + 3.0 * np.sin(hours / 60.0) + 2.0 * np.sin(2 * np.pi * hours / 24)
    outdoor[1440:] = -9.0
    demand = np.maximum(200.0 * (18.0 - low_pass(outdoor, 12.0)) + rng.normal(0.0, 60.0, hours.size), 0.0)
    sun, clock = np.zeros(hours.size), hours % 168
    history = HeatHistory(
        demand_w=demand[:1440], outdoor_c=outdoor[:1440], sun_w_per_m2=sun[:1440], hour_of_week=clock[:1440]
    )
    ahead = WeatherAhead(outdoor_c=outdoor[1440:], sun_w_per_m2=sun[1440:], hour_of_week=clock[1440:])
    # when it is to be −9 °C
    forecaster = HeatForecaster.fit(history, weather_errors=PERFECT_WEATHER)
    forecast = forecaster.predict(ahead)
    # then the second day is forecast within a tenth, which the trees alone would miss by more than a third
    truth = demand[1464:]
    assert truth.min() > 1.5 * history.demand_w.max()
    np.testing.assert_allclose(forecast.mean_w[24:].mean(), truth.mean(), rtol=0.10)
    assert forecast.mean_w[24:].min() > 1.3 * history.demand_w.max()


def made_of(demand_w: np.ndarray, outdoor_c: np.ndarray, first: int, last: int) -> HeatHistory:
    hours = np.arange(first, last)
    return HeatHistory(
        demand_w=demand_w[first:last],
        outdoor_c=outdoor_c[first:last],
        sun_w_per_m2=np.zeros(hours.size),
        hour_of_week=hours % 168,
    )


def test_a_house_that_was_half_shut_since_yesterday_is_forecast_as_half_shut() -> None:
    # given a house that is lived in as a whole or half, by turns of some days, in weather that explains nothing of it
    rng = np.random.default_rng(8)
    hours = np.arange(24 * 60 + 48)
    outdoor = 5.0 + 3.0 * np.sin(hours / 40.0)
    half = np.repeat(rng.random(31) < 0.5, 48)[: hours.size]
    half[-48 * 3 :] = True
    demand = np.where(half, 0.5, 1.0) * 150.0 * (20.0 - low_pass(outdoor, 12.0)) + rng.normal(0.0, 30.0, hours.size)
    # when it has been half shut for four days
    forecaster = HeatForecaster.fit(made_of(demand, outdoor, 0, 1440), weather_errors=PERFECT_WEATHER)
    ahead = WeatherAhead(outdoor_c=outdoor[1440:], sun_w_per_m2=np.zeros(48), hour_of_week=hours[1440:] % 168)
    said = forecaster.predict(ahead).mean_w
    # then tomorrow is forecast nearer to half than to the mean of both, which is all that weather and clock could say
    assert said[:24].mean() < 0.65 * (150.0 * (20.0 - low_pass(outdoor, 12.0)))[1440:1464].mean()


def test_a_saturday_s_early_morning_is_not_a_friday_s() -> None:
    # given a house that wakes at six, at weekends at nine
    hours = np.arange(24 * 60 + 48)
    outdoor = 5.0 + 3.0 * np.sin(hours / 40.0)
    weekend = hours % 168 >= 120
    awake = np.where(weekend, hours % 24 >= 9, hours % 24 >= 6)
    demand = np.where(awake, 120.0 * (20.0 - outdoor), 0.0)
    # when a Friday and a Saturday are forecast
    friday = 24 * (7 * 8 + 4)
    forecaster = HeatForecaster.fit(made_of(demand, outdoor, 0, friday), weather_errors=PERFECT_WEATHER)
    rows = slice(friday, friday + 48)
    ahead = WeatherAhead(outdoor_c=outdoor[rows], sun_w_per_m2=np.zeros(48), hour_of_week=hours[rows] % 168)
    said = forecaster.predict(ahead).mean_w
    # then the heat comes at six and at nine
    np.testing.assert_allclose(said[6:9], demand[rows][6:9], rtol=0.15)
    assert said[24 + 6 : 24 + 9].max() < 0.25 * said[6:9].min()
    np.testing.assert_allclose(said[24 + 9 : 48], demand[rows][24 + 9 :], rtol=0.15)


def test_gaps_are_left_out_counted_and_cost_little(weeks: Weeks) -> None:
    # given two months with three days of silence, an hour in ten lost, and a thermometer that failed for a day
    whole = weeks.history(24 * 40, 24 * 100, MEAN)
    demand, outdoor = whole.demand_w.copy(), whole.outdoor_c.copy()
    lost = np.random.default_rng(2).random(demand.size) < 0.1
    lost[600:672] = True
    demand[lost] = np.nan
    outdoor[900:924] = np.nan
    # when both are learned from
    broken = HeatForecaster.fit(replace(whole, demand_w=demand, outdoor_c=outdoor))
    sound = HeatForecaster.fit(whole)
    # then the gaps are reported, hour by hour
    assert broken.gaps.hours == 1440
    assert broken.gaps.demand_unknown == int(lost.sum())
    assert broken.gaps.weather_unknown == 24
    # forecasts of the first hours, issued before the history began, have no day before them
    assert 0 < broken.gaps.level_unknown <= 48
    assert broken.gaps.used <= 1440 - int(lost.sum()) - broken.gaps.level_unknown
    assert broken.gaps.used >= 1440 - int(lost.sum()) - 24 - broken.gaps.level_unknown
    # and the forecast is nearly the same
    ahead = weeks.ahead(24 * 100)
    mine, theirs = broken.predict(ahead), sound.predict(ahead)
    assert np.all(np.isfinite(mine.p90_w))
    assert nmae(theirs.mean_w, mine.mean_w) < 0.10


def test_a_day_of_silence_right_before_the_issue_is_bridged_by_the_day_before_it(weeks: Weeks) -> None:
    issue = 24 * 100
    forecaster = HeatForecaster.fit(weeks.history(issue - 1440, issue, MEAN))
    recent = weeks.history(issue - 240, issue, MEAN)
    demand = recent.demand_w.copy()
    demand[-24:] = np.nan
    silent = forecaster.predict(weeks.ahead(issue), with_demand(recent, demand))
    heard = forecaster.predict(weeks.ahead(issue), recent)
    assert nmae(heard.mean_w, silent.mean_w) < 0.25
    assert silent.learned_share == 1.0


def test_later_issues_need_no_new_fit(weeks: Weeks) -> None:
    issue = 24 * 100
    forecaster = HeatForecaster.fit(weeks.history(issue - 1440, issue, MEAN))
    later = forecaster.predict(weeks.ahead(issue + 24), weeks.history(issue - 216, issue + 24, MEAN))
    truth = weeks.demand_w[issue + 24 : issue + 72, MEAN]
    assert nmae(truth, later.mean_w) < 0.25
    # and what it stored of the end of its history gives the same as that end itself
    own = forecaster.predict(weeks.ahead(issue))
    given = forecaster.predict(weeks.ahead(issue), weeks.history(issue - 1440, issue, MEAN))
    assert own.mean_w.tobytes() == given.mean_w.tobytes()


def site_profile(weeks: Weeks, house: int, share: float = 1.0) -> DegreeHourProfile:
    """What a host who knows the season's heat would say of it, times `share`."""
    season_kwh = float(weeks.demand_w[:, house].sum()) / 1000.0
    return DegreeHourProfile(
        annual_kwh=share * season_kwh, annual_degree_hours_kh=degree_hours_kh(low_pass(weeks.outdoor_c, SLOW_H))
    )


def nothing(history: HeatHistory) -> HeatHistory:
    return with_demand(history, np.full(len(history), np.nan))


def test_a_profile_gives_out_the_heat_of_its_year(weeks: Weeks) -> None:
    slow = low_pass(weeks.outdoor_c, SLOW_H)
    profile = DegreeHourProfile(annual_kwh=9000.0, annual_degree_hours_kh=degree_hours_kh(slow), constant_share=0.2)
    # given the very hours that its degree-hours are of, they sum up to the part that hangs on the weather
    weather_kwh = (profile.demand_w(slow) - 0.2 * profile.annual_mean_w).sum() / 1000.0
    assert weather_kwh == pytest.approx(0.8 * 9000.0, rel=1e-12)
    assert profile.demand_w(np.array([15.0, 25.0])) == pytest.approx(0.2 * 9000e3 / 8760.0)


def test_before_any_reading_the_profile_speaks_with_its_assumed_band(weeks: Weeks) -> None:
    issue = 24 * 80
    profile = site_profile(weeks, MEAN)
    forecaster = HeatForecaster.fit(nothing(weeks.history(issue - 240, issue, MEAN)), profile=profile)
    forecast = forecaster.predict(weeks.ahead(issue))
    assert forecast.learned_share == 0.0
    assert np.all(forecast.mean_w > 0.0)
    np.testing.assert_allclose(forecast.p90_w, 2.0 * forecast.mean_w)
    assert np.all(forecast.p10_w == 0.0)
    truth = weeks.demand_w[issue : issue + 48, MEAN]
    assert abs(forecast.mean_w.sum() / truth.sum() - 1.0) < 0.35


@pytest.mark.parametrize(("days", "share"), [(5, 0.0), (9, 0.08), (12, 0.51), (18, 1.0)])
def test_the_models_take_over_evenly_in_the_second_week(weeks: Weeks, days: int, share: float) -> None:
    # about a day and a half goes to forecasts that had no day before them
    issue = 24 * 80
    forecaster = HeatForecaster.fit(weeks.history(issue - 24 * days, issue, MEAN), profile=site_profile(weeks, MEAN))
    forecast = forecaster.predict(weeks.ahead(issue))
    assert forecast.learned_share == pytest.approx(share, abs=0.02)
    truth = weeks.demand_w[issue : issue + 48, MEAN]
    assert coverage(truth, forecast.p10_w, forecast.p90_w) >= 0.6


def test_a_few_days_teach_the_profile_the_hours_of_the_day(weeks: Weeks) -> None:
    issue = 24 * 80
    truth = weeks.demand_w[issue : issue + 48, MEAN]
    history = weeks.history(issue - 120, issue, MEAN)
    errors = [
        nmae(truth, HeatForecaster.fit(known, profile=site_profile(weeks, MEAN)).predict(weeks.ahead(issue)).mean_w)
        for known in (nothing(history), history)
    ]
    assert errors[1] < 0.7 * errors[0]


def test_a_wrong_word_on_the_annual_heat_is_put_right_by_a_few_days(weeks: Weeks) -> None:
    # given a host who says half of what is true
    issue = 24 * 80
    profile = site_profile(weeks, MEAN, share=0.5)
    truth = weeks.demand_w[issue : issue + 48, MEAN]
    history = weeks.history(issue - 120, issue, MEAN)
    # when five days have been measured
    before = HeatForecaster.fit(nothing(history), profile=profile).predict(weeks.ahead(issue))
    after = HeatForecaster.fit(history, profile=profile).predict(weeks.ahead(issue))
    # then half of the missing heat at least is there
    assert abs(after.mean_w.sum() - truth.sum()) < 0.5 * abs(before.mean_w.sum() - truth.sum())


def test_too_little_history_without_a_profile_is_refused(weeks: Weeks) -> None:
    with pytest.raises(InvalidFieldError, match="at least 7 days of known hours, or a profile"):
        HeatForecaster.fit(weeks.history(0, 24 * 8, MEAN))


def test_a_week_of_silence_falls_back_on_the_profile_or_is_refused(weeks: Weeks) -> None:
    issue = 24 * 80
    history = weeks.history(issue - 1440, issue, MEAN)
    silent = nothing(weeks.history(issue - 240, issue, MEAN))
    profile = site_profile(weeks, MEAN)
    forecast = HeatForecaster.fit(history, profile=profile).predict(weeks.ahead(issue), silent)
    assert forecast.learned_share == 0.0
    busy = forecast.mean_w > 0.2 * profile.annual_mean_w
    assert busy.sum() > 30
    np.testing.assert_allclose(forecast.p90_w[busy], 2.0 * forecast.mean_w[busy])
    with pytest.raises(InvalidFieldError, match=r"recent\.demand_w"):
        HeatForecaster.fit(history).predict(weeks.ahead(issue), silent)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("demand_w", -1.0, r"history\.demand_w\[3\] = -1\.0"),
        ("demand_w", np.inf, r"history\.demand_w\[3\]"),
        ("outdoor_c", 99.0, r"history\.outdoor_c\[3\] = 99\.0"),
        ("sun_w_per_m2", -5.0, r"history\.sun_w_per_m2\[3\]"),
        ("hour_of_week", 168, r"history\.hour_of_week"),
    ],
)
def test_impossible_readings_are_refused_by_name(weeks: Weeks, field: str, value: float, named: str) -> None:
    good = weeks.history(0, 48, 0)
    series = getattr(good, field).copy()
    series[3] = value
    with pytest.raises(InvalidFieldError, match=named):
        replace(good, **{field: series})


def test_a_weather_forecast_has_to_be_whole_and_no_longer_than_two_days(weeks: Weeks) -> None:
    good = weeks.ahead(240)
    torn = good.outdoor_c.copy()
    torn[5] = np.nan
    with pytest.raises(InvalidFieldError, match=r"ahead\.outdoor_c\[5\]"):
        replace(good, outdoor_c=torn)
    with pytest.raises(InvalidFieldError, match="1 to 48 hours"):
        weeks.ahead(240, 49)
    with pytest.raises(InvalidFieldError, match="48 hours"):
        replace(good, sun_w_per_m2=good.sun_w_per_m2[:-1])


def test_a_conformal_quantile_counts_the_one_to_come() -> None:
    nine = np.arange(1.0, 10.0)
    # nine equal errors: the tenth may lie anywhere, so the 90 % quantile is the largest and the 10 % the smallest
    assert conformal_quantile(nine, np.ones(9), 0.9) == 9.0
    assert conformal_quantile(nine, np.ones(9), 0.1) == 1.0
    assert conformal_quantile(nine, np.ones(9), 0.5) == 5.0
    # without it the quantile is that of the nine
    assert weighted_quantile(np.arange(1.0, 11.0), np.ones(10), 0.9) == 9.0
    assert weighted_quantile(np.arange(1.0, 11.0), np.ones(10), 0.1) == 1.0
    # weight moves it
    assert weighted_quantile(np.array([1.0, 2.0, 3.0]), np.array([8.0, 1.0, 1.0]), 0.5) == 1.0


def test_bands_of_an_hour_are_those_of_its_neighbourhood_round_midnight() -> None:
    hour = np.tile(np.arange(24), 40)
    error = np.where((hour >= 22) | (hour <= 2), 100.0, 1.0) * np.random.default_rng(0).choice([-1.0, 1.0], hour.size)
    bands = errors_by_hour(error, np.ones(hour.size), hour)
    assert bands[0].tolist() == [-100.0, bands[0, 1], 100.0]
    assert bands[12, 2] == 1.0


def test_a_fit_and_a_forecast_are_quick_enough_for_a_fleet(weeks: Weeks) -> None:
    # bounds are 150 ms and 5 ms of one core; the test allows twice that for a machine shared with other tests
    history, ahead = weeks.history(0, 1440, 0), weeks.ahead(1440)
    forecaster = HeatForecaster.fit(history)
    fits, predictions = [], []
    for _ in range(4):
        begun = time.process_time()
        HeatForecaster.fit(history)
        fitted = time.process_time()
        forecaster.predict(ahead)
        predictions.append(time.process_time() - fitted)
        fits.append(fitted - begun)
    assert min(fits) < 0.3
    assert min(predictions) < 0.01
