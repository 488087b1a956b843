"""Given a site with a meter of its own, when a statement is made, then what was modelled adds up to the meter."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.reconcile import Reconciliation, reconcile
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import NodeId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, Metered, MeterRow, Share, Tier

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
SITE = SiteId("pool")


def row(
    minute: float, joules: float, *, minutes: float = 5.0, tier: Tier = Tier.T4_CURVE, node: str = "n"
) -> EnergyRow:
    return EnergyRow(
        site_id=SITE,
        unit_id=UnitId("boiler"),
        node_id=NodeId(node),
        share=Share.JOB,
        start=T0 + dt.timedelta(minutes=minute),
        end=T0 + dt.timedelta(minutes=minute + minutes),
        energy_j=joules,
        grid_g_per_kwh=50.0,
        tier=tier,
    )


def meter(minute: float, joules: float, *, minutes: float = 15.0, name: str = "pool.electric_meter") -> MeterRow:
    return MeterRow(
        site_id=SITE,
        meter_id=name,
        kind=Metered.ELECTRICITY_J,
        start=T0 + dt.timedelta(minutes=minute),
        end=T0 + dt.timedelta(minutes=minute + minutes),
        amount=joules,
    )


def only(found: tuple[Reconciliation, ...]) -> Reconciliation:
    (one,) = found
    return one


def test_modelled_rows_are_scaled_to_the_meter_and_the_residual_is_told() -> None:
    rows = [row(0, 100.0), row(5, 100.0), row(10, 100.0)]
    made = reconcile(rows, [meter(0, 360.0)])
    assert [one.energy_j for one in made.rows] == pytest.approx([120.0] * 3)
    assert made.metered == (1.0, 1.0, 1.0)
    site = only(made.sites)
    assert (site.residual_raw, site.factor) == (pytest.approx(300 / 360 - 1), pytest.approx(1.2))
    assert site.residual_after == pytest.approx(0.0, abs=1e-12)
    assert (site.windows, site.refused, site.covered_s, site.findings) == (1, 0, 900.0, ())
    # What is in the ledger stays as it was recorded, its tier too: the meter does not tell who had which part.
    assert [one.energy_j for one in rows] == [100.0] * 3
    assert {one.tier for one in made.rows} == {Tier.T4_CURVE}


def test_nodes_with_meters_of_their_own_stand_beside() -> None:
    rows = [row(0, 200.0, minutes=15, tier=Tier.T2_BMC, node="a"), row(0, 100.0, minutes=15, node="b")]
    made = reconcile(rows, [meter(0, 350.0)])
    assert [one.energy_j for one in made.rows] == pytest.approx([200.0, 150.0])


def test_a_row_over_two_windows_takes_its_part_of_both() -> None:
    rows = [row(0, 100.0, minutes=10), row(10, 100.0, minutes=10), row(20, 100.0, minutes=10)]
    made = reconcile(rows, [meter(0, 300.0), meter(15, 75.0)])
    # 150 J were recorded in each window; the meter has twice and half of that.
    assert [one.energy_j for one in made.rows] == pytest.approx([200.0, 125.0, 50.0])
    assert math.fsum(one.energy_j for one in made.rows) == pytest.approx(375.0, rel=1e-12)


def _overhead(joules: float) -> EnergyRow:
    return dataclasses.replace(
        row(0, joules, minutes=15, tier=Tier.T5_ARCHETYPE), unit_id=None, node_id=None, share=Share.OVERHEAD
    )


@pytest.mark.parametrize("joules", [330.0, 300.0, 900.0])
def test_where_every_server_is_measured_the_meter_says_what_the_overhead_is(joules: float) -> None:
    # given servers that are all measured, and an overhead of 3 % that somebody stated
    rows = [row(0, 300.0, minutes=15, tier=Tier.T1_METER), _overhead(9.0)]
    # when the meter has much more, or nothing beyond the servers, up to a PUE of 3
    made = reconcile(rows, [meter(0, joules)])
    # then the servers stay, and the overhead is the rest, though that is more than twice what was stated
    assert [one.energy_j for one in made.rows] == pytest.approx([300.0, joules - 300.0])
    assert only(made.sites).findings == ()


def test_what_the_meter_has_beyond_measured_servers_is_overhead_also_where_none_was_stated() -> None:
    # given measured servers of a site with PUE 1, on a grid that changes, and a meter that reads 10 % more
    rows = [row(5.0 * n, 100.0 * (n + 1), tier=Tier.T2_BMC) for n in range(6)]
    rows = [dataclasses.replace(one, grid_g_per_kwh=10.0 * (n + 1)) for n, one in enumerate(rows)]
    made = reconcile(rows, [meter(0, 660.0), meter(15, 1650.0)])
    # then there are rows of overhead for it, of the meter's windows, at the servers' mean intensity in them
    assert made.rows[:6] == tuple(rows)
    assert [(one.share, one.energy_j) for one in made.rows[6:]] == [
        (Share.OVERHEAD, pytest.approx(60.0)),
        (Share.OVERHEAD, pytest.approx(150.0)),
    ]
    assert made.rows[6].grid_g_per_kwh == pytest.approx((1 * 10 + 2 * 20 + 3 * 30) / 6)
    site = only(made.sites)
    assert (site.residual_raw, site.findings) == (pytest.approx(1 / 1.1 - 1), ())
    assert site.residual_after == pytest.approx(0.0, abs=1e-12)


def test_meters_that_are_read_at_other_moments_make_no_overhead_out_of_noise() -> None:
    # given a site whose meter has in one window 3 % less than its servers, in the next 3 % more
    rows = [row(15.0 * n, 1000.0, minutes=15.0, tier=Tier.T2_BMC) for n in range(20)]
    made = reconcile(rows, [meter(15.0 * n, 1030.0 if n % 2 else 970.0) for n in range(20)])
    # then there is none, and where it has 1 % more in all, that is what there is
    assert math.fsum(one.energy_j for one in made.rows) == pytest.approx(20_000.0, rel=1e-12)
    made = reconcile(rows, [meter(15.0 * n, 1050.0 if n % 2 else 970.0) for n in range(20)])
    assert math.fsum(one.energy_j for one in made.rows) == pytest.approx(20_200.0, rel=1e-12)
    assert only(made.sites).residual_after == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("joules", [299.0, 901.0])
def test_a_meter_that_makes_no_pue_with_measured_servers_is_refused_in_words(joules: float) -> None:
    made = reconcile([row(0, 300.0, minutes=15, tier=Tier.T2_BMC), _overhead(9.0)], [meter(0, joules)])
    assert [one.energy_j for one in made.rows] == [300.0, 9.0]
    (finding,) = only(made.sites).findings
    assert "PUE cannot be that" in finding.detail


@pytest.mark.parametrize("joules", [661.0, 149.0, 0.0, 1e9])
def test_a_factor_that_cannot_be_is_refused_and_found(joules: float) -> None:
    rows = [row(5.0 * n, 110.0) for n in range(6)]
    made = reconcile(rows, [meter(0, joules), meter(15, 330.0)])
    assert [one.energy_j for one in made.rows] == [110.0] * 6
    site = only(made.sites)
    assert (site.windows, site.refused, site.metered_j) == (2, 1, 330.0)
    assert [finding.kind for finding in site.findings] == ["meter"]
    assert "factor of 2" in site.findings[0].detail
    assert made.metered == (0.0,) * 3 + (1.0,) * 3


def test_a_window_that_the_ledger_does_not_cover_is_not_made_up() -> None:
    made = reconcile([row(0, 100.0), row(5, 100.0)], [meter(0, 300.0)])
    assert [one.energy_j for one in made.rows] == [100.0, 100.0]
    site = only(made.sites)
    assert (site.residual_raw, site.factor, site.refused) == (None, None, 1)
    assert [finding.kind for finding in site.findings] == ["gap"]


def test_a_site_without_a_meter_stays_and_is_not_named() -> None:
    rows = [row(0, 100.0)]
    made = reconcile(rows, [])
    assert (made.rows, made.metered, made.sites) == (tuple(rows), (0.0,), ())
    # Water and fuel are no electricity of the compute boundary.
    water = dataclasses.replace(meter(0, 5.0), kind=Metered.WATER_L)
    assert reconcile(rows, [water]).sites == ()


def test_feeds_of_a_site_are_summed_where_all_were_read() -> None:
    rows = [row(0, 200.0, minutes=15), row(15, 200.0, minutes=15)]
    feeds = [meter(0, 400.0, minutes=30), meter(0, 60.0, name="pool.electric_meter.1")]
    made = reconcile(rows, feeds)
    assert [one.energy_j for one in made.rows] == pytest.approx([260.0, 200.0])
    assert only(made.sites).meter_ids == ("pool.electric_meter", "pool.electric_meter.1")


def test_a_units_meter_is_compared_only() -> None:
    made = reconcile([row(0, 100.0, minutes=15)], [meter(0, 150.0, name="boiler.electric_meter")])
    assert made.rows[0].energy_j == 100.0
    assert made.sites == ()
    unit = only(made.units)
    assert (unit.subject, unit.residual_raw) == ("boiler", pytest.approx(100 / 150 - 1))


def test_windows_that_overlap_are_refused() -> None:
    with pytest.raises(InvalidFieldError, match="overlap"):
        reconcile([row(0, 100.0)], [meter(0, 100.0), meter(10, 100.0)])


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1e9), st.sampled_from(list(Tier)), st.floats(0.5, 60.0)), min_size=1, max_size=30
    ),
    st.lists(st.tuples(st.floats(1.0, 90.0), st.floats(0.0, 2e9)), min_size=1, max_size=10),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_scaled_sums_to_the_meter(
    given_rows: list[tuple[float, Tier, float]], given_meters: list[tuple[float, float]]
) -> None:
    rows, minute = [], 0.0
    for joules, tier, minutes in given_rows:
        rows.append(row(minute, joules, minutes=minutes, tier=tier))
        minute = (rows[-1].end - T0).total_seconds() / 60.0
    meters, minute = [], 0.0
    for minutes, joules in given_meters:
        meters.append(meter(minute, joules, minutes=minutes))
        minute = (meters[-1].end - T0).total_seconds() / 60.0
    made = reconcile(rows, meters)
    site = only(made.sites)
    if site.residual_after is not None:
        assert abs(site.residual_after) < 1e-9
    assert all(one.energy_j >= 0.0 for one in made.rows)
    kept, new = made.rows[: len(rows)], made.rows[len(rows) :]
    assert all(one.share is Share.OVERHEAD and one.tier is Tier.T1_METER and one.energy_j > 0.0 for one in new)
    assert all(
        0.5 - 1e-9 <= one.energy_j / before.energy_j <= 2.0 + 1e-9
        for one, before in zip(kept, rows, strict=True)
        if before.energy_j > 0
    )
    assert all(
        one.energy_j == before.energy_j
        for one, before in zip(kept, rows, strict=True)
        if before.tier in (Tier.T1_METER, Tier.T2_BMC)
    )
