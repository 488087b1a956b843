"""Avoided emissions: the list A4 of vector V9, ends of counterfactuals, mixed footings, shares by contract."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.accounting.avoided import (
    ContractShares,
    Counterfactual,
    Footing,
    ReferenceHeater,
    Span,
    UsefulHeat,
    avoided,
)
from ondol.accounting.basket import DataCentre, Functions, basket, basket_kwh, threshold
from ondol.accounting.scope_two import Contract, Instrument, scope_two
from ondol.accounting.wording import check_words
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Factor, Heating, Mix, Scope

_END = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
_UNTIL = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)


def _factor(
    value: float,
    *,
    spread: float = 0.0,
    unit: str = "kgCO2e/kWh",
    heating: Heating = Heating.LHV,
    mix: Mix = Mix.AVERAGE,
    scope: Scope = Scope.LCA,
) -> Factor:
    return Factor(
        id="a-row",
        value=value,
        low=value * (1 - spread),
        high=value * (1 + spread),
        unit=unit,
        scope=scope,
        mix=mix,
        heating=heating,
        year=2024,
        geography="FR",
        source="reference/footprint.md §2",
        licence="test",
    )


_GRID = _factor(0.0519, heating=Heating.NONE)


def _heater(carrier: Factor, efficiency: float, *, electric: bool = False, name: str = "a heater") -> ReferenceHeater:
    return ReferenceHeater(
        name=name, carrier=carrier, efficiency=_factor(efficiency, unit="1", heating=carrier.heating), electric=electric
    )


_PUMP = _heater(_GRID, 2.78, electric=True, name="an air-to-water heat pump, SCOP 2.78")


def _counterfactual(heater: ReferenceHeater, until: dt.datetime = _UNTIL) -> Counterfactual:
    return Counterfactual(heater=heater, evidence="heat contract 12 of 2024", valid_until=until)


@pytest.mark.parametrize(
    ("heater", "avoided_kg", "net_kg"),
    [
        (_heater(_factor(0.239), 0.80), 2.584785, -1.800215),
        (_heater(_factor(0.323), 0.71), 3.9360507, -3.1514807),
        (_heater(_GRID, 0.96, electric=True), 0.4677488, 0.3168213),
        (_PUMP, 0.1615247, 0.6230453),
        (_heater(_factor(0.027), 0.82), 0.2848829, 0.4996871),
        (_heater(_factor(0.113, heating=Heating.NONE), 1.0), 0.977676, -0.193106),
    ],
)
def test_v9_substitution(heater: ReferenceHeater, avoided_kg: float, net_kg: float) -> None:
    burden = Span(g=784.57, low_g=784.57, high_g=784.57)
    box = avoided(UsefulHeat(kwh=8.652), _counterfactual(heater), _PUMP, end=_END, burden=burden)
    assert box.net is not None
    assert box.named.g == pytest.approx(avoided_kg * 1000, abs=1e-4)
    assert box.net.g == pytest.approx(net_kg * 1000, abs=5e-4)
    # the heat pump stands beside it, whatever the reference
    assert box.heat_pump.g == pytest.approx(161.5247, abs=1e-4)


def test_a_claim_that_changes_sign_with_its_counterfactual_says_so() -> None:
    burden = Span(g=784.57, low_g=784.57, high_g=784.57)
    gas = avoided(UsefulHeat(kwh=8.652), _counterfactual(_heater(_factor(0.239), 0.8)), _PUMP, end=_END, burden=burden)
    assert gas.changes_sign
    assert not avoided(UsefulHeat(kwh=8.652), _counterfactual(_PUMP), _PUMP, end=_END, burden=burden).changes_sign


def test_the_range_comes_from_factor_efficiency_and_meter() -> None:
    heater = _heater(_factor(0.2, spread=0.1), 0.8)
    box = avoided(UsefulHeat(kwh=100.0, uncertainty=0.05), _counterfactual(heater), _PUMP, end=_END)
    assert box.named == Span(
        g=pytest.approx(25_000.0), low_g=pytest.approx(95 * 0.18 / 0.8 * 1000), high_g=pytest.approx(105 * 275.0)
    )


def test_losses_that_stay_and_pumps_are_taken_off() -> None:
    heat = UsefulHeat(kwh=100.0, standby_kwh=10.0, auxiliary_kwh=2.0, auxiliary_g_per_kwh=51.9)
    box = avoided(heat, _counterfactual(_heater(_factor(0.2), 0.8)), _PUMP, end=_END)
    assert box.named.g == pytest.approx(90 * 250.0 - 2 * 51.9)
    assert box.useful_heat_kwh == 90.0


def test_after_its_end_a_counterfactual_is_refused_and_another_is_named() -> None:
    old = _counterfactual(_heater(_factor(0.239), 0.8), until=_END - dt.timedelta(seconds=1))
    with pytest.raises(InvalidFieldError, match="heat pump or district heat"):
        avoided(UsefulHeat(kwh=1.0), old, _PUMP, end=_END)


def test_mixed_footings_are_refused() -> None:
    gas = _counterfactual(_heater(_factor(0.239), 0.8))
    with pytest.raises(InvalidFieldError, match="average goes with average"):
        avoided(UsefulHeat(kwh=1.0), gas, _PUMP, end=_END, footing=Footing(mix=Mix.MARGINAL))
    with pytest.raises(InvalidFieldError, match="contracts never stand"):
        avoided(UsefulHeat(kwh=1.0), gas, _PUMP, end=_END, footing=Footing(mix=Mix.MARKET))
    with pytest.raises(InvalidFieldError, match="direct"):
        avoided(UsefulHeat(kwh=1.0), gas, _PUMP, end=_END, footing=Footing(scope=Scope.DIRECT))


def test_v12_mixed_calorific_bases_are_refused() -> None:
    hhv = _factor(0.215, heating=Heating.HHV)
    lhv_efficiency = _factor(1.02212, unit="1", heating=Heating.LHV)
    with pytest.raises(InvalidFieldError, match="calorific basis"):
        ReferenceHeater(name="gas", carrier=hhv, efficiency=lhv_efficiency)
    assert _heater(hhv, 0.92).g_per_kwh == pytest.approx(233.6957, abs=5e-5)
    assert _heater(_factor(0.238865), 1.02212).g_per_kwh == pytest.approx(233.6957, abs=5e-4)


def test_a_counterfactual_needs_evidence() -> None:
    with pytest.raises(InvalidFieldError, match="evidence"):
        Counterfactual(heater=_PUMP, evidence=" ", valid_until=_UNTIL)


def test_v13_shares_by_contract_sum_to_one() -> None:
    heat, compute = ContractShares(heat=0.5, compute=0.5, contract="c 1").of(Span(g=90.0, low_g=80.0, high_g=100.0))
    assert (heat.g, compute.g) == (45.0, 45.0)
    with pytest.raises(InvalidFieldError, match=r"shares\.compute"):
        ContractShares(heat=0.5, compute=0.6, contract="c 1")


def test_the_sentence_keeps_to_the_rules_of_wording_also_below_zero() -> None:
    for spread in (0.0, 0.3):
        box = avoided(
            UsefulHeat(kwh=100.0, auxiliary_kwh=2.0, auxiliary_g_per_kwh=3000.0),
            _counterfactual(_heater(_factor(0.027, spread=spread), 0.82, name="a pellet boiler")),
            _PUMP,
            end=_END,
        )
        assert box.named.g < 0
        assert "causes more than it avoids" in box.sentence
        assert "compared with a pellet boiler, under the assumption" in box.sentence
        check_words(box.sentence)


@pytest.mark.parametrize(
    ("pue_ref", "reference", "saving", "least"),
    [(1.4, 1.7333333, -0.4231, 0.4761905), (1.1, 1.4333333, -0.3023, 0.6060606)],
)
def test_v19_parity(pue_ref: float, reference: float, saving: float, least: float) -> None:
    ours, theirs = basket_kwh(
        pue_site=1.0, pue_ref=pue_ref, heat_per_it=1.0, scop=3.0, useful_share=1.0, efficiency_ratio=1.0
    )
    assert theirs == pytest.approx(reference, abs=5e-8)
    assert ours / theirs - 1 == pytest.approx(saving, abs=5e-5)
    assert threshold(pue_site=1.0, pue_ref=pue_ref, heat_per_it=1.0, scop=3.0) == pytest.approx(least, abs=5e-8)


def test_v19_filler_takes_three_times_what_a_heat_pump_takes() -> None:
    ours, theirs = basket_kwh(
        pue_site=1.0, pue_ref=1.4, heat_per_it=1.0, scop=3.0, useful_share=0.0, efficiency_ratio=1.0
    )
    assert ours / theirs == pytest.approx(3.0)


def test_basket_in_carbon_agrees_with_its_threshold() -> None:
    grid = _factor(0.0519, heating=Heating.NONE)
    centre = DataCentre(name="DC", pue=1.4, electricity=grid, source="test")
    pump = _heater(grid, 3.0, electric=True)
    for share in (0.47, 0.48):
        functions = Functions(
            it_kwh=100.0,
            total_kwh=100.0,
            useful_share=share,
            efficiency_ratio=1.0,
            useful_heat_kwh=100.0,
            operational=Span(g=5190.0, low_g=5190.0, high_g=5190.0),
        )
        result = basket(functions, centre, pump, scop=3.0)
        assert result.threshold == pytest.approx(0.4761905, abs=5e-8)
        assert (result.delta.g < 0) == (share > 0.4761905)
        assert result.platform_kwh < result.reference_kwh if share > 0.4761905 else True
        assert not result.with_embodied
        assert "left out on both sides" in result.note


def test_old_servers_can_lift_the_threshold_above_reach() -> None:
    least = threshold(pue_site=1.0, pue_ref=1.1, heat_per_it=0.5, scop=3.0, efficiency_ratio=2.0)
    assert least > 1.0
    functions = Functions(
        it_kwh=10.0,
        total_kwh=10.0,
        useful_share=1.0,
        efficiency_ratio=2.0,
        useful_heat_kwh=5.0,
        operational=Span(g=519.0, low_g=519.0, high_g=519.0),
        embodied=Span(g=100.0, low_g=50.0, high_g=150.0),
    )
    centre = DataCentre(name="DC", pue=1.1, electricity=_GRID, source="test", embodied_g_per_kwh=20.0)
    result = basket(functions, centre, _PUMP, scop=3.0)
    assert result.threshold is None
    assert result.data_centre_g == pytest.approx(5.0 * (1.1 * 51.9 + 20.0))
    assert result.delta.low_g <= result.delta.g <= result.delta.high_g


def test_scope_two_has_both_methods_and_never_more_contracts_than_use() -> None:
    green = Contract(
        instrument=Instrument.GOO,
        kwh=60.0,
        factor=_factor(0.0, heating=Heating.NONE, mix=Mix.MARKET, scope=Scope.DIRECT),
        renewable=True,
        evidence="EECS 1-60",
    )
    both = scope_two(100.0, 5190.0, [green])
    assert both.location_g == 5190.0
    assert both.market_g == pytest.approx(0.4 * 5190.0)
    assert "location-based average" in both.note
    residual = _factor(0.1, heating=Heating.NONE, mix=Mix.MARKET, scope=Scope.DIRECT)
    assert scope_two(100.0, 5190.0, [green], residual).market_g == pytest.approx(4000.0)
    assert scope_two(100.0, 5190.0).market_g is None
    whole = scope_two(60.0, 3114.0, [green])
    assert (whole.market_g, whole.note) == (0.0, "contracts cover all of it")
    with pytest.raises(InvalidFieldError, match=r"contracts\.kwh"):
        scope_two(50.0, 2595.0, [green])
