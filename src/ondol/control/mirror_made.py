"""A user's or project's mirror out of shared-out rows, facts and the grids' series."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ondol.accounting.account.columns import NOBODY, Codes, Floats, Mask
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Subject
from ondol.accounting.basis import Basis
from ondol.accounting.mirror import Gain, Moved, gain_of
from ondol.accounting.suggested_ends import Suggestion
from ondol.accounting.suggestions import advice
from ondol.accounting.waiting import NO_WAIT_S, Run
from ondol.accounting.waste import Waste
from ondol.control.grids import Grids
from ondol.control.statement_more import Work
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, SiteId, TaskId
from ondol.model.ledger import Share, WorkFact

_HOUR_S = 3600.0
_AHEAD_H = 24
_J_PER_KWH = 3.6e6


RunBefore = Callable[[WorkFact, float], Run]
"""How far a task's run had come at a time [s since the epoch]."""


def submitted(work: WorkFact, _at_s: float) -> Run:
    """Nothing ran before, and nothing kept it from running."""
    return Run(work.submitted_at.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What a user or a project did with its share.

    Parameters
    ----------
    energy_kwh, co2e_g : electricity with overhead and operational carbon of the window, on the basis
    without : where there are fewer than three suggestions, what else was looked for and not found
    unexplained : tasks of which it is not known when they were submitted: they are in no gain
    notes : how it was counted
    """

    subject: Subject
    start: dt.datetime
    end: dt.datetime
    basis: str
    tasks: int
    energy_kwh: float
    co2e_g: float
    gain: Gain
    waste: Waste
    suggestions: tuple[Suggestion, ...]
    without: tuple[str, ...]
    unexplained: int
    notes: tuple[str, ...]


def mirror_of(
    subject: Subject,
    fleet: Fleet,
    grids: Grids,
    shared: Shared,
    mine: Mask,
    found: Work,
    told: Work,
    whys: Mapping[AttemptId, str],
    run_before: RunBefore = submitted,
) -> Mirror:
    """Put the mirror together.

    Parameters
    ----------
    mine : rows of the subject
    found : its work
    told : of that, what the reader may see by name; suggestions are made out of it alone
    whys : of failed attempts without an exit code, how they failed
    run_before : since when tasks could run, and for how long they did before the rows
    """
    rows = shared.rows
    job = mine & rows.of(Share.JOB)
    moved = moves(fleet, grids, shared, job, found.works, run_before)
    of_own = [one for one in moved if one.task_id in told.works]
    idle_w = {node.id: node.curve.idle_w / node.slots for node in fleet.nodes}
    tasks = [TaskId(rows.tasks[code]) for code in np.unique(rows.task[job]) if code != NOBODY]
    tasks = [one for one in tasks if one not in found.works or not found.works[one].holds_pool]
    tried = advice(told.spent, told.ends, told.works, told.waste, of_own, idle_w, whys)
    energy_j = rows.energy_j[job].sum() + shared.overhead_j[job].sum()
    start_s, end_s = float(rows.start_s[mine].min()), float(rows.end_s[mine].max())
    return Mirror(
        subject=subject,
        start=dt.datetime.fromtimestamp(start_s, dt.UTC),
        end=dt.datetime.fromtimestamp(end_s, dt.UTC),
        basis=shared.basis.note,
        tasks=len(tasks),
        energy_kwh=float(energy_j) / _J_PER_KWH,
        co2e_g=float(shared.counted_g[job].sum()),
        gain=gain_of(moved),
        waste=found.waste,
        suggestions=tried.suggestions,
        without=tried.without,
        unexplained=len(tasks) - len(moved),
        notes=(
            (
                "Gained: energy × (intensity had it begun as soon as it could and never stopped − intensity when it "
                f"ran), same sites and basis; less than {NO_WAIT_S / 60:.0f} minutes are no waiting. Work on demand "
                "did not wait and is not in it. Below zero where waiting met a dirtier grid."
            ),
            "Wasted and saved: IT electricity without overhead. Savings are of this window and do not add up.",
        ),
    )


def moves(
    fleet: Fleet,
    grids: Grids,
    shared: Shared,
    job: Mask,
    works: Mapping[TaskId, WorkFact],
    run_before: RunBefore = submitted,
) -> tuple[Moved, ...]:
    """When each task ran and when it might have, by task; those whose submission is not known are left out.

    Slots of pools are too: they are no work, and nothing that could wait.
    """
    rows = shared.rows
    country = {str(site.id): site.country for site in fleet.sites}
    found: list[Moved] = []
    order = np.argsort(rows.task[job], kind="stable")
    codes, first = np.unique(rows.task[job][order], return_index=True)
    where = np.flatnonzero(job)[order]
    parts = np.split(where, first[1:]) if len(codes) else []  # one that ran filler alone has no work of its own
    for code, mine in zip(codes, parts, strict=True):
        work = works.get(TaskId(rows.tasks[code])) if code != NOBODY else None
        if work is None or work.holds_pool:
            continue
        kwh = (rows.energy_j[mine] + shared.overhead_j[mine]) / _J_PER_KWH
        total = float(kwh.sum())
        weights = {
            rows.sites[int(site)]: float(kwh[rows.site[mine] == site].sum()) / total if total > 0.0 else 0.0
            for site in np.unique(rows.site[mine])
        }
        if total <= 0.0 or any(site not in country for site in weights):
            continue
        run_h = (float(rows.end_s[mine].max()) - float(rows.start_s[mine].min())) / _HOUR_S
        hourly = _hourly(grids, shared.basis, country, weights, work.submitted_at, run_h)
        best_g, at = _best(hourly, run_h)
        ran_g = float(shared.counted_g[mine].sum())
        late_s = _late_s(rows.start_s[mine], rows.end_s[mine], partial(run_before, work))
        found.append(
            Moved(
                task_id=work.task_id,
                service=work.service,
                energy_kwh=total,
                ran_g=ran_g,
                at_once_g=max(0.0, ran_g + _more_g(grids, shared, country, mine, kwh, late_s)),
                best_g_per_kwh=best_g,
                best_at=work.submitted_at + dt.timedelta(hours=at),
            )
        )
    return tuple(found)


def _late_s(start_s: Floats, end_s: Floats, run_before: Callable[[float], Run]) -> Floats:
    """By how much each of a task's rows is late [s]."""
    windows, where = np.unique(np.stack([start_s, end_s], axis=1), axis=0, return_inverse=True)
    run = run_before(float(windows[0, 0]))
    late_s = np.zeros(len(windows))
    for number, (begin_s, until_s) in enumerate(windows.tolist()):
        late_s[number] = run.late_s(begin_s)
        run = run.after(begin_s, until_s)
    return late_s[where.reshape(-1)]


def _more_g(
    grids: Grids, shared: Shared, country: Mapping[str, str], mine: Codes, kwh: Floats, late_s: Floats
) -> float:
    """What a task's rows would have emitted more, each on its grid so much earlier, below 0 for less [gCO2e]."""
    rows, more_g = shared.rows, 0.0
    for row, energy_kwh, late in zip(mine[late_s > 0.0], kwh[late_s > 0.0], late_s[late_s > 0.0], strict=True):
        site = rows.sites[int(rows.site[row])]
        at_s = 0.5 * (float(rows.start_s[row]) + float(rows.end_s[row])) - float(late)
        recorded = grids.at(country[site], at_s) - float(rows.grid_g_per_kwh[row])
        more_g += float(energy_kwh) * shared.basis.lines[SiteId(site)].slope * recorded
    return more_g


def _hourly(
    grids: Grids,
    basis: Basis,
    country: Mapping[str, str],
    weights: Mapping[str, float],
    submitted: dt.datetime,
    run_h: float,
) -> Floats:
    """Intensity on the basis from the hour of submission on, of the sites where it ran [gCO2e/kWh]."""
    steps = _AHEAD_H + math.ceil(min(run_h, _AHEAD_H)) + 1
    start_s = submitted.timestamp()
    total = np.zeros(steps)
    for site, weight in weights.items():
        line = basis.lines[SiteId(site)]
        recorded = grids.ahead(country[site], start_s, _HOUR_S, steps)
        total += weight * (line.slope * recorded + line.offset_g_per_kwh)
    return total


def _best(hourly: Sequence[float] | Floats, run_h: float) -> tuple[float, int]:
    """Least mean over the run time among starts within a day, and its hour after submission; the first of equals."""
    length_h = min(max(run_h, 1e-9), float(_AHEAD_H))
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(hourly, dtype=np.float64))])
    hours = np.arange(len(sums), dtype=np.float64)
    starts = hours[hours + length_h <= hours[-1]][: _AHEAD_H + 1]
    means = (np.interp(starts + length_h, hours, sums) - np.interp(starts, hours, sums)) / length_h
    at = int(np.argmin(means))
    return float(means[at]), at
