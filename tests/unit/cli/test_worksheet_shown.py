"""`ondol worksheet`: tables for people, every digit for programs, exit code 1 where something was refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ondol.cli.main import run

EXAMPLE = Path(__file__).parents[3] / "examples" / "worksheet.toml"


def test_example_fits_a_terminal_and_has_every_digit_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["worksheet", str(EXAMPLE)]) == 0
    shown = capsys.readouterr().out
    assert run(["worksheet", str(EXAMPLE), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert "1.12307692" in shown
    assert "avoids 2.58 kgCO2e" in shown
    pue = next(one for one in told["sites"][0]["kpis"] if one["id"] == "pue")
    assert pue["value"] == 1_460_000 / 1_300_000
    assert told["jobs"][0]["avoided"]["scope"] == "lca"


def test_refusals_end_with_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.json"
    sheet.write_text(json.dumps({"site": [{"name": "dc", "electricity_kwh": 99, "e_it_kwh": 100}]}))

    assert run(["worksheet", str(sheet)]) == 1
    assert "REFUSED site dc" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["site = [", "[[site]]\nname = 1\n"])
def test_unreadable_sheets_say_where(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    sheet = tmp_path / "sheet.toml"
    sheet.write_text(text)

    assert run(["worksheet", str(sheet)]) != 0
    assert run(["worksheet", str(tmp_path / "none.toml")]) != 0
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"site": [{"name": "a", "electricity_kwh": 1, "electricity_kwh": 9, "e_it_kwh": 1}]}', "stands twice"),
        ("[" * 100_000, "JSON in a file that ends with"),
        ("[]", "a table of tables"),
    ],
)
def test_json_that_hides_something_or_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    sheet = tmp_path / "sheet.json"
    sheet.write_text(text)

    assert run(["worksheet", str(sheet)]) == 1
    assert said in capsys.readouterr().err


def test_sites_of_different_boundaries_are_told_in_lines_of_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.json"
    pump = {"electricity_kwh": 103, "e_it_kwh": 100, "heat": [{"delivered_kwh": 90, "demanded_kwh": 90}]}
    sites = [{"name": name, "heat_pump": name, "heat_pump_kwh": 40, **pump} for name in ("inside", "outside")]
    sheet.write_text(json.dumps({"site": sites}))

    assert run(["worksheet", str(sheet)]) == 0
    shown = capsys.readouterr().out
    assert "Sites of different boundaries." in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
