"""The benchmark's own scenarios, what may take the place of their files, and what can be run with what is there."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.view import ServiceClass
from ondol.signals.year import read_packed
from ondol.twin.heatbench.available import available
from ondol.twin.heatbench.cases import GRID, HERE, NAMED, OWN, QUICK_DAYS, Case, World, cases_of
from ondol.twin.heatbench.changes import Changes
from ondol.twin.heatbench.heat_wave import FILE, FIRST_DAY, LAST_DAY, PEAK_C, heat_wave_c, write_heat_wave
from ondol.twin.heatbench.repeated import WEEK_S, long_enough, repeated
from ondol.twin.located import located
from ondol.twin.workload import read_csv, write_csv
from unit.twin.small_fleets import fleet, jobs_of

PACKAGED = ("residence-year", "heat-wave", "cold-snap")


@pytest.mark.parametrize("name", NAMED)
def test_named_scenarios_can_be_read_and_their_packaged_files_are_there(name: str) -> None:
    case = Case(group=name, days=0.0, seed=3, backup="heat_pump", forecast="perfect")
    made = case.scenario()
    assert (made.seed, made.backup.kind, made.forecast.kind) == (3, "heat_pump", "perfect")
    assert case.name == f"{name} heat_pump perfect"
    assert made.days == (14.0 if name in ("heat-wave", "cold-snap") else pytest.approx(365.0, abs=1.0))
    if name in PACKAGED:
        located(made, case.folder(World()), None)
    assert Case(group=name, days=QUICK_DAYS).scenario().days == QUICK_DAYS


def test_the_heat_wave_is_the_packaged_year_with_a_hotter_fortnight() -> None:
    plain, hot = read_packed("weather_H1a.csv.gz")[:, 0], heat_wave_c()
    fortnight = slice(FIRST_DAY * 24, LAST_DAY * 24)
    means = [plain[day * 24 : (day + 14) * 24].mean() for day in range(351)]
    # given the hottest fortnight of the year, then it is shifted as a whole, to the peak, and nothing else is
    assert int(np.argmax(means)) in (FIRST_DAY, FIRST_DAY + 1)
    assert hot[fortnight].max() == pytest.approx(PEAK_C)
    assert np.ptp((hot - plain)[fortnight]) == pytest.approx(0.0, abs=1e-9)
    far = np.r_[0 : (FIRST_DAY - 2) * 24, (LAST_DAY + 2) * 24 : 8760]
    assert (hot[far] == plain[far]).all()


def test_the_shipped_heat_wave_is_what_is_made(tmp_path: Path) -> None:
    write_heat_wave(tmp_path / FILE)
    made, shipped = (np.loadtxt(folder / FILE, skiprows=2) for folder in (tmp_path, HERE))
    assert (made == shipped).all()


def test_groups_and_forecasts_multiply_and_each_case_comes_once() -> None:
    groups = (GRID, "heat-wave", "heat-wave")
    cases = cases_of(("jan",), (0.3, 1.0), (1, 2), ("gas",), quick=False, groups=groups, forecasts=("real", "perfect"))
    assert len(cases) == len(set(cases)) == (2 + 1) * 2 * 2
    assert [case.place for case in cases[:6:2]] == ["jan 0.3", "jan 1", "heat-wave"]
    assert {case.forecast for case in cases} == {"real", "perfect"}
    with pytest.raises(InvalidFieldError, match="forecasts"):
        cases_of(("jan",), (0.3,), (1,), ("gas",), quick=False, forecasts=())


def test_the_months_keep_the_names_of_their_results() -> None:
    # results that were made before there were other cases are found again
    assert Case(month="jan", load=0.3).file_words == "jan-0.3-gas-real-14.0-1"


def test_own_needs_a_scenario() -> None:
    with pytest.raises(InvalidFieldError, match="--scenario"):
        Case(group=OWN, days=0.0).scenario()


def test_what_is_asked_for_by_name_must_be_there_and_else_is_left_out(tmp_path: Path) -> None:
    cases = cases_of(("jan",), (0.3,), (1,), ("gas", "district"), quick=True, groups=(GRID, *NAMED))
    there, left_out = available(cases, World(), None, strict=False)
    assert [case.group for case in there] == list(PACKAGED)
    assert any(line.startswith("months: ") and "--data" in line for line in left_out)
    assert any("district" in line and "networks have none" in line for line in left_out)
    with pytest.raises(NotFoundError, match="--data"):
        available(cases, World(), None, strict=True)
    with pytest.raises(InvalidFieldError, match="gas or heat_pump"):
        available(
            cases_of(("jan",), (0.3,), (1,), ("district",), quick=True, groups=("heat-wave",)),
            World(),
            None,
            strict=True,
        )


# Other files


def test_other_files_take_the_place_of_a_scenarios_own(tmp_path: Path) -> None:
    trace, weather, carbon = tmp_path / "a.csv", tmp_path / "w.txt", tmp_path / "c.csv"
    trace.write_text("x", "utf-8")
    carbon.write_text("y", "utf-8")
    weather.write_text("#1\n#2\n1800 0 0 3.5 0 0 0 0 0 0 60.2 24.9\n", "utf-8")
    changes = Changes(trace=str(trace), weather=str(weather), carbon=str(carbon))
    made = Case(month="jan", load=0.3).scenario(World(changes=changes))
    assert (made.work.source, made.work.path) == ("csv", str(trace.resolve()))
    assert (made.grid.path, made.grid.method) == (str(carbon.resolve()), "life-cycle")
    assert {(site.climate, site.latitude_deg, site.longitude_deg) for site in made.site} == {
        (str(weather.resolve()), 60.2, 24.9)
    }
    assert made.work.heat_load == 0.3
    # the digest is of what is in the files
    before = changes.digest()
    carbon.write_text("z", "utf-8")
    assert changes.digest() != before
    assert Changes().digest() == b""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"trace": "no.csv"}, "no.csv"),
        ({"weather": "H9"}, "H9"),
        ({"carbon": "XX"}, "XX"),
        ({"trace_format": "xls"}, "csv"),
        ({"method": "marginal"}, "direct"),
    ],
)
def test_files_that_are_not_there_are_named(wrong: dict[str, str], said: str) -> None:
    with pytest.raises((InvalidFieldError, NotFoundError), match=said):
        Changes(**wrong)


def test_a_trace_whose_ending_tells_nothing_needs_its_format(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x", "utf-8")
    with pytest.raises(InvalidFieldError, match="--trace-format"):
        Changes(trace=str(tmp_path / "log"))
    assert Changes(trace=str(tmp_path / "log"), trace_format="swf").trace_format == "swf"


@pytest.mark.parametrize("row", ["1800 0 0 3.5", "1800 0 0 3.5 0 0 0 0 0 0 nan 24.9", "a b c"])
def test_a_weather_file_without_a_place_is_refused(tmp_path: Path, row: str) -> None:
    (tmp_path / "w.txt").write_text(f"#1\n#2\n{row}\n", "utf-8")
    with pytest.raises(InvalidFieldError, match="latitude"):
        Case(month="jan", load=0.3).scenario(World(changes=Changes(weather=str(tmp_path / "w.txt"))))


# Traces that are too short


def test_a_short_trace_is_repeated_by_whole_weeks() -> None:
    # given jobs in the first hours of three weeks and one in a fourth that is not whole
    at = [3600.0, WEEK_S + 7200.0, 2 * WEEK_S + 60.0, 3 * WEEK_S + 30.0]
    deadlines = np.array([time + 5000.0 for time in at])
    trace = jobs_of(*((time, 100.0) for time in at), deadline_s=deadlines, service=ServiceClass.FLEX)
    longer = repeated(trace, 0.0, 7.5 * WEEK_S).jobs
    # then hours and weekdays stay, deadlines go along, and each copy is another task
    assert longer.submitted_s.tolist() == sorted(time + copy * 3 * WEEK_S for copy in range(3) for time in at[:3])[:8]
    assert (longer.deadline_s - longer.submitted_s).tolist() == [5000.0] * 8
    assert longer.tasks == 8


def test_a_trace_that_lasts_is_left_and_a_longer_one_is_kept(tmp_path: Path) -> None:
    trace = jobs_of((0.0, 100.0), (WEEK_S + 1.0, 100.0))
    write_csv(trace, tmp_path / "short.csv")
    spec = {"source": "csv", "path": str(tmp_path / "short.csv"), "on_demand": 0.0, "flex": 0.0, "harvest": 0.0}
    import msgspec

    base = fleet()
    for days, changes in ((8.0, False), (28.0, True)):
        scenario = msgspec.structs.replace(base, days=days, work=msgspec.structs.replace(base.work, **spec))
        made = long_enough(scenario, tmp_path / "cache")
        assert (made.work.path != scenario.work.path) == changes
    assert read_csv(made.work.path).jobs.submitted_s.max() > 20 * 86_400.0
    again = long_enough(scenario, tmp_path / "cache")
    assert again == made
    assert math.isclose(read_csv(again.work.path).jobs.work_s, 400.0)
