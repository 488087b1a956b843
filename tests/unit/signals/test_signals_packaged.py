"""The packaged series are those of their sources, and are read at the right times."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.signals import GridCarbon, HotWaterDraws, MainsWater, Weather, attributions, sun_altitude_rad

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
CET = dt.timezone(dt.timedelta(hours=1))
TEXT_SHA256 = {
    "carbon_2022_FR.csv.gz": "8504016977f0e69041137c042b8d397fb916a792ad80c3b8265ae888086d762a",
    "hot_water_200l_10min.csv.gz": "b0113cba759c35317796b0a7ac9065665b580653f50b68c8e2b18b19f39dd726",
    "mains_H1a.csv.gz": "bb586a3bc4fa0ba2064293c235d7e05a584de6c632fea6b2a8c4c9d0930d504e",
    "weather_H1a.csv.gz": "a71a26e78f0aa160ae43930b470c623c92f73c3b0e5ff2bf0b313bf080e67e79",
}

shared_data = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here; the originals cannot be read")


def middle_of_hour(k: int, year: int = 2022) -> dt.datetime:
    return dt.datetime(year, 1, 1, tzinfo=CET) + dt.timedelta(hours=k + 0.5)


@pytest.mark.parametrize("name", sorted(TEXT_SHA256))
def test_a_packed_file_is_the_one_that_was_checked(name: str) -> None:
    packed = (files("ondol.signals") / "data" / name).read_bytes()
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == TEXT_SHA256[name]


def test_all_packed_files_together_stay_small() -> None:
    sizes = [len(f.read_bytes()) for f in (files("ondol.signals") / "data").iterdir()]
    assert sum(sizes) < 1_500_000


@pytest.mark.parametrize(("zone", "hdd18"), [("H1a", 2328), ("H2b", 1962), ("H3", 1378)])
def test_heating_degree_days_of_the_typical_year_are_the_known_ones(zone: str, hdd18: int) -> None:
    weather = Weather.load(zone)
    hours = np.array([weather.at(middle_of_hour(k)).temp_c for k in range(8760)])
    daily = hours.reshape(365, 24).mean(axis=1)
    assert np.maximum(0.0, 18.0 - daily).sum() == pytest.approx(hdd18, abs=0.6)


def test_french_grid_of_2022_has_its_known_mean_and_method() -> None:
    grid = GridCarbon.load("FR")
    hours = [grid.g_per_kwh(dt.datetime(2022, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=k)) for k in range(8736)]
    assert np.mean(hours) == pytest.approx(24.08, abs=0.01)
    assert hours[0] == pytest.approx(15.097, abs=1e-3)
    assert "direct-emission" in grid.METHOD
    with pytest.raises(InvalidFieldError, match="never mixed"):
        grid.require_method("life cycle")


def test_unknown_keys_are_refused_with_the_known_ones() -> None:
    for load in (Weather.load, MainsWater.load):
        with pytest.raises(NotFoundError, match="H1a, H2b, H3"):
            load("H9")
    with pytest.raises(NotFoundError, match="BE, FR, NL"):
        GridCarbon.load("XX")


def test_times_without_a_zone_are_refused() -> None:
    naive = dt.datetime(2022, 1, 1)  # noqa: DTZ001
    for ask in (Weather.load("H1a").at, MainsWater.load("H1a").at, GridCarbon.load("FR").g_per_kwh):
        with pytest.raises(InvalidFieldError, match="zone"):
            ask(naive)


def test_weather_is_linear_between_the_middles_of_the_hours_and_round_the_year() -> None:
    weather = Weather.load("H1a")
    assert weather.at(middle_of_hour(0)).temp_c == pytest.approx(4.615)
    assert weather.at(middle_of_hour(0) + dt.timedelta(minutes=30)).temp_c == pytest.approx((4.615 + 3.915) / 2)
    before, after = weather.at(middle_of_hour(8759)), weather.at(middle_of_hour(0, 2023))
    at_midnight = weather.at(dt.datetime(2023, 1, 1, tzinfo=CET))
    assert at_midnight.temp_c == pytest.approx((before.temp_c + after.temp_c) / 2)


def test_a_date_has_the_same_weather_in_every_year_and_leap_day_that_of_the_day_before() -> None:
    weather = Weather.load("H3")
    for month, day in ((1, 15), (3, 1), (12, 31)):
        in_2022, in_2024 = (weather.at(dt.datetime(y, month, day, 14, 20, tzinfo=CET)) for y in (2022, 2024))
        assert in_2022 == in_2024
    leap, eve = (weather.at(dt.datetime(2024, 2, d, 14, tzinfo=CET)) for d in (29, 28))
    assert leap == eve


def test_the_files_keep_legal_winter_time_not_solar_time() -> None:
    """Light while the sun is down is rarest when the stamps are read as UTC+1."""
    weather = Weather.load("H3")
    table = [weather.at(middle_of_hour(k)) for k in range(8760)]
    light = np.array([o.direct_normal_w_m2 + o.diffuse_horizontal_w_m2 > 0 for o in table])

    def lit_nights(offset_h: float) -> int:
        stamps = (dt.datetime(2022, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=k + 0.5 - offset_h) for k in range(8760))
        down = np.array([sun_altitude_rad(stamp, 43.7, 7.2) < -0.05 for stamp in stamps])
        return int((light & down).sum())

    counts = {offset: lit_nights(offset) for offset in (0.48, 1.0, 2.0)}  # 7.2° E: solar time is UTC+0.48
    assert counts[1.0] < 130
    assert min(counts, key=lambda offset: counts[offset]) == 1.0


@pytest.mark.parametrize(
    ("when", "altitude_deg"),
    [
        (dt.datetime(2022, 6, 21, 12, 0, tzinfo=dt.UTC), 90.0 - 48.8 + 23.44),
        (dt.datetime(2022, 12, 21, 12, 0, tzinfo=dt.UTC), 90.0 - 48.8 - 23.44),
    ],
)
def test_the_sun_culminates_where_the_almanac_has_it(when: dt.datetime, altitude_deg: float) -> None:
    assert np.degrees(sun_altitude_rad(when, 48.8, 0.0)) == pytest.approx(altitude_deg, abs=0.1)


def test_global_radiation_is_diffuse_alone_at_night_and_more_by_day() -> None:
    weather = Weather.load("H1a")
    night, noon = dt.datetime(2022, 6, 21, 0, tzinfo=dt.UTC), dt.datetime(2022, 6, 21, 12, tzinfo=dt.UTC)
    assert weather.global_horizontal_w_m2(night, 48.8, 2.0) == pytest.approx(weather.at(night).diffuse_horizontal_w_m2)
    year = sum(
        weather.global_horizontal_w_m2(middle_of_hour(k), 48.8, 2.0) for k in range(8760)
    )  # Trappes: about 1,100 kWh/m² a year (PVGIS climatology)
    assert 950e3 < year < 1250e3
    assert weather.global_horizontal_w_m2(noon, 48.8, 2.0) > weather.at(noon).diffuse_horizontal_w_m2


def test_a_forecast_has_its_issue_time_and_is_the_year_itself() -> None:
    weather = Weather.load("H1a")
    issued = dt.datetime(2022, 1, 26, 5, 0, tzinfo=dt.UTC)
    forecast = weather.forecast(issued, dt.timedelta(hours=3), dt.timedelta(minutes=90))
    assert forecast.issued_at == issued
    assert forecast.perfect
    assert forecast.times == (issued, issued + dt.timedelta(minutes=90), issued + dt.timedelta(hours=3))
    assert forecast.outdoor[1] == weather.at(forecast.times[1])
    with pytest.raises(InvalidFieldError):
        weather.forecast(issued, dt.timedelta(hours=-1))


def test_the_carbon_horizon_is_the_mean_of_each_step() -> None:
    grid = GridCarbon.load("FR")
    start = dt.datetime(2022, 12, 31, 22, 30, tzinfo=dt.UTC)
    minutes = [grid.g_per_kwh(start + dt.timedelta(minutes=m)) for m in range(6 * 60)]
    assert grid.horizon(start, 8, 2700.0) == pytest.approx(np.array(minutes).reshape(8, 45).mean(axis=1))


def test_hot_water_has_its_mean_and_the_morning_of_working_days() -> None:
    draws = HotWaterDraws.load()
    monday = dt.datetime(2022, 1, 24, tzinfo=CET)
    weeks52 = dt.timedelta(weeks=52)
    assert draws.litres(monday, monday + weeks52, 800.0) == pytest.approx(800.0 * 364)
    share = [
        sum(
            draws.litres(
                monday + dt.timedelta(days=7 * w + day, hours=7),
                monday + dt.timedelta(days=7 * w + day, hours=8),
                1.0,
            )
            for w in range(8)
            for day in range(5)
        ),
        sum(
            draws.litres(monday + dt.timedelta(days=7 * w + day), monday + dt.timedelta(days=7 * w + day + 1), 1.0)
            for w in range(8)
            for day in range(5)
        ),
    ]
    assert share[0] / share[1] == pytest.approx(0.5, abs=0.1)


def test_sinks_draw_at_times_of_their_own_but_always_the_same() -> None:
    draws = HotWaterDraws.load()
    start = dt.datetime(2022, 1, 26, 5, tzinfo=dt.UTC)
    spans = [(start + dt.timedelta(minutes=10 * k), start + dt.timedelta(minutes=10 * k + 10)) for k in range(18)]
    profiles = {
        sink: tuple(draws.litres(a, b, 200.0, sink_id=sink) for a, b in spans)
        for sink in ("tank-a", "tank-b", "tank-c")
    }
    assert len(set(profiles.values())) > 1
    assert profiles["tank-a"] == tuple(draws.litres(a, b, 200.0, sink_id="tank-a") for a, b in spans)


MOMENTS = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2060, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001


@settings(max_examples=60, deadline=None)
@given(MOMENTS, st.floats(0, 1e7), st.floats(0, 1e7), st.sampled_from(["", "tank"]), st.floats(0, 5000))
def test_neighbouring_spans_of_hot_water_add_up(
    start: dt.datetime, first_s: float, second_s: float, sink: str, scale: float
) -> None:
    draws = HotWaterDraws.load()
    middle = start + dt.timedelta(seconds=first_s)
    end = middle + dt.timedelta(seconds=second_s)
    parts = draws.litres(start, middle, scale, sink) + draws.litres(middle, end, scale, sink)
    assert parts == pytest.approx(draws.litres(start, end, scale, sink), rel=1e-9, abs=1e-6)
    assert parts >= 0.0


@settings(max_examples=60, deadline=None)
@given(MOMENTS)
def test_every_moment_of_every_year_has_values_that_can_be(when: dt.datetime) -> None:
    outdoor = Weather.load("H1a").at(when)
    assert -15 < outdoor.temp_c < 40
    assert 0 <= outdoor.humidity <= 1
    assert outdoor.direct_normal_w_m2 >= 0
    assert 0 < MainsWater.load("H1a").at(when) < 25
    assert 10 < GridCarbon.load("FR").g_per_kwh(when) < 50


def test_attributions_name_every_source_and_its_licence() -> None:
    lines = "\n".join(attributions())
    assert len(attributions()) == 9
    for word in ("BuildSysPro", "BSD-3-Clause", "OpenDHW", "OpenDC", "MIT"):
        assert word in lines


@shared_data
@pytest.mark.shared_data
@pytest.mark.parametrize("zone", ["H1a", "H2b", "H3"])
def test_packaged_weather_and_mains_equal_the_originals(zone: str) -> None:
    original = np.loadtxt(SHARED / "weather" / f"{zone}.txt", skiprows=2)
    mains = np.loadtxt(SHARED / "weather" / f"eau_froide_{zone}.txt", skiprows=2)
    weather, water = Weather.load(zone), MainsWater.load(zone)
    for k in range(0, 8760, 97):
        outdoor = weather.at(middle_of_hour(k))
        assert outdoor.temp_c == pytest.approx(original[k, 3], abs=1e-3)
        assert outdoor.direct_normal_w_m2 == pytest.approx(original[k, 1], abs=0.051)
        assert outdoor.diffuse_horizontal_w_m2 == pytest.approx(original[k, 2], abs=0.051)
        assert outdoor.sky_temp_c == pytest.approx(original[k, 5], abs=0.0051)
        assert outdoor.humidity == pytest.approx(min(original[k, 7], 1.0), abs=1e-4)
        assert outdoor.wind_m_s == pytest.approx(original[k, 8], abs=0.0051)
        assert water.at(middle_of_hour(k)) == pytest.approx(mains[k, 1])


@shared_data
@pytest.mark.shared_data
def test_packaged_draws_equal_the_original() -> None:
    original = np.loadtxt(SHARED / "heat" / "opendhw_200L_10min_4cat_sf_ds_max1200.txt")[: 364 * 144] / 6.0
    monday = dt.datetime(2022, 1, 3, tzinfo=CET)
    draws = HotWaterDraws.load()
    scale = original.sum() / 364
    for k in range(39, 364 * 144, 1009):
        start = monday + dt.timedelta(minutes=10 * k)
        assert draws.litres(start, start + dt.timedelta(minutes=10), scale, households=1) == pytest.approx(
            original[k], abs=1e-6
        )
