"""What statements say beyond rows: how attempts ended, what was wasted, and who holds claims."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.accounting.account.columns import NOBODY, Mask
from ondol.accounting.account.figure import Figure, Section
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Held
from ondol.accounting.claims import active
from ondol.accounting.suggested_ends import counted
from ondol.accounting.waste import Spent, Waste, WasteLine, idle_pool_slots, waste_of
from ondol.control.claim_book import ClaimBook
from ondol.control.fact_pages import attempt_facts_of, work_facts_of
from ondol.model.account import Account
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId, SiteId, TaskId
from ondol.model.ledger import AttemptFact, EnergyRow, WorkFact
from ondol.storage.ports import Store

_J_PER_KWH = 3.6e6
_FEW = 200  # tasks whose attempts are read one by one
_SOURCE = "ledger: energy rows, ends of attempts"
WASTE_LABELS = {
    "failed": "Attempts that failed",
    "ended": "Attempts that were ended, their work lost",
    "lost": "Attempts lost with their server",
    "over_reserved": "Cores reserved and not used",
    "idle_pool_slot": "Slots of pools with nothing in them",
}
_CAUSES = {
    "": "",
    "user": "by the user",
    "host": "by the host",
    "heat": "for want of heat demand",
    "node": "by the server",
    "limit": "at a limit",
}
_WASTE_HOW = {
    "failed": "all of their electricity",
    "ended": "all of their electricity; work that goes on from a checkpoint is not in it",
    "lost": "all of their electricity",
    "over_reserved": "(1 − CPU time / core time reserved) × idle power of the slot × time held",
    "idle_pool_slot": "holders' electricity in windows with nothing in their slots",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Some work by attempt, whose it was, how it ended, and what of it brought nothing."""

    spent: tuple[Spent, ...]
    works: Mapping[TaskId, WorkFact]
    ends: Mapping[AttemptId, AttemptFact]
    waste: Waste


def work_of(store: Store, fleet: Fleet, shared: Shared, mine: Mask) -> Work:
    """Look at the attempts among some rows."""
    rows = shared.rows
    codes, rank = np.unique(rows.attempt[mine & (rows.attempt != NOBODY)], return_inverse=True)
    work = mine & (rows.attempt != NOBODY)
    rank = rank.reshape(-1)
    joules = np.bincount(rank, weights=rows.energy_j[work], minlength=len(codes))
    grams = np.bincount(rank, weights=shared.own_g[work], minlength=len(codes))
    spans = np.bincount(rank, weights=(rows.end_s - rows.start_s)[work], minlength=len(codes))
    task = np.zeros(len(codes), dtype=np.int64)
    node = np.zeros(len(codes), dtype=np.int64)
    task[rank], node[rank] = rows.task[work], rows.node[work]
    spent = [
        Spent(
            attempt_id=AttemptId(rows.attempts[code]),
            task_id=TaskId(rows.tasks[task[place]]),
            node_id=NodeId(rows.nodes[node[place]]),
            energy_j=float(joules[place]),
            co2e_g=float(grams[place]),
            span_s=float(spans[place]),
        )
        for place, code in enumerate(codes)
    ]
    tasks = sorted({one.task_id for one in spent})
    works = {fact.task_id: fact for fact in work_facts_of(store, tasks)}
    ends = {fact.attempt_id: fact for fact in attempt_facts_of(store, tasks)}
    idle_w = {one.id: one.curve.idle_w / one.slots for one in fleet.nodes}
    found = waste_of(spent, ends, works, idle_w, _idle_slots(store, shared, mine, works))
    return Work(spent=tuple(spent), works=works, ends=ends, waste=found)


def waste_section(found: Waste) -> Section:
    """The figures of what brought nothing, in IT electricity without overhead."""
    figures = [
        Figure(
            key="total_kwh",
            label="Electricity that brought nothing",
            value=found.energy_j / _J_PER_KWH,
            unit="kWh",
            method="sum of the lines below, IT electricity without overhead",
            source=_SOURCE,
        ),
        Figure(
            key="total_g",
            label="Its operational carbon",
            value=found.co2e_g,
            unit="gCO2e",
            method="on the basis of the inventory; it is in the inventory already",
            source=_SOURCE,
        ),
    ]
    for line in found.lines:
        cause = f", {_CAUSES.get(line.cause, line.cause)}" if line.cause else ""
        key = f"{line.kind}_{line.cause}_kwh" if line.cause else f"{line.kind}_kwh"
        figures.append(
            Figure(
                key=key,
                label=f"{WASTE_LABELS[line.kind]}{cause}",
                value=line.energy_j / _J_PER_KWH,
                unit="kWh",
                method=f"{counted(line.attempts, 'attempt')}; {line.co2e_g:.3g} gCO2e; {_WASTE_HOW[line.kind]}",
                source=_SOURCE,
            )
        )
    if found.unknown_j > 0.0:
        figures.append(
            Figure(
                key="not_ended_kwh",
                label="Not looked at: attempts that are under way, or whose end was not written down",
                value=found.unknown_j / _J_PER_KWH,
                unit="kWh",
                source=_SOURCE,
            )
        )
    return Section(key="waste", title="Wasted", figures=tuple(figures))


def claims_held(book: ClaimBook, caller: Account, sites: Sequence[SiteId]) -> tuple[Held, ...]:
    """Claims on heat of some sites that the caller may see: all of the operator's and hosts', else one's own."""
    return tuple(
        Held(
            site_id=site,
            holder=one.holder,
            start=one.first,
            end=one.last,
            kwh=one.to_kwh - one.from_kwh,
            share=one.share,
        )
        for site in sites
        for one in active(book.claims(caller, site))
    )


def held_in(held: Sequence[Held], start: dt.datetime, end: dt.datetime) -> tuple[Held, ...]:
    """Those claims that reach into a window."""
    return tuple(one for one in held if one.start < end and one.end > start)


def whys_of(store: Store, ends: Iterable[AttemptFact]) -> dict[AttemptId, str]:
    """How attempts failed that gave no exit code, as far as their tasks are still there; of a few tasks."""
    silent = [end for end in ends if end.outcome == "failed" and end.cause == "" and end.exit_code is None]
    wanted = {end.attempt_id for end in silent}
    found: dict[AttemptId, str] = {}
    for task_id in sorted({end.task_id for end in silent})[:_FEW]:
        for attempt in store.attempts(task_id):
            if attempt.id in wanted:
                what = "could not be started" if attempt.cpu_s <= 0.0 else "ended without an exit code"
                found[attempt.id] = what + (f": {attempt.message.rstrip('.')}" if attempt.message else "")
    return found


def _idle_slots(store: Store, shared: Shared, mine: Mask, works: Mapping[TaskId, WorkFact]) -> tuple[WasteLine, ...]:
    """Idle slots of the pools among some work; rows are read again, since it takes windows and not sums."""
    rows = shared.rows
    pools = {fact.holds_pool for fact in works.values() if fact.holds_pool}
    if not pools or not mine.any():
        return ()
    start = dt.datetime.fromtimestamp(float(rows.start_s[mine].min()), dt.UTC)
    end = dt.datetime.fromtimestamp(float(rows.end_s[mine].max()), dt.UTC)
    found: list[EnergyRow] = []
    for fact in works.values():
        if fact.holds_pool in pools or fact.pool_id in pools:
            found += store.energy(task_id=fact.task_id, start=start, end=end)
    return idle_pool_slots(found, works, shared.basis.g_of)
