"""`[accounting]`, `[[hardware]]`, `[[equipment]]` and what sites say for accounts: read, written, refused by line."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.demo.fleet import demo_fleet
from ondol.model.accounting_terms import AccountingTerms
from ondol.model.benchmark import ServerBenchmark
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.hardware_parts import Hardware, HeatEquipment
from ondol.model.ids import SiteId
from ondol.model.siret import check_siret
from ondol.storage.fleet_file import check_fleet_text, fleet_to_toml, load_fleet

TEXT = """\
[fleet]
name = "x"
[accounting]
basis = "lca_annual"
[[site]]
id = "s"
name = "S"
[[unit]]
id = "u"
site = "s"
kind = "server_rack"
[[node]]
unit = "u"
idle_w = 1
max_w = 10
[[hardware]]
specification = "virtual"
lifetime_h = 43800
archetype = "dell-r740"
[[equipment]]
id = "e"
site = "s"
factor = "equipment-gas-boiler"
amount = 25
lifetime_h = 175320
[[benchmark]]
specification = "virtual"
name = "SPECpower"
score = 8e6
power_w = 480
source = "spec.org"
"""


def full() -> Fleet:
    fleet = demo_fleet()
    sites = tuple(
        dataclasses.replace(
            site,
            legal_entity="Ondol SAS",
            siret="73282932000074",
            installed_it_w=1800.0,
            postcode="78190",
            region="fr-idf",
            reference_heater="heater-gas-condensing-collective",
            reference_heater_until=dt.datetime(2032, 1, 1, tzinfo=dt.UTC),
            reference_heater_evidence="audit of 2025",
            standby_kwh_per_kwh=0.02,
            auxiliary_kwh_per_kwh=0.01,
            avoided_share_heat=0.5,
            avoided_contract="heat contract 12, annex 3",
            heat_price_eur_per_kwh=0.08,
            compute_price_eur_per_kwh=0.0,
            market_g_per_kwh=0.0,
            market_evidence="guarantees of origin",
        )
        for site in fleet.sites
    )
    parts = Hardware(
        specification="virtual",
        lifetime_h=43_800.0,
        cpu_die_mm2=1064.0,
        cpu_units=2,
        ram_modules=8,
        ram_module_gb=32.0,
        ssd_units=2,
        ssd_gb=960.0,
        gpu="NVIDIA L4",
        gpu_units=1,
        psu_units=2,
        hdd_units=1,
        second_life="remaining_life",
        first_life_h=8760.0,
        boavizta=True,
    )
    terms = AccountingTerms(
        basis="direct_hourly",
        factors="own.csv",
        legal_entity="Ondol",
        split_rule="ceems",
        boavizta_url="http://127.0.0.1:5000",
        flexibility_bonus_share=0.25,
        reference_pue=1.1,
        reference_pue_source="our own",
    )
    item = HeatEquipment(id="e", site_id=SiteId("dc"), factor="equipment-gas-boiler", amount=25.0, lifetime_h=175_320.0)
    return dataclasses.replace(fleet, sites=sites, hardware=(parts,), equipment=(item,), accounting=terms)


def test_all_of_it_is_written_and_read_again_as_itself() -> None:
    text = fleet_to_toml(full())
    assert check_fleet_text(text) == []
    assert load_fleet(text, "written") == full()


def test_a_fleet_without_any_of_it_says_nothing_of_it() -> None:
    bare = dataclasses.replace(demo_fleet(), hardware=())
    text = fleet_to_toml(bare)
    assert not [word for word in ("accounting", "hardware", "equipment", "siret", "signal", "filler") if word in text]
    assert load_fleet(text, "written") == bare


def test_a_site_keeps_its_own_equipment_and_terms_stay_with_the_operator() -> None:
    assert [item.id for item in full().of_site(SiteId("dc")).equipment] == ["e"]
    part = full().of_site(SiteId("flats"))
    assert part.equipment == ()
    assert part.hardware == ()
    assert part.accounting == AccountingTerms()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('basis = "lca_annual"', 'basis = "lca"', 4, "one of lca_levelled, lca_annual, direct_hourly"),
        ('basis = "lca_annual"', 'bases = "lca_annual"', 4, "did you mean basis?"),
        ('basis = "lca_annual"', 'split_rule = "fair"', 4, "one of cpu-time, ceems"),
        ('basis = "lca_annual"', "flexibility_bonus_share = -0.1", 4, "a number from 0 to 1"),
        ('basis = "lca_annual"', "reference_pue = 0.9", 4, "a number from 1 to 3"),
        ('basis = "lca_annual"', 'boavizta_url = "localhost"', 4, "an address such as"),
        ("[accounting]", "[[accounting]]", 3, "write [accounting]"),
        ('name = "S"', 'name = "S"\nsiret = "73282932000075"', 8, "Luhn"),
        ('name = "S"', 'name = "S"\nreference_heater_evidence = "seen"', 8, "given together with reference_heater"),
        ('name = "S"', 'name = "S"\nmarket_g_per_kwh = 0.0', 8, "given together with market_evidence"),
        ('name = "S"', 'name = "S"\nregion = "Île-de-France"', 8, "a–z, 0–9"),
        ('name = "S"', 'name = "S"\ninstalled_it_w = -1.0', 8, "a number from 0"),
        ('specification = "virtual"', 'specification = "virtul"', 17, "a node of this fleet"),
        ("lifetime_h = 43800", "", 16, "lifetime_h is missing"),
        ("lifetime_h = 43800", "lifetime_h = 0", 18, "a number from 1"),
        ("lifetime_h = 43800", 'lifetime_h = 43800\nsecond_life = "free"', 19, "one of new, cutoff, remaining_life"),
        (
            'archetype = "dell-r740"',
            'cpu = "x"\nram_modules = 1\nram_module_gb = 8\nboavizta = true',
            22,
            "a rack case, a power supply and a disk",
        ),
        ('archetype = "dell-r740"', "", 16, "the model of its processor, or cpu_die_mm2"),
        ("amount = 25", "amount = 0", 24, "a number from 1e-06"),
        ('site = "s"\nfactor', 'site = "t"\nfactor', 22, "the id of a site of this fleet"),
        ("lifetime_h = 43800", "lifetime_h = 43800\nin_service_since = 2025-07-01", 19, "a time with its zone"),
        ("lifetime_h = 43800", "lifetime_h = 43800\nin_service_since = 1901-01-01T00:00:00Z", 19, "from 1990 to 2100"),
        ("score = 8e6", "score = 0", 29, "a number from 1e-09"),
        ("power_w = 480", "power_w = -1", 30, "a number from 0.1 to 1e+06 W"),
        ('source = "spec.org"', "", 26, "source is missing"),
        ('name = "SPECpower"', 'name = ""', 28, "a text of 1 to 80"),
        ('"virtual"\nname', '"virtul"\nname', 27, "a node of this fleet"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, said: str) -> None:
    assert check_fleet_text(TEXT) == []
    assert old in TEXT
    found = check_fleet_text(TEXT.replace(old, new, 1))
    assert [(one.line, said in one.message) for one in found][:1] == [(line, True)], found


def test_since_when_servers_serve_and_their_benchmark_are_read_and_written_again() -> None:
    since = "lifetime_h = 43800\nin_service_since = 2024-03-01T00:00:00+01:00"
    fleet = load_fleet(TEXT.replace("lifetime_h = 43800", since, 1), "x.toml")
    assert fleet.hardware[0].written_off_at == dt.datetime(2029, 2, 27, 23, tzinfo=dt.UTC)
    assert fleet.benchmarks == (
        ServerBenchmark(specification="virtual", name="SPECpower", score=8e6, power_w=480.0, source="spec.org"),
    )
    assert load_fleet(fleet_to_toml(fleet), "y.toml") == fleet
    twice = TEXT + TEXT[TEXT.index("[[benchmark]]") :]
    assert any("described once only" in one.message for one in check_fleet_text(twice))


def test_double_hardware_is_told() -> None:
    block = TEXT[TEXT.index("[[hardware]]") : TEXT.index("[[equipment]]")]
    assert any("described once only" in one.message for one in check_fleet_text(TEXT + block))


@pytest.mark.parametrize("good", ["73282932000074", "35600000000048", "35600000049837"])
def test_a_siret_checks_itself_and_la_poste_has_a_rule_of_its_own(good: str) -> None:
    check_siret("site.siret", good)


@pytest.mark.parametrize("bad", ["73282932000075", "7328293200007", "7328293200007x", "٣" * 14, ""])
def test_a_siret_with_a_slip_is_refused(bad: str) -> None:
    with pytest.raises(InvalidFieldError, match="14 digits"):
        check_siret("site.siret", bad)
