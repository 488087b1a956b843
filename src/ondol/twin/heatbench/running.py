"""Runs the benchmark: bounds and one run of every policy for each case, each result written as it comes."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from ondol.accounting.figures import J_PER_KWH
from ondol.model.checks import check_choice
from ondol.model.errors import NotFoundError
from ondol.policy.registry import load_policy, policy_names
from ondol.storage.whole_files import write_whole
from ondol.twin.bound.bound import Bound
from ondol.twin.bound.long import bound_of
from ondol.twin.bound.problem import BoundProblem
from ondol.twin.bound.relaxing import relax
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.heatbench.cases import Case, World
from ondol.twin.heatbench.repeated import long_enough
from ondol.twin.layout import lay_out
from ondol.twin.located import located
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.series import Series, make_series
from ondol.twin.summary import Figures, summarise, summarise_sinks
from ondol.twin.work_of import work_of
from ondol.twin.workload import Trace

BOUND = "bound"
BOUND_EUR = "bound_eur"
"""Least carbon, and least cost: two programmes, of which each has its own schedule."""

OBJECTIVES = {"carbon": (BOUND,), "cost": (BOUND, BOUND_EUR), "both": (BOUND, BOUND_EUR)}
POLICIES = ("fcfs", "wait-awhile", "greco", "greco-locality", "thermostat-filler", "greedy", "follow")
FIGURES_VERSION = 3.0
"""Of what results hold. Bounds before version 3 let an instance run on many nodes at once and are asked for again; runs
of version 1 are taken as they are, without the figures of single sinks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run, or a bound of a case: then `policy` is `BOUND` or `BOUND_EUR`, and only totals are among the figures."""

    case: Case
    policy: str
    figures: Figures


def run_case(case: Case, policy: str, base: Path | None, world: World, cache: Path) -> Result:
    """Run a policy on a case, or ask for a bound.

    Parameters
    ----------
    cache : folder for traces that are made longer
    """
    scenario, series, trace = _made(case, base, world, cache)
    if policy in (BOUND, BOUND_EUR):
        return Result(case=case, policy=policy, figures=_bound(scenario, series, trace, money=policy == BOUND_EUR))
    twin = FleetTwin(scenario, series, trace, load_policy(policy))
    twin.live(series.steps)
    figures = summarise(twin) | summarise_sinks(twin) | {"figures_version": FIGURES_VERSION}
    return Result(case=case, policy=policy, figures=figures)


@functools.lru_cache(maxsize=1)
def _made(case: Case, base: Path | None, world: World, cache: Path) -> tuple[Scenario, Series, Trace]:
    """The world of a case; kept for the next policy on it."""
    scenario = long_enough(located(case.scenario(world), case.folder(world), base), cache)
    return scenario, make_series(scenario, Path()), work_of(scenario, Path())


def _bound(scenario: Scenario, series: Series, trace: Trace, *, money: bool) -> Figures:
    layout = lay_out(scenario)
    asked = relax(scenario, layout, Plant(layout, series), series, trace.jobs, money=money)
    answer = bound_of(asked.problem)
    name, scale = ("total_eur", 1.0) if money else ("total_kg", 1000.0)
    late_s, unfinished_s = _owed_s(asked.problem, answer)
    return {
        name: (answer.bound + asked.constant) / scale,
        f"{name}_near": (answer.near + asked.constant) / scale,
        "heat_dumped_kwh": float(answer.course.dumped_w.sum()) * series.step_s / J_PER_KWH,
        "backup_kwh": float(answer.course.backup_w.sum()) * series.step_s / J_PER_KWH,
        "late_h": late_s / 3600.0,
        "unfinished_h": unfinished_s / 3600.0,
        "work_h": float(sum(work.released[-1] for work in asked.problem.work)) / 3600.0,
        "figures_version": FIGURES_VERSION,
    }


def _owed_s(problem: BoundProblem, answer: Bound) -> tuple[float, float]:
    """Work of the bound's schedule that misses a due time, and that without one which is left at the end [node-s]."""
    due = np.array([float(work.due[-1]) > 0.0 for work in problem.work], dtype=np.bool_)
    return float(answer.course.late[due].sum()), float(answer.course.late[~due].sum())


def run_all(
    cases: tuple[Case, ...],
    policies: tuple[str, ...],
    base: Path | None,
    out: Path,
    *,
    world: World | None = None,
    objective: str = "carbon",
    processes: int = 0,
    tell: Callable[[int, int, Result], None] = lambda _done, _all, _result: None,
) -> list[Result]:
    """Run all; what an earlier call left in `out` is taken over, so that a benchmark that was cut off goes on.

    Parameters
    ----------
    base : folder of the data, None for none; out : folder for results, one JSON file each
    world : see `Case.scenario`
    objective : whose bounds are asked for: carbon, cost or both; cost has the bound of carbon beside it
    processes : that run at once, 0 for one a core
    tell : is told after each result

    Raises
    ------
    NotFoundError : a policy that is not installed, data that is not there
    InvalidFieldError : an objective that there is not
    """
    check_choice("objective", objective, tuple(OBJECTIVES))
    for name in policies:
        if name not in policy_names():
            raise NotFoundError("policy", f"{name}; installed are {', '.join(policy_names())}")
    world = world or World()
    for case in cases:
        located(case.scenario(world), case.folder(world), base)
    out.mkdir(parents=True, exist_ok=True)
    todo = [(case, policy) for case in cases for policy in (*OBJECTIVES[objective], *policies)]
    results: dict[tuple[Case, str], Result] = {}
    for case, policy in todo:
        figures = _read(out / _file_of(case, policy, world))
        if figures is not None and not (policy in (BOUND, BOUND_EUR) and figures["figures_version"] < FIGURES_VERSION):
            results[case, policy] = Result(case=case, policy=policy, figures=figures)
    missing = [one for one in todo if one not in results]
    for result in _run(missing, base, world, out.parent / "traces", processes or os.cpu_count() or 1):
        results[result.case, result.policy] = result
        _write(out / _file_of(result.case, result.policy, world), result.figures)
        tell(len(results), len(todo), result)
    return [results[one] for one in todo]


def _run(
    todo: list[tuple[Case, str]], base: Path | None, world: World, cache: Path, processes: int
) -> Iterator[Result]:
    if processes == 1 or len(todo) < 2:
        for case, policy in todo:
            yield run_case(case, policy, base, world, cache)
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting: list[Future[Result]] = [
            pool.submit(run_case, case, policy, base, world, cache) for case, policy in todo
        ]
        for future in as_completed(waiting):
            yield future.result()


def _file_of(case: Case, policy: str, world: World) -> str:
    """Name a result by its case, its policy and a digest of its scenario: another scenario is another result."""
    made = msgspec.json.encode(case.scenario(world)) + world.changes.digest()
    return f"{case.file_words}-{hashlib.sha256(made).hexdigest()[:12]}-{policy}.json"


def _read(path: Path) -> Figures | None:
    if not path.exists():
        return None
    figures: Figures = json.loads(path.read_text("utf-8"))
    return figures


def _write(path: Path, figures: Figures) -> None:
    """Write atomically: a benchmark that is killed leaves whole results only."""
    write_whole(path, json.dumps(figures, indent=1, sort_keys=True).encode())
