"""The course of a statement: bars that sum to it, also of rows that reach over several of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest

from ondol.model.ledger import EnergyRow, Share
from unit.accounting import small_ledger as small


def test_a_row_of_six_hours_is_in_every_hour_that_it_reaches_into() -> None:
    """Given a platform that was silent for six hours, when its one row comes, then each hour has a sixth of it."""
    first = next(row for row in small.ledger() if isinstance(row, EnergyRow) and row.share is Share.IDLE)
    silent = dataclasses.replace(first, start=small.T0, end=small.T0 + dt.timedelta(hours=6), energy_j=6 * 3.6e6)

    made = small.statement("site", first.site_id, [silent])

    assert made.step_s == 3600.0
    assert [point.kwh["idle"] for point in made.series] == pytest.approx([1.0] * 6)


def test_bars_sum_to_the_statement() -> None:
    made = small.statement("fleet", "all")

    assert len(made.series) > 1
    of_bars = math.fsum(kwh for point in made.series for kwh in point.kwh.values())
    assert of_bars == pytest.approx(made.value("energy", "total_kwh"), rel=1e-12)
    of_bars_g = math.fsum(point.counted_g for point in made.series)
    assert of_bars_g == pytest.approx(made.value("inventory", "operational_g"), rel=1e-12)
