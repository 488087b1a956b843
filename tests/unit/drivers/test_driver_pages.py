"""The pages on drivers are true: fleet files make drivers, the profile loads, the table is that of the code."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from ondol.drivers.profiles import load_profile, profile_names
from ondol.drivers.registry import CLASSES, make_driver
from ondol.drivers.units import UNITS
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.points import Ability
from unit.drivers.contract import Clock, a_fleet

DOCS = Path(__file__).resolve().parents[3] / "docs"
HOWTO = (DOCS / "howto" / "add-a-driver.md").read_text(encoding="utf-8")
PAGE = (DOCS / "reference" / "drivers.md").read_text(encoding="utf-8")
OURS = ("modbus", "mbus", "http", "push")
_COLUMNS = {
    "temperature": Ability.READS_TEMPERATURE,
    "heat": Ability.READS_HEAT,
    "power": Ability.READS_POWER,
    "flow": Ability.READS_FLOW,
    "states": Ability.READS_STATE,
    "limits power": Ability.LIMITS_POWER,
    "switches": Ability.SWITCHES,
    "sets temperature": Ability.SETS_TEMPERATURE,
}


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", _blocks(HOWTO, "toml") + _blocks(PAGE, "toml"))
def test_every_fleet_file_of_the_pages_makes_its_driver(block: str, tmp_path: Path) -> None:
    mine = tmp_path / "heat-pump.yaml"
    mine.write_text(_blocks(HOWTO, "yaml")[0], encoding="utf-8")
    told = tomllib.loads(block)
    (entry,) = told["connection"]
    entry["site_id"] = entry.pop("site")
    if entry.get("profile", "").startswith("/"):
        entry["profile"] = str(mine)
    bindings = []
    for one in told["binding"]:
        one["entity_id"], one["connection_id"] = one.pop("entity"), one.pop("connection")
        bindings.append(Binding(**one))
    driver = make_driver(Connection(**entry), bindings, fleet=a_fleet(), now=Clock())
    assert driver.connection_id == entry["id"]


@pytest.mark.parametrize("name", OURS)
def test_the_table_of_abilities_is_that_of_the_code(name: str) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
    head = next(row for row in rows if row[0] == "driver")
    row = next(row for row in rows if row[0] == f"`{name}`")
    module, _, kind = CLASSES[name].partition(":")
    abilities = getattr(importlib.import_module(module), kind).abilities
    assert {one for column, one in _COLUMNS.items() if row[head.index(column)] != "–"} == abilities


def test_every_profile_and_unit_is_in_the_page() -> None:
    for name in profile_names():
        assert f"`{name}`" in PAGE
        assert load_profile(name).title
    listed = re.search(r"^- UNIT: (.*?)\. Volume", PAGE, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert {one.strip() for one in listed.group(1).split(",")} == {one for one in UNITS if one}
