"""Hot water by the hour of the week: mornings are known to be busy, bands hold, a profile stands in until then."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.signals import HotWaterDraws
from ondol.thermal.forecast.hour_of_week import DrawForecaster
from ondol.thermal.forecast.score import pinball

MONDAY = dt.datetime(2022, 1, 3, tzinfo=dt.timezone(dt.timedelta(hours=1)))
HOUR = dt.timedelta(hours=1)


def drawn(weeks: int, l_per_day: float = 200.0, sink: str = "house-b", households: int = 1) -> np.ndarray:
    """Litres of each hour of the packaged household's weeks, from a Monday on."""
    source = HotWaterDraws.load()
    hours = [MONDAY + k * HOUR for k in range(168 * weeks)]
    return np.array([source.litres(at, at + HOUR, l_per_day, sink, households=households) for at in hours])


@pytest.fixture(scope="module")
def year() -> np.ndarray:
    return drawn(40)


@pytest.fixture(scope="module")
def profile() -> np.ndarray:
    return drawn(16, sink="house-c").reshape(-1, 168)


def clock(hours: int) -> np.ndarray:
    return np.arange(hours) % 168


def test_bands_hold_on_the_weeks_that_come(year: np.ndarray) -> None:
    # given half a year learned from, when the next 14 weeks come
    forecaster = DrawForecaster.fit(year[: 168 * 26], clock(168 * 26))
    coming = year[168 * 26 :].reshape(-1, 168)
    low, _, high = forecaster.quantiles_l.T
    # then of the hours in which water is usually drawn nine in ten stay below p90 (summer: rather more), and p90 beats
    # the mean and the overall quantile at being a p90
    busy = forecaster.mean_l > 3.0
    assert 0.87 <= float((coming <= high)[:, busy].mean()) <= 0.98
    assert float((coming >= low).mean()) >= 0.90
    truth, said = coming.ravel(), np.tile(high, len(coming))
    assert pinball(truth, said, 0.9) < 0.9 * pinball(truth, np.tile(forecaster.mean_l, len(coming)), 0.9)
    assert pinball(truth, said, 0.9) < 0.9 * pinball(
        truth, np.full(truth.size, np.quantile(year[: 168 * 26], 0.9)), 0.9
    )
    # and a week's water is right within a tenth
    assert forecaster.mean_l.sum() == pytest.approx(coming.sum(axis=1).mean(), rel=0.10)


def test_bands_of_a_household_that_never_changes_are_calibrated() -> None:
    # given 20 weeks of draws at the same odds every week, busier in the evening
    rng = np.random.default_rng(4)
    size_l = np.tile(np.where(np.arange(24) >= 18, 40.0, 4.0), 7)
    made = rng.exponential(size_l, (80, 168))
    forecaster = DrawForecaster.fit(made[:20].ravel(), clock(168 * 20))
    # then of the next 60 weeks an eighth to a seventeenth lies above p90: 20 weeks of old and new weight are few
    low, middle, high = forecaster.quantiles_l.T
    assert 0.88 <= float((made[20:] <= high).mean()) <= 0.94
    assert 0.45 <= float((made[20:] <= middle).mean()) <= 0.55
    assert 0.06 <= float((made[20:] < low).mean()) <= 0.12


def test_running_sums_hold_and_ask_for_less_than_all_bad_hours_together(year: np.ndarray) -> None:
    # given half a year learned from
    known = 168 * 26
    forecaster = DrawForecaster.fit(year[:known], clock(known))
    # when each day of the next 14 weeks begins
    inside, asked, bound = [], [], []
    for day in range(14 * 7):
        start = known + 24 * day
        forecast = forecaster.predict(start % 168, 24)
        inside.append(np.cumsum(year[start : start + 24])[-1] <= forecast.total_p90_l[-1])
        asked.append(forecast.total_p90_l[-1])
        bound.append(forecast.p90_l.sum())
    # then nine days in ten need no more than the sum's own quantile, which is well below the sum of the quantiles
    assert 0.78 <= float(np.mean(inside)) <= 1.0
    assert np.mean(asked) < 0.85 * np.mean(bound)


def test_a_new_habit_is_learned_within_weeks(year: np.ndarray) -> None:
    # given 20 weeks as ever, then six weeks with nothing drawn but 40 L at ten in the evening
    old = year[: 168 * 20]
    new = np.where(clock(168 * 6) % 24 == 22, 40.0, 0.0)
    forecaster = DrawForecaster.fit(np.concatenate([old, new]), clock(168 * 26), half_life_d=14.0)
    before = DrawForecaster.fit(old, clock(168 * 20))
    # then the evening is there and the old morning fades
    assert forecaster.mean_l[22] > 30.0
    assert forecaster.mean_l[24 * 2 + 7] < 0.3 * before.mean_l[24 * 2 + 7]


def test_a_profile_alone_is_scaled_to_the_host_s_word(profile: np.ndarray) -> None:
    forecaster = DrawForecaster.fit(np.zeros(0), np.zeros(0, dtype=np.int64), profile_l=profile, l_per_day=800.0)
    assert forecaster.mean_l.sum() == pytest.approx(7 * 800.0, rel=1e-9)
    assert forecaster.known_hours == 0
    day = forecaster.predict(0, 24)
    assert day.total_p90_l[-1] > day.total_mean_l[-1] > 0.0


def test_the_profile_fades_as_weeks_come_in(year: np.ndarray, profile: np.ndarray) -> None:
    # given a host who says 800 L/day of a house that draws 200
    litres = []
    for weeks in (1, 4, 16):
        hours = 168 * weeks
        fitted = DrawForecaster.fit(year[:hours], clock(hours), profile_l=profile, l_per_day=800.0)
        litres.append(fitted.mean_l.sum() / 7)
    # then each forecast is nearer to what is drawn
    truth = year[: 168 * 16].mean() * 24
    errors = np.abs(np.array(litres) - truth)
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1 * truth


def test_gaps_are_left_out_and_counted(year: np.ndarray) -> None:
    torn = year[: 168 * 12].copy()
    torn[::7] = np.nan
    torn[500:600] = np.nan
    forecaster = DrawForecaster.fit(torn, clock(torn.size))
    assert forecaster.unknown_hours == int(np.isnan(torn).sum())
    assert forecaster.known_hours + forecaster.unknown_hours == torn.size
    whole = DrawForecaster.fit(year[: 168 * 12], clock(torn.size))
    assert forecaster.mean_l.sum() == pytest.approx(whole.mean_l.sum(), rel=0.10)
    forecast = forecaster.predict(30, 48)
    assert np.all(np.isfinite(forecast.total_p90_l))


def test_another_day_counts_where_working_days_and_weekend_lie_alike() -> None:
    # given three weeks in which Mondays draw 10 L an hour, other working days 20 and weekends 30
    week = np.repeat([10.0, 20.0, 20.0, 20.0, 20.0, 30.0, 30.0], 24)
    forecaster = DrawForecaster.fit(np.tile(week, 3), clock(168 * 3))
    # then a Saturday's sum is a Saturday's, and a Monday's bound is that of working days, never of weekends
    assert forecaster.predict(24 * 5, 24).total_p90_l[-1] == pytest.approx(24 * 30.0)
    assert forecaster.predict(0, 24).total_p90_l[-1] == pytest.approx(24 * 20.0)
    assert forecaster.predict(0, 24).mean_l[3] < 16.0


def test_too_little_and_impossible_draws_are_refused(year: np.ndarray, profile: np.ndarray) -> None:
    with pytest.raises(InvalidFieldError, match="each hour of the day known once, or a profile"):
        DrawForecaster.fit(year[:20], clock(20))
    with pytest.raises(InvalidFieldError, match=r"draws\.draw_l\[1\]"):
        DrawForecaster.fit(np.array([1.0, -2.0]), clock(2), profile_l=profile)
    with pytest.raises(InvalidFieldError, match="profile_l"):
        DrawForecaster.fit(year[:48], clock(48), profile_l=np.ones((2, 24)))
    with pytest.raises(InvalidFieldError, match="hours"):
        DrawForecaster.fit(year[:168], clock(168)).predict(0, 49)
