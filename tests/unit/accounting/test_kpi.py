"""Vectors V1, V2, V5, the third-party cards and the refuse list of reference/footprint.md §6."""

from __future__ import annotations

import pytest

from ondol.accounting import kpi
from ondol.model.errors import InvalidFieldError


def test_v1_site() -> None:
    e_dc, e_it, reuse = 1_460_000.0, 1_300_000.0, 912_500.0
    assert kpi.pue(e_dc, e_it) == pytest.approx(1.1230769, abs=5e-8)
    assert kpi.erf(reuse, e_dc) == pytest.approx(0.625, rel=1e-9)
    assert kpi.ere(e_dc, reuse, e_it) == pytest.approx(0.4211538, abs=5e-8)
    assert kpi.ere(e_dc, reuse, e_it) == pytest.approx((1 - 0.625) * e_dc / e_it, rel=1e-9)
    assert kpi.wue(1_950_000.0, e_it) == pytest.approx(1.5, rel=1e-9)
    assert kpi.ref(438_000.0, e_dc) == pytest.approx(0.3, rel=1e-9)
    assert kpi.cue(e_dc * 0.0519, e_it) == pytest.approx(0.0582877, abs=5e-8)


def test_v2_boiler() -> None:
    assert kpi.pue(89_000, 86_400) == pytest.approx(1.0300926, abs=5e-8)
    assert kpi.erf(74_760, 89_000) == pytest.approx(0.84, rel=1e-9)
    assert kpi.ere(89_000, 74_760, 86_400) == pytest.approx(0.1648148, abs=5e-8)


def test_third_party_cards() -> None:
    assert kpi.pue(1200, 1000) == pytest.approx(1.20)
    assert kpi.ref(99, 147) == pytest.approx(0.67, abs=0.005)
    assert kpi.erf(79, 147) == pytest.approx(0.54, abs=0.005)
    assert kpi.cer(95, 44) == pytest.approx(2.16, abs=0.005)
    assert kpi.cue(1500, 2500) == pytest.approx(0.60)
    assert kpi.ere(1_250_000, 210_000, 820_000) == pytest.approx(1.27, abs=0.005)


def test_v5_sci() -> None:
    account = kpi.sci(
        e_it_kwh=3.6,
        pue=1.03,
        grid_g_per_kwh=51.9,
        embodied_total_g=1_570_000,
        lifetime_h=43_800,
        reserved_h=6,
        resources_reserved=16,
        resources_total=64,
        functional_units=120,
    )
    assert account.energy_kwh == pytest.approx(3.708, rel=1e-9)
    assert account.operational_g == pytest.approx(192.4452, rel=1e-9)
    assert account.embodied_g == pytest.approx(53.7671233, abs=5e-8)
    assert account.total_g == pytest.approx(246.2123233, abs=5e-8)
    assert account.per_unit_g == pytest.approx(2.0517694, abs=5e-8)


def test_undefined_is_none_and_a_missing_meter_is_none() -> None:
    assert kpi.pue(0, 0) is None
    assert kpi.pue(5, 0) is None
    assert kpi.cue(1, 0) is None
    assert kpi.erf(None, 100) is None
    assert kpi.ere(100, None, 90) is None
    assert kpi.erf(0, 100) == 0.0
    assert kpi.erf(0, 0) is None


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: kpi.pue(99, 100),
        lambda: kpi.erf(120, 103),
        lambda: kpi.ere(103, 120, 100),
        lambda: kpi.ref(2, 1),
        lambda: kpi.pue(-1, 0),
        lambda: kpi.wue(float("nan"), 1),
        lambda: kpi.cer(1, float("inf")),
    ],
)
def test_the_impossible_is_refused(impossible: object) -> None:
    with pytest.raises(InvalidFieldError):
        impossible()  # type: ignore[operator]
