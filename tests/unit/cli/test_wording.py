"""Figures read well, and what was written can be read again."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.cli.wording import energy, power, size, span, timespan_s, wire_time

NOW = dt.datetime(2026, 1, 14, 6, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (power(0.0), "0 W"),
        (power(999.4), "999 W"),
        (power(999.9), "1.00 kW"),
        (power(12_345.0), "12.3 kW"),
        (power(None), "–"),
        (power(float("nan")), "–"),
        (energy(0.0), "0 Wh"),
        (energy(0.0123), "12.3 Wh"),
        (energy(3.214), "3.21 kWh"),
        (size(0), "0 B"),
        (size(1536), "1.5 KiB"),
        (size(9_000_000), "8.6 MiB"),
        (span(59.6), "1 min 00 s"),
        (span(3661), "1 h 01"),
        (span(None), "–"),
    ],
)
def test_figures_read_well(words: str, expected: str) -> None:
    assert words == expected


def test_durations_of_the_wire_are_read() -> None:
    assert timespan_s("00:00:07") == 7
    assert timespan_s("1.02:03:04.5") == 93_784
    assert timespan_s("soon") is None
    assert timespan_s(None) is None


def test_no_date_is_no_time() -> None:
    assert wire_time("0001-01-01T00:00:00Z") is None
    assert wire_time("2026-01-14T06:00:00Z") == NOW
