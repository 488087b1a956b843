"""`ondol twin check` as people and programs use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ondol.cli.main import run
from scenario.twin.same_fleet import TEXT

WORK = '[work]\nsource = "generator"\njobs = 25\non_demand = 0.4\nflex = 0.3\nharvest = 0.3\n'


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "same.toml"
    path.write_text(TEXT.format(days=0.05, filler="true").replace("[overflow]", f"{WORK}[overflow]"), encoding="utf-8")
    return path


def test_equal_decisions_are_told_with_figures_of_both_lives(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["twin", "check", str(scenario), "--policy", "fcfs"]) == 0
    shown = capsys.readouterr()
    assert "every decision is equal" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    starts = next(line.split() for line in shown.out.splitlines() if line.startswith("starts "))
    assert int(starts[1]) == int(starts[2]) > 5
    assert "nodes are never switched off" in shown.err


def test_a_difference_has_an_exit_code_of_its_own_and_is_told_to_programs(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["twin", "check", str(scenario), "--policy", "greedy", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["same"] is False
    assert told["acts"].startswith("the twin: ")
    assert told["twin"]["starts"] > 5
    assert 0.0 <= told["shared"] < 1.0


def test_an_unknown_policy_and_a_missing_file_are_refused(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["twin", "check", str(scenario), "--policy", "dice"]) not in (0, 3)
    assert "dice" in capsys.readouterr().err
    assert run(["twin", "check", "nowhere.toml", "--policy", "fcfs"]) not in (0, 3)
