"""Given a store that gives back old heat, when a short window is stated, then its ratios are undefined, not refused."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.accounting.statement import fleet_statement
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share, Tier

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)


def window(span: dt.timedelta) -> list[LedgerRow]:
    """More heat out than electricity in."""
    return [
        EnergyRow(
            site_id=SiteId("s"), unit_id=UnitId("u"), node_id=NodeId("n"), share=Share.IDLE, start=NOON,
            end=NOON + span, energy_j=3.6e6, grid_g_per_kwh=50.0, tier=Tier.T1_METER,
        ),
        HeatRow(
            site_id=SiteId("s"), unit_id=UnitId("u"), sink_id=SinkId("z"), start=NOON, end=NOON + span,
            electric_j=3.6e6, delivered_j=4.0e6, demanded_j=5.0e6, temp_c=20.0, setpoint_c=20.0, lower_c=19.0,
            upper_c=21.0, discomfort_kh=0.0,
        ),
    ]  # fmt: skip


def test_an_hour_may_give_back_stored_heat() -> None:
    figures = fleet_statement(window(dt.timedelta(hours=1))).figures
    assert figures.erf is None
    assert figures.ere is None
    assert figures.heat is not None
    assert figures.heat.useful_kwh == pytest.approx(4.0 / 3.6)


def test_heat_of_a_meter_that_was_silent_for_half_the_time_is_divided_by_nothing() -> None:
    hour = dt.timedelta(hours=1)
    energy, heat = window(hour)
    assert isinstance(heat, HeatRow)
    heat = dataclasses.replace(heat, delivered_j=1.8e6)
    later = dataclasses.replace(energy, start=NOON + hour, end=NOON + 2 * hour)
    figures = fleet_statement([energy, later, heat]).figures
    assert (figures.erf, figures.erf_handed_over, figures.ere) == (None, None, None)
    assert figures.heat is not None
    assert figures.heat.useful_kwh == pytest.approx(0.5)


def test_a_quarter_of_a_year_may_not() -> None:
    with pytest.raises(InvalidFieldError, match="ERF"):
        fleet_statement(window(dt.timedelta(days=90)))
