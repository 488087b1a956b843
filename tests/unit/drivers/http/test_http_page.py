"""Values out of pages: paths, metrics, times, and what is not there."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.drivers.http.page import JsonPage, Missing, PrometheusPage, check_page_address
from ondol.model.errors import InvalidFieldError, UnavailableError

JSON = """{"boiler": {"t1": 61.5, "at": "2026-01-05T07:00:00+01:00", "s": 1767592800, "ms": 1767592800000,
  "on": true, "word": "off", "text": "21.5", "none": null, "local": "2026-01-05T07:00:00", "big": 1e999},
  "list": [{"v": 1}, {"v": 2}], "a.b": 7}"""
TEXT = """# HELP boiler_temperature_celsius Water
# TYPE boiler_temperature_celsius gauge
boiler_temperature_celsius{boiler="1",where="top"} 61.5
boiler_temperature_celsius{boiler="1",where="bottom"} 41
boiler_temperature_celsius{boiler="2",where="top"} NaN 1767592800000
heat_joules_total 1.25e9 1767592800000
"""
SIX = dt.datetime(2026, 1, 5, 6, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("address", "value", "at"),
    [
        ("boiler.t1", 61.5, None),
        ("boiler.t1@boiler.at", 61.5, SIX),
        ("boiler.t1@boiler.s", 61.5, SIX),
        ("boiler.t1@boiler.ms", 61.5, SIX),
        ("boiler.on", 1.0, None),
        ("boiler.word", 0.0, None),
        ("boiler.text", 21.5, None),
        ("list.1.v", 2.0, None),
        (r"a\.b", 7.0, None),
    ],
)
def test_values_and_times_by_path(address: str, value: float, at: dt.datetime | None) -> None:
    check_page_address("address", address)
    found = JsonPage(JSON).find(address)
    assert (found.value, found.measured_at) == (value, at)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("boiler.t2", "there is no t2, only t1, at"),
        ("boiler.none", "no number"),
        ("boiler", "no number"),
        ("boiler.big", "no value"),
        ("list.2.v", "a list"),
        ("boiler.t1@boiler.local", "no zone"),
        ("boiler.t1@boiler.on", "no time"),
        ("boiler.t1.x", "a float"),
    ],
)
def test_what_a_json_page_lacks_is_told(address: str, says: str) -> None:
    with pytest.raises(Missing, match=says):
        JsonPage(JSON).find(address)


def test_metrics_by_name_and_labels() -> None:
    page = PrometheusPage(TEXT)
    assert page.find('boiler_temperature_celsius{boiler="1",where="bottom"}').value == 41.0
    found = page.find("heat_joules_total")
    assert (found.value, found.measured_at) == (1.25e9, SIX)
    with pytest.raises(Missing, match="2 samples"):
        page.find('boiler_temperature_celsius{boiler="1"}')
    with pytest.raises(Missing, match="no value"):
        page.find('boiler_temperature_celsius{boiler="2"}')
    with pytest.raises(Missing, match="has no room"):
        page.find("room")


def test_openmetrics_has_its_times_in_seconds() -> None:
    page = PrometheusPage("# TYPE heat gauge\nheat 5.0 1767592800\n# EOF\n", openmetrics=True)
    assert page.find("heat").measured_at == SIX


@pytest.mark.parametrize("address", ["", ".", "a..b", "a@", "a@b@c", "a.@b", 'm{x="1"', "m{x=1}", 'm{="1"}', "1m{}"])
def test_an_address_that_means_nothing_is_refused(address: str) -> None:
    with pytest.raises(InvalidFieldError):
        check_page_address("binding.address", address)


@given(st.text(max_size=60))
def test_whatever_a_page_says_it_is_read_or_refused(text: str) -> None:
    for page in (JsonPage, PrometheusPage):
        try:
            page(text).find("a.b")
        except (UnavailableError, Missing, InvalidFieldError):
            continue
