"""`ondol bench heat` as people use it, on a fleet so small that four days of it are lived through in seconds."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ondol.cli.main import run
from ondol.twin.heatbench import running
from ondol.twin.heatbench.cases import Case, World
from ondol.twin.heatbench.running import BOUND, BOUND_EUR

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
        if not one.stem.endswith(BOUND_EUR)
    }
    money = json.loads(next(Path("out/runs").glob(f"*-{BOUND_EUR}.json")).read_text("utf-8"))
    assert set(figures) == {BOUND, "fcfs", "follow"}
    assert figures[BOUND] <= min(figures["fcfs"], figures["follow"]) + 1e-6

    # and all three forms say the same
    gain = (figures["fcfs"] - figures["follow"]) / (figures["fcfs"] - figures[BOUND])
    line = next(line for line in shown.splitlines() if "follow" in line)
    assert f"{gain:.3f}" in line.replace("(", " ").replace(")", " ").split()
    assert f"| follow | {gain:.3f} |" in Path("out/BENCHMARK.md").read_text("utf-8")
    rows = pq.read_table("out/results.parquet").to_pylist()
    assert {row["policy"]: row["value"] for row in rows if row["figure"] == "total_kg"} == figures
    assert money["total_eur"] <= min(row["value"] for row in rows if row["figure"] == "total_eur") + 1e-6
    page = Path("out/index.html").read_text("utf-8")
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert f"<td>{'follow'}</td>" in page
    assert "SHA-256" in Path("out/BENCHMARK.md").read_text("utf-8") or "Seeds: 1." in page
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
        (["--cases", "no-such"], "residence-year"),
        (["--forecasts", "wishful"], "perfect"),
        (["--trace", "nowhere.csv"], "nowhere.csv"),
        (["--carbon", "nowhere.csv"], "nowhere.csv"),
        (["--backups", "district"], "direct"),
    ],
)
def test_what_there_is_not_is_named_before_anything_runs(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*ASKED, "small.toml", "--out", "out", *words]) != 0
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_own_scenario_with_another_trace_climate_and_grid(capsys: pytest.CaptureFixture[str]) -> None:
    # Given another trace in the Standard Workload Format, another climate and another grid, none of which is packaged
    lots = np.random.default_rng(7)
    submitted = np.sort(lots.integers(0, 80_000, 60))
    rows = [
        f"{n} {at} 0 {int(lots.integers(300, 7200))} 1 -1 -1 1 -1 -1 1 {n % 3} -1 -1 -1 -1 -1 -1"
        for n, at in enumerate(submitted, 1)
    ]
    Path("log.swf").write_text("; Computer: mine\n" + "\n".join(rows) + "\n", encoding="utf-8")
    hours = np.arange(8760)
    temp = -5.0 + 15.0 * np.sin((hours / 8760 - 0.3) * 2 * np.pi)
    weather = [f"{h * 3600 + 1800} 0 20 {t:.2f} 0 0 0 0 0 0 60.2 24.9" for h, t in zip(hours, temp, strict=True)]
    Path("helsinki.txt").write_text("#1\n# made\n" + "\n".join(weather) + "\n", encoding="utf-8")
    stamps = [dt.datetime(2023, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=int(h)) for h in hours]
    Path("grid.csv").write_text(
        "time,g\n" + "".join(f"{at.isoformat()},{100 + 80 * (at.hour % 12)}\n" for at in stamps), encoding="utf-8"
    )
    asked = ["bench", "heat", "--cases", "own", "--scenario", "small.toml", "--policies", "greedy", "--processes", "1"]
    others = ["--trace", "log.swf", "--weather", "helsinki.txt", "--carbon", "grid.csv", "--objective", "carbon"]
    # When the scenario is run as it is, with district heat, which life-cycle factors allow
    assert run([*asked, *others, "--backups", "district", "--json"]) == 0
    told = {line["policy"]: line for line in json.loads(capsys.readouterr().out)}
    # Then it is told, and nobody is below the bound; of cost none was asked
    assert {line["case"] for line in told.values()} == {"own district real"}
    assert all(line["bound_kg"] <= line["total_kg"] for line in told.values())
    assert told["greedy"]["bound_eur"] is None
    text = Path("out/bench-heat/BENCHMARK.md").read_text("utf-8")
    for name in ("log.swf", "helsinki.txt", "grid.csv"):
        assert f"{name}: SHA-256" in text
    # And another file of the same name is another result
    before = set(Path("out/bench-heat/runs").iterdir())
    Path("grid.csv").write_text(Path("grid.csv").read_text("utf-8").replace(",100", ",120"), encoding="utf-8")
    assert run([*asked, *others, "--backups", "district", "--quiet"]) == 0
    assert len(set(Path("out/bench-heat/runs").iterdir()) - before) == 3


def test_a_world_that_is_kept_is_the_same_for_the_next_policy() -> None:
    # Given a policy that lived through a case, another after it, and the first again, all in one process
    world = World(file=Path("small.toml").resolve())
    case = Case(month="jan", load=0.3, days=2.0)
    told = [
        running.run_case(case, policy, None, world, Path("traces")).figures for policy in ("fcfs", "greedy", "fcfs")
    ]
    # Then the first is told the same again: nobody changed what was kept
    assert told[0] == told[2]
    assert told[0] != told[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,g\n2023-01-01T00:00:00Z,1\n2023-01-01T09:00:00Z,1\n2023-01-01T10:00:00Z,1\n", "gaps of at most"),
        ("time,g\n2023-01-01T01:00:00Z,1\n2023-01-01T00:00:00Z,1\n", "rising order"),
        ("time,g\n2023-01-01T00:00:00Z,1\n2023-01-01T00:00:00Z,1\n", "each stamp once"),
        ("time,g\n2023-01-01T00:00:00Z,nan\n2023-01-01T01:00:00Z,1\n", "finite"),
    ],
)
def test_a_grid_that_is_none_is_refused_with_its_place(
    text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("grid.csv").write_text(text, encoding="utf-8")
    assert run([*ASKED, "small.toml", "--out", "out", "--carbon", "grid.csv"]) != 0
    assert said in capsys.readouterr().err
