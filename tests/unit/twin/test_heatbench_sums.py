"""What the benchmark makes of results, by hand: captured gain, gap, spread, what counts, tables and files."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.twin.heatbench.cases import LOADS, MONTHS, QUICK_DAYS, Case, cases_of
from ondol.twin.heatbench.draw import draw
from ondol.twin.heatbench.report import markdown, standings, write_parquet
from ondol.twin.heatbench.running import BOUND, BOUND_EUR, Result
from ondol.twin.heatbench.standing import COUNTS_FROM, Line, lines_of

CASE = Case(month="jan", load=0.3)


def result(policy: str, total_kg: float, seed: int = 1, month: str = "jan", **figures: float) -> Result:
    case = Case(month=month, load=0.3, seed=seed)
    return Result(case=case, policy=policy, figures={"total_kg": total_kg, **figures})


def by_policy(results: list[Result]) -> dict[str, Line]:
    return {line.policy: line for line in lines_of(results)}


def test_gain_is_counted_from_fcfs_to_the_bound():
    # Given a bound of 100 kg, fcfs at 300, and policies between, at the bound and worse than fcfs
    totals = {BOUND: 100.0, "fcfs": 300.0, "half": 200.0, "best": 100.0, "worse": 350.0}
    lines = by_policy([result(policy, kg) for policy, kg in totals.items()])
    assert BOUND not in lines
    assert {name: line.captured for name, line in lines.items()} == {
        "fcfs": 0.0,
        "half": 0.5,
        "best": 1.0,
        "worse": -0.25,
    }
    assert {name: line.gap for name, line in lines.items()} == {"fcfs": 2.0, "half": 1.0, "best": 0.0, "worse": 2.5}
    assert all(line.counts and line.seeds == 1 and line.captured_spread == 0.0 for line in lines.values())
    assert [line.bound_kg for line in lines.values()] == [100.0] * 4


def test_seeds_are_averaged_each_against_its_own_bound():
    results = [
        result(BOUND, 100.0, 1),
        result(BOUND, 200.0, 2),
        result("fcfs", 200.0, 1),
        result("fcfs", 600.0, 2),
        result("ours", 150.0, 1, kills=4.0, only_here=1.0),
        result("ours", 300.0, 2, kills=8.0),
    ]
    ours = by_policy(results)["ours"]
    # 0.5 of 100, and 0.75 of 400
    assert (ours.captured, ours.captured_spread, ours.seeds) == (0.625, 0.25, 2)
    assert ours.gap == pytest.approx((0.5 + 0.5) / 2)
    assert (ours.total_kg, ours.bound_kg) == (225.0, 150.0)
    assert ours.figures == {"kills": 6.0, "total_kg": 225.0}
    assert (ours.gap_spread, ours.bound) == (0.0, {"total_kg": 150.0})


def test_cost_is_a_second_objective_with_a_bound_of_its_own():
    # Given bounds of 100 kg and of 40 €, fcfs at 300 kg and 80 €, ours between
    case = {BOUND: (100.0, 60.0), BOUND_EUR: (150.0, 40.0), "fcfs": (300.0, 80.0), "ours": (150.0, 50.0)}
    results = [
        Result(case=CASE, policy=policy, figures={"total_kg": kg, "total_eur": eur})
        for policy, (kg, eur) in case.items()
    ]
    lines = by_policy(results)
    assert set(lines) == {"fcfs", "ours"}
    assert (lines["ours"].captured, lines["ours"].gap) == (0.75, 0.5)
    assert (lines["ours"].captured_eur, lines["ours"].gap_eur) == (0.75, 0.25)
    assert (lines["ours"].total_eur, lines["ours"].bound_eur) == (50.0, 40.0)
    assert "| € | captured € | gap € |" in markdown(list(lines.values()))
    # and where it was not asked, there is no number, and carbon stands as it was
    without = by_policy([one for one in results if one.policy != BOUND_EUR])
    assert math.isnan(without["ours"].captured_eur)
    assert without["ours"].captured == 0.75


def test_policies_are_summed_up_over_the_cases_that_count():
    # Given two cases that count and one that does not
    months = {"jan": (300.0, 150.0), "apr": (300.0, 250.0), "jul": (101.0, 100.0)}
    results = [
        result(policy, kg, month=month)
        for month, (first, ours) in months.items()
        for policy, kg in ((BOUND, 100.0), ("fcfs", first), ("ours", ours))
    ]
    best, first = standings(lines_of(results))
    assert (best.policy, best.cases, best.captured, best.gap) == ("ours", 2, 0.5, 1.0)
    assert (best.worst, best.worst_captured) == ("apr 0.3 gas real", 0.25)
    assert (first.policy, first.captured) == ("fcfs", 0.0)


@pytest.mark.parametrize(("first_kg", "counts"), [(100.0 * (1 + COUNTS_FROM) + 1e-6, True), (102.9, False)])
def test_a_case_in_which_fcfs_is_near_the_bound_counts_for_nothing(first_kg, counts):
    lines = by_policy([result(BOUND, 100.0), result("fcfs", first_kg), result("ours", 101.0)])
    assert [line.counts for line in lines.values()] == [counts, counts]


def test_one_seed_that_tells_nothing_apart_makes_the_case_count_for_nothing():
    seeds = [result(BOUND, 100.0, 1), result("fcfs", 300.0, 1), result(BOUND, 100.0, 2), result("fcfs", 101.0, 2)]
    assert not by_policy(seeds)["fcfs"].counts


def test_where_fcfs_is_the_bound_there_is_no_gain_to_speak_of():
    lines = by_policy([result(BOUND, 100.0), result("fcfs", 100.0), result("ours", 100.0)])
    assert all(math.isnan(line.captured) and not line.counts for line in lines.values())


@pytest.mark.parametrize("bound_kg", [0.0, -50.0])
def test_a_bound_of_0_or_less_has_no_relative_gap_but_gains_count(bound_kg):
    lines = by_policy([result(BOUND, bound_kg), result("fcfs", 50.0), result("ours", (50.0 + bound_kg) / 2)])
    assert math.isnan(lines["ours"].gap)
    assert (lines["ours"].captured, lines["ours"].counts) == (0.5, True)


def test_without_fcfs_there_is_nothing_to_compare_with():
    lines = lines_of([result(BOUND, 100.0), result("ours", 150.0)])
    assert math.isnan(lines[0].captured)
    assert not lines[0].counts
    text = markdown(lines)
    assert "(fcfs was not run: nothing to compare with)" in text
    assert "| ours | – | 0.50 | 150 |" in text


def test_a_run_without_its_bound_is_refused():
    with pytest.raises(NotFoundError, match="seed 2"):
        lines_of([result(BOUND, 100.0, 1), result("ours", 150.0, 2)])


def test_the_table_has_a_heading_a_case_and_the_best_policy_first():
    results = [
        result(BOUND, 100.0),
        result("fcfs", 300.0, backup_kwh=12.4),
        result("ours", 110.0, backup_kwh=3.6, kills=2.0),
        result(BOUND, 100.0, month="jul"),
        result("fcfs", 101.0, month="jul"),
    ]
    text = markdown(lines_of(results))
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "### jan 0.3 gas real: bound 100 kgCO2e"
    assert lines[1].startswith("| policy | captured | gap | kgCO2e | backup kWh |")
    assert [line.split(" | ")[0] for line in lines[3:5]] == ["| ours", "| fcfs"]
    assert lines[3].startswith("| ours | 0.950 | 0.10 | 110 | 4 | – |")
    assert lines[5] == "### jul 0.3 gas real: bound 100 kgCO2e (fcfs is within 3 % of the bound: counts for nothing)"
    widths = {line.count("|") for line in lines if line.startswith("|")}
    assert len(widths) == 1


def test_the_spread_of_seeds_stands_beside_their_mean():
    seeds = [result(BOUND, 0.0, n) for n in (1, 2)] + [result("fcfs", 100.0, n) for n in (1, 2)]
    text = markdown(lines_of([*seeds, result("ours", 40.0, 1), result("ours", 60.0, 2)]))
    assert "| ours | 0.500 ± 0.100 | – |" in text


def test_every_figure_of_every_run_is_in_the_parquet_file(tmp_path: Path):
    file = tmp_path / "results.parquet"
    zone = {"discomfort_kh@homes-1-rooms": 1.5}
    write_parquet([result(BOUND, 100.0), result("ours", 110.5, 2, kills=3, **zone)], file)
    rows = pq.read_table(file).to_pylist()
    case = {"case": "jan 0.3", "month": "jan", "load": 0.3, "backup": "gas", "forecast": "real", "days": 14.0}
    ours = {**case, "seed": 2, "policy": "ours", "sink": None}
    assert rows == [
        {**case, "seed": 1, "policy": "bound", "figure": "total_kg", "sink": None, "value": 100.0},
        {**ours, "figure": "discomfort_kh", "sink": "homes-1-rooms", "value": 1.5},
        {**ours, "figure": "kills", "value": 3.0},
        {**ours, "figure": "total_kg", "value": 110.5},
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["results.parquet"]
    write_parquet([], file)
    assert pq.read_table(file).num_rows == 0
    assert pq.read_table(file).column_names[-1] == "value"


def test_the_drawing_shows_cases_that_count_and_bears_that_none_does(tmp_path: Path):
    some = [
        result(BOUND, 100.0),
        result("fcfs", 300.0),
        result(BOUND, 1.0, month="jul"),
        result("fcfs", 1.0, month="jul"),
    ]
    draw(lines_of(some), tmp_path / "some.svg")
    shown = (tmp_path / "some.svg").read_text("utf-8")
    assert "jan 0.3 gas real" in shown
    assert "jul 0.3 gas real" not in shown
    draw(lines_of(some[2:]), tmp_path / "none.svg")
    assert (tmp_path / "none.svg").stat().st_size > 1000


# Cases


def test_cases_come_in_order_and_each_once():
    cases = cases_of(("jan", "jul", "jan"), (0.3, 1.0), (1, 2), ("gas", "heat_pump"), quick=True)
    assert len(cases) == len(set(cases)) == 16
    assert {case.days for case in cases} == {QUICK_DAYS}
    assert [case.name for case in cases[:5:2]] == ["jan 0.3 gas real", "jan 1 gas real", "jul 0.3 gas real"]
    assert cases[0].name == cases[1].name  # seeds share a name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"month": "feb"}, "month.*feb.*one of jan, apr, jul, oct"),
        ({"load": 0.0}, "load.*above 0"),
        ({"load": math.nan}, "load.*above 0"),
        ({"seed": -1}, "seed.*whole number"),
        ({"backup": "coal"}, "backup.*coal.*gas, heat_pump, district"),
        ({"forecast": "none"}, "forecast.*perfect, real"),
        ({"days": 0.5}, "days.*from 1"),
    ],
)
def test_what_there_is_not_is_refused_by_name(wrong, said):
    with pytest.raises(InvalidFieldError, match=said):
        Case(**({"month": "jan", "load": 0.3} | wrong))


def test_no_case_at_all_is_refused():
    with pytest.raises(InvalidFieldError, match="months"):
        cases_of((), (0.3,), (1,), ("gas",), quick=True)


@pytest.mark.parametrize("month", MONTHS)
def test_a_case_sets_begin_load_seed_backup_and_length_of_its_scenario(month):
    made = Case(month=month, load=0.7, seed=5, backup="district", forecast="perfect", days=3.0).scenario()
    assert made.begin.weekday() == 0
    assert (made.begin.month, made.begin.day) == MONTHS[month]
    assert (made.seed, made.days, made.backup.kind, made.forecast.kind) == (5, 3.0, "district", "perfect")
    assert (made.work.heat_load, made.work.load) == (0.7, 0.0)


def test_the_lowest_load_is_the_trace_as_it_was_recorded():
    assert Case(month="jan", load=LOADS[0]).scenario().work.heat_load == 0.0
