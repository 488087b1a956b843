"""Lives a scenario twice, by the twin and by the platform, and says whether they decided the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondol.accounting.figures import J_PER_KWH
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.same.acts import Diary, Difference, first_difference
from ondol.twin.same.levelled import level, level_work
from ondol.twin.same.platform_life import PlatformLife
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series, make_series
from ondol.twin.workload.jobs import Trace

_HERE = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeFigures:
    """What came of one life.

    Parameters
    ----------
    moments : at which a decision was taken
    starts, stops, pauses, resumes : decided
    wait_s : mean from submission to first start, of jobs that started [s]
    electric_kwh, heat_kwh, backup_kwh : of all units with PUE, into all sinks, of all backups [kWh]
    """

    moments: int
    starts: int
    stops: int
    pauses: int
    resumes: int
    wait_s: float
    electric_kwh: float
    heat_kwh: float
    backup_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How two lives compare.

    Parameters
    ----------
    notes : what was changed so that both could live it
    acts : first start, stop, pause or resume that differs; None where all are equal, in their order
    moments : first moment at which the twin decided and the platform did not
    floors : first difference of the watts that units were held at, at the moments at which both decided
    shared : starts that are the same job on the same node at the same moment, over all of the twin's, 0 to 1
    temp_k : largest difference of a sink's temperature at the end [K]
    """

    policy: str
    steady: bool
    notes: tuple[str, ...]
    twin: LifeFigures
    platform: LifeFigures
    acts: Difference | None
    moments: Difference | None
    floors: Difference | None
    shared: float
    temp_k: float

    @property
    def same(self) -> bool:
        """Whether every decision was the same."""
        return self.acts is None and self.moments is None and self.floors is None


def check(
    scenario: Scenario, trace: Trace, policy: str, *, steady: bool = False, series: Series | None = None
) -> Verdict:
    """Live a scenario twice.

    Parameters
    ----------
    scenario, trace : as read; what only one side knows is taken out, see `twin.same.levelled`
    steady : let the platform's sites be led by the twin's thermostats in place of its own agents
    series : of the levelled scenario, where it is at hand

    Raises
    ------
    InvalidFieldError : of `level`
    NotFoundError : no such policy
    """
    scenario, notes = level(scenario)
    trace, more = level_work(trace, scenario.steps * float(scenario.step_s))
    series = series or make_series(scenario, _HERE)
    chosen = load_policy(policy)
    diary = Diary(series.begin_s, twin_job_of)
    twin = FleetTwin(scenario, series, trace, chosen, lambda view, _, decision: diary.note(view.now_s, decision))
    twin.machines.up[:] = 1  # as the platform's nodes, which are never switched off
    twin.live(series.steps)
    life = PlatformLife(scenario, series, trace, load_policy(policy), steady=steady)
    life.live()
    ours, theirs = twin.stores.levels(series.steps).temp_c, life.hardware.stores.levels(series.steps).temp_c
    decided = set(life.diary.moments)
    missed = next((place for place, at_s in enumerate(diary.moments) if at_s not in decided), None)
    both = [at_s for at_s in diary.moments if at_s in decided]
    starts = {act for act in diary.acts if act.kind == "Start"}
    return Verdict(
        policy=policy,
        steady=steady,
        notes=(*notes, *more),
        twin=_figures(
            diary,
            trace,
            electric_j=twin.score.electric_j + twin.score.overflow_j,
            heat_j=float(twin.score.heat_j.sum()),
            backup_j=float(twin.score.backup_j.sum()),
        ),
        platform=_figures(
            life.diary,
            trace,
            electric_j=life.hardware.electric_j,
            heat_j=life.hardware.heat_j,
            backup_j=life.hardware.backup_j,
        ),
        acts=first_difference(diary.acts, life.diary.acts),
        moments=None if missed is None else Difference(missed, diary.moments[missed], None),
        floors=first_difference(diary.floors_at(both), life.diary.floors_at(both)),
        shared=len(starts & set(life.diary.acts)) / max(len(starts), 1),
        temp_k=float(abs(ours - theirs).max(initial=0.0)),
    )


def twin_job_of(instance: str) -> int:
    """Row of an instance of the twin by its id."""
    return int(instance[1:])


def _figures(diary: Diary, trace: Trace, *, electric_j: float, heat_j: float, backup_j: float) -> LifeFigures:
    first: dict[int, float] = {}
    for act in diary.acts:
        if act.kind == "Start" and act.job < len(trace.jobs):
            first.setdefault(act.job, act.at_s)
    waits = [at_s - float(trace.jobs.submitted_s[job]) for job, at_s in sorted(first.items())]
    kinds = [act.kind for act in diary.acts]
    return LifeFigures(
        moments=len(diary.moments),
        starts=kinds.count("Start"),
        stops=kinds.count("Stop"),
        pauses=kinds.count("Pause"),
        resumes=kinds.count("Resume"),
        wait_s=sum(waits) / len(waits) if waits else 0.0,
        electric_kwh=electric_j / J_PER_KWH,
        heat_kwh=heat_j / J_PER_KWH,
        backup_kwh=backup_j / J_PER_KWH,
    )
