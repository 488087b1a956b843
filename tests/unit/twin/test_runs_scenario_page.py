"""The page on the scenario file names every key that there is, with its default, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from ondol.twin.scenario import load_scenario
from ondol.twin.scenario.nouns import (
    BackupSpec,
    FaultSpec,
    ForecastSpec,
    GridSpec,
    OverflowSpec,
    Scenario,
    SiteSpec,
    WorkSpec,
)
from ondol.twin.scenario.sinks import NetworkSpec, PoolSpec, RoomSpec, TankSpec, UnitSpec

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "scenario-file.md").read_text(encoding="utf-8")
TABLES = {"site", "sink", "rack", "unit", "overflow", "work", "grid", "backup", "forecast", "fault"}
SINK_KEYS = {"id", "backup_max_w"}  # of all sinks, in the sentence above their tables
SECTIONS = (
    ("## The scenario", Scenario, ""),
    ("## `[[site]]`", SiteSpec, ""),
    ('**`kind = "room"`**', RoomSpec, ""),
    ('**`kind = "tank"`**', TankSpec, ""),
    ('**`kind = "pool"`**', PoolSpec, ""),
    ('**`kind = "network"`**', NetworkSpec, ""),
    ("### `[[site.sink.unit]]`", UnitSpec, ""),
    ("## `[work]`", WorkSpec, ""),
    ("## `[grid]`", GridSpec, ""),
    ("## `[backup]`", BackupSpec, "backup."),
    ("## `[backup]`", OverflowSpec, "overflow."),
    ("## `[backup]`", ForecastSpec, "forecast."),
    ("## `[backup]`", FaultSpec, "fault."),
)


def rows(section: str, prefix: str) -> dict[str, str]:
    """Keys of the table below a heading, each with what its row says of the default."""
    lines = PAGE[PAGE.index(section) :].splitlines()
    begin = next(k for k, line in enumerate(lines) if line.startswith("| key"))
    found: dict[str, str] = {}
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not cells[0].startswith(f"`{prefix}"):
            continue
        keys = re.findall(r"`([a-z0-9_.]+)`", cells[0])
        defaults = [cells[2]] if len(keys) == 1 else [one.strip() for one in cells[2].split(",")]
        found |= dict(zip((key.removeprefix(prefix) for key in keys), defaults * len(keys), strict=False))
    return found


def number(text: str) -> float:
    """A number as the page writes it, e.g. 12.5·10⁶."""
    factor, _, power = text.partition("10") if re.search("10[⁰¹²³⁴⁵⁶⁷⁸⁹]", text) else (text, "", "")
    exponent = int("".join(str("⁰¹²³⁴⁵⁶⁷⁸⁹".index(sign)) for sign in power)) if power else 0
    return float(factor.rstrip("·") or 1.0) * 10.0**exponent


@pytest.mark.parametrize(("section", "spec", "prefix"), SECTIONS, ids=[spec.__name__ for _, spec, _ in SECTIONS])
def test_every_key_is_on_the_page_with_its_default(section: str, spec: type[msgspec.Struct], prefix: str) -> None:
    told = rows(section, prefix)
    fields = {field.encode_name: field for field in msgspec.structs.fields(spec)}
    assert set(told) == set(fields) - TABLES - (SINK_KEYS if "kind" in section else set())
    for key, text in told.items():
        default = fields[key].default
        if isinstance(default, bool):
            assert text == str(default).lower(), key
        elif isinstance(default, int | float):
            assert number(text) == pytest.approx(default), key
        elif isinstance(default, str) and default:
            assert text == default, key
        elif default is msgspec.NODEFAULT:
            assert text == "–", key


def test_the_example_is_a_scenario_of_packaged_data() -> None:
    scenario = load_scenario(ROOT / "examples" / "residence.toml")
    assert scenario.work.source == "generator"
    assert (scenario.grid.path, scenario.grid.price_path) == ("", "")
    assert {site.climate for site in scenario.site} <= {"H1a", "H2b", "H3"}
    assert {type(sink).__name__ for site in scenario.site for sink in site.sink} == {"RoomSpec", "TankSpec", "PoolSpec"}
