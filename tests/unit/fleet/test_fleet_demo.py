"""The demonstration's fleet is well-formed, and sized so that its heat and its compute are of one order."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from ondol.model.fleet import Fleet
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import UnitKind
from ondol.storage.fleet_file import check_fleet_text, load_fleet
from ondol.storage.fleet_file.tables import SINGLES, TABLES

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "reference" / "fleet-file.md"


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return load_fleet((files("ondol.demo") / "fleet.toml").read_text(encoding="utf-8"), "fleet.toml")


def test_the_four_sites_of_the_demonstration_are_there(fleet: Fleet) -> None:
    assert [site.id for site in fleet.sites] == ["dc", "flats", "pool", "residence"]
    assert fleet.site(fleet.sites[0].id).pue == 1.4
    kinds = [unit.kind for unit in fleet.units]
    assert kinds.count(UnitKind.DIGITAL_HEATER) == 6
    assert kinds.count(UnitKind.DIGITAL_BOILER) == 2
    assert {type(sink) for sink in fleet.sinks} == {Zone, Tank, SwimmingPool}
    assert all(fleet.request_for(sink.id) is not None for sink in fleet.sinks)


def test_all_servers_together_leave_the_platform_some_of_two_cores(fleet: Fleet) -> None:
    assert len(fleet.nodes) == 17
    assert all(node.slots == 1 for node in fleet.nodes)
    assert 1.65 <= sum(node.host_cores for node in fleet.nodes) <= 1.9


def test_ids_favour_no_site(fleet: Fleet) -> None:
    """Of the first k servers by id, each site has its share, give or take one."""
    site_of = [fleet.unit(node.unit_id).site_id for node in fleet.nodes]
    for site in fleet.sites:
        share = site_of.count(site.id) / len(site_of)
        for k in range(1, len(site_of) + 1):
            assert abs(site_of[:k].count(site.id) - k * share) <= 1.0


def test_a_heater_holds_its_flat_in_a_cold_week_and_has_some_left(fleet: Fleet) -> None:
    for zone in (sink for sink in fleet.sinks if isinstance(sink, Zone)):
        unit = next(unit for unit in fleet.units if unit.zone_id == zone.id)
        max_w = sum(node.curve.max_w for node in fleet.nodes_of(unit.id))
        ua_w_per_k = zone.ua_w_per_k + 1.0 / (1.0 / zone.mass_ua_w_per_k + 1.0 / zone.mass_outside_ua_w_per_k)
        need_w = ua_w_per_k * (19.0 - -2.0) - zone.gains_w
        assert 0.6 * max_w < need_w < 0.85 * max_w


def test_sinks_begin_near_the_band_of_the_night_and_below_that_of_the_day(fleet: Fleet) -> None:
    for sink in fleet.sinks:
        request = fleet.request_for(sink.id)
        assert request is not None
        values = [slot.value for slot in request.schedule.slots]
        assert abs(min(values) - sink.initial_temp_c) < request.band_k + 1.0
        assert sink.initial_temp_c < max(values) - request.band_k


def test_the_reference_example_is_a_good_file_that_names_every_key() -> None:
    block = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    assert check_fleet_text(block[1]) == []
    words = set(re.findall(r"\w+", block[1]))
    missing = {
        f"{word}.{key}" for word, table in {**TABLES, **SINGLES}.items() for key in table.keys if key not in words
    }
    assert not missing
