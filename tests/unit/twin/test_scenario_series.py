"""Weather, carbon and prices from files, draws and clocks: read as they are, refused where they cannot be."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.signals.carbon import GridCarbon
from ondol.twin.scenario.nouns import GridSpec
from ondol.twin.scenario.series import draw_row, local_hours
from ondol.twin.scenario.sky import read_sky
from ondol.twin.scenario.stamped import by_hour_of_year, read_prices, read_stamped
from unit.twin.small_fleets import JANUARY, fleet, make_series, room, series_of, site

HOURS = 8760


def weather_text(**changes: tuple[int, int, str]) -> str:
    """A weather file of RT2012's form; each change is (row, column, text)."""
    rows = [[str(1800 + 3600 * k), "300", "100", f"{10 + 8 * np.sin(k / 1400):.2f}", *["0"] * 8] for k in range(HOURS)]
    for row, column, text in changes.values():
        rows[row][column] = text
    return "#1\ndouble data(8760,12)\n" + "\n".join("\t".join(row) for row in rows) + "\n"


def read_weather(tmp_path: Path, text: str) -> object:
    (tmp_path / "sky.txt").write_text(text)
    return read_sky("sky.txt", "", 48.8, 2.0, tmp_path)


@pytest.mark.shared_data
def test_a_file_gives_the_packaged_sky(shared_data: Path) -> None:
    # given the original of H1a, and the packaged one
    weather = "weather/H1a.txt"
    mine = read_sky(weather, "weather/eau_froide_H1a.txt", 48.8, 2.0, shared_data)
    packaged = read_sky("H1a", "", 48.8, 2.0, shared_data)
    # then they are the same, but for what packing rounds
    assert mine.temp_c == pytest.approx(packaged.temp_c, abs=0.051)
    assert mine.mains_c == pytest.approx(packaged.mains_c, abs=0.051)
    assert mine.solar_w_m2 == pytest.approx(packaged.solar_w_m2, abs=1.0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((17, 3, "nan"), "row 20"),
        ((17, 3, "285.3"), "row 20"),  # kelvin
        ((17, 3, "-120"), "row 20"),
        ((17, 1, "-5"), "row 20"),
        ((17, 1, "9000"), "row 20"),  # kJ/m² an hour
        ((17, 2, "inf"), "row 20"),
        ((17, 3, "warm"), "12 numbers"),
        ((17, 0, "1800"), "rising order"),
    ],
)
def test_weather_that_cannot_be_is_refused(tmp_path: Path, change: tuple[int, int, str], told: str) -> None:
    with pytest.raises(InvalidFieldError, match=told) as error:
        read_weather(tmp_path, weather_text(one=change))
    assert "sky.txt" in str(error.value)


def test_weather_of_another_length_is_refused(tmp_path: Path) -> None:
    whole = weather_text()
    with pytest.raises(InvalidFieldError, match="8759 rows"):
        read_weather(tmp_path, whole[: whole.rstrip().rindex("\n") + 1])
    with pytest.raises(NotFoundError, match="H1a, H2b, H3"):
        read_sky("H9", "", 48.8, 2.0, tmp_path)


def test_mains_without_a_file_follow_the_year_late_and_damped(tmp_path: Path) -> None:
    sky = read_weather(tmp_path, weather_text())
    temp_c, mains_c = sky.temp_c, sky.mains_c  # type: ignore[attr-defined]
    assert mains_c.mean() == pytest.approx(temp_c.mean(), abs=0.2)
    assert np.ptp(mains_c) < 0.5 * np.ptp(temp_c)
    assert np.argmax(mains_c) > np.argmax(temp_c)


def stamped_csv(path: Path, hours: int = HOURS, **changes: str) -> Path:
    """Hours of 2023 with a value; a change replaces the line of that number, an empty one drops it."""
    begin = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
    lines = [f"{begin + dt.timedelta(hours=k)},{100 + k % 24}" for k in range(hours)]
    for name, text in changes.items():
        lines[int(name[1:])] = text
    path.write_text("time,value\n" + "\n".join(line for line in lines if line) + "\n")
    return path


def test_stamped_values_come_back(tmp_path: Path) -> None:
    stamps, values = read_stamped(stamped_csv(tmp_path / "c.csv"))
    hourly = by_hour_of_year(stamps, values)
    assert hourly.tolist() == [100 + k % 24 for k in range(HOURS)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"_10": "2023-01-01 09:00:00+00:00,1"}, "each stamp once"),
        ({"_10": "2023-01-01 02:30:00+00:00,1"}, "rising order"),
        (dict.fromkeys(("_10", "_11", "_12"), ""), "gaps of at most 3 h"),
        ({"_10": "2023-01-01 10:00:00+00:00,nan"}, "row 11"),
        ({"_10": "2023-01-01 10:00:00+00:00,much"}, "c.csv:12"),
        ({"_10": "at ten,5"}, "c.csv:12"),
        ({"_10": "2023-01-01 10:00:00+00:00"}, "c.csv:12"),
    ],
)
def test_stamps_that_do_not_rise_evenly_are_refused(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidFieldError, match=told.replace(".", r"\.")):
        read_stamped(stamped_csv(tmp_path / "c.csv", **changes))


def test_half_a_year_is_no_year(tmp_path: Path) -> None:
    stamps, values = read_stamped(stamped_csv(tmp_path / "c.csv", hours=4000))
    with pytest.raises(InvalidFieldError, match="hours of the year are missing"):
        by_hour_of_year(stamps, values)
    with pytest.raises(InvalidFieldError, match="at least two"):
        read_stamped(stamped_csv(tmp_path / "c.csv", hours=1))
    with pytest.raises(NotFoundError, match="none"):
        read_stamped(tmp_path / "none.csv")
    for name in ("c.csv", "c.parquet"):
        (tmp_path / name).write_bytes(b"time,value\n\xff\xfe,1\n")
        with pytest.raises(InvalidFieldError, match="Parquet"):
            read_stamped(tmp_path / name)


@pytest.mark.parametrize("value", ["-4", "99999"])
def test_carbon_that_no_grid_has_is_refused(tmp_path: Path, value: str) -> None:
    stamped_csv(tmp_path / "c.csv", _5=f"2023-01-01 05:00:00+00:00,{value}")
    with pytest.raises(InvalidFieldError, match=r"grid\.path, hour 5"):
        make_series(fleet(grid=GridSpec(path="c.csv")), tmp_path)


def test_carbon_of_a_parquet_of_quarter_hours(tmp_path: Path) -> None:
    # given a year of quarters of an hour
    stamps = np.arange("2022-01-01", "2023-01-01", np.timedelta64(15, "m"), dtype="datetime64[us]")
    values = np.arange(len(stamps), dtype=np.float64) % 4 + 10.0
    pq.write_table(pa.table({"timestamp": stamps, "carbon_intensity": values}), tmp_path / "c.parquet")
    # when a scenario reads it
    series = make_series(fleet(grid=GridSpec(path="c.parquet")), tmp_path)
    # then each hour has the mean of its quarters
    assert set(series.grid_g_per_kwh.tolist()) == {11.5}
    pq.write_table(pa.table({"carbon_intensity": values}), tmp_path / "c.parquet")
    with pytest.raises(InvalidFieldError, match="timestamp column"):
        make_series(fleet(grid=GridSpec(path="c.parquet")), tmp_path)


@pytest.mark.shared_data
def test_other_grids_and_prices_of_the_originals(shared_data: Path) -> None:
    # given the Dutch grid from its original (quarter hours), and the packaged one
    spec = GridSpec(path="carbon/opendc_2022_NL.parquet", price_path="carbon/boptest_epex_fr_2019_hourly.csv")
    mine = make_series(fleet(grid=spec, days=30.0), shared_data)
    packaged = series_of(fleet(grid=GridSpec(country="NL"), days=30.0))
    # then they agree, and are another grid than the French one
    assert mine.grid_g_per_kwh == pytest.approx(packaged.grid_g_per_kwh, rel=0.02, abs=1.0)
    assert mine.grid_g_per_kwh.mean() > 3.0 * series_of(fleet(days=30.0)).grid_g_per_kwh.mean()
    # and prices are those of the file: the third hour of 2019 cost 39.78 €/MWh
    first = make_series(fleet(grid=spec, begin=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)), shared_data)
    assert first.price_eur_per_kwh[8] == pytest.approx(0.03978)


def prices_csv(path: Path, **changes: str) -> Path:
    begin = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
    lines = []
    for k in range(HOURS):
        at = begin + dt.timedelta(hours=k)
        lines.append(f"{at:%Y-%m-%d},{at:%H:%M},,{40 + k % 24}.5,")
    for name, text in changes.items():
        lines[int(name[1:])] = text
    path.write_text("date,start_hour,end_hour,price_euros_mwh,volume_mwh\n" + "\n".join(filter(None, lines)) + "\n")
    return path


def test_prices_are_euros_per_kwh(tmp_path: Path) -> None:
    stamps, prices = read_prices(prices_csv(tmp_path / "p.csv"))
    assert len(stamps) == HOURS
    assert prices[:2] == pytest.approx([0.0405, 0.0415])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"_5": "2019-01-01,05:00,,nan,"}, "p.csv:7"),
        ({"_5": "2019-01-01,05:00,,dear,"}, "p.csv:7"),
        ({"_5": "2019-01-01,five,,40,"}, "p.csv:7"),
        (dict.fromkeys(("_50", "_51"), ""), "p.csv:52"),
        ({"_50": "2019-01-01,00:00,,40,"}, "p.csv:52"),
        ({"_50": "2019-01-01,05:00,,40,"}, "p.csv:52"),
    ],
)
def test_prices_with_holes_or_without_numbers_are_refused(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidFieldError, match=told):
        read_prices(prices_csv(tmp_path / "p.csv", **changes))


def test_prices_of_another_unit_or_of_no_row_are_refused(tmp_path: Path) -> None:
    prices_csv(tmp_path / "p.csv", _7="2019-01-01,07:00,,50000000,")
    with pytest.raises(InvalidFieldError, match=r"grid\.price_path, hour 7"):
        make_series(fleet(grid=GridSpec(price_path="p.csv")), tmp_path)
    (tmp_path / "p.csv").write_text("date,start_hour,end_hour,price_euros_mwh,volume_mwh\n")
    with pytest.raises(InvalidFieldError, match="0 rows"):
        read_prices(tmp_path / "p.csv")


def test_packaged_carbon_is_that_of_the_signal() -> None:
    series = series_of(fleet(begin=dt.datetime(2026, 3, 7, 13, 20, tzinfo=dt.UTC)))
    carbon = GridCarbon.load("FR")
    moment = dt.datetime(2026, 3, 7, 16, 5, tzinfo=dt.UTC)
    step = int((moment - dt.datetime(2026, 3, 7, 13, 20, tzinfo=dt.UTC)).total_seconds() // 900)
    assert series.grid_g_per_kwh[step] == pytest.approx(carbon.g_per_kwh(moment), rel=0.2)
    assert np.isfinite(series.grid_g_per_kwh).all()


def test_draws_are_a_litre_a_day_in_the_mean() -> None:
    # given a year of ten-minute steps
    series = series_of(fleet(days=365.0, step_s=600.0))
    # then every row is never negative, and 1 L/day in the mean
    assert (series.draws >= 0.0).all()
    assert series.draws[:, : series.steps].mean(axis=1) * 86_400.0 == pytest.approx(1.0, rel=0.03)
    # and many households together are evener than one
    assert series.draws[draw_row(0, 8)].std() < 0.6 * series.draws[draw_row(0, 1)].std()


def test_series_do_not_hang_on_the_step() -> None:
    coarse, fine = series_of(fleet(step_s=900.0)), series_of(fleet(step_s=300.0))
    for name in ("outdoor_c", "mains_c", "draws"):
        thirds = getattr(fine, name)[..., : 3 * coarse.length].reshape(*getattr(coarse, name).shape, 3)
        assert thirds.mean(axis=-1) == pytest.approx(getattr(coarse, name), abs=0.05), name


def test_a_sites_clock_is_its_own() -> None:
    # given a summer's day in UTC
    series = series_of(fleet(begin=dt.datetime(2026, 7, 1, tzinfo=dt.UTC)))
    paris, utc = local_hours(series, site(room())), local_hours(series, site(room(), timezone="UTC"))
    assert utc[0] == pytest.approx(0.125)
    assert paris[0] == pytest.approx(2.125)
    assert local_hours(series_of(fleet(begin=JANUARY)), site(room()))[0] == pytest.approx(1.125)
