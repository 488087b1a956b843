"""The strip of `ondol signal`."""

from __future__ import annotations

import datetime as dt

from ondol.cli.signal import strip

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
