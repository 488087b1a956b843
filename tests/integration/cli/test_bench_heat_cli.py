"""`ondol bench heat` as people use it, on a fleet so small that four days of it are lived through in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ondol.cli.main import run
from ondol.twin.heatbench import running
from ondol.twin.heatbench.running import BOUND

SMALL = """\
name = "small"
begin = 2026-01-05T00:00:00Z
days = 1
step_s = 3600
place_s = 900

[work]
source = "generator"
jobs = 400
heat_load = 0.3

[overflow]
nodes = 4

[[site]]
id = "home"
[[site.sink]]
kind = "tank"
id = "tank"
[[site.sink.unit]]
nodes = 4

[[site]]
id = "quay"
[[site.sink]]
kind = "network"
id = "net"
base_w = 200.0
slope_w_per_k = 20.0
[[site.sink.unit]]
nodes = 4
"""
ASKED = ["bench", "heat", "--quick", "--months", "jan", "--loads", "0.3", "--processes", "1", "--scenario"]


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In place of the package's: this command needs no platform."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")


def test_a_benchmark_is_run_told_kept_and_not_run_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a fleet of two sites and packaged data, when the planner is measured on it
    asked = [*ASKED, "small.toml", "--policies", "follow", "--out", "out"]
    assert run(asked) == 0
    shown = capsys.readouterr().out

    # Then fcfs, from which gains are counted, and the bound were run beside it, and the bound is one
    figures = {
        one.stem.rpartition("-")[2]: json.loads(one.read_text("utf-8"))["total_kg"]
        for one in Path("out/runs").iterdir()
    }
    assert set(figures) == {BOUND, "fcfs", "follow"}
    assert figures[BOUND] <= min(figures["fcfs"], figures["follow"]) + 1e-6

    # and all three forms say the same
    gain = (figures["fcfs"] - figures["follow"]) / (figures["fcfs"] - figures[BOUND])
    line = next(line for line in shown.splitlines() if "follow" in line)
    assert f"{gain:.3f}" in line.replace("(", " ").replace(")", " ").split()
    assert f"| follow | {gain:.3f} |" in Path("out/BENCHMARK.md").read_text("utf-8")
    rows = pq.read_table("out/results.parquet").to_pylist()
    assert {row["policy"]: row["value"] for row in rows if row["figure"] == "total_kg"} == figures
    assert Path("out/captured.svg").read_bytes().startswith(b"<?xml")

    # When it is asked for again, then nothing is run, and the answer is the same
    def refuse(*_words: object) -> None:
        raise AssertionError("this was run already")

    with monkeypatch.context() as patched:
        patched.setattr(running, "run_case", refuse)
        assert run([*asked, "--json"]) == 0
    told = {line["policy"]: line["captured"] for line in json.loads(capsys.readouterr().out)}
    assert told == {"fcfs": 0.0, "follow": pytest.approx(gain)}

    # but another scenario is not answered with these results
    Path("small.toml").write_text(SMALL.replace("base_w = 200.0", "base_w = 300.0"), encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(running, "run_case", refuse)
        with pytest.raises(AssertionError, match="run already"):
            run(asked)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--policies", "follow", "no-such"], "no-such"),
        (["--months", "feb"], "one of jan, apr, jul, oct"),
        (["--loads", "0"], "load"),
        (["--backups", "coal"], "gas, heat_pump, district"),
    ],
)
def test_what_there_is_not_is_named_before_anything_runs(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*ASKED, "small.toml", "--out", "out", *words]) != 0
    assert said in capsys.readouterr().err
    assert not Path("out").exists()
