"""Factors of different footing are never combined; heat of a heater is carrier over efficiency on one basis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting import backup_heat
from ondol.accounting.factor_combine import check_together, combine, heaters, on_heating, useful_heat
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.factor import Heating, Mix, Scope
from ondol.signals.factors import packaged_registry
from unit.accounting.test_factor_table import factor

GAS_HHV = factor("gas", value=0.215, low=0.2, high=0.22, unit="kgCO2e/kWh", heating=Heating.HHV)
BOILER_HHV = factor("boiler", value=0.92, low=0.9, high=0.94, unit="kWh/kWh", heating=Heating.HHV)


def test_v12_both_calorific_bases_give_the_same_heat() -> None:
    gas_lhv, boiler_lhv = on_heating(GAS_HHV, Heating.LHV, 1.111), on_heating(BOILER_HHV, Heating.LHV, 1.111)
    assert gas_lhv.value == pytest.approx(0.238865, rel=1e-9)
    assert boiler_lhv.value == pytest.approx(1.02212, rel=1e-9)
    on_hhv, on_lhv = combine(GAS_HHV, BOILER_HHV), combine(gas_lhv, boiler_lhv)
    assert on_hhv.value == pytest.approx(0.2336957, abs=5e-8)
    assert on_lhv.value == pytest.approx(on_hhv.value, rel=1e-12)
    assert on_heating(gas_lhv, Heating.HHV, 1.111).value == pytest.approx(0.215, rel=1e-12)


def test_v12_mixed_bases_which_would_give_0_2103471_are_refused() -> None:
    boiler_lhv = on_heating(BOILER_HHV, Heating.LHV, 1.111)
    assert GAS_HHV.value / boiler_lhv.value == pytest.approx(0.2103471, abs=5e-8)
    with pytest.raises(InvalidFieldError, match="hhv, as gas is counted; convert one"):
        combine(GAS_HHV, boiler_lhv)


def test_the_range_of_useful_heat_goes_from_the_best_to_the_worst_of_both() -> None:
    heat = combine(GAS_HHV, BOILER_HHV)
    assert heat.low == pytest.approx(0.2 / 0.94)
    assert heat.high == pytest.approx(0.22 / 0.9)
    assert heat.unit == "kgCO2e/kWh"
    assert heat.heating is Heating.NONE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scope": Scope.DIRECT}, "lca, as first has it; scopes are never mixed"),
        ({"mix": Mix.MARGINAL}, "average, as first has it; average, marginal and market"),
        ({"mix": Mix.MARKET}, "average, as first has it"),
    ],
)
def test_factors_of_different_footing_do_not_stand_together(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidFieldError, match=said):
        check_together(factor("first"), factor("second", **changes))


def test_fuels_on_two_bases_do_not_stand_together_but_electricity_goes_with_each() -> None:
    lhv = on_heating(GAS_HHV, Heating.LHV, 1.111)
    check_together(GAS_HHV, factor("power"))
    check_together(factor("power"), lhv, lhv)
    with pytest.raises(InvalidFieldError, match="calorific bases are never mixed"):
        check_together(factor("power"), GAS_HHV, lhv)


def test_contracts_are_never_used_for_heat_and_units_must_divide() -> None:
    pump = factor("pump", value=3.0, low=2.5, high=3.5, unit="kWh/kWh")
    with pytest.raises(InvalidFieldError, match="contracts are never used"):
        combine(factor("go", value=0.0, low=0.0, high=0.0, mix=Mix.MARKET), pump)
    with pytest.raises(InvalidFieldError, match="over an efficiency"):
        combine(factor("water", unit="L/kWh"), pump)
    with pytest.raises(InvalidFieldError, match="lhv or hhv"):
        on_heating(pump, Heating.LHV, 1.111)


@pytest.mark.parametrize(
    ("heater", "kg_per_kwh"),
    [
        ("heater-gas-condensing-collective", 2.584785 / 8.652),
        ("heater-oil-collective", 3.9360507 / 8.652),
        ("heater-electric-radiator", 0.4677488 / 8.652),
        ("heater-heat-pump-radiators-55", 0.1615247 / 8.652),
        ("heater-pellet-boiler-collective", 0.2848829 / 8.652),
        ("heater-district-delivered", 0.977676 / 8.652),
    ],
)
def test_v9_heat_of_the_packaged_heaters_in_france(heater: str, kg_per_kwh: float) -> None:
    assert useful_heat(packaged_registry(), heater, "FR").value == pytest.approx(kg_per_kwh, rel=5e-7)


def test_an_electric_heater_takes_the_electricity_of_its_country() -> None:
    registry = packaged_registry()
    pump = registry.get("heater-heat-pump-radiators-55")
    german = useful_heat(registry, pump.id, "DE")
    assert german.value == pytest.approx(0.38095 / 2.78)
    assert german.scope is Scope.LCA
    with pytest.raises(NotFoundError, match="electricity-xx-lca-average"):
        useful_heat(registry, pump.id, "XX")
    with pytest.raises(InvalidFieldError, match="heater-gas-condensing-collective"):
        useful_heat(registry, "carrier-gas-hhv-fr", "FR")


def test_every_packaged_heater_has_a_carrier_and_gives_heat_in_all_countries() -> None:
    registry = packaged_registry()
    countries = [row.geography for row in registry.find("electricity") if row.id.endswith("-lca-average")]
    assert len(countries) >= 18
    assert len(heaters(registry)) == len(registry.find("heater"))
    for row in heaters(registry):
        for country in countries:
            heat = useful_heat(registry, row.id, country)
            assert heat.low <= heat.value <= heat.high


@given(st.floats(0.01, 2.0), st.floats(0.3, 5.0), st.floats(1.0, 1.3))
def test_converting_both_sides_never_changes_the_heat(carrier: float, efficiency: float, ratio: float) -> None:
    gas = factor("gas", value=carrier, low=carrier, high=carrier, unit="kgCO2e/kWh", heating=Heating.HHV)
    boiler = factor("b", value=efficiency, low=efficiency, high=efficiency, unit="kWh/kWh", heating=Heating.HHV)
    turned = combine(on_heating(gas, Heating.LHV, ratio), on_heating(boiler, Heating.LHV, ratio))
    assert turned.value == pytest.approx(combine(gas, boiler).value, rel=1e-12)


def test_what_backups_of_sinks_cost_is_what_the_registry_says() -> None:
    registry = packaged_registry()
    gas = useful_heat(registry, "heater-gas-condensing-collective", "FR")
    assert backup_heat.GAS_G_PER_KWH["life-cycle"] / backup_heat.GAS_EFFICIENCY == pytest.approx(1e3 * gas.value)
    direct = registry.get("carrier-gas-lhv-direct")
    assert backup_heat.GAS_G_PER_KWH["direct"] == pytest.approx(1e3 * direct.value, rel=1e-3)
    assert registry.get("heater-heat-pump-radiators-55").value == backup_heat.HEAT_PUMP_SCOP
    network = useful_heat(registry, "heater-district-substation", "FR")
    rate = backup_heat.DISTRICT_G_PER_KWH / backup_heat.DISTRICT_EFFICIENCY
    assert rate == pytest.approx(1e3 * network.value)
