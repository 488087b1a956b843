"""Worksheets as an auditor tries them: cases that no standard prints, each held against a calculation by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ondol.accounting.registry import Registry
from ondol.accounting.worksheet.places import PlaceFigures
from ondol.accounting.worksheet.sheet import read_sheet
from ondol.accounting.worksheet.worked import Worked, work_out
from ondol.accounting.worksheet.works import JobFigures
from ondol.model.errors import InvalidFieldError
from ondol.signals.factors import packaged_registry

NAN = math.nan


@pytest.fixture(scope="module")
def registry() -> Registry:
    return packaged_registry()


def _worked(registry: Registry, **tables: Any) -> Worked:
    return work_out(read_sheet(tables), registry)


def _site(name: str = "dc", **more: Any) -> dict[str, Any]:
    return {"name": name, "electricity_kwh": 1200.0, "e_it_kwh": 1000.0, **more}


def _job(**more: Any) -> dict[str, Any]:
    return {"name": "job", "total_kwh": 1.0, "it_kwh": 1.0, "g_per_kwh": 50.0, "useful_heat_kwh": 1.0, **more}


def _figures(place: PlaceFigures) -> dict[str, float | None]:
    return {one.id: one.value for one in place.kpis}


def _one(registry: Registry, **job: Any) -> JobFigures:
    made = _worked(registry, job=[_job(**job)])
    assert not made.refused, made.refused
    return made.jobs[0]


HEATER = {"heater": "heater-gas-condensing-collective", "evidence": "audit", "until": "2030-12-31"}
CENTRE = {"pue": 1.4, "scop": 3.0, "source": "textbook"}


def _lifted(name: str, where: str, wanted_kwh: float, **more: Any) -> dict[str, Any]:
    heat = [{"delivered_kwh": 1000.0, "demanded_kwh": wanted_kwh}]
    return _site(name, electricity_kwh=1030.0, heat=heat, heat_pump=where, heat_pump_kwh=400.0, g_per_kwh=50.0, **more)


def test_a_fleet_with_heat_pumps_on_both_sides_is_the_sum_and_says_so(registry: Registry) -> None:
    *_, both = _worked(registry, site=[_lifted("a", "inside", 2000.0), _lifted("b", "outside", 2000.0)]).sites
    found = _figures(both)
    assert found["pue"] == pytest.approx(2460 / 2000)
    assert found["erf"] == pytest.approx(2400 / 2460)
    assert found["ere"] == pytest.approx(0.03)
    assert found["cue"] == pytest.approx(2460 * 0.05 / 2000)
    assert both.scope_two is not None
    assert both.scope_two.kwh == pytest.approx(2460)
    assert "a: " in both.boundary
    assert "stands inside" in both.boundary
    assert "stands outside" in both.boundary


def test_a_heat_pump_that_lifts_what_nobody_asked_for_reuses_nothing(registry: Registry) -> None:
    found = _figures(_worked(registry, site=[_lifted("a", "inside", 0.0)]).sites[0])
    assert (found["erf"], found["ere"], found["pue"]) == (0.0, pytest.approx(1.43), pytest.approx(1.43))


def test_categories_of_a_mixed_fleet_are_told_by_the_coarsest(registry: Registry) -> None:
    *_, both = _worked(registry, site=[_site("a", it_category=1), _site("b", it_category=3)]).sites
    assert "category 1" in next(one.note for one in both.kpis if one.id == "pue")


def test_fleet_of_two_carriers_and_seasons_is_of_sums(registry: Registry) -> None:
    diesel = {"carrier": "diesel_l", "amount": 10.0, "g_per_kwh": 323.0, "backup": True}
    cold = {"carrier": "cooling_kwh", "amount": 60.0, "g_per_kwh": 20.0}
    seasons = [
        {"period": "winter", "delivered_kwh": 300.0, "demanded_kwh": 900.0},
        {"period": "summer", "delivered_kwh": 500.0, "demanded_kwh": 40.0},
    ]
    a = _site("a", inflow=[diesel, cold], g_per_kwh=50.0, heat=seasons, water_l=100.0, tasks=10, embodied_g=500.0)
    b = _site("b", electricity_kwh=400.0, e_it_kwh=200.0, g_per_kwh=700.0, water_l=0.0, tasks=30, embodied_g=1500.0)
    *_, both = _worked(registry, site=[a, b]).sites
    e_dc, grams = 1200 + 99 + 60 + 400, 1200 * 50 + 99 * 323 + 60 * 20 + 400 * 700
    want = {
        "pue": e_dc / 1200, "erf": 340 / e_dc, "ere": (e_dc - 340) / 1200, "cue": grams / 1e3 / 1200,
        "wue": 100 / 1200, "sci": (grams + 2000) / 40, "erf_handed_over": 800 / e_dc,
    }  # fmt: skip
    assert {key: _figures(both)[key] for key in want} == pytest.approx(want, rel=1e-12)
    assert both.notes[0].endswith("though its electricity is: b")


def test_renewable_energy_of_a_part_is_said_to_be_the_least(registry: Registry) -> None:
    bought = {"instrument": "goo", "kwh": 600.0, "g_per_kwh": 5.0, "evidence": "EECS 1"}
    *_, both = _worked(registry, site=[_site("a", renewable_kwh=100.0), _site("b", contract=[bought])]).sites
    ref = next(one for one in both.kpis if one.id == "ref")
    assert ref.value == pytest.approx(600 / 2400)
    assert "at least this" in ref.note


def test_market_based_sum_of_contract_residual_mix_and_bare_grid(registry: Registry) -> None:
    bought = {"instrument": "supplier", "kwh": 600.0, "g_per_kwh": 5.0, "evidence": "bill", "renewable": False}
    made = _worked(
        registry,
        site=[
            _site("a", g_per_kwh=50.0, contract=[bought], residual_g_per_kwh=60.0),
            _site("b", g_per_kwh=400.0, residual_g_per_kwh=600.0),
            _site("c", g_per_kwh=100.0),
        ],
    )
    two = made.sites[-1].scope_two
    assert two is not None
    assert two.location_g == pytest.approx(1200 * 550)
    assert two.market_g == pytest.approx(600 * 5 + 600 * 60 + 1200 * 600 + 1200 * 100)
    assert _figures(made.sites[0])["ref"] is None, "this contract is not of renewable energy"


def test_heat_pump_beside_draws_the_electricity_that_the_job_draws(registry: Registry) -> None:
    """Given 700 g/kWh and no country, then the heat pump is not on the French grid; with one, it is on that one's."""
    own = _one(registry, g_per_kwh=700.0, end="2026-11-23", reference=HEATER).avoided
    french = _one(registry, g_per_kwh=700.0, end="2026-11-23", reference=HEATER, country="FR").avoided
    assert own is not None
    assert french is not None
    assert own.heat_pump.g == pytest.approx(700 / 2.78)
    assert french.heat_pump.g == pytest.approx(51.9 / 2.78)
    assert own.named == french.named, "gas draws from no grid"


def test_marginal_stands_beside_marginal(registry: Registry) -> None:
    heater = {
        "carrier": {"value": 0.4, "mix": "marginal", "source": "study"},
        "efficiency": {"value": 0.96, "source": "label"},
        "electric": True, "evidence": "audit", "until": "2030-12-31",
    }  # fmt: skip
    box = _one(registry, g_per_kwh=400.0, mix="marginal", end="2026-11-23", reference=heater).avoided
    assert box is not None
    assert box.named.g == pytest.approx(400 / 0.96)
    assert box.heat_pump.g == pytest.approx(400 / 2.78)


def test_the_heater_of_the_basket_stands_where_the_heat_is(registry: Registry) -> None:
    """Given a data centre in another country, then its heat pump is still on the grid of the site."""
    made = _one(registry, g_per_kwh=50.0, data_centre={**CENTRE, "g_per_kwh": 700.0}).basket
    assert made is not None
    assert (made.data_centre_g, made.heater_g) == pytest.approx((1.4 * 700, 50 / 3))


def test_what_ran_for_heat_alone_is_no_wanted_work_in_the_basket(registry: Registry) -> None:
    """Given pure filler, then the platform takes three times what a heat pump takes (vector V19)."""
    half = _one(registry, heat_only_kwh=0.5, data_centre=CENTRE).basket
    filler = _one(registry, heat_only_kwh=1.0, data_centre=CENTRE).basket
    assert half is not None
    assert filler is not None
    assert half.reference_kwh == pytest.approx(0.5 * 1.4 + 1 / 3)
    assert filler.platform_kwh / filler.reference_kwh == pytest.approx(3.0)


def test_ceems_by_stays_of_different_length(registry: Registry) -> None:
    """0.9 by counters, 0.1 by stays: 30 s and 60 s of a minute; half of the cores idle is the users' by this rule."""
    use = [
        {"name": "a", "cpu_s": 30.0, "memory_gb": 64.0, "held_s": 30.0},
        {"name": "b", "cpu_s": 10.0, "memory_gb": 32.0, "held_s": 60.0},
    ]
    node = {
        "name": "n", "rule": "ceems", "power_w": 400.0, "seconds": 60.0, "package_w": 150.0, "dram_w": 50.0, "use": use,
    }  # fmt: skip
    made = _worked(registry, split=[node])
    found = {who: watts for who, _, watts in made.splits[0].parts}
    a = 270 * 0.75 + 90 * 64 / 96 + 40 / 3
    assert found == pytest.approx({"a": a, "b": 400 - a})
    late = {**node, "use": [{**use[0], "held_s": 61.0}]}
    assert "at most the window's 60 s" in _worked(registry, split=[late]).refused[0][1]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        *(
            ({"site": [_site(**{field: wrong})]}, field)
            for field in ("heat_removed_kwh", "cooling_kwh", "residual_g_per_kwh")
            for wrong in (NAN, math.inf, -1.0)
        ),
        (
            {"site": [_site(contract=[{"instrument": "ppa", "kwh": 1201.0, "g_per_kwh": 0.0, "evidence": "PPA"}])]},
            "at most what was used",
        ),
        (
            {"site": [_site(heat=[{"period": "May", "delivered_kwh": 1.0, "demanded_kwh": 1.0}] * 2)]},
            "stated once only",
        ),
        (
            {
                "site": [
                    _site(
                        electricity_kwh=0.0, heat_pump="inside", heat_pump_kwh=9.0,
                        inflow=[{"carrier": "hydrogen_kg", "amount": 100.0, "g_per_kwh": 0.0}],
                    )
                ]
            },
            "no electricity is bought",
        ),
        ({"site": [_site(heat=[])]}, "left out without a heat meter"),
        ({"job": [_job(useful_heat_kwh=1.01)]}, "ERF is never above 1"),
        ({"job": [_job(mix="market")]}, "average or marginal"),
        (
            {"job": [_job(end="2026-11-23", reference={
                "carrier": {"value": 215.0, "source": "grams"}, "efficiency": {"value": 0.9, "source": "x"},
                "evidence": "x", "until": "2030-01-01"})]},
            "at most 3 kgCO2e/kWh",
        ),
        ({"job": [_job(standby_kwh=NAN)]}, "standby_kwh"),
        ({"job": [_job(useful_heat_kwh=None, auxiliary_kwh=1.0)]}, "no heat is metered"),
        ({"job": [_job(heat_only_kwh=0.5, data_centre={**CENTRE, "useful_share": 0.6})]}, "ran for heat alone"),
        ({"job": [_job(data_centre={**CENTRE, "g_per_kwh": NAN})]}, "g_per_kwh"),
        ({"split": [{"name": "n", "rule": "cpu-time", "power_w": 1.0, "seconds": math.inf}]}, "seconds"),
        ({"split": [{"name": "n", "rule": "cpu-time", "power_w": 1.0, "seconds": 1e20}]}, "seconds"),
        (
            {"split": [{"name": "n", "rule": "cpu-time", "power_w": 1.0, "seconds": 1.0,
                        "use": [{"name": "nobody", "cpu_s": 1.0}]}]},
            "idle part",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_made_of_it(
    registry: Registry, tables: dict[str, Any], words: str
) -> None:
    made = _worked(registry, **tables)
    assert [*made.sites, *made.jobs, *made.splits] == []
    assert words in made.refused[0][1]


def test_one_site_stated_twice_is_no_fleet(registry: Registry) -> None:
    made = _worked(registry, site=[_site(), _site()])
    assert [place.name for place in made.sites] == ["dc", "dc"]
    assert "counts twice" in made.refused[0][1]


def test_an_efficiency_is_no_emission_factor() -> None:
    """The unit of an efficiency is 1; grams by kWh in its place are refused before anything is worked out."""
    heater = {
        "carrier": {"value": 0.2, "source": "x"},
        "efficiency": {"value": 0.9, "unit": "kgCO2e/kWh", "source": "x"},
    }
    with pytest.raises(InvalidFieldError) as refused:
        read_sheet({"job": [_job(reference={**heater, "evidence": "x", "until": "2030-01-01"})]})
    assert refused.value.field == "job[0].reference.efficiency.unit"
