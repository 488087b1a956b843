"""The usage mirror: what one's work took, what waiting gained, what was wasted, and what to try, out of one's own jobs.

A suggestion is made only where one's own ledger rows say what it would have saved, and it says how that was computed.
Savings are of the window that was looked at, on the inventory's basis; they are not to be added up, since one piece of
work can be behind two of them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ondol.accounting.task_kind import stem_of
from ondol.accounting.waste import Spent, Waste, burnt
from ondol.model.checks import check_range
from ondol.model.ids import AttemptId, NodeId, TaskId
from ondol.model.ledger import AttemptFact, WorkFact

MOST = 3
LEAST_SHARE = 1e-3
"""A suggestion that would have saved less of the window's carbon and electricity than this is not made."""
_J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One task's electricity and the intensity of its grid, when it ran and when it might have.

    Parameters
    ----------
    energy_kwh : with overhead, ≥ 0 [kWh]
    ran_g : its operational carbon as it ran, on the basis [gCO2e]
    at_once_g_per_kwh : intensity in the hour of its submission, same basis and sites [gCO2e/kWh]
    best_g_per_kwh : least mean intensity over its run time within a day of its submission [gCO2e/kWh]
    best_at : when that begins
    """

    task_id: TaskId
    service: str
    energy_kwh: float
    ran_g: float
    at_once_g_per_kwh: float
    best_g_per_kwh: float
    best_at: dt.datetime

    def __post_init__(self) -> None:
        check_range("moved.energy_kwh", self.energy_kwh, 0.0, 1e15, "kWh")
        check_range("moved.at_once_g_per_kwh", self.at_once_g_per_kwh, 0.0, 3000.0, "g/kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What flexibility gained against running at once: Σ energy × (intensity at submission − intensity when it ran).

    Parameters
    ----------
    at_once_g, ran_g : carbon had everything run at the intensity of its submission hour, and as it ran [gCO2e]
    gained_g : the difference; below zero where waiting met a dirtier grid [gCO2e]
    """

    tasks: int
    energy_kwh: float
    at_once_g: float
    ran_g: float
    gained_g: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One thing to try.

    Parameters
    ----------
    kind : "failed", "cancelled", "limit", "ended", "over_reserved", "idle_pool_slot" or "on_demand"
    text : what to do, with the figures of one's own jobs
    saves_kwh, saves_g : what it would have saved in the window, ≥ 0 [kWh], [gCO2e]
    how : how that was computed
    """

    kind: str
    text: str
    saves_kwh: float
    saves_g: float
    how: str


def gain_of(moved: Iterable[Moved]) -> Gain:
    """Sum up what waiting gained; on-demand work did not wait and is left out."""
    waited = [one for one in moved if one.service != "on_demand"]
    at_once_g = math.fsum(one.energy_kwh * one.at_once_g_per_kwh for one in waited)
    ran_g = math.fsum(one.ran_g for one in waited)
    return Gain(
        tasks=len(waited),
        energy_kwh=math.fsum(one.energy_kwh for one in waited),
        at_once_g=at_once_g,
        ran_g=ran_g,
        gained_g=at_once_g - ran_g,
    )


def suggestions(
    spent: Sequence[Spent],
    ends: Mapping[AttemptId, AttemptFact],
    works: Mapping[TaskId, WorkFact],
    found: Waste,
    moved: Iterable[Moved],
    idle_slot_w: Mapping[NodeId, float],
) -> tuple[Suggestion, ...]:
    """Give at most `MOST` suggestions, the one that would have saved most carbon first; none where nothing can be said.

    Parameters
    ----------
    spent : electricity of each attempt in the window
    ends, works : how attempts ended, whose they are
    found : what was wasted, with idle slots of pools
    moved : of each task, when it ran and when it might have
    idle_slot_w : idle power of one slot of a node [W]
    """
    total_g, total_j = found.total_g, found.total_j
    spent = [one for one in spent if not burnt(works.get(one.task_id))]
    every = [
        *_failed(spent, ends, works),
        *_stopped(spent, ends, works),
        *_over_reserved(spent, ends, works, idle_slot_w),
        *_idle_slots(found),
        *_on_demand(moved),
    ]
    worth = [
        one
        for one in every
        if one.saves_g > LEAST_SHARE * total_g or one.saves_kwh * _J_PER_KWH > LEAST_SHARE * max(total_j, 1e-300)
    ]
    worth.sort(key=lambda one: (-one.saves_g, -one.saves_kwh, one.kind, one.text))
    return tuple(worth[:MOST])


def _failed(
    spent: Sequence[Spent], ends: Mapping[AttemptId, AttemptFact], works: Mapping[TaskId, WorkFact]
) -> list[Suggestion]:
    """Attempts that ended by themselves with an error, by kind of task and exit code: all but the first of each."""
    groups: dict[tuple[str, int | None], list[tuple[AttemptFact, Spent]]] = defaultdict(list)
    for one in spent:
        end = ends.get(one.attempt_id)
        if end is not None and end.outcome == "failed" and end.cause == "":
            groups[_kind(one, works), end.exit_code].append((end, one))
    found: list[Suggestion] = []
    for (kind, code), parts in sorted(groups.items(), key=lambda item: (item[0][0], str(item[0][1]))):
        if len(parts) < 2:
            continue
        parts.sort(key=lambda part: (part[0].ended_at, part[0].attempt_id))
        kwh, grams = _sums([part[1] for part in parts[1:]])
        held_min = math.fsum(part[0].held_s for part in parts) / len(parts) / 60.0
        said = "without an exit code" if code is None else f"with exit code {code}{_MEANS.get(code, '')}"
        found.append(
            Suggestion(
                kind="failed",
                text=f'{len(parts)} attempts of "{kind}" failed {said}, after {held_min:.3g} minutes in the mean: mend '
                "the first failure before the others run, e.g. by one instance ahead of the rest.",
                saves_kwh=kwh,
                saves_g=grams,
                how=f"IT electricity of the {len(parts) - 1} attempts after the first that failed so",
            )
        )
    return found


_MEANS = {
    137: " (killed: mostly out of memory)",
    139: " (segmentation fault)",
    124: " (timeout)",
    127: " (no such command)",
}
_STOPS = {
    "user": (
        "cancelled",
        (
            '{n} attempts of "{kind}" were cancelled by you after {minutes:.3g} minutes in the mean, their work lost: '
            "try one instance first, or take snapshots and submit it as resumable."
        ),
    ),
    "limit": (
        "limit",
        (
            '{n} attempts of "{kind}" ran into a limit after {minutes:.3g} minutes in the mean, their work lost: '
            "raise the limit, or let them go on from a checkpoint."
        ),
    ),
    "heat": (
        "ended",
        (
            '{n} attempts of "{kind}" were ended when their heat was not wanted any more, their work lost: submit '
            "them as resumable, or in the class flex with a deadline."
        ),
    ),
}


def _stopped(
    spent: Sequence[Spent], ends: Mapping[AttemptId, AttemptFact], works: Mapping[TaskId, WorkFact]
) -> list[Suggestion]:
    """Attempts that were ended and whose work was lost, by who ended them and kind of task."""
    groups: dict[tuple[str, str], list[tuple[AttemptFact, Spent]]] = defaultdict(list)
    for one in spent:
        end, work = ends.get(one.attempt_id), works.get(one.task_id)
        lost = end is not None and end.outcome in ("stopped", "failed") and (work is None or not work.resumable)
        if end is not None and lost and end.cause in _STOPS:
            groups[end.cause, _kind(one, works)].append((end, one))
    found: list[Suggestion] = []
    for (cause, kind), parts in sorted(groups.items()):
        kwh, grams = _sums([part[1] for part in parts])
        minutes = math.fsum(part[0].held_s for part in parts) / len(parts) / 60.0
        word, text = _STOPS[cause]
        found.append(
            Suggestion(
                kind=word,
                text=text.format(n=len(parts), kind=kind, minutes=minutes),
                saves_kwh=kwh,
                saves_g=grams,
                how="IT electricity of these attempts, all of it, since their work would have been kept",
            )
        )
    return found


def _over_reserved(
    spent: Sequence[Spent],
    ends: Mapping[AttemptId, AttemptFact],
    works: Mapping[TaskId, WorkFact],
    idle_slot_w: Mapping[NodeId, float],
) -> list[Suggestion]:
    """Cores reserved and not used by attempts that succeeded, by kind of task: idle power of the part that rested."""
    groups: dict[str, list[tuple[AttemptFact, float, float]]] = defaultdict(list)
    for one in spent:
        end = ends.get(one.attempt_id)
        if end is None or end.outcome != "succeeded" or end.cores * end.held_s <= 0.0 or one.energy_j <= 0.0:
            continue
        unused = max(0.0, 1.0 - end.cpu_s / (end.cores * end.held_s))
        idle_w = idle_slot_w.get(one.node_id, 0.0)
        joules = min(unused * idle_w * end.slots * min(end.held_s, one.span_s), one.energy_j)
        groups[_kind(one, works)].append((end, joules, one.co2e_g * joules / one.energy_j))
    found: list[Suggestion] = []
    for kind, parts in sorted(groups.items()):
        joules = math.fsum(part[1] for part in parts)
        reserved_h = math.fsum(part[0].cores * part[0].held_s for part in parts) / 3600.0
        used_h = math.fsum(part[0].cpu_s for part in parts) / 3600.0
        if joules <= 0.0 or used_h >= 0.8 * reserved_h:
            continue
        found.append(
            Suggestion(
                kind="over_reserved",
                text=f'"{kind}" reserved {reserved_h:.3g} core hours and used {used_h:.3g} '
                f"({100.0 * used_h / reserved_h:.0f} %): use them (more threads), or put more work into one instance.",
                saves_kwh=joules / _J_PER_KWH,
                saves_g=math.fsum(part[2] for part in parts),
                how="(1 − CPU time / core time reserved) × idle power of the slot × time held, attempt by attempt",
            )
        )
    return found


def _idle_slots(found: Waste) -> list[Suggestion]:
    lines = [line for line in found.lines if line.kind == "idle_pool_slot"]
    return [
        Suggestion(
            kind="idle_pool_slot",
            text=f"{line.attempts} slots of your pools stood empty at times: let pools shrink, or close them.",
            saves_kwh=line.energy_j / _J_PER_KWH,
            saves_g=line.co2e_g,
            how="electricity of the pools' slots in ledger windows in which nothing ran in them",
        )
        for line in lines
    ]


def _on_demand(moved: Iterable[Moved]) -> list[Suggestion]:
    """On-demand work, had it run in the cleanest time within a day of its submission."""
    parts = [one for one in moved if one.service == "on_demand" and one.energy_kwh > 0.0]
    grams = math.fsum(max(0.0, one.ran_g - one.energy_kwh * one.best_g_per_kwh) for one in parts)
    if not parts or grams <= 0.0:
        return []
    weight: Counter[int] = Counter()
    for one in parts:
        weight[one.best_at.hour] += 1
    hour = min(weight, key=lambda at: (-weight[at], at))
    kwh = math.fsum(one.energy_kwh for one in parts)
    ran_g = math.fsum(one.ran_g for one in parts)
    return [
        Suggestion(
            kind="on_demand",
            text=f"{len(parts)} tasks ran on demand, {kwh:.3g} kWh at {ran_g / kwh:.3g} g/kWh in the mean: what can "
            f"wait a day, submit as flex with a deadline. The cleanest start was mostly around {hour:02d}:00 UTC.",
            saves_kwh=0.0,
            saves_g=grams,
            how="energy × (intensity when it ran − least mean intensity over its run time within 24 h of submission)",
        )
    ]


def _sums(spent: Iterable[Spent]) -> tuple[float, float]:
    parts = list(spent)
    return math.fsum(one.energy_j for one in parts) / _J_PER_KWH, math.fsum(one.co2e_g for one in parts)


def _kind(one: Spent, works: Mapping[TaskId, WorkFact]) -> str:
    work = works.get(one.task_id)
    return str(one.task_id) if work is None else stem_of(work.name)
