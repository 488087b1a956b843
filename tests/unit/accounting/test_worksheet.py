"""Worksheets: what standards and our notes print comes out digit by digit; what is impossible is refused in words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ondol.accounting.registry import Registry
from ondol.accounting.worksheet.places import PlaceFigures
from ondol.accounting.worksheet.sheet import read_sheet
from ondol.accounting.worksheet.worked import Worked, work_out
from ondol.model.errors import InvalidFieldError
from ondol.signals.factors import packaged_registry

EXAMPLE = Path(__file__).parents[3] / "examples" / "worksheet.toml"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return packaged_registry()


def _worked(registry: Registry, **tables: Any) -> Worked:
    return work_out(read_sheet(tables), registry)


def _kpi(place: PlaceFigures, key: str) -> float | None:
    return next(one.value for one in place.kpis if one.id == key)


def _site(**more: Any) -> dict[str, Any]:
    return {"name": "dc", "electricity_kwh": 1200.0, "e_it_kwh": 1000.0, **more}


def _job(**more: Any) -> dict[str, Any]:
    return {"name": "job", "total_kwh": 10.3, "it_kwh": 10.0, "g_per_kwh": 51.9, "embodied_g": 250.0, **more}


def test_example_gives_what_the_vectors_print(registry: Registry) -> None:
    """Vectors V1, V2, V5, V7 and V9 of reference/footprint.md §6."""
    made = work_out(read_sheet(tomllib.loads(EXAMPLE.read_text())), registry)

    assert not made.refused
    centre, boiler, fleet = made.sites
    v1 = {"pue": 1.1230769, "erf": 0.625, "ere": 0.4211538, "wue": 1.5, "ref": 0.3, "cue": 0.0582877}
    assert {key: _kpi(centre, key) for key in v1} == pytest.approx(v1, abs=5e-8)
    assert centre.carbon_g == pytest.approx(75_774_000)
    v2 = {"pue": 1.0300926, "erf": 0.84, "ere": 0.1648148}
    assert {key: _kpi(boiler, key) for key in v2} == pytest.approx(v2, abs=5e-8)
    assert _kpi(fleet, "erf") == pytest.approx((912_500 + 74_760) / (1_460_000 + 89_000), rel=1e-12), "ratio of sums"
    ((_, sci),) = made.software
    assert (sci.energy_kwh, sci.operational_g, sci.embodied_g) == pytest.approx((3.708, 192.4452, 53.7671233))
    assert sci.per_unit_g == pytest.approx(2.0517694, abs=5e-8)
    (split,) = made.splits
    assert {who: watts for who, _, watts in split.parts} == pytest.approx({"a": 287.0, "b": 113.0})
    (job,) = made.jobs
    views = {view.method: (view.job_g, view.heat_g) for view in job.views}
    assert views["A0"] == pytest.approx((784.57, 0.0))
    assert views["A1"] == pytest.approx((125.5312, 659.0388))
    assert views["A2"] == pytest.approx((686.5111, 98.0589), abs=1e-4)
    assert views["A3"] == pytest.approx((536.8472, 247.7228), abs=1e-4)
    assert job.avoided is not None
    assert job.avoided.net is not None
    assert (job.avoided.named.g, job.avoided.net.g) == pytest.approx((2584.785, -1800.215))
    assert job.avoided.heat_pump.g == pytest.approx(161.5247, abs=1e-4)


def test_published_cards_of_others(registry: Registry) -> None:
    """EN 50600-4 cards (kopja3/green_DC) and the ERE example of calcsimpler, reference/footprint.md §6."""
    cer = _worked(registry, site=[_site(heat_removed_kwh=95.0, cooling_kwh=44.0)]).sites[0]
    ere = _worked(
        registry,
        site=[
            _site(
                electricity_kwh=1_250_000.0,
                e_it_kwh=820_000.0,
                heat=[{"delivered_kwh": 210_000.0, "demanded_kwh": 210_000.0}],
            )
        ],
    ).sites[0]

    assert _kpi(cer, "pue") == pytest.approx(1.2)
    assert _kpi(cer, "cer") == pytest.approx(2.16, abs=5e-3)
    assert _kpi(ere, "ere") == pytest.approx(1.27, abs=5e-3)


def test_second_carrier_counts_in_cue_and_pue(registry: Registry) -> None:
    """Given gas beside electricity, then CUE is not PUE times the grid's factor, which would be 0.4998 (vector V4)."""
    gas = {"carrier": "gas_m3", "amount": 30.0 / 10.5, "g_per_kwh": 190.0}
    place = _worked(registry, site=[_site(electricity_kwh=1160.0, g_per_kwh=420.0, inflow=[gas])]).sites[0]

    assert _kpi(place, "pue") == pytest.approx(1.19)
    assert _kpi(place, "cue") == pytest.approx(0.4929)


def test_heat_pump_moves_pue_and_erf_and_not_ere(registry: Registry) -> None:
    """Vector V17: for the same physics ERE is the same, wherever the heat pump stands."""
    heat = [{"delivered_kwh": 1000.0, "demanded_kwh": 2000.0}]
    common = {"electricity_kwh": 1030.0, "e_it_kwh": 1000.0, "heat": heat, "heat_pump_kwh": 400.0}
    inside, outside, _ = _worked(
        registry,
        site=[
            _site(**common, heat_pump="inside"),
            {**_site(**common, heat_pump="outside"), "name": "other"},
        ],
    ).sites

    assert (_kpi(inside, "pue"), _kpi(inside, "erf")) == pytest.approx((1.43, 1400 / 1430))
    assert (_kpi(outside, "pue"), _kpi(outside, "erf")) == pytest.approx((1.03, 1000 / 1030))
    assert _kpi(inside, "ere") == pytest.approx(0.03)
    assert _kpi(outside, "ere") == pytest.approx(0.03)


def test_scope_two_twice(registry: Registry) -> None:
    """Given a contract over a part and a residual mix for the rest, then both methods stand side by side."""
    bought = {"instrument": "ppa", "kwh": 500.0, "g_per_kwh": 0.0, "evidence": "PPA 7"}
    one = _site(g_per_kwh=50.0, contract=[bought], residual_g_per_kwh=400.0)
    place, bare, both = _worked(registry, site=[one, {**_site(g_per_kwh=100.0), "name": "bare"}]).sites

    assert place.scope_two is not None
    assert (place.scope_two.location_g, place.scope_two.market_g) == (1200 * 50.0, 700 * 400.0)
    assert bare.scope_two is not None
    assert bare.scope_two.market_g is None
    assert both.scope_two is not None
    assert both.scope_two.market_g == 700 * 400.0 + 1200 * 100.0
    assert _kpi(place, "ref_ppa") == pytest.approx(500 / 1200)


def test_heat_of_a_season_is_of_no_use_in_another(registry: Registry) -> None:
    heat = [{"delivered_kwh": 100.0, "demanded_kwh": 300.0}, {"delivered_kwh": 400.0, "demanded_kwh": 50.0}]
    place = _worked(registry, site=[_site(heat=heat)]).sites[0]

    assert place.reuse_kwh == 150.0
    assert place.handed_over_kwh == 500.0
    assert _kpi(place, "erf") == pytest.approx(0.125)


def test_what_is_left_out_is_unknown_and_not_zero(registry: Registry) -> None:
    place = _worked(registry, site=[_site()]).sites[0]

    assert place.carbon_g is None
    for key in ("erf", "ere", "cue", "wue", "ref", "cer", "sci"):
        assert _kpi(place, key) is None, key


def test_idle_of_nobody_stays_nobodys(registry: Registry) -> None:
    """Given 4 slots of which 3 are held, then the fourth part of the idle power is nobody's, and all sum up."""
    node = {
        "name": "n", "rule": "cpu-time", "power_w": 200.0, "seconds": 3600.0, "idle_w": 80.0, "slots": 4,
        "use": [{"name": "a", "cpu_s": 3000.0, "slots": 2}, {"name": "b", "cpu_s": 1000.0, "filler": True}],
    }  # fmt: skip
    parts = {who: watts for who, _, watts in _worked(registry, split=[node]).splits[0].parts}

    assert parts == pytest.approx({"a": 40 + 90, "b": 20 + 30, "nobody": 20})


def test_filler_is_the_heats_in_every_view(registry: Registry) -> None:
    job = _worked(registry, job=[_job(useful_heat_kwh=8.0, heat_only_kwh=5.15)]).jobs[0]

    for view in job.views[:2]:
        assert view.heat_only_g == pytest.approx(job.total_g / 2)
        assert view.residual < 1e-12


def test_basket_of_a_heat_pump_and_a_data_centre(registry: Registry) -> None:
    """Vector V19: all heat useful and PUE 1; a data centre of PUE 1.4 or 1.1, a heat pump of SCOP 3."""
    for pue, saved, least in ((1.4, -0.4231, 0.4761905), (1.1, -0.3023, 0.6060606)):
        centre = {"pue": pue, "scop": 3.0, "source": "textbook"}
        job = _job(total_kwh=1.0, it_kwh=1.0, embodied_g=0.0, useful_heat_kwh=1.0, data_centre=centre)
        made = _worked(registry, job=[job]).jobs[0].basket

        assert made is not None
        assert made.delta_share == pytest.approx(saved, abs=5e-5)
        assert made.threshold == pytest.approx(least, abs=5e-8)


def _own(basis: str, of_heater: str) -> dict[str, Any]:
    return {
        "carrier": {"value": 0.215, "calorific": basis, "source": "Base Empreinte"},
        "efficiency": {"value": 0.92, "unit": "1", "calorific": of_heater, "source": "label"},
        "evidence": "audit",
        "until": "2030-12-31",
    }


def test_calorific_bases_are_never_mixed(registry: Registry) -> None:
    """Vector V12: 0.215 by HHV and a boiler of 92 % by HHV; the same efficiency by LHV is refused."""
    common = {"useful_heat_kwh": 1.0, "end": "2026-11-23"}
    right = _worked(registry, job=[_job(**common, reference=_own("hhv", "hhv"))])
    wrong = _worked(registry, job=[_job(**common, reference=_own("hhv", "lhv"))])

    assert right.jobs[0].avoided is not None
    assert right.jobs[0].avoided.named.g == pytest.approx(233.6957, abs=1e-4)
    assert not wrong.jobs
    assert "calorific basis" in wrong.refused[0][1]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"site": [_site(electricity_kwh=99.0, e_it_kwh=100.0)]}, "PUE is never below 1"),
        ({"site": [_site(heat=[{"delivered_kwh": 1300.0, "demanded_kwh": 1300.0}])]}, "ERF is never above 1"),
        ({"site": [_site(renewable_kwh=1300.0)]}, "REF is never above 1"),
        ({"site": [_site(e_it_kwh=-1.0)]}, "e_it_kwh"),
        ({"site": [_site(water_l=-1.0)]}, "water_l"),
        ({"site": [_site(heat_pump_kwh=5.0)]}, "heat_pump"),
        ({"site": [_site(heat=[{"delivered_kwh": -1.0, "demanded_kwh": 3.0}])]}, "delivered_kwh"),
        ({"job": [_job(useful_heat_kwh=1.0, end="2031-01-01", reference=_own("hhv", "hhv"))]}, "would not be there"),
        ({"job": [_job(useful_heat_kwh=1.0, reference=_own("hhv", "hhv"))]}, "end"),
        ({"job": [_job(end="2026-11-23", reference=_own("hhv", "hhv"))]}, "not metered"),
        (
            {"job": [_job(useful_heat_kwh=1.0, end="2026-11-23", mix="marginal", reference=_own("hhv", "hhv"))]},
            "marginal",
        ),
        (
            {"job": [_job(useful_heat_kwh=1.0, end="2026-11-23", mix="market", reference=_own("hhv", "hhv"))]},
            "never stand in a credit",
        ),
        ({"job": [_job(it_kwh=11.0)]}, "energy_kwh"),
        ({"split": [{"name": "n", "rule": "ceems", "power_w": 10.0, "seconds": 60.0}]}, "no counters"),
        ({"split": [{"name": "n", "rule": "fair", "power_w": 10.0, "seconds": 60.0}]}, "cpu-time"),
    ],
)  # fmt: skip
def test_impossible_is_refused_in_words(registry: Registry, tables: dict[str, Any], words: str) -> None:
    made = _worked(registry, **tables)

    assert [*made.sites, *made.jobs, *made.splits] == []
    assert words in made.refused[0][1]


def test_sum_of_sites_is_not_made_while_one_is_refused(registry: Registry) -> None:
    made = _worked(registry, site=[_site(), {**_site(e_it_kwh=1300.0), "name": "bad"}])

    assert [place.name for place in made.sites] == ["dc"]
    assert [place for place, _ in made.refused] == ["site bad", "sites"]


@pytest.mark.parametrize(
    ("tables", "place", "value"),
    [
        ({"site": [_site(e_it=1.0)]}, "site[0]", None),
        ({"site": [_site(), _site(e_it_kwh="much")]}, "site[1].e_it_kwh", "much"),
        ({"site": [{"name": "dc", "e_it_kwh": 1.0}]}, "site[0]", None),
        ({"sites": []}, "worksheet", None),
        ({}, "worksheet", None),
    ],
)  # fmt: skip
def test_slips_of_the_pen_are_told_with_their_place(tables: dict[str, Any], place: str, value: object) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        read_sheet(tables)

    assert refused.value.field == place
    if value is not None:
        assert refused.value.value == value
