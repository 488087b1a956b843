"""Finished runs are set side by side: alike ones only, the best of each line marked, on a page of its own."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.report.comparison import table_rows
from ondol.report.comparison_plots import ShownRun
from ondol.report.run_figures import FIGURES, Figure, best
from ondol.twin.run_page import write_page
from ondol.twin.run_reading import check_alike, names_of, read_run, shown_runs
from ondol.twin.runs import live_into, prepare
from unit.twin.run_scenarios import write_world


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same day by two policies, and one of them with another seed."""
    folder = tmp_path_factory.mktemp("runs")
    world = write_world(folder / "world")
    wanted = {"fcfs": ("fcfs", 7), "greedy": ("greedy", 7), "other": ("fcfs", 8)}
    for name, (policy, seed) in wanted.items():
        live_into(prepare(world, policy, days=1.0, seed=seed), folder / name)
    return {name: folder / name for name in wanted}


def test_the_page_shows_both_runs_and_needs_nothing_else(runs: dict[str, Path], tmp_path: Path) -> None:
    found = [read_run(runs["fcfs"]), read_run(runs["greedy"])]
    write_page(tmp_path / "deep" / "page.html", found)
    page = (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")

    assert not re.search(r"""(src|href)=["'](?!#)""", page)  # nothing is loaded
    assert "<script" not in page
    assert 'name="viewport"' in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    drawings = re.findall(r'aria-label="([^"]+)"', page)
    assert "carbon of each run by part" in drawings
    assert [one for one in drawings if "heat over time" in one] == [
        f"{name}: compute heat, backup heat and wanted heat over time" for name in ("fcfs", "greedy")
    ]
    assert {one.split(":")[0] for one in drawings if "temperature" in one} == {
        "home-1-room", "home-2-room", "home-1-tank", "home-2-tank", "quay-basin"
    }  # fmt: skip
    assert sum("waiting times" in one for one in drawings) == 3
    for run in found:
        assert run.summary["source"] in page


def test_what_is_drawn_is_what_was_recorded(runs: dict[str, Path]) -> None:
    (shown,) = shown_runs([read_run(runs["fcfs"])])
    figures = shown.figures
    assert len(shown.times) == 24
    assert shown.backup_w.mean() * 24 / 1000 == pytest.approx(figures["backup_kwh"], rel=1e-5)
    assert shown.wanted_w.mean() * 24 / 1000 == pytest.approx(figures["heat_wanted_kwh"], rel=1e-5)
    waits = np.concatenate(list(shown.waits_s.values()))
    assert len(waits) == figures["instances"]
    rows = pq.read_table(runs["fcfs"] / "instances.parquet").to_pylist()
    begun = [row for row in rows if row["first_start"] is not None]
    assert 0 < len(begun) < len(rows)  # what never started has waited for ever
    assert np.isfinite(waits).sum() == len(begun)
    own = sorted((row["first_start"] - row["submitted"]).total_seconds() for row in begun if row["service"] == "flex")
    flex = shown.waits_s["flex"]
    np.testing.assert_allclose(flex[np.isfinite(flex)], own, atol=1e-6)


def test_runs_of_different_seeds_are_refused(runs: dict[str, Path]) -> None:
    with pytest.raises(ConflictError, match=r"seed 7 and 8\. --anyway"):
        check_alike([read_run(runs["fcfs"]), read_run(runs["other"])])
    check_alike([read_run(runs["fcfs"]), read_run(runs["greedy"])])


def test_runs_of_one_policy_are_told_apart_by_their_folders(runs: dict[str, Path]) -> None:
    found = [read_run(runs[name]) for name in ("fcfs", "other", "greedy")]
    assert names_of(found) == ["fcfs (fcfs)", "fcfs (other)", "greedy"]


def test_a_folder_without_a_finished_run_is_told(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No such run"):
        read_run(tmp_path / "nothing")
    (tmp_path / "run.json").write_bytes((runs["fcfs"] / "run.json").read_bytes())
    with pytest.raises(ConflictError, match="is not over"):
        read_run(tmp_path)
    (tmp_path / "summary.json").write_text("{", encoding="utf-8")
    with pytest.raises(InvalidFieldError, match=r"summary\.json"):
        read_run(tmp_path)


def test_a_part_that_is_missing_is_told(runs: dict[str, Path], tmp_path: Path) -> None:
    for name in ("run.json", "summary.json", "instances.parquet"):
        (tmp_path / name).write_bytes((runs["fcfs"] / name).read_bytes())
    with pytest.raises(NotFoundError, match="0 of 1 parts"):
        shown_runs([read_run(tmp_path)])


def test_the_best_of_a_line_is_the_least_or_the_most() -> None:
    less, more, none = (Figure(key="x", label="x", unit="", better=better) for better in ("less", "more", ""))
    values = [{"x": 3.0}, {"x": 1.0}, {"x": 1.0}, {}, {"x": math.nan}]
    assert best(less, values) == {1, 2}
    assert best(more, values) == {0}
    assert best(none, values) == set()
    assert best(less, values[:1]) == set()  # nothing to be better than
    assert best(less, values[1:3]) == set()  # all alike


def test_every_figure_that_is_shown_is_one_of_a_run(runs: dict[str, Path]) -> None:
    figures = read_run(runs["greedy"]).figures
    # what meters showed of a forecast is known two noons later, and only of kinds that are made from readings
    beside = {"forecast_metered_nmae_mean"}
    assert [figure.key for figure in FIGURES if figure.key not in {*figures, *beside}] == []


def test_a_run_without_sinks_or_starts_can_be_drawn() -> None:
    run = ShownRun(
        name="<b>bold</b>", figures={"total_kg": 1.0}, times=(), wanted_w=np.zeros(0), heat_w=np.zeros(0),
        backup_w=np.zeros(0), sinks=(), waits_s={},
    )  # fmt: skip
    (row,) = table_rows([run])
    assert (row.heading, row.cells) == ("carbon in all, kgCO2e", (("1.00", False),))
