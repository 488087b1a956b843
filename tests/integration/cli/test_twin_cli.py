"""`ondol twin` as people and programs use it: runs, breaks, records, comparisons, the peers' benchmark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.peers.verdict import expect
from benchmarks.peers.workload import Said
from ondol.cli.main import run
from ondol.control.record import read_ticks
from unit.twin.run_scenarios import WORLD, contents, write_world

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "residence.toml"
LONGEST_S = 60.0


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In place of the package's: these commands need no platform."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_world(tmp_path / "world")


def test_a_run_shows_its_main_figures_in_80_columns(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["twin", "run", str(world), "--policy", "fcfs", "--out", "out", "--days", "1"]) == 0
    shown = capsys.readouterr().out
    summary = json.loads(Path("out/summary.json").read_text(encoding="utf-8"))

    first, *lines = shown.splitlines()
    assert first == "small world, policy fcfs, seed 7, 1 days from 2026-01-12"
    table = [line for line in lines if not line.startswith("·")]
    assert max(map(len, table)) <= 80
    carbon = next(line for line in lines if "carbon in all" in line)
    assert carbon.split()[-2:] == [f"{summary['figures']['total_kg']:.3g}", "kgCO2e"]
    assert "Written to out" in lines
    assert list(summary) == sorted(summary)
    assert (summary["policy"], summary["days"], summary["steps"]) == ("fcfs", 1.0, 24)


def test_the_same_run_gives_the_same_bytes_and_is_not_lived_twice(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["twin", "run", str(world), "--policy", "greco", "--days", "2"]
    assert run([*asked, "--out", "a", "--quiet"]) == 0
    assert capsys.readouterr().out == "a\n"
    assert run([*asked, "--out", "b", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(Path("b/summary.json").read_text(encoding="utf-8"))
    assert contents(Path("a")) == contents(Path("b"))
    assert run([*asked, "--out", "c", "--seed", "8", "--quiet"]) == 0
    assert contents(Path("c"))["instances.parquet"] != contents(Path("a"))["instances.parquet"]


def test_a_run_killed_with_kill_9_goes_on_and_ends_with_the_same_bytes(world: Path) -> None:
    asked = ["twin", "run", str(world), "--policy", "greco", "--days", "12", "--record", "--quiet"]
    lives = subprocess.Popen([sys.executable, "-m", "ondol.cli.main", *asked, "--out", "killed"])
    try:
        until = time.monotonic() + LONGEST_S
        while not Path("killed/series/part-00003.parquet").exists():
            assert lives.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        os.kill(lives.pid, signal.SIGKILL)
    finally:
        lives.kill()
        lives.wait(LONGEST_S)
    assert not Path("killed/summary.json").exists()
    assert Path("killed/snapshot.npz").exists()

    assert run([*asked, "--out", "killed"]) == 0
    assert run([*asked, "--out", "whole"]) == 0

    killed, whole = contents(Path("killed")), contents(Path("whole"))
    for name in ("ticks.gz", "ticks.gz.whole"):  # gzip notes the time of day; what is inside is compared below
        killed.pop(name), whole.pop(name)
    assert killed == whole
    assert len(whole) == 2 * 12 + 3
    ticks = list(read_ticks(Path("killed/ticks.gz")))
    assert ticks == list(read_ticks(Path("whole/ticks.gz")))
    assert len(ticks) > 300


@pytest.mark.parametrize("policy", ["follow", "greco-locality", "greedy"])
def test_recorded_ticks_are_decided_again_alike(world: Path, policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["twin", "run", str(world), "--policy", policy, "--out", "out", "--days", "0.5", "--record", "-q"]) == 0
    capsys.readouterr()
    assert run(["replay", "out/ticks.gz", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    summary = json.loads(Path("out/summary.json").read_text(encoding="utf-8"))
    assert told["ticks"] == summary["figures"]["decisions"] > 20
    assert told["actions"] > 50
    assert told["differing"] == []


def test_another_scenario_in_the_folder_is_an_error_that_says_what_to_do(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["twin", "run", str(world), "--policy", "fcfs", "--out", "out", "--days", "0.5", "-q"]) == 0
    asked = ["twin", "run", str(world), "--policy", "greedy", "--out", "out", "--days", "0.5", "-q"]
    assert run(asked) == 1
    told = capsys.readouterr().err
    assert "policy is fcfs, not greedy" in told
    assert "--fresh" in told
    assert run([*asked, "--fresh"]) == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"jobs.csv"', '"none.csv"'), "work.path: none.csv, looked for in"),
        (("days = 3", "days = 0"), "days = 0"),
        (("seed = 7", "sead = 7"), "sead"),
        (("[fault]", "[fault"), "docs/reference/scenario-file.md"),
    ],
)
def test_a_wrong_scenario_is_told_before_anything_is_written(
    tmp_path: Path, change: tuple[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_world(tmp_path / "world", WORLD.replace(*change))
    assert run(["twin", "run", str(file), "--policy", "fcfs", "--out", "out"]) == 1
    assert told in capsys.readouterr().err
    assert not Path("out").exists()


def test_an_unknown_policy_is_told_with_those_there_are(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["twin", "run", str(world), "--policy", "fastest", "--out", "out"]) == 1
    assert "fcfs, follow" in capsys.readouterr().err


def test_runs_are_set_side_by_side(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, options in (("a", "fcfs --seed 7"), ("b", "greedy --seed 7"), ("c", "fcfs --seed 8")):
        asked = ["twin", "run", str(world), "--days", "1", "--out", name, "-q", "--policy", *options.split()]
        assert run(asked) == 0
    capsys.readouterr()

    assert run(["twin", "compare", "a", "b", "--html", "page.html"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert next(line for line in lines if line.strip()).split() == ["fcfs", "greedy"]
    totals = [
        json.loads(Path(name, "summary.json").read_text(encoding="utf-8"))["figures"]["total_kg"] for name in "ab"
    ]
    cells = next(line for line in lines if "carbon in all" in line).split("kgCO2e")[1].split()
    assert cells.index("*") == (0 if totals[0] < totals[1] else 1)
    assert "Written: page.html" in shown.err
    assert Path("page.html").read_text(encoding="utf-8").startswith("<!doctype html>")

    assert run(["twin", "compare", "a", "c"]) == 1
    assert "--anyway" in capsys.readouterr().err
    assert run(["twin", "compare", "a", "c", "--anyway", "--html", "two.html", "--json"]) == 0
    assert [one["seed"] for one in json.loads(capsys.readouterr().out)] == [7, 8]
    assert "cannot be set against each other" in Path("two.html").read_text(encoding="utf-8")
    assert run(["twin", "compare"]) == 2
    assert run(["twin", "compare", "a", "nowhere"]) == 1


def test_the_peers_benchmark_prints_what_they_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{k},{k * 60},1,{300 + 37 * k}" for k in range(1, 80)]
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("id,submit,nres,runtime\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert run(["twin", "bench-greco", "--jobs", str(jobs), "--hosts", "9", "--step-s", "150", "--json"]) == 0
    said = Said.of_output(capsys.readouterr().out)
    assert expect(jobs, 9, 150.0).faults(said) == []
    assert said.loop_s > 0
    assert said.peak_rss_mib > 10
    assert said.version


def test_the_example_runs_from_packaged_data_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["twin", "run", str(EXAMPLE), "--policy", "fcfs", "--out", "out", "--days", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["finished"] > 100
    assert figures["heat_useful_kwh"] > 10
    assert figures["backup_kwh"] > 0
