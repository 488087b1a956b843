"""The strip of `ondol signal`."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.cli.output import Out
from ondol.cli.signal import _foreseen, print_quality, strip
from ondol.policy.signal_score import Tally
from ondol.report.signal_quality import quality_json

NOON = dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC)


def steps(*states: tuple[str, float]) -> list[dict[str, object]]:
    return [
        {
            "start": (NOON + dt.timedelta(hours=k)).isoformat(),
            "state": state,
            "wanted_w": {"low": 0.0, "central": watts, "high": watts},
        }
        for k, (state, watts) in enumerate(states)
    ]


def test_each_hour_has_a_sign_that_says_its_state_and_how_much_is_wanted() -> None:
    hours = [("heat_wanted", 800.0), ("heat_wanted", 100.0), ("neutral", 40.0), ("heat_wasted", 0.0)] * 12
    line, scale, meaning = strip(steps(*hours), unicode=True)
    assert line == "█▂·▼" * 12
    assert scale.startswith("12h   18h   13/01 06h")
    assert len(line) == 48
    assert "heat wanted" in meaning


def test_a_terminal_without_signs_has_letters() -> None:
    line, _, meaning = strip(steps(("heat_wanted", 1.0), ("neutral", 0.0), ("heat_wasted", 0.0)), unicode=False)
    assert line == "W.x"
    assert meaning.isascii()


def test_nothing_wanted_at_all_is_no_division_by_zero() -> None:
    assert strip(steps(("neutral", 0.0)), unicode=True)[0] == "·"


def test_the_score_is_a_line_for_each_lead_time_and_a_dash_where_nothing_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    near = Tally()
    for came in (0, 0, 0, 1):
        near.add(0.8, 0.9, 0, came, 1)
    place = quality_json("fr-idf", [near, Tally(), Tally()], "2026-01", 0)
    print_quality([place], Out(), reliability=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["fr-idf", "1-5", "h", "4", "75%", "25%", "0.190", "0.210", "5%"]
    assert lines[2].split()[3] == "0"
    assert "0%" not in lines[2]
    print_quality([place], Out(), reliability=True)
    assert capsys.readouterr().out.splitlines()[1].split() == ["fr-idf", "1-5", "h", "80%", "75%", "4"]


def test_how_sure_it_is_now_is_not_said_of_the_hours_to_come() -> None:
    """Given 99 % now and 45 % in the last of three hours of it, then 45 % stands behind "until"."""
    hours = steps(("heat_wanted", 800.0), ("heat_wanted", 500.0), ("heat_wanted", 100.0), ("neutral", 0.0))
    for one, sure in zip(hours, (0.99, 0.8, 0.45, 0.3), strict=True):
        one |= {
            "confidence": sure,
            "end": (dt.datetime.fromisoformat(str(one["start"])) + dt.timedelta(hours=1)).isoformat(),
        }
    assert _foreseen(hours) == "until 2026-01-12 15:00 UTC, at least 45% sure in each hour"
    assert _foreseen([{**one, "confidence": None} for one in hours]) == "until 2026-01-12 15:00 UTC"
