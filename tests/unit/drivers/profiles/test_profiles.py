"""Profiles: those that we ship hold together, and mistakes in files are told by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.drivers.profiles import load_profile, profile_names
from ondol.model.errors import InvalidFieldError
from ondol.model.points import POINTS

GOOD = """
title: A meter
source: Page 3 of its manual
tried: Not tried on hardware.
registers:
  energy: {table: holding, address: 4, type: uint32, unit: kWh, point: heat_meter}
"""


def test_shipped_profiles_say_where_they_come_from_and_fit_their_points() -> None:
    assert profile_names() == ("generic-boiler", "generic-heat-meter", "kamstrup-multical", "ondol-sim")
    for name in profile_names():
        profile = load_profile(name)
        assert profile.source
        assert profile.tried
        places = [(one.table, at) for one in profile.registers.values() for at in range(one.number, one.last + 1)]
        assert len(places) == len(set(places)), f"two registers of {name} overlap"
        for register in profile.registers.values():
            if register.point:
                assert register.unit.si == POINTS[register.point].unit
            if profile.block:
                assert register.last < profile.block
        if any(one.writable for one in profile.registers.values()):
            assert profile.falls_back, f"{name} is written to: what does it do when nobody writes any more?"


def test_the_kamstrup_map_is_that_of_its_source() -> None:
    # addresses as heat.md §4.2 has them
    registers = load_profile("kamstrup-multical").registers
    assert {name: one.number for name, one in registers.items()} == {
        "flow": 4, "volume": 8, "power": 12, "supply": 16, "return": 20, "energy": 32, "info": 86, "meter_type": 144,
        "serial": 152, "hours": 168,
    }  # fmt: skip
    assert registers["energy"].type == "uint32"
    assert all(registers[name].type == "float32" for name in ("flow", "volume", "power", "supply", "return"))


def test_a_file_of_your_own_is_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    profile = load_profile(str(path))
    assert profile.name == "mine"
    assert profile.registers["energy"].unit.to_si(2.0) == 7.2e6


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("tried: Not tried on hardware.", "", "mine.yaml: tried"),
        ("title: A meter", "titel: A meter", "mine.yaml: key = 'titel'"),
        ("type: uint32", "type: uint31", r"registers.energy.type = 'uint31'.*float32"),
        ("table: holding", "table: keeping", r"registers.energy.table.*discrete"),
        ("address: 4", "address: -4", "energy.address"),
        ("address: 4", "address: four", "energy.address"),
        ("address: 4", "address: 65535", "energy.address"),
        ("unit: kWh", "unit: kW", r"registers.energy.unit.*told in J"),
        ("unit: kWh", "unit: cal", r"registers.energy.unit.*MWh"),
        ("unit: kWh,", "", r"registers.energy: unit.*missing"),
        ("point: heat_meter", "point: heat", r"registers.energy.point.*heat_meter"),
        ("point: heat_meter", "scale: 0", "scale"),
        ("point: heat_meter", "writable: perhaps", "true or false"),
        ("point: heat_meter", "word_order: middle", "little"),
        ("  energy:", "  holding:", "not that of a table"),
        (GOOD, "- a list", "mapping"),
        (GOOD, "a: [", "YAML"),
        (GOOD, GOOD[: GOOD.index("  energy")], "registers"),
    ],
)
def test_mistakes_in_a_file_are_told_by_file_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidFieldError, match=says):
        load_profile(str(path))


def test_an_unknown_profile_and_a_missing_file_are_told() -> None:
    with pytest.raises(InvalidFieldError, match="kamstrup-multical"):
        load_profile("kamstrup")
    with pytest.raises(InvalidFieldError, match="can be read"):
        load_profile("/nowhere/mine.yaml")
