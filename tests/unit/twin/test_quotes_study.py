"""Given a run in which every task is quoted, then quotes are those of the moment, and are held against what came."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.twin.quotes.study import FIGURES, Found, Quoted, lines, plain, quoted_twin, study
from ondol.twin.runs import prepare

SCENARIO = """\
name = "spring"
begin = 2026-03-16T00:00:00Z
days = {days}
step_s = 3600
place_s = 300
plan_s = 14400
seed = 1
[work]
source = "generator"
jobs = {jobs}
on_demand = 0.3
flex = 0.5
harvest = 0.2
flex_slack_h = [2, 6]
[overflow]
nodes = 2
[[site]]
id = "flats"
count = 2
[[site.sink]]
id = "living"
kind = "room"
[[site.sink.unit]]
nodes = 3
"""


@lru_cache
def found(days: float = 1.0, seed: int = 1, tasks: int = 60) -> Found:
    with TemporaryDirectory(prefix="ondol-quotes-") as folder:
        file = Path(folder) / "spring.toml"
        file.write_text(SCENARIO.format(days=days, jobs=round(600 * days)))
        return study(file, tasks=tasks, seed=seed, days=days)[1]


def test_every_task_is_quoted_once_at_its_submission_and_compared() -> None:
    quoted = found().quoted
    assert len(quoted) == len({one.task for one in quoted}) > 20
    assert [one.at_s for one in quoted] == sorted(one.at_s for one in quoted)
    for one in quoted:
        for figure in FIGURES:
            assert 0.0 <= one.p50[figure] <= one.p90[figure]
        if not np.isnan(one.came["end"]):
            assert one.came["start"] <= one.came["end"]
            assert one.came["energy"] > 0.0
            assert one.came["co2e"] > 0.0
    assert {one.grounds for one in quoted} == {"declared", "class"}


def test_nobody_looks_ahead() -> None:
    """Given the same days with and without what follows, then the quotes of these days are the same."""
    short = found(days=0.5, tasks=1000).quoted
    # the generator draws the same tasks for the same rate: a longer run only adds those that follow
    whole = found(days=1.0, tasks=1000).quoted
    assert len(short) > 10
    seen = {one.task: one for one in whole}
    for one in short:
        assert one.p90 == seen[one.task].p90
        assert one.p50 == seen[one.task].p50


def test_the_same_seed_gives_the_same_study() -> None:
    once = found(days=0.5, tasks=1000)
    found.cache_clear()
    again = found(days=0.5, tasks=1000)
    assert [dataclasses.replace(one, came={}) for one in once.quoted] == [
        dataclasses.replace(one, came={}) for one in again.quoted
    ]


def quoted(task: int, came: float, p50: float, p90: float, at_s: float = 0.0) -> Quoted:
    return Quoted(
        task=task, service="flex", grounds="class", at_s=at_s, heat_kwh=None, p50=dict.fromkeys(FIGURES, p50),
        p90=dict.fromkeys(FIGURES, p90), came=dict.fromkeys(FIGURES, came),
    )  # fmt: skip


def test_shares_count_what_is_decided() -> None:
    nan = float("nan")
    rows = [
        quoted(1, 10.0, 12.0, 20.0),
        quoted(2, 15.0, 12.0, 20.0),
        quoted(3, 30.0, 12.0, 20.0),
        quoted(4, nan, 12.0, 20.0, at_s=0.0),  # its p90 passed without it
        quoted(5, nan, 12.0, 20.0, at_s=95.0),  # the run ended before anybody could tell
    ]
    by = {(line.service, line.figure): line for line in lines(rows, 100.0)}
    end, energy = by["flex", "end"], by["all", "energy"]
    assert (end.tasks, end.open, end.p50_kept, end.p90_kept) == (4, 1, 0.25, 0.5)
    assert (energy.tasks, energy.open, energy.p90_kept) == (3, 2, pytest.approx(2 / 3))
    assert end.median_error == pytest.approx(0.2)
    assert plain(by["all", "end"])["service"] == "all"


def test_ties_are_told_apart() -> None:
    (line, *_) = [one for one in lines([quoted(n, 20.0, 12.0, 20.0) for n in range(4)], 100.0) if one.figure == "end"]
    assert (line.p90_kept, line.p90_below) == (1.0, 0.0)


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidFieldError, match="tasks"):
        found(tasks=0)
    with pytest.raises(InvalidFieldError, match="declared"):
        study(Path("x.toml"), declared=2.0)


def test_those_who_take_slower_are_counted_by_themselves_where_their_deadline_lets_them(tmp_path: Path) -> None:
    """Given that all would take half of the speed, when deadlines are tight, then those tasks keep their speed."""
    file = tmp_path / "spring.toml"
    file.write_text(SCENARIO.format(days=1.0, jobs=600))
    run = prepare(file, "follow")
    twin = quoted_twin(run, slower=1.0)
    jobs = twin.trace.jobs
    capped = jobs.speed_cap < 1.0
    assert 0.5 < capped.mean() < 1.0
    room_s = jobs.deadline_s - jobs.submitted_s - 1.3 * jobs.run_s / 0.5
    assert (room_s[capped] >= 0.0).all()
    assert (np.bincount(jobs.task[room_s < 0.0], minlength=jobs.tasks)[jobs.task[~capped]] > 0).all()
    assert twin.cap_of(int(jobs.task[capped][0])) == 0.5
    assert not len(quoted_twin(run).trace.jobs.speed_cap)
    rows = [quoted(1, 10.0, 12.0, 20.0), dataclasses.replace(quoted(2, 30.0, 12.0, 20.0), speed_cap=0.5)]
    by = {line.service: line for line in lines(rows, 100.0) if line.figure == "end"}
    assert (by["slower"].tasks, by["slower"].p90_kept, by["all"].tasks) == (1, 0.0, 2)
    with pytest.raises(InvalidFieldError, match="slower"):
        study(file, slower=1.5)
