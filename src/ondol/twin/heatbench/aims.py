"""What is aimed at, and by how much a policy meets or misses it: one verdict an aim, over the cases it is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ondol.twin.heatbench.standing import REFERENCE, Line

AIMED = "follow"
"""The policy that the aims are about."""

CAPTURED_PERFECT, CAPTURED_REAL = 0.95, 0.92
GAP_OF_GREEDY, WAIT_OF_FCFS, DUMPED_OF_BOUND = 0.5, 1.10, 1.05
MISS_SHARE = 0.001
NO_WORK_H = 1e-3  # less late work than this in a bound's schedule is a solver's rounding
_TIE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a policy stands to one aim.

    Parameters
    ----------
    met, cases : in how many of the cases that the aim is about it is met; no case: nothing can be said
    worst : name of the case that misses it by most, or meets it by least; value and wanted : there
    """

    aim: str
    met: int
    cases: int
    worst: str
    value: float
    wanted: float
    unit: str

    @property
    def answer(self) -> str:
        """Yes, no, or that it is not known."""
        if not self.cases:
            return "not known"
        return "yes" if self.met == self.cases else "no"


@dataclass(frozen=True, slots=True)
class _Check:
    value: float
    wanted: float


Case = dict[str, Line]
_Ask = Callable[[Line, Case], _Check | None]


def verdicts(lines: Sequence[Line], policy: str = AIMED) -> list[Verdict]:
    """Hold a policy against every aim; an aim without the runs that it needs has no cases.

    Parameters
    ----------
    lines : of all policies, as of `lines_of`
    """
    by_case: dict[str, Case] = {}
    for line in lines:
        by_case.setdefault(line.case, {})[line.policy] = line
    found = []
    for aim, unit, at_least, ask in _AIMS:
        margins = []
        for name, policies in by_case.items():
            check = ask(policies[policy], policies) if policy in policies else None
            if check is None or not (math.isfinite(check.value) and math.isfinite(check.wanted)):
                continue
            margin = check.value - check.wanted if at_least else check.wanted - check.value
            margins.append((margin, name, check))
        worst = min(margins, key=lambda one: (one[0], one[1]), default=None)
        met = sum(margin >= -_TIE * max(1.0, abs(check.wanted)) for margin, _, check in margins)
        found.append(
            Verdict(
                aim=aim,
                met=met,
                cases=len(margins),
                worst=worst[1] if worst else "",
                value=worst[2].value if worst else math.nan,
                wanted=worst[2].wanted if worst else math.nan,
                unit=unit,
            )
        )
    return found


def _captured(line: Line, wanted: float, *, perfect: bool) -> _Check | None:
    mine = line.counts and (line.forecast == "perfect") == perfect
    return _Check(line.captured, wanted) if mine else None


def _half_gap(line: Line, others: Case) -> _Check | None:
    if "greedy" not in others or not line.counts:
        return None
    greedy = others["greedy"]
    return _Check(line.total_kg - line.bound_kg, GAP_OF_GREEDY * (greedy.total_kg - greedy.bound_kg))


def _figure(name: str, other: str, factor: float) -> _Ask:
    def ask(line: Line, others: Case) -> _Check | None:
        if other not in others:
            return None
        wanted = others[other].figures.get(name, math.nan)
        return _Check(line.figures.get(name, math.nan), factor * wanted)

    return ask


def _most(name: str, most: float) -> _Ask:
    return lambda line, _others: _Check(line.figures.get(name, math.nan), most)


def _misses(line: Line, _others: Case) -> _Check | None:
    if not line.bound.get("late_h", math.inf) <= NO_WORK_H:
        return None
    return _Check(line.figures.get("deadline_miss_share", math.nan), MISS_SHARE)


def _dumped(line: Line, _others: Case) -> _Check | None:
    if not line.place.startswith("jul "):
        return None
    value = line.figures.get("heat_dumped_kwh", math.nan)
    return _Check(value, DUMPED_OF_BOUND * line.bound.get("heat_dumped_kwh", math.nan))


_AIMS: tuple[tuple[str, str, bool, _Ask], ...] = (
    (
        "captured gain with perfect forecasts ≥ 0.95",
        "",
        True,
        lambda a, _: _captured(a, CAPTURED_PERFECT, perfect=True),
    ),
    ("captured gain with real forecasts ≥ 0.92", "", True, lambda a, _: _captured(a, CAPTURED_REAL, perfect=False)),
    ("at most half of the gap that greedy leaves", "kgCO2e", False, _half_gap),
    ("discomfort no more than thermostat-filler's", "K·h", False, _figure("discomfort_kh", "thermostat-filler", 1.0)),
    ("no work lost to kills", "h", False, _most("lost_work_h", 0.0)),
    (
        "wait p90 of on-demand work within 10 % of fcfs'",
        "s",
        False,
        _figure("wait_on_demand_p90_s", REFERENCE, WAIT_OF_FCFS),
    ),
    ("deadline misses ≤ 0.1 % where the bound has none", "", False, _misses),
    ("heat dumped in July ≤ the bound + 5 %", "kWh", False, _dumped),
)
