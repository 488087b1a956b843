"""What a platform counts carbon with is settled at its start: factors, basis, hardware; mistakes are told then."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ondol.accounting.factor_table import COLUMNS, FactorTableError
from ondol.cli.fleet_choice import choose_fleet
from ondol.control.carbon_ground import carbon_ground
from ondol.control.layout import DataFolder
from ondol.control.preconditions import keep_fleet
from ondol.demo.fleet import demo_fleet
from ondol.model.accounting_terms import AccountingTerms
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.hardware_parts import Hardware
from ondol.storage.fleet_file import fleet_to_toml

OWN = ",".join(COLUMNS) + "\nelectricity-fr-lca-average,60,50,70,gCO2e/kWh,lca,average,none,2025,FR,Our study,own,,\n"


def demo(**accounting: object) -> Fleet:
    return dataclasses.replace(demo_fleet(), accounting=AccountingTerms(**accounting))  # type: ignore[arg-type]


def test_the_demonstration_counts_life_cycle_grams_and_knows_all_of_its_machines() -> None:
    ground = carbon_ground(demo_fleet())
    assert ground.basis.name == "lca_levelled"
    assert [line.offset_g_per_kwh for line in ground.basis.lines.values()] == pytest.approx([27.8549153] * 4)
    assert set(ground.embodied_g_per_h) == {node.id for node in demo_fleet().nodes}
    assert list(ground.embodied_g_per_h.values()) == pytest.approx([1017.7756e3 / 43_800] * 17, rel=1e-6)


def test_the_basis_of_the_fleet_file_is_taken() -> None:
    ground = carbon_ground(demo(basis="lca_annual"))
    assert {line.slope for line in ground.basis.lines.values()} == {0.0}


def test_own_factors_are_found_beside_the_fleet_file_also_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant" / "own.csv").write_text(OWN, encoding="utf-8")
    file, folder = tmp_path / "plant" / "fleet.toml", DataFolder(tmp_path / "data")
    file.write_text(fleet_to_toml(demo(factors="own.csv")), encoding="utf-8")
    folder.make()
    first = choose_fleet(file, folder)
    keep_fleet(folder, first)
    for fleet in (first, choose_fleet(None, folder)):
        ground = carbon_ground(fleet)
        assert ground.registry.own == ("electricity-fr-lca-average",)
        offsets = [line.offset_g_per_kwh for line in ground.basis.lines.values()]
        assert offsets == pytest.approx([60.0 - 24.0450847] * 4)


def test_own_factors_with_a_mistake_or_gone_stop_the_start(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(OWN.replace("Our study", ""), encoding="utf-8")
    with pytest.raises(FactorTableError, match=r"own\.csv:2"):
        carbon_ground(demo(factors=str(own)))
    with pytest.raises(NotFoundError, match="table of factors"):
        carbon_ground(demo(factors=str(tmp_path / "gone.csv")))


def test_a_life_cycle_factor_below_the_series_stops_the_start_with_the_way_out(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(OWN.replace(",60,50,", ",20,10,"), encoding="utf-8")
    with pytest.raises(InvalidFieldError, match="lca_annual or direct_hourly for FR"):
        carbon_ground(demo(factors=str(own)))
    assert carbon_ground(demo(factors=str(own), basis="direct_hourly")).basis.name == "direct_hourly"


def test_a_reference_heater_that_is_none_is_refused_with_those_there_are() -> None:
    fleet = demo_fleet()
    sites = tuple(dataclasses.replace(site, reference_heater="heater-coal") for site in fleet.sites)
    with pytest.raises(InvalidFieldError, match="heater-gas-condensing-collective") as caught:
        carbon_ground(dataclasses.replace(fleet, sites=sites))
    assert caught.value.field == "site[dc].reference_heater"


def test_unknown_hardware_stops_the_start() -> None:
    parts = Hardware(specification="virtual", lifetime_h=1e4, cpu="Potato 9000", ram_modules=1, ram_module_gb=8.0)
    with pytest.raises(InvalidFieldError, match="amd-epyc-7543"):
        carbon_ground(dataclasses.replace(demo_fleet(), hardware=(parts,)))


def test_a_boavizta_that_is_silent_leaves_hardware_unknown_and_heat_goes_on(tmp_path: Path) -> None:
    parts = Hardware(
        specification="virtual",
        lifetime_h=1e4,
        cpu="AMD EPYC 7543",
        ram_modules=1,
        ram_module_gb=8.0,
        psu_units=1,
        hdd_units=1,
        boavizta=True,
    )
    fleet = dataclasses.replace(
        demo_fleet(), hardware=(parts,), accounting=AccountingTerms(boavizta_url="http://127.0.0.1:9")
    )
    ground = carbon_ground(fleet, tmp_path / "boavizta.json")
    assert not ground.embodied_g_per_h
    assert all("http://127.0.0.1:9 does not answer" in why for why in ground.book.unknown.values())
    with pytest.raises(InvalidFieldError, match="boavizta_url"):
        carbon_ground(dataclasses.replace(fleet, accounting=AccountingTerms()))
