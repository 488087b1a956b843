"""Given rows over a time that a platform was dead, when they are written, then in pieces that every question finds."""

from __future__ import annotations

import datetime as dt
import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.conservation import check
from ondol.accounting.rows import LONGEST_ROW, shortened
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)


def energy(length: dt.timedelta, joules: float, cpu_s: float) -> EnergyRow:
    return EnergyRow(
        site_id=SiteId("s"),
        unit_id=UnitId("u"),
        node_id=NodeId("n"),
        share=Share.IDLE,
        start=T0,
        end=T0 + length,
        energy_j=joules,
        grid_g_per_kwh=50.0,
        tier=Tier.T4_CURVE,
        cpu_s=cpu_s,
    )


def heat(length: dt.timedelta, joules: float, delivered_j: float) -> HeatRow:
    return HeatRow(
        site_id=SiteId("s"), unit_id=UnitId("u"), sink_id=SinkId("z"), start=T0, end=T0 + length, electric_j=joules,
        delivered_j=delivered_j, demanded_j=3.0, temp_c=20.0, setpoint_c=20.0, lower_c=19.0, upper_c=21.0,
        discomfort_kh=0.5,
    )  # fmt: skip


def test_a_minute_stays_one_row() -> None:
    row = energy(dt.timedelta(minutes=1), 5.0, 1.0)
    assert shortened(row) == [row]
    longest = energy(LONGEST_ROW, 5.0, 1.0)
    assert shortened(longest) == [longest]


def test_a_night_is_two_rows_of_the_same_temperature() -> None:
    pieces = shortened(heat(dt.timedelta(hours=10), 100.0, 80.0))
    assert [(row.start - T0, row.delivered_j, row.temp_c) for row in pieces] == [
        (dt.timedelta(0), 40.0, 20.0),
        (dt.timedelta(hours=5), 40.0, 20.0),
    ]


@given(st.floats(1e-3, 400.0), st.floats(0.0, 1e12), st.floats(0.0, 1e12))
def test_pieces_follow_each_other_and_sum_to_the_row(hours: float, one: float, other: float) -> None:
    length = max(dt.timedelta(hours=hours), dt.timedelta(seconds=1))
    power, warmth = shortened(energy(length, one, other)), shortened(heat(length, one, other))
    for pieces in (power, warmth):
        assert (pieces[0].start, pieces[-1].end) == (T0, T0 + length)
        assert all(row.end == after.start for row, after in itertools.pairwise(pieces))
        assert all(row.end - row.start <= LONGEST_ROW + dt.timedelta(microseconds=1) for row in pieces)
    assert math.isclose(math.fsum(row.energy_j for row in power), one, rel_tol=1e-12)
    assert math.isclose(math.fsum(row.delivered_j for row in warmth), other, rel_tol=1e-12)
    assert math.isclose(math.fsum(row.discomfort_kh for row in warmth), 0.5)
    assert check([*power, *warmth]) == []
