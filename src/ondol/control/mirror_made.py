"""A user's or project's mirror out of shared-out rows, facts and the grids' series."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.accounting.account.columns import NOBODY, Floats, Mask
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Subject
from ondol.accounting.basis import Basis
from ondol.accounting.mirror import Gain, Moved, Suggestion, gain_of, suggestions
from ondol.accounting.waste import Waste
from ondol.control.grids import Grids
from ondol.control.statement_more import Work
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId, TaskId
from ondol.model.ledger import Share, WorkFact

_HOUR_S = 3600.0
_AHEAD_H = 24
_J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What a user or a project did with its share.

    Parameters
    ----------
    energy_kwh, co2e_g : electricity with overhead and operational carbon of the window, on the basis
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
) -> Mirror:
    """Put the mirror together.

    Parameters
    ----------
    mine : rows of the subject
    found : its work
    told : of that, what the reader may see by name; suggestions are made out of it alone
    """
    rows = shared.rows
    job = mine & rows.of(Share.JOB)
    moved = moves(fleet, grids, shared, job, found.works)
    of_own = [one for one in moved if one.task_id in told.works]
    idle_w = {node.id: node.curve.idle_w / node.slots for node in fleet.nodes}
    tasks = np.unique(rows.task[job])
    energy_j = rows.energy_j[job].sum() + shared.overhead_j[job].sum()
    start_s, end_s = float(rows.start_s[mine].min()), float(rows.end_s[mine].max())
    return Mirror(
        subject=subject,
        start=dt.datetime.fromtimestamp(start_s, dt.UTC),
        end=dt.datetime.fromtimestamp(end_s, dt.UTC),
        basis=shared.basis.note,
        tasks=int((tasks != NOBODY).sum()),
        energy_kwh=float(energy_j) / _J_PER_KWH,
        co2e_g=float(shared.counted_g[job].sum()),
        gain=gain_of(moved),
        waste=found.waste,
        suggestions=suggestions(told.spent, told.ends, told.works, told.waste, of_own, idle_w),
        unexplained=len(tasks) - len(moved),
        notes=(
            (
                "Gained: energy × (intensity in the hour of submission − intensity when it ran), same sites and basis; "
                "work on demand did not wait and is not in it. Below zero where waiting met a dirtier grid."
            ),
            "Wasted and saved: IT electricity without overhead. Savings are of this window and do not add up.",
        ),
    )


def moves(fleet: Fleet, grids: Grids, shared: Shared, job: Mask, works: Mapping[TaskId, WorkFact]) -> tuple[Moved, ...]:
    """When each task ran and when it might have, by task; those whose submission is not known are left out."""
    rows = shared.rows
    country = {str(site.id): site.country for site in fleet.sites}
    found: list[Moved] = []
    order = np.argsort(rows.task[job], kind="stable")
    codes, first = np.unique(rows.task[job][order], return_index=True)
    where = np.flatnonzero(job)[order]
    parts = np.split(where, first[1:]) if len(codes) else []  # one that ran filler alone has no work of its own
    for code, mine in zip(codes, parts, strict=True):
        work = works.get(TaskId(rows.tasks[code])) if code != NOBODY else None
        if work is None:
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
        found.append(
            Moved(
                task_id=work.task_id,
                service=work.service,
                energy_kwh=total,
                ran_g=float(shared.counted_g[mine].sum()),
                at_once_g_per_kwh=float(hourly[0]),
                best_g_per_kwh=best_g,
                best_at=work.submitted_at + dt.timedelta(hours=at),
            )
        )
    return tuple(found)


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
    width = max(1, math.ceil(min(run_h, _AHEAD_H)))
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(hourly, dtype=np.float64))])
    means = (sums[width:] - sums[:-width])[: _AHEAD_H + 1] / width
    at = int(np.argmin(means))
    return float(means[at]), at
