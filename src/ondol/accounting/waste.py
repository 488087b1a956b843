"""Which electricity brought nothing: attempts that failed or were ended, cores nobody used, idle slots of pools."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.filler import BURN_NAME
from ondol.model.ids import AttemptId, NodeId, TaskId
from ondol.model.ledger import AttemptFact, EnergyRow, WorkFact

Grams = Callable[[EnergyRow], float]
"""Gives the carbon of a row on the statement's basis [gCO2e]; `accounting.basis.Basis.g_of` is one."""

KINDS = ("failed", "ended", "lost", "over_reserved", "idle_pool_slot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one attempt took in a window.

    Parameters
    ----------
    energy_j, co2e_g : IT electricity, without overhead [J], and its carbon [gCO2e]
    span_s : length of its ledger windows [s]
    """

    attempt_id: AttemptId
    task_id: TaskId
    node_id: NodeId
    energy_j: float
    co2e_g: float
    span_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteLine:
    """One way in which electricity was wasted. Lines do not overlap.

    Parameters
    ----------
    kind : one of `KINDS`
    cause : who ended an attempt, see `AttemptFact`; "" where it ended by itself
    attempts : how many; of idle pool slots the holders
    energy_j, co2e_g : IT electricity [J] and its carbon [gCO2e]
    core_s : core-seconds reserved and not used, of over-reservation only [s]
    """

    kind: str
    cause: str
    attempts: int
    energy_j: float
    co2e_g: float
    core_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """What of some work's electricity brought nothing.

    Parameters
    ----------
    total_j, total_g : of all the work looked at, IT electricity and its carbon [J], [gCO2e]
    lines : by kind in the order of `KINDS`, then by cause
    kept_j : of attempts that were ended and whose tasks go on from a checkpoint: not counted as wasted [J]
    unknown_j : of attempts that have not ended, or whose end an earlier release did not write down [J]
    """

    total_j: float
    total_g: float
    lines: tuple[WasteLine, ...]
    kept_j: float
    unknown_j: float

    @property
    def energy_j(self) -> float:
        """All of it [J]."""
        return math.fsum(line.energy_j for line in self.lines)

    @property
    def co2e_g(self) -> float:
        """Its carbon [gCO2e]."""
        return math.fsum(line.co2e_g for line in self.lines)


def burnt(work: WorkFact | None) -> bool:
    """Whether a task was cycles burnt for heat, by the name that only burning may have: it has no work to lose."""
    return work is not None and work.service == "filler" and work.name.startswith(BURN_NAME)


def spent_by_attempt(rows: Iterable[EnergyRow], grams: Grams) -> list[Spent]:
    """Add up rows by attempt, by attempt id; idle and overhead rows have none and are passed over."""
    joules: dict[AttemptId, list[float]] = defaultdict(list)
    carbon: dict[AttemptId, list[float]] = defaultdict(list)
    spans: dict[AttemptId, list[float]] = defaultdict(list)
    where: dict[AttemptId, tuple[TaskId, NodeId]] = {}
    for row in rows:
        if row.attempt_id is None or row.task_id is None or row.node_id is None:
            continue
        joules[row.attempt_id].append(row.energy_j)
        carbon[row.attempt_id].append(grams(row))
        spans[row.attempt_id].append((row.end - row.start).total_seconds())
        where[row.attempt_id] = (row.task_id, row.node_id)
    return [
        Spent(
            attempt_id=key,
            task_id=where[key][0],
            node_id=where[key][1],
            energy_j=math.fsum(joules[key]),
            co2e_g=math.fsum(carbon[key]),
            span_s=math.fsum(spans[key]),
        )
        for key in sorted(joules)
    ]


def waste_of(
    spent: Iterable[Spent],
    ends: Mapping[AttemptId, AttemptFact],
    works: Mapping[TaskId, WorkFact],
    idle_slot_w: Mapping[NodeId, float],
    idle_slots: Iterable[WasteLine] = (),
) -> Waste:
    """Find what was wasted of some work in a window.

    - failed: all that attempts took which failed (by themselves, or over a limit), whatever was tried after them;
    - ended: attempts that somebody ended, unless their task goes on from a checkpoint;
    - lost: attempts of which nothing was found any more after a crash of their node;
    - over-reserved: of what succeeded or is kept, the idle power of cores that were reserved and did not compute:
      (1 − CPU time / core-seconds reserved) × idle power of the slot × time held. Idle power alone: what more is drawn
      follows CPU time, and cores that rest draw none of it. Never more than the attempt took;
    - idle pool slots: see `idle_pool_slots`.

    Holders of pool slots are looked at as pool slots only, and attempts in a slot reserve nothing of their own. Cycles
    burnt for heat are nobody's work: `accounting.burnt` tells of them.

    Parameters
    ----------
    ends : how attempts ended
    works : whose they are; one that is not there is not resumable and holds no pool
    idle_slot_w : idle power of one slot of a node [W]; a node that is not there has no over-reservation
    idle_slots : lines of idle pool slots, put with the others
    """
    sums: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    total_j, total_g, kept_j, unknown_j = [], [], [], []
    for one in spent:
        total_j.append(one.energy_j)
        total_g.append(one.co2e_g)
        work, end = works.get(one.task_id), ends.get(one.attempt_id)
        if (work is not None and work.holds_pool) or burnt(work):
            continue
        if end is None:
            unknown_j.append(one.energy_j)
            continue
        if end.outcome in ("failed", "lost"):
            sums[end.outcome, end.cause].append((one.energy_j, one.co2e_g, 0.0))
            continue
        if end.outcome == "stopped":
            if work is None or not work.resumable:
                sums["ended", end.cause].append((one.energy_j, one.co2e_g, 0.0))
                continue
            kept_j.append(one.energy_j)
        idle = over_reserved(one, end, idle_slot_w.get(one.node_id, 0.0))
        if idle[0] > 0.0:
            sums["over_reserved", ""].append(idle)
    lines = [
        WasteLine(
            kind=kind,
            cause=cause,
            attempts=len(parts),
            energy_j=math.fsum(part[0] for part in parts),
            co2e_g=math.fsum(part[1] for part in parts),
            core_s=math.fsum(part[2] for part in parts),
        )
        for (kind, cause), parts in sums.items()
    ]
    lines += idle_slots
    return Waste(
        total_j=math.fsum(total_j),
        total_g=math.fsum(total_g),
        lines=tuple(sorted(lines, key=lambda line: (KINDS.index(line.kind), line.cause))),
        kept_j=math.fsum(kept_j),
        unknown_j=math.fsum(unknown_j),
    )


def idle_pool_slots(rows: Iterable[EnergyRow], works: Mapping[TaskId, WorkFact], grams: Grams) -> tuple[WasteLine, ...]:
    """Find what pools took for slots in which nothing ran, at the resolution of the ledger's windows.

    In each window, of the slots that a pool holds on a node, as many are idle as there are more holders than attempts
    of the pool's work there; idle slots take the holders' energy in equal parts.

    Parameters
    ----------
    rows : of the pools' holders and of the work in them
    """
    holders: dict[Hashable, list[EnergyRow]] = defaultdict(list)
    inside: dict[Hashable, int] = defaultdict(int)
    for row in rows:
        work = None if row.task_id is None else works.get(row.task_id)
        if work is None:
            continue
        if work.holds_pool:
            holders[work.holds_pool, row.node_id, row.start].append(row)
        elif work.pool_id:
            inside[work.pool_id, row.node_id, row.start] += 1
    joules, carbon, slots = [], [], set()
    for key, own in holders.items():
        part = max(0, len(own) - inside[key]) / len(own)
        if part > 0.0:
            joules += [part * row.energy_j for row in own]
            carbon += [part * grams(row) for row in own]
            slots |= {row.attempt_id for row in own}
    if not slots:
        return ()
    return (
        WasteLine(
            kind="idle_pool_slot",
            cause="",
            attempts=len(slots),
            energy_j=math.fsum(joules),
            co2e_g=math.fsum(carbon),
        ),
    )


def waste(
    rows: Iterable[EnergyRow],
    ends: Iterable[AttemptFact],
    works: Iterable[WorkFact],
    grams: Grams,
    idle_slot_w: Mapping[NodeId, float],
) -> Waste:
    """Find what was wasted of the work that some rows are of; see `waste_of`."""
    ledger = [row for row in rows if row.attempt_id is not None]
    of_task = {work.task_id: work for work in works}
    return waste_of(
        spent_by_attempt(ledger, grams),
        {end.attempt_id: end for end in ends},
        of_task,
        idle_slot_w,
        idle_pool_slots(ledger, of_task, grams),
    )


def waste_by(
    key: Callable[[WorkFact], str],
    rows: Iterable[EnergyRow],
    ends: Iterable[AttemptFact],
    works: Iterable[WorkFact],
    grams: Grams,
    idle_slot_w: Mapping[NodeId, float],
) -> dict[str, Waste]:
    """Find what was wasted by user, project, job or pool.

    Parameters
    ----------
    key : of a work, e.g. its account; "" leaves it out

    Returns
    -------
    by key, sorted
    """
    of_task = {work.task_id: work for work in works}
    by_key: dict[str, list[EnergyRow]] = defaultdict(list)
    for row in rows:
        work = None if row.task_id is None else of_task.get(row.task_id)
        if work is not None and key(work):
            by_key[key(work)].append(row)
    known = list(ends)
    return {name: waste(by_key[name], known, of_task.values(), grams, idle_slot_w) for name in sorted(by_key)}


def over_reserved(one: Spent, end: AttemptFact, idle_w: float) -> tuple[float, float, float]:
    """Energy [J] and carbon [gCO2e] of what an attempt reserved and did not use, and core-seconds [s]; see `waste_of`.

    Parameters
    ----------
    idle_w : idle power of one slot of its node [W]
    """
    check_range("idle_slot_w", idle_w, 0.0, 20_000.0, "W")
    reserved_s = end.cores * end.held_s
    if reserved_s <= 0.0 or one.energy_j <= 0.0:
        return 0.0, 0.0, 0.0
    unused = max(0.0, 1.0 - end.cpu_s / reserved_s)
    inside_s = min(end.held_s, one.span_s)  # what of it is in the windows that are looked at
    idle_j = min(unused * idle_w * end.slots * inside_s, one.energy_j)
    return idle_j, one.co2e_g * idle_j / one.energy_j, unused * end.cores * inside_s
