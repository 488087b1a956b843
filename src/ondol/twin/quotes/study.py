"""Quotes of a run's tasks against what then happened: how often p90 was kept, how far p50 was off."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from ondol.accounting.quote import GENTLE_SPEED
from ondol.control.foretelling import Told
from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats, ServiceClass
from ondol.policy.urgency import STRETCH
from ondol.twin.quotes.quoted_twin import QuotedTwin
from ondol.twin.runs import Run, prepare
from ondol.twin.workload.draws import uniforms
from ondol.twin.workload.jobs import Jobs

FIGURES = ("start", "end", "energy", "co2e")
ALL, SLOWER = "all", "slower"
DECLARED = 0.5  # share of tasks whose users declare a run time; an assumption of the study
DECLARED_SPREAD = 0.3  # of ln(declared / mean run time); likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """One task: what was quoted and what came; waits from the quote on [s], energy [kWh], carbon [g].

    Parameters
    ----------
    p50, p90, came : by figure; `came` is nan where it was not seen before the run's end
    not_within_s : where no start was promised: nine of ten were said to wait for longer; None where one was [s]
    heat_kwh : useful heat as quoted
    speed_cap : share of full speed that it takes at most
    """

    task: int
    service: str
    grounds: str
    at_s: float
    p50: dict[str, float]
    p90: dict[str, float]
    came: dict[str, float]
    heat_kwh: float | None
    speed_cap: float = 1.0
    not_within_s: float | None = None

    @property
    def promised(self) -> bool:
        """Whether it was said by when it starts and ends."""
        return self.not_within_s is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure of one class.

    Parameters
    ----------
    tasks : whose figure is decided: it came, or p90 passed without it
    open : left out: the run ended before either
    unsaid : left out: it was said that no start is foreseen
    unsaid_right : share of these that did not start before the moment up to which it was said
    p50_kept, p90_kept : share that came to no more, 0 to 1
    p90_below : share that came to less than p90; with `p90_kept` it tells how many were equal to it
    median_error : median of |p50 − came| / came over what came
    """

    service: str
    figure: str
    tasks: int
    open: int
    unsaid: int
    unsaid_right: float
    p50_kept: float
    p90_kept: float
    p90_below: float
    median_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a study found.

    Parameters
    ----------
    quoted : tasks in the order of their submission
    end_s : of the run, from its begin [s]
    """

    quoted: list[Quoted]
    end_s: float

    def rows(self) -> list[dict[str, object]]:
        """Tasks for JSON; what is no number is null."""
        return [
            dataclasses.asdict(one)
            | {
                "came": {k: None if math.isnan(v) else v for k, v in one.came.items()},
            }
            for one in self.quoted
        ]


def study(
    file: Path,
    *,
    tasks: int = 1000,
    seed: int | None = None,
    days: float | None = None,
    data: Path | None = None,
    policy: str = "follow",
    declared: float = DECLARED,
    slower: float = 0.0,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Run, Found]:
    """Live through a scenario and quote its first tasks when they are submitted.

    Nothing is learned beforehand: the first quotes rest on priors, the later ones on the tasks before. The run goes on
    after the last quoted task came until all of them are over, or to the scenario's end.

    Parameters
    ----------
    tasks : how many are quoted and compared, 1 to 1,000,000; fewer where the scenario has fewer
    declared : share of tasks whose users declare a run time, 0 to 1; it errs by `DECLARED_SPREAD`
    slower : share of tasks that take `slower`, half of full speed, where their deadline lets them, 0 to 1
    tell : is told steps done and all steps

    Raises
    ------
    NotFoundError, InvalidFieldError : as of `ondol.twin.runs.prepare`
    """
    check_whole("tasks", tasks, 1, 1_000_000)
    check_range("declared", declared, 0.0, 1.0)
    check_range("slower", slower, 0.0, 1.0)
    run = prepare(file, policy, data=data, seed=seed, days=days)
    twin = quoted_twin(run, declared, slower)
    asked = min(tasks, run.trace.jobs.tasks)
    while not twin.over and not _decided(twin, asked):
        twin.live(1)
        tell(twin.step, run.series.steps)
    found = list(_outcomes(twin, asked))
    if not found:
        raise InvalidFieldError("days", run.scenario.days, "a span in which a task is submitted")
    return run, Found(quoted=found, end_s=twin.step * twin.series.step_s)


def quoted_twin(run: Run, declared: float = DECLARED, slower: float = 0.0) -> QuotedTwin:
    """Give a run ready to be lived through, with what users declare and which of them take `slower`."""
    scenario, trace = run.scenario, run.trace
    if slower > 0.0:
        jobs = dataclasses.replace(trace.jobs, speed_cap=_caps(trace.jobs, slower, scenario.seed))
        trace = dataclasses.replace(trace, jobs=jobs)
    jobs = trace.jobs
    count = np.bincount(jobs.task, minlength=jobs.tasks)
    mean_s = np.bincount(jobs.task, jobs.run_s, jobs.tasks) / np.maximum(count, 1)
    numbers = np.arange(jobs.tasks)
    error = np.exp(DECLARED_SPREAD * ndtri(uniforms(scenario.seed, "declared run time", numbers)))
    said = uniforms(scenario.seed, "declares a run time", numbers) < declared
    # Users of made-up work are drawn beside their run times: to call theirs a kind would be no knowledge.
    own = scenario.work.source != "generator"
    user = np.zeros(jobs.tasks, dtype=np.int64)
    user[jobs.task[::-1]] = jobs.user[::-1]
    kinds = tuple(f"user-{one}" if own and one >= 0 else "" for one in user.tolist())
    declared_s: Floats = np.where(said, mean_s * error, np.nan)
    return QuotedTwin(scenario, run.series, trace, run.policy, declared_s=declared_s, kinds=kinds)


def _caps(jobs: Jobs, slower: float, seed: int) -> Floats:
    """Caps of tasks by lot; where one of its instances would hardly be in time, a task has none."""
    took = uniforms(seed, "takes slower", np.arange(jobs.tasks)) < slower
    tight = jobs.deadline_s < jobs.submitted_s + STRETCH * jobs.run_s / GENTLE_SPEED
    took[jobs.task[tight]] = False
    return np.where(took, GENTLE_SPEED, 1.0)[jobs.task]


def lines(quoted: list[Quoted], end_s: float) -> list[Line]:
    """Sum up by figure and class, all classes first; those that took `slower` last, where there are any.

    Parameters
    ----------
    end_s : of the run, from its begin [s]: what had not come by then is decided where its p90 had passed
    """
    classes = [ALL, *(kind.name.lower() for kind in ServiceClass)]
    found: list[Line] = []
    for service in classes:
        mine = [one for one in quoted if service in (ALL, one.service)]
        found += [_line(service, figure, mine, end_s) for figure in FIGURES if mine]
    capped = [one for one in quoted if one.speed_cap < 1.0]
    found += [_line(SLOWER, figure, capped, end_s) for figure in FIGURES if capped]
    return found


def _line(service: str, figure: str, quoted: list[Quoted], end_s: float) -> Line:
    waits = figure in ("start", "end")
    unsaid = [one for one in quoted if waits and not one.promised]
    quoted = [one for one in quoted if not waits or one.promised]
    came = np.array([one.came[figure] for one in quoted])
    p50 = np.array([one.p50[figure] for one in quoted])
    p90 = np.array([one.p90[figure] for one in quoted])
    if waits:
        passed = np.array([one.at_s for one in quoted]) + p90 < end_s
        came = np.where(np.isnan(came) & passed, np.inf, came)
    known = ~np.isnan(came)
    came, p50, p90 = came[known], p50[known], p90[known]
    real = np.isfinite(came) & (came > 0.0)
    number = int(known.sum())
    slack = 1e-3 if waits else 1e-9  # clocks are rounded
    return Line(
        service=service,
        figure=figure,
        tasks=number,
        open=len(quoted) - number,
        unsaid=len(unsaid),
        unsaid_right=_right(unsaid, end_s),
        p50_kept=float((came <= p50 + slack).mean()) if number else float("nan"),
        p90_kept=float((came <= p90 + slack).mean()) if number else float("nan"),
        p90_below=float((came < p90 - slack).mean()) if number else float("nan"),
        median_error=float(np.median(np.abs(p50[real] / came[real] - 1.0))) if real.any() else float("nan"),
    )


def _right(unsaid: list[Quoted], end_s: float) -> float:
    """Share of starts that did not come before they were said not to; nan where nothing is decided."""
    told = [(one.at_s, one.came["start"], one.not_within_s or 0.0) for one in unsaid]
    kept = [not came < told_s for at_s, came, told_s in told if not math.isnan(came) or at_s + told_s <= end_s]
    return sum(kept) / len(kept) if kept else float("nan")


def _decided(twin: QuotedTwin, asked: int) -> bool:
    first = sorted(twin.quoted)[:asked] if len(twin.quoted) >= asked else []
    return bool(first) and not np.isnan(twin.end_s[first]).any()


def _outcomes(twin: QuotedTwin, asked: int) -> Iterator[Quoted]:
    begin_s = twin.series.begin_s
    for task in sorted(twin.quoted)[:asked]:
        told: Told = twin.quoted[task]
        at_s = told.at_s - begin_s
        over = not np.isnan(twin.end_s[task])
        yield Quoted(
            task=task,
            service=told.said["start"].group[0],
            grounds=told.run.grounds,
            at_s=at_s,
            p50={
                "start": told.start_p50_s,
                "end": told.end_p50_s,
                "energy": told.energy_p50_kwh,
                "co2e": told.co2e_p50_g,
            },
            p90={
                "start": told.start_p90_s,
                "end": told.end_p90_s,
                "energy": told.energy_p90_kwh,
                "co2e": told.co2e_p90_g,
            },
            came={
                "start": float(twin.start_s[task]) - at_s,
                "end": float(twin.end_s[task]) - at_s,
                "energy": float(twin.energy_kwh[task]) if over else float("nan"),
                "co2e": float(twin.co2e_g[task]) if over else float("nan"),
            },
            heat_kwh=told.heat_kwh,
            speed_cap=twin.cap_of(task),
            not_within_s=None if told.promised else told.not_within_s,
        )


def plain(line: Line) -> dict[str, object]:
    """Fields of a line for JSON; what is no number is null."""
    return {key: None if value != value else value for key, value in dataclasses.asdict(line).items()}  # noqa: PLR0124
