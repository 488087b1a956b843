"""Runs the benchmark: one bound and one run of every policy for each case, each result written as it comes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from ondol.accounting.figures import J_PER_KWH
from ondol.model.errors import NotFoundError
from ondol.policy.registry import load_policy, policy_names
from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.relaxing import relax
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.heatbench.cases import HERE, Case
from ondol.twin.layout import lay_out
from ondol.twin.located import located
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.series import make_series
from ondol.twin.summary import Figures, summarise
from ondol.twin.work_of import work_of

BOUND = "bound"
POLICIES = ("fcfs", "wait-awhile", "greco", "greco-locality", "thermostat-filler", "greedy", "follow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run, or the bound of a case: then `policy` is `BOUND`, and of the figures only totals are there."""

    case: Case
    policy: str
    figures: Figures


def run_case(case: Case, policy: str, base: Path | None, file: Path | None) -> Result:
    """Run a policy on a case, or ask for the bound."""
    scenario = located(case.scenario(file), (file or HERE / "greco.toml").parent, base)
    series = make_series(scenario, Path())
    trace = work_of(scenario, Path())
    if policy == BOUND:
        layout = lay_out(scenario)
        asked = relax(scenario, layout, Plant(layout, series), series, trace.jobs, money=False)
        answer = lower_bound(asked.problem)
        figures: Figures = {
            "total_kg": (answer.bound + asked.constant) / 1000.0,
            "total_kg_near": (answer.near + asked.constant) / 1000.0,
            "heat_dumped_kwh": float(answer.course.dumped_w.sum()) * series.step_s / J_PER_KWH,
            "backup_kwh": float(answer.course.backup_w.sum()) * series.step_s / J_PER_KWH,
        }
        return Result(case=case, policy=policy, figures=figures)
    twin = FleetTwin(scenario, series, trace, load_policy(policy))
    twin.live(series.steps)
    return Result(case=case, policy=policy, figures=summarise(twin))


def run_all(
    cases: tuple[Case, ...],
    policies: tuple[str, ...],
    base: Path | None,
    out: Path,
    *,
    file: Path | None = None,
    processes: int = 0,
    tell: Callable[[int, int, Result], None] = lambda _done, _all, _result: None,
) -> list[Result]:
    """Run all; what an earlier call left in `out` is taken over, so that a benchmark that was cut off goes on.

    Parameters
    ----------
    base : folder of the data, None for none; out : folder for results, one JSON file each
    file : see `Case.scenario`
    processes : that run at once, 0 for one a core
    tell : is told after each result

    Raises
    ------
    NotFoundError : a policy that is not installed, data that is not there
    """
    for name in policies:
        if name not in policy_names():
            raise NotFoundError("policy", f"{name}; installed are {', '.join(policy_names())}")
    out.mkdir(parents=True, exist_ok=True)
    todo = [(case, policy) for case in cases for policy in (BOUND, *policies)]
    results: dict[tuple[Case, str], Result] = {}
    for case, policy in todo:
        path = out / _file_of(case, policy, file)
        if path.exists():
            results[case, policy] = Result(case=case, policy=policy, figures=json.loads(path.read_text("utf-8")))
    missing = [one for one in todo if one not in results]
    for result in _run(missing, base, file, processes or os.cpu_count() or 1):
        results[result.case, result.policy] = result
        _write(out / _file_of(result.case, result.policy, file), result.figures)
        tell(len(results), len(todo), result)
    return [results[one] for one in todo]


def _run(todo: list[tuple[Case, str]], base: Path | None, file: Path | None, processes: int) -> Iterator[Result]:
    if processes == 1 or len(todo) < 2:
        for case, policy in todo:
            yield run_case(case, policy, base, file)
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting: list[Future[Result]] = [pool.submit(run_case, case, policy, base, file) for case, policy in todo]
        for future in as_completed(waiting):
            yield future.result()


def _file_of(case: Case, policy: str, file: Path | None) -> str:
    """Name a result by its case, its policy and a digest of its scenario: another scenario is another result."""
    parts = asdict(case)
    words = "-".join(str(parts[name]) for name in ("month", "load", "backup", "forecast", "days", "seed"))
    digest = hashlib.sha256(msgspec.json.encode(case.scenario(file))).hexdigest()[:12]
    return f"{words}-{digest}-{policy}.json"


def _write(path: Path, figures: Figures) -> None:
    """Write atomically: a benchmark that is killed leaves whole results only."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(figures, indent=1, sort_keys=True), "utf-8")
    draft.replace(path)
