"""Given a reference heater that comes or goes within a window, then it stands for its time alone."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.model.fleet import Fleet
from unit.accounting import small_ledger as small


def north_with(**changes: object) -> Fleet:
    home = small.fleet()
    return dataclasses.replace(home, sites=(dataclasses.replace(home.sites[0], **changes), home.sites[1]))


@pytest.mark.parametrize("half", ["until", "from"])
def test_a_heater_that_goes_or_comes_in_the_window_stands_for_its_time_alone(half: str) -> None:
    """Given two hours and a heater that goes, or comes, after one, then the box is that of its hour alone, the words
    say how much heat is left out, and what both hours come to is what one window came to before."""
    middle = small.T0 + dt.timedelta(hours=1)
    rows = small.ledger()
    whole = small.statement("site", "north", rows)
    made = small.statement("site", "north", rows, small.grounds(of=north_with(**{f"reference_heater_{half}": middle})))
    box, before = made.avoided[0], whole.avoided[0]
    assert box.made is not None
    assert before.made is not None
    part = [row for row in rows if (row.end <= middle if half == "until" else row.start >= middle)]
    alone = small.statement("site", "north", part).avoided[0]
    assert alone.made is not None
    assert box.made.named.g == pytest.approx(alone.made.named.g)
    assert box.made.useful_heat_kwh == pytest.approx(alone.made.useful_heat_kwh)
    assert box.useful_kwh == pytest.approx(before.useful_kwh)
    left_kwh = before.made.useful_heat_kwh - box.made.useful_heat_kwh
    assert left_kwh > 0.0
    assert f"{left_kwh:.6g} kWh of useful heat" in box.rest
    assert any(box.rest in line for line in made.missing)
    assert box.made.net is not None
    assert box.made.net.g == pytest.approx(alone.made.net.g, rel=1e-6)  # type: ignore[union-attr]
    (own,) = [one for one in made.baskets if one.heater_id == "heater-gas-condensing-collective"]
    assert own.made is None
    assert "all of the window" in own.refused
    assert next(one for one in made.baskets if one.heater_id != own.heater_id).made is not None
