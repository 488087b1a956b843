"""Demand of the hours ahead: physics at first, its scale from days, the learned from weeks; tanks by their draws."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from ondol.control.clock import utc
from ondol.control.demand_log import HOUR_S, Readings
from ondol.control.lessons import COLD_SPREAD, Lesson, Lessons
from ondol.control.sink_physics import SinkPhysics
from ondol.demo.fleet import demo_fleet
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.site import Site
from ondol.thermal.forecast.spans import QUARTER_S, QUARTERS, SPANS_S, over_spans, share_in_spans

FLEET = demo_fleet()
PHYSICS = SinkPhysics(FLEET)
ROW = {sink.id: row for row, sink in enumerate(FLEET.sinks)}
MONDAY_S = dt.datetime(2022, 1, 24, tzinfo=dt.UTC).timestamp()


def weather(at: dt.datetime) -> OutdoorState:
    return OutdoorState(temp_c=5.0 - 3.0 * np.cos(2 * np.pi * at.hour / 24) + at.day % 5)


def readings(days: float, factor: float, only: str, now_s: float = MONDAY_S) -> Readings:
    """So many days before now in which one sink needed so many times what its physics say; others were not heard."""
    count, last = round(24 * days), int(now_s // HOUR_S)
    hours = np.arange(last - count, last)
    sky = [weather(utc((hour + 0.5) * HOUR_S)) for hour in hours.tolist()]
    outdoor, sun = np.array([one.temp_c for one in sky]), np.array([one.solar_w_m2 for one in sky])
    clocks = PHYSICS.clocks(utc((last - count) * HOUR_S), count, HOUR_S)
    said = np.maximum(PHYSICS.base_w(clocks, outdoor, sun), 0.0)
    mine = np.arange(len(FLEET.sinks))[:, None] == ROW[only]
    return Readings(hours, outdoor, sun, np.where(mine, factor * said, np.nan))


def drawn(lesson: Lesson | None) -> Lesson:
    assert lesson is not None
    return lesson


def draw_up(days: float = 0.0, factor: float = 1.0, only: str = "flat-2") -> Lesson:
    return drawn(Lessons(PHYSICS, weather).draw_up(MONDAY_S, readings(days, factor, only)))


def physics_w(row: int) -> np.ndarray:
    clocks = PHYSICS.clocks(utc(MONDAY_S), 48, HOUR_S)
    outdoor = np.array([weather(utc(MONDAY_S + (k + 0.5) * HOUR_S)).temp_c for k in range(48)])
    return np.maximum(PHYSICS.base_w(clocks, outdoor, np.zeros(48))[row], 0.0)


def test_a_room_needs_what_it_loses_at_its_set_point() -> None:
    """Given flat 1 at noon of a weekday, when it is 5 °C outside, then it needs UA (19 − 5) less its people."""
    clocks = PHYSICS.clocks(dt.datetime(2022, 1, 26, 11, tzinfo=dt.UTC), 1, HOUR_S)
    ua = 12.0 + 100.0 * 8.0 / 108.0
    row = ROW["flat-1"]
    assert PHYSICS.base_w(clocks, np.array([5.0]), np.zeros(1))[row, 0] == pytest.approx(ua * 14.0 - 60.0)
    sunny = PHYSICS.base_w(clocks, np.array([5.0]), np.array([100.0]))[row, 0]
    assert sunny == pytest.approx(ua * 14.0 - 60.0 - (0.3 + 0.7 * 100.0 / 108.0) * 0.5 * 100.0)


def test_a_band_that_rises_asks_for_the_air_at_once_and_for_the_walls_by_and_by() -> None:
    begin = dt.datetime.fromisoformat("2022-01-26T05:00+01:00")  # flat 1 goes from 17.5 to 19 °C at six
    clocks = PHYSICS.clocks(begin, QUARTERS)
    none = np.zeros(len(FLEET.sinks))
    rise = PHYSICS.rise_w(clocks, PHYSICS.now_lower_c(begin), none, none)[ROW["flat-1"]]
    assert not rise[:4].any()
    assert rise[4] > 1.5 * 392e3 / QUARTER_S
    follow = 100.0 / 108.0
    day = rise[4 : 4 + 66].sum() * QUARTER_S  # until the set-back of the evening
    assert 1.5 * 392e3 < day < 1.5 * (392e3 + follow * 4.2e6)
    lacks = none.copy()
    lacks[ROW["flat-1"]] = 3.6e6
    more = PHYSICS.rise_w(clocks, PHYSICS.now_lower_c(begin), lacks, none)[ROW["flat-1"]] - rise
    assert more[:4] == pytest.approx([1000.0] * 4), "what is missing shall be there within the hour"
    assert not more[4:].any()


def test_at_first_physics_speak_with_a_wide_band() -> None:
    lesson, row = draw_up(), ROW["flat-1"]
    assert lesson.mean_w[row] == pytest.approx(physics_w(row))
    assert lesson.high_w[row] == pytest.approx((1.0 + COLD_SPREAD) * physics_w(row))
    assert not lesson.learned_share.any()


def test_some_days_correct_the_scale_and_narrow_the_band() -> None:
    """Given a room that needed half as much again as its parameters say, when three days are known, then most of it."""
    lesson, row = draw_up(3.0, 1.5), ROW["flat-2"]
    scale = float(np.mean(lesson.mean_w[row] / physics_w(row)))
    assert scale == pytest.approx((2 + 1.5 * 3) / (2 + 3), abs=0.03), "two days of prior, three of measurement"
    spread = float(np.mean(lesson.high_w[row] / lesson.mean_w[row])) - 1.0
    assert 0.0 < spread < COLD_SPREAD


def test_after_two_weeks_what_was_learned_speaks() -> None:
    lesson, row = draw_up(16.0, 1.5), ROW["flat-2"]
    assert lesson.learned_share[row] == 1.0
    assert lesson.mean_w[row].mean() == pytest.approx(1.5 * physics_w(row).mean(), rel=0.05)
    assert (lesson.high_w >= lesson.mean_w).all()
    assert np.isfinite(lesson.high_w).all()


def test_gaps_of_any_length_leave_physics() -> None:
    known = readings(25.0, 1.5, "flat-3")
    known.demand_w[ROW["flat-3"], -24 * 9 :] = np.nan  # nothing of the last week
    lesson = drawn(Lessons(PHYSICS, weather).draw_up(MONDAY_S, known))
    assert lesson.mean_w[ROW["flat-2"]] == pytest.approx(physics_w(ROW["flat-2"]))
    assert np.isfinite(lesson.mean_w).all()
    assert lesson.learned_share[ROW["flat-3"]] == 0.0
    assert lesson.mean_w[ROW["flat-3"]].mean() > 1.2 * physics_w(ROW["flat-3"]).mean(), "but for their scale"


def test_a_sink_from_which_nothing_can_be_learned_is_left_to_its_physics_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a meter that told 5 GW once, when lessons are drawn up, then others are learned, and it is said once."""
    known, flat, bad = readings(9.0, 1.5, "flat-2"), ROW["flat-2"], ROW["flat-3"]
    known.demand_w[bad] = known.demand_w[flat]
    known.demand_w[bad, 100] = 5e9
    lessons = Lessons(PHYSICS, weather)
    for _ in range(2):
        lesson = drawn(lessons.draw_up(MONDAY_S, known))
        assert lesson.learned_share[flat] > 0.2
        assert lesson.mean_w[bad] == pytest.approx(physics_w(bad))
        assert lesson.high_w[bad] == pytest.approx((1.0 + COLD_SPREAD) * physics_w(bad))
        assert lesson.learned_share[bad] == 0.0
    assert [one.getMessage().split(",")[0] for one in caplog.records] == ["nothing can be learned of sink flat-3"]
    known.demand_w[bad, 100] = np.nan
    assert drawn(lessons.draw_up(MONDAY_S, known)).learned_share[bad] > 0.2, "and it goes on when the hour is gone"


def test_physics_alone_speak_at_once_whatever_was_measured() -> None:
    lessons = Lessons(PHYSICS, weather)
    first, nothing = drawn(lessons.by_physics(MONDAY_S)), draw_up()
    assert np.array_equal(first.mean_w, nothing.mean_w)
    assert np.array_equal(first.high_w, nothing.high_w)
    then = drawn(lessons.draw_up(MONDAY_S, readings(3.0, 1.5, "flat-2")))
    assert np.array_equal(then.mean_w, draw_up(3.0, 1.5).mean_w), "it leaves no trace in what is learned"


def test_learning_ends_before_the_next_sink_when_nobody_waits_for_it() -> None:
    asked = iter([False, False, True])
    lessons = Lessons(PHYSICS, weather, lambda: next(asked))
    assert lessons.draw_up(MONDAY_S, readings(1.0, 1.0, "flat-2")) is None
    assert next(asked, None) is None


def test_a_tank_is_expected_to_be_drawn_as_households_draw_until_it_is_known() -> None:
    lesson, row = draw_up(), ROW["preheat"]
    standing = physics_w(row)
    assert (lesson.mean_w[row] >= standing - 1e-9).all()
    litres = (lesson.mean_w[row] - standing).sum() * HOUR_S / PHYSICS.j_per_l[row]
    assert litres == pytest.approx(2 * 320.0, rel=0.25), (
        "two winter days of the packaged household, at 320 L a year's day"
    )
    morning = lesson.mean_w[row][6:8].max()  # 07:00 to 09:00 by the local clock
    assert morning > 3.0 * lesson.mean_w[row].mean()
    quiet = draw_up(30.0, 1.0, "preheat")  # measured: nothing but standing losses
    assert (quiet.mean_w[row] - standing).sum() < 0.25 * (lesson.mean_w[row] - standing).sum()


def test_a_lesson_holds_for_a_day_and_then_tells_nothing() -> None:
    lesson = draw_up()
    mean = lesson.at(MONDAY_S + 5 * HOUR_S, QUARTERS, QUARTER_S)
    assert mean is not None
    assert mean[0][:, 0] == pytest.approx(lesson.mean_w[:, 5])
    assert mean[0][:, -1] == pytest.approx(lesson.mean_w[:, 28]), "beyond its end the day before stands in"
    assert lesson.at(MONDAY_S + 24.5 * HOUR_S, QUARTERS, QUARTER_S) is None
    assert lesson.at(MONDAY_S - HOUR_S, QUARTERS, QUARTER_S) is None


def test_spans_are_means_of_their_quarters() -> None:
    told = over_spans(np.arange(float(QUARTERS)))
    assert len(told) == len(SPANS_S)
    assert told[:5] == pytest.approx([0.0, 1.0, 2.0, 3.0, 5.5])
    assert float((told * np.array(SPANS_S)).sum()) == pytest.approx(QUARTER_S * QUARTERS * (QUARTERS - 1) / 2)
    assert share_in_spans(1000.0).sum() == pytest.approx(1.0)


def test_a_fleet_of_data_centres_alone_has_a_base_for_no_sink() -> None:
    """Given a fleet without a sink, when its demand is asked for, then there is none, and that is no error."""
    physics = SinkPhysics(Fleet(name="racks", sites=(Site(id=SiteId("dc"), name="Racks"),), units=(), nodes=()))

    base_w = physics.base_w(physics.clocks(dt.datetime(2026, 1, 12, tzinfo=dt.UTC), 4), np.zeros(4), np.zeros(4))

    assert base_w.shape == (0, 4)
