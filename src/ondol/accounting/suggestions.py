"""What to try, out of one's own jobs: a suggestion is made only where one's ledger rows say what it would have saved.

It says how that was computed. Savings are of the window that was looked at, on the inventory's basis; they are not to
be added up, since one piece of work can be behind two of them. Where there are fewer than three, it is said why.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ondol.accounting.mirror import Moved
from ondol.accounting.suggested_ends import Suggestion, counted, failed, kind_of_work, stopped
from ondol.accounting.waste import Spent, Waste, burnt, over_reserved
from ondol.model.ids import AttemptId, NodeId, TaskId
from ondol.model.ledger import AttemptFact, WorkFact

MOST = 3
LEAST_SHARE = 1e-3
"""A suggestion that would have saved less of the window's carbon and electricity than this is not made."""
_J_PER_KWH = 3.6e6
_USED = 0.8  # who used so much of what was reserved, gets no suggestion
_NOT_FOUND = {
    "failures": "no attempts of a kind failed alike more than once",
    "ended work": "nothing was lost by being cancelled, by a limit, or for want of heat",
    "reserved cores": f"what succeeded used at least {100 * _USED:.0f} % of the cores that it reserved, or held none",
    "slots of pools": "none stood empty",
    "the hour": "nothing ran on demand, or nothing would have met a cleaner grid within a day",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to try, and of what else it was looked at why there is nothing.

    Parameters
    ----------
    suggestions : at most `MOST`, the one that would have saved most carbon first
    without : where there are fewer, a sentence for each kind of saving that was looked for and not found
    """

    suggestions: tuple[Suggestion, ...]
    without: tuple[str, ...]


def advice(
    spent: Sequence[Spent],
    ends: Mapping[AttemptId, AttemptFact],
    works: Mapping[TaskId, WorkFact],
    found: Waste,
    moved: Iterable[Moved],
    idle_slot_w: Mapping[NodeId, float],
    whys: Mapping[AttemptId, str] | None = None,
) -> Advice:
    """Look for what would have saved something.

    Parameters
    ----------
    spent : electricity of each attempt in the window
    ends, works : how attempts ended, whose they are
    found : what was wasted, with idle slots of pools
    moved : of each task, when it ran and when it might have
    idle_slot_w : idle power of one slot of a node [W]
    whys : as for `suggested_ends.failed`
    """
    spent = [one for one in spent if not burnt(works.get(one.task_id))]
    every = {
        "failures": failed(spent, ends, works, whys or {}),
        "ended work": stopped(spent, ends, works),
        "reserved cores": _over_reserved(spent, ends, works, idle_slot_w),
        "slots of pools": _idle_slots(found),
        "the hour": _on_demand(moved),
    }
    least_g, least_j = LEAST_SHARE * found.total_g, LEAST_SHARE * max(found.total_j, 1e-300)
    worth: list[Suggestion] = []
    without: list[str] = []
    for what, some in every.items():
        enough = [one for one in some if one.saves_g > least_g or one.saves_kwh * _J_PER_KWH > least_j]
        worth += enough
        if not some:
            without.append(f"{what}: {_NOT_FOUND[what]}")
        elif not enough:
            without.append(
                f"{what}: all that could be saved there is less than {100 * LEAST_SHARE:g} % of the window's"
            )
    worth.sort(key=lambda one: (-one.saves_g, -one.saves_kwh, one.kind, one.text))
    return Advice(suggestions=tuple(worth[:MOST]), without=() if len(worth) >= MOST else tuple(without))


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
        joules, grams, _ = over_reserved(one, end, idle_slot_w.get(one.node_id, 0.0))
        groups[kind_of_work(one, works)].append((end, joules, grams))
    found: list[Suggestion] = []
    for kind, parts in sorted(groups.items()):
        joules = math.fsum(part[1] for part in parts)
        reserved_h = math.fsum(part[0].cores * part[0].held_s for part in parts) / 3600.0
        used_h = math.fsum(part[0].cpu_s for part in parts) / 3600.0
        if joules <= 0.0 or used_h >= _USED * reserved_h:
            continue
        found.append(
            Suggestion(
                kind="over_reserved",
                text=f'"{kind}" reserved {reserved_h:.3g} core hours and used {used_h:.3g} '
                f"({100.0 * used_h / reserved_h:.0f} %): use them (more threads), or put more work into one instance.",
                saves_kwh=joules / _J_PER_KWH,
                saves_g=math.fsum(part[2] for part in parts),
                how="at least, idle power alone: (1 − CPU time / core time reserved) × idle power of the slot × time "
                "held, attempt by attempt; more where power rises fastest at low load",
            )
        )
    return found


def _idle_slots(found: Waste) -> list[Suggestion]:
    lines = [line for line in found.lines if line.kind == "idle_pool_slot"]
    return [
        Suggestion(
            kind="idle_pool_slot",
            text=f"{counted(line.attempts, 'slot')} of your pools stood empty at times: let them shrink, or close.",
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
        weight[one.best_at.astimezone(dt.UTC).hour] += 1
    hour = min(weight, key=lambda at: (-weight[at], at))
    kwh = math.fsum(one.energy_kwh for one in parts)
    ran_g = math.fsum(one.ran_g for one in parts)
    return [
        Suggestion(
            kind="on_demand",
            text=f"{counted(len(parts), 'task')} ran on demand, {kwh:.3g} kWh at {ran_g / kwh:.3g} g/kWh in the mean: "
            f"what can wait a day, submit as flex with a deadline, or when the grid is clean, mostly from "
            f"{hour:02d}:00 UTC on.",
            saves_kwh=0.0,
            saves_g=grams,
            how="at most, had each met its cleanest hours: energy × (intensity when it ran − least mean intensity over "
            "its run time within 24 h of submission)",
        )
    ]
