"""`ondol factors`: the table, one row, a table of one's own, and what making a machine costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ondol.accounting.factor_table import COLUMNS
from ondol.cli.main import run
from ondol.demo.fleet import demo_fleet
from ondol.storage.fleet_file import fleet_to_toml

OWN = ",".join(COLUMNS) + "\nelectricity-fr-lca-average,20,18,30,gCO2e/kWh,lca,average,none,2025,FR,Our study,own,,\n"


def shown(capsys: pytest.CaptureFixture[str], line: str, code: int = 0) -> str:
    assert run(line.split()) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def test_a_group_is_listed_with_ranges_and_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "factors list heater")
    assert "heater-heat-pump-radiators-55" in text
    assert "12 of " in text
    assert "electricity" not in text
    rows = json.loads(shown(capsys, "factors list electricity --geography PL --json"))["data"]
    assert {row["geography"] for row in rows} == {"PL"}
    assert rows[0]["scope"] == "lca"


def test_one_factor_shows_its_source_and_a_heater_what_its_heat_costs(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "factors show heater-gas-condensing-collective")
    assert "France Chaleur Urbaine" in text
    assert "0.2987 (0.2711 to 0.3197)" in text
    whole = json.loads(shown(capsys, "factors show carrier-gas-hhv-fr --json"))
    assert whole["heating"] == "hhv"
    assert whole["useful_heat"] is None
    assert "did you mean" in shown(capsys, "factors show carrier-gas-hhv", 1)


def test_own_rows_are_checked_and_come_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(OWN, encoding="utf-8")
    assert "is right: 0 added, 1 in place of packaged ones" in shown(capsys, f"factors check {own}")
    rows = json.loads(shown(capsys, f"factors list electricity-fr-lca-average --own {own} --json"))["data"]
    assert (rows[0]["value"], rows[0]["own"]) == (20.0, True)
    own.write_text(OWN.replace("Our study", ""), encoding="utf-8")
    assert "own.csv:2" in shown(capsys, f"factors check {own}", 1)


def test_own_rows_of_a_fleet_file_are_found_beside_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(OWN.replace(",20,18,30,", ",60,50,70,"), encoding="utf-8")
    file = tmp_path / "fleet.toml"
    text = fleet_to_toml(demo_fleet())
    file.write_text(
        text.replace("\n\n[[site]]", '\n\n[accounting]\nfactors = "own.csv"\n\n[[site]]', 1), encoding="utf-8"
    )
    row = json.loads(shown(capsys, f"factors show electricity-fr-lca-average --fleet {file} --json"))
    assert row["value"] == 60.0
    assert "is right" in shown(capsys, f"fleet check {file}")
    (tmp_path / "own.csv").write_text(OWN, encoding="utf-8")
    assert "is above its life-cycle factor" in shown(capsys, f"fleet check {file}", 1)


def test_embodied_of_a_fleet_names_what_is_not_described(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(fleet_to_toml(demo_fleet()), encoding="utf-8")
    text = shown(capsys, f"factors embodied --fleet {file}")
    assert "virtual: bottom-up, 43800 h, new, counted until 2030-06-30" in text
    assert "together  1018 (509 to 1527)" in text
    assert max(len(row) for row in text.splitlines()) <= 80
    whole = json.loads(shown(capsys, f"factors embodied virtual --fleet {file} --json"))
    assert whole["data"][0]["per_hour"]["gwp"]["value"] == pytest.approx(1017.7756 / 43_800, rel=1e-6)
    assert "describes virtual" in shown(capsys, f"factors embodied other --fleet {file}", 1)
    block = text_without_hardware(file.read_text(encoding="utf-8"))
    file.write_text(block, encoding="utf-8")
    assert "not described, so left out of statements and named there: virtual" in shown(
        capsys, f"factors embodied --fleet {file}"
    )


def text_without_hardware(text: str) -> str:
    return "\n\n".join(part for part in text.split("\n\n") if not part.startswith("[[hardware]]"))


def test_a_checked_table_is_told_to_programs_right_or_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(OWN + "equipment-tank-gwp,5,4,6,kgCO2e/kg,lca,average,none,2025,FR,EPD 7,own,,\n", encoding="utf-8")
    told = json.loads(shown(capsys, f"factors check {own} --json"))
    assert (told["right"], told["mistakes"]) == (True, [])
    assert (told["added"], told["replaced"]) == (["equipment-tank-gwp"], ["electricity-fr-lca-average"])
    own.write_text(OWN.replace(",20,18,", ",20,21,").replace("Our study", ""), encoding="utf-8")
    assert run(f"factors check {own} --json".split()) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["right"], told["mistakes"][0]["line"]) == (False, 2)


@pytest.mark.parametrize(
    "line", ["list", "list equivalence", "show heater-heat-pump-radiators-55", "show electricity-fr-lca-average"]
)
def test_nothing_is_wider_than_a_small_terminal(capsys: pytest.CaptureFixture[str], line: str) -> None:
    text = shown(capsys, f"factors {line}")
    assert max(len(row) for row in text.splitlines()) <= 80
