"""Suggestions out of attempts that brought nothing: that failed alike, or that somebody ended."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ondol.accounting.task_kind import stem_of
from ondol.accounting.waste import Spent
from ondol.model.ids import AttemptId, TaskId
from ondol.model.ledger import AttemptFact, WorkFact

_J_PER_KWH = 3.6e6


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


def failed(
    spent: Sequence[Spent],
    ends: Mapping[AttemptId, AttemptFact],
    works: Mapping[TaskId, WorkFact],
    whys: Mapping[AttemptId, str],
) -> list[Suggestion]:
    """Attempts that failed by themselves, by kind of task and how: all but the first of each.

    Parameters
    ----------
    whys : of attempts without an exit code how they failed, e.g. "could not be started: no such command"
    """
    groups: dict[tuple[str, str], list[tuple[AttemptFact, Spent]]] = defaultdict(list)
    for one in spent:
        end = ends.get(one.attempt_id)
        if end is not None and end.outcome == "failed" and end.cause == "":
            groups[kind_of_work(one, works), _said(end, whys)].append((end, one))
    found: list[Suggestion] = []
    for (kind, said), parts in sorted(groups.items(), key=lambda item: item[0]):
        if len(parts) < 2:
            continue
        parts.sort(key=lambda part: (part[0].ended_at, part[0].attempt_id))
        kwh, grams = _sums([part[1] for part in parts[1:]])
        held_min = math.fsum(part[0].held_s for part in parts) / len(parts) / 60.0
        found.append(
            Suggestion(
                kind="failed",
                text=f'{counted(len(parts), "attempt")} of "{kind}" {said}, after {held_min:.3g} minutes in the mean: '
                "mend the first failure before the others run, e.g. by one instance ahead of the rest.",
                saves_kwh=kwh,
                saves_g=grams,
                how=f"IT electricity of the {counted(len(parts) - 1, 'attempt')} after the first that failed so",
            )
        )
    return found


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 task", "2 tasks"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _said(end: AttemptFact, whys: Mapping[AttemptId, str]) -> str:
    """How an attempt failed; what no longer can be told is not guessed."""
    if end.exit_code is None:
        return whys.get(end.attempt_id) or "ended before their program gave an exit code (why is not known any more)"
    return f"failed with exit code {end.exit_code}{_MEANS.get(end.exit_code, '')}"


_MEANS = {
    0: " (done, but their results could not be stored)",
    137: " (killed: mostly out of memory)",
    139: " (segmentation fault)",
    124: " (timeout)",
    127: " (no such command)",
}
_STOPS = {
    "user": (
        "cancelled",
        (
            '{n} of "{kind}" {were} cancelled by you after {minutes:.3g} minutes in the mean, their work lost: '
            "try one instance first, or take snapshots and submit it as resumable."
        ),
    ),
    "limit": (
        "limit",
        (
            '{n} of "{kind}" ran into a limit after {minutes:.3g} minutes in the mean, their work lost: '
            "raise the limit, or let them go on from a checkpoint."
        ),
    ),
    "heat": (
        "ended",
        (
            '{n} of "{kind}" {were} ended when their heat was not wanted any more, their work lost: submit '
            "them as resumable, or in the class flex with a deadline."
        ),
    ),
}


def stopped(
    spent: Sequence[Spent], ends: Mapping[AttemptId, AttemptFact], works: Mapping[TaskId, WorkFact]
) -> list[Suggestion]:
    """Attempts that were ended and whose work was lost, by who ended them and kind of task."""
    groups: dict[tuple[str, str], list[tuple[AttemptFact, Spent]]] = defaultdict(list)
    for one in spent:
        end, work = ends.get(one.attempt_id), works.get(one.task_id)
        lost = end is not None and end.outcome in ("stopped", "failed") and (work is None or not work.resumable)
        if end is not None and lost and end.cause in _STOPS:
            groups[end.cause, kind_of_work(one, works)].append((end, one))
    found: list[Suggestion] = []
    for (cause, kind), parts in sorted(groups.items()):
        kwh, grams = _sums([part[1] for part in parts])
        minutes = math.fsum(part[0].held_s for part in parts) / len(parts) / 60.0
        word, text = _STOPS[cause]
        n, were = counted(len(parts), "attempt"), "was" if len(parts) == 1 else "were"
        found.append(
            Suggestion(
                kind=word,
                text=text.format(n=n, were=were, kind=kind, minutes=minutes),
                saves_kwh=kwh,
                saves_g=grams,
                how="IT electricity of these attempts, all of it, since their work would have been kept",
            )
        )
    return found


def _sums(spent: Iterable[Spent]) -> tuple[float, float]:
    parts = list(spent)
    return math.fsum(one.energy_j for one in parts) / _J_PER_KWH, math.fsum(one.co2e_g for one in parts)


def kind_of_work(one: Spent, works: Mapping[TaskId, WorkFact]) -> str:
    """Kind of the task that an attempt was of, as its name tells."""
    work = works.get(one.task_id)
    return str(one.task_id) if work is None else stem_of(work.name)
