"""Aims by hand: which cases each is about, whether it is met, and where it is missed most."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ondol.twin.heatbench.aims import Verdict, verdicts
from ondol.twin.heatbench.cases import Case
from ondol.twin.heatbench.page import write_page
from ondol.twin.heatbench.report import by_how_much, summary_markdown
from ondol.twin.heatbench.running import BOUND, Result
from ondol.twin.heatbench.standing import Line, lines_of


def lines(month: str = "jul", forecast: str = "real", **changes: dict[str, float]) -> list[Line]:
    """A case with a bound of 100 kg, fcfs at 300, greedy at 180, and follow at 110, with some figures."""
    plain = {"discomfort_kh": 1.0, "lost_work_h": 0.0, "wait_on_demand_p90_s": 100.0, "deadline_miss_share": 0.0}
    totals = {BOUND: 100.0, "fcfs": 300.0, "greedy": 180.0, "thermostat-filler": 150.0, "follow": 110.0}
    results = []
    for policy, kg in totals.items():
        figures = {"total_kg": kg, "heat_dumped_kwh": 50.0, **plain}
        if policy == BOUND:
            figures = {"total_kg": kg, "heat_dumped_kwh": 50.0, "late_h": 0.0}
        figures |= changes.get(policy.replace("-", "_"), {})
        results.append(Result(case=Case(month=month, load=0.3, forecast=forecast), policy=policy, figures=figures))
    return lines_of(results)


def found(all_lines: list[Line]) -> dict[str, Verdict]:
    """By the first words of each aim."""
    return {verdict.aim: verdict for verdict in verdicts(all_lines)}


def one(all_lines: list[Line], words: str) -> Verdict:
    return next(verdict for aim, verdict in found(all_lines).items() if words in aim)


def test_all_are_met_by_a_policy_that_meets_them() -> None:
    answers = {aim: verdict.answer for aim, verdict in found(lines() + lines(forecast="perfect")).items()}
    assert set(answers.values()) == {"yes"}
    assert len(answers) == 8


@pytest.mark.parametrize(
    ("words", "changes", "value", "wanted"),
    [
        ("real forecasts", {"follow": {"total_kg": 120.0}}, 0.90, 0.92),
        ("half of the gap", {"follow": {"total_kg": 141.0}}, 41.0, 40.0),
        ("discomfort", {"follow": {"discomfort_kh": 1.5}}, 1.5, 1.0),
        ("kills", {"follow": {"lost_work_h": 0.25}}, 0.25, 0.0),
        ("wait p90", {"follow": {"wait_on_demand_p90_s": 111.0}}, 111.0, 110.0),
        ("misses", {"follow": {"deadline_miss_share": 0.002}}, 0.002, 0.001),
        ("July", {"follow": {"heat_dumped_kwh": 53.0}}, 53.0, 52.5),
    ],
)
def test_each_is_missed_by_what_it_is_about(words: str, changes: dict, value: float, wanted: float) -> None:
    verdict = one(lines(**changes), words)
    assert (verdict.answer, verdict.met, verdict.cases) == ("no", 0, 1)
    assert (verdict.value, verdict.wanted) == (pytest.approx(value), pytest.approx(wanted))
    assert verdict.worst == "jul 0.3 gas real"
    assert "jul 0.3 gas real" in by_how_much(verdict)


def test_the_worst_of_several_cases_is_named() -> None:
    several = lines() + lines("apr", follow={"total_kg": 130.0}) + lines("oct", follow={"total_kg": 125.0})
    verdict = one(several, "real forecasts")
    assert (verdict.met, verdict.cases, verdict.worst, verdict.value) == (1, 3, "apr 0.3 gas real", 0.85)


def test_what_is_not_known_is_not_called_met() -> None:
    # given a bound of which nobody knows how late it is, and one that is late itself
    assert one(lines(bound={"late_h": math.nan}), "misses").answer == "not known"
    assert one(lines(bound={"late_h": 3.0}), "misses").answer == "not known"
    # no perfect forecasts, no July, and runs without the figure
    assert one(lines("apr"), "perfect").answer == "not known"
    assert one(lines("apr"), "July").answer == "not known"
    assert one(lines(thermostat_filler={"discomfort_kh": math.nan}), "discomfort").answer == "not known"


def test_cases_that_count_for_nothing_are_about_no_gain() -> None:
    # given fcfs within 3 % of the bound
    verdict = one(lines(fcfs={"total_kg": 102.0}), "real forecasts")
    assert verdict.cases == 0


def test_summary_and_page_tell_the_same(tmp_path: Path) -> None:
    shown = lines(follow={"total_kg": 120.0}) + lines("apr", fcfs={"total_kg": 102.0})
    answers = verdicts(shown)
    text = summary_markdown(shown, answers, "follow")
    assert "1 of 2 cases count." in text
    assert "| captured gain with real forecasts ≥ 0.92 | no | 0 of 1 | 0.9, wanted 0.92 (jul 0.3 gas real) |" in text
    write_page(tmp_path / "index.html", shown, answers, policy="follow", about=["made <here>"])
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "0.9, wanted 0.92 (jul 0.3 gas real)" in page
    assert "made &lt;here&gt;" in page
    assert page.count("<svg") == 1 + 2 * 3  # captured gain, and of each case carbon, waits and discomfort
    assert "fcfs is within 3 % of the bound" in page
    assert 'name="viewport"' in page
