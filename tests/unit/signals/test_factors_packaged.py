"""The packaged table of factors: whole, sourced, and true to the series and the study that it was made from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ondol.accounting.factor_table import COLUMNS, FactorTableError
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.factor import Heating, Mix, Scope
from ondol.signals.attribution import attributions
from ondol.signals.factors import packaged_registry, registry_with, series_means

REGISTRY = packaged_registry()
OWN = ",".join(COLUMNS) + "\nelectricity-fr-lca-average,20,18,30,gCO2e/kWh,lca,average,none,2025,FR,Our study,own,,\n"


def test_it_has_a_version_of_its_date_and_a_hash() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", REGISTRY.version)
    assert re.fullmatch(r"[0-9a-f]{64}", REGISTRY.digest)


def test_a_changed_table_has_a_new_version() -> None:
    """Statements name the version: whoever changes a row gives the table a new one, and adds it here."""
    versions = {"2026-11-23": "f585cba49e847eb5ca4351dc4b9bc84ca58e914332513c1e54bcc38ec74f7a54"}
    assert versions.get(REGISTRY.version) == REGISTRY.digest


def test_direct_factors_are_the_means_of_the_packaged_series() -> None:
    for country, mean in series_means().items():
        row = REGISTRY.get(f"electricity-{country.lower()}-direct-average-2022")
        assert row.value == pytest.approx(mean, abs=1e-6)
        assert row.scope is Scope.DIRECT


def test_every_country_with_a_series_can_be_levelled() -> None:
    for country, mean in series_means().items():
        assert REGISTRY.get(f"electricity-{country.lower()}-lca-average").value > mean


def test_default_rows_of_electricity_are_of_one_footing() -> None:
    rows = [row for row in REGISTRY.find("electricity") if row.id.endswith("-lca-average")]
    assert {(row.scope, row.mix, row.unit) for row in rows} == {(Scope.LCA, Mix.AVERAGE, "gCO2e/kWh")}
    assert all(row.id == f"electricity-{row.geography.lower()}-lca-average" for row in rows)


def test_fuels_state_their_calorific_basis_and_their_parts_add_up() -> None:
    for row in REGISTRY.find("carrier"):
        assert (row.heating is Heating.NONE) == (row.id == "carrier-district-heat-fr"), row.id
        assert row.heating.value in row.id or row.heating is Heating.NONE
    for fuel, whole in (("oil", 0.314), ("propane", 0.270)):
        parts = [REGISTRY.get(f"carrier-{fuel}-lhv-{part}-fr").value for part in ("direct", "upstream")]
        assert sum(parts) == pytest.approx(whole)
    gas = REGISTRY.get("carrier-gas-hhv-fr").value * REGISTRY.get("convert-gas-hhv-per-lhv").value
    assert REGISTRY.get("carrier-gas-lhv-fr").value == pytest.approx(gas, abs=5e-4)


def test_no_row_is_market_or_marginal_and_every_row_is_sourced() -> None:
    for row in REGISTRY.rows.values():
        assert row.mix is Mix.AVERAGE, row.id
        assert len(row.source) > 10, row.id
        assert row.low < row.high or row.note, row.id  # one value without a range says why


def test_the_licences_of_the_rows_are_all_attributed() -> None:
    lines = " ".join(attributions())
    for licence in sorted({row.licence for row in REGISTRY.rows.values()} - {"quoted figure", "CC0-1.0"}):
        assert licence.replace(" ", "-") in lines.replace(" ", "-"), licence


def test_own_rows_are_read_from_a_file_and_change_the_label(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(OWN, encoding="utf-8")
    registry = registry_with(own)
    assert registry.get("electricity-fr-lca-average").value == 20.0
    assert registry.own == ("electricity-fr-lca-average",)
    other = tmp_path / "other.csv"
    other.write_text(OWN.replace(",20,", ",21,"), encoding="utf-8")
    assert registry_with(other).label != registry.label
    assert registry_with(None) is REGISTRY


def test_an_own_file_that_is_not_there_not_text_or_wrong_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"none\.csv"):
        registry_with(tmp_path / "none.csv")
    own = tmp_path / "own.csv"
    own.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidFieldError, match="UTF-8"):
        registry_with(own)
    own.write_text(OWN.replace("Our study", ""), encoding="utf-8")
    with pytest.raises(FactorTableError, match=r"own\.csv:2: .*source = ''"):
        registry_with(own)
    with pytest.raises(InvalidFieldError, match="a file to read"):
        registry_with(tmp_path)


_FR = "electricity-fr-lca-average,20,18,30,gCO2e/kWh,lca,average,none,2025,FR,Our study,own,,"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (_FR.replace("gCO2e/kWh", "kgCO2e/kWh"), "unit = 'kgCO2e/kWh'"),
        (_FR.replace(",lca,", ",direct,"), "scope = 'direct'"),
        (_FR.replace("average,none", "market,none"), "mix = 'market'"),
        (_FR.replace("average,none", "marginal,none"), "mix = 'marginal'"),
        (_FR.replace(",none,", ",lhv,"), "heating = 'lhv'"),
        (_FR.replace("20,18,30", "20,21,30"), "from low 21.0 to high 30.0"),
        (_FR.replace("20,18,30", "20,18,inf"), "high = inf"),
        (_FR.replace("20,18,30", "nan,18,30"), "value = nan"),
        (_FR.replace("20,18,30", "2_0,18,30"), "allowed: a number"),
        (_FR.replace("2025", "2999"), "year = 2999"),
        (_FR.replace("2025", "2090"), "year = 2090 is not allowed; allowed: the year of its data, 20"),
        (_FR.replace("Our study", ""), "source = ''"),
        (f"{_FR}\n{_FR}", "line 2 has it"),
        ("electricity-fr-residual,50,40,60,gCO2e/kWh,direct,average,none,2024,FR,AIB,own,,", "market for a row of"),
        ("electricity-fr-residual,50,40,60,gCO2e/kWh,lca,market,none,2024,FR,AIB,own,,", "scope = 'lca'"),
        ("electricity-fr-marginal,50,40,60,gCO2e/kWh,lca,average,none,2024,FR,RTE,own,,", "marginal for a row of"),
        (
            "electricity-fr-plant,50,40,60,gCO2e/kWh,lca,marginal,none,2024,FR,RTE,own,,",
            "electricity-<country>-marginal",
        ),
        (
            "heater-own,0.9,0.8,1,kWh/kWh,lca,average,hhv,2024,FR,Our study,own,,carrier-gas-lhv-fr",
            "lhv, as its carrier carrier-gas-lhv-fr is counted",
        ),
        (
            "heater-own,0.9,0.8,1,kWh/kWh,lca,average,hhv,2024,FR,Our study,own,,carrier-nothing",
            "the id of a row that is there",
        ),
        # the code takes a row by its id: another unit, country or size under it would be wrong by thousands
        (_FR.replace(",FR,", ",DE,"), "geography = 'DE'"),
        ("archetype-mine-gwp,9e5,8e5,1e6,gCO2e,lca,average,none,2024,world,EPD,own,,", "unit = 'gCO2e'"),
        ("equipment-tank-pe,9,8,10,kWh/piece,lca,average,none,2024,world,EPD,own,,", "MJ by something"),
        (
            "electricity-us-lca-average,400,300,500,kgCO2e/kWh,lca,average,none,2024,US,EPA,own,,",
            "at most 3 kgCO2e/kWh",
        ),
        ("electricity-us-lca-average,400,300,500,gCO2e/kWh,direct,average,none,2024,US,EPA,own,,", "scope = 'direct'"),
        ("carrier-coal,0.4,0.3,0.5,kgCO2e/kg,lca,average,lhv,2024,FR,x,own,,", "unit = 'kgCO2e/kg'"),
        ("heater-own,92,90,95,kWh/kWh,lca,average,none,2024,FR,x,own,,electricity", "not a percentage"),
        ("heater-own,0.9,0,1,kWh/kWh,lca,average,none,2024,FR,x,own,,electricity", "from 0.05 to 20"),
        ("heater-own,0.9,0.8,1,%,lca,average,none,2024,FR,x,own,,electricity", "unit = '%'"),
        (
            "heater-own,0.9,0.8,1,kWh/kWh,lca,average,none,2024,FR,x,own,,heater-electric-radiator",
            "electricity, or a row in gCO2e/kWh",
        ),
    ],
)
def test_an_own_row_that_may_not_stand_there_is_refused_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    own = tmp_path / "own.csv"
    own.write_text(f"{','.join(COLUMNS)}\n{row}\n", encoding="utf-8")
    with pytest.raises(FactorTableError) as caught:
        registry_with(own)
    assert said in caught.value.mistakes[0].message
    assert caught.value.mistakes[0].line == 1 + len(row.splitlines())


def test_a_table_that_a_spreadsheet_wrote_is_read(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(OWN, encoding="utf-8-sig")
    assert registry_with(own).own


def test_the_page_on_factors_shows_the_rows_as_they_are() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "factors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| (\S+) \|$", page, re.MULTILINE)
    assert len(rows) >= 12
    for factor_id, *numbers, unit in rows:
        row = REGISTRY.get(factor_id)
        assert ([float(number) for number in numbers], unit) == ([row.value, row.low, row.high], row.unit), factor_id
    for named in re.findall(r"`((?:electricity|carrier|heater|archetype)-[a-z0-9-]+[a-z0-9])`", page):
        assert named in REGISTRY.rows, named
