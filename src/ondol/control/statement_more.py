"""What statements say beyond rows: how the sums stand to the sites' meters, what was wasted, and who holds claims."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.accounting.account.columns import NOBODY, SHARES, TIERS, EnergyColumns, Floats, Mask
from ondol.accounting.account.figure import Figure, Section, unknown
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Held
from ondol.accounting.claims import active
from ondol.accounting.reconcile import SCALED, Reconciliation, Spans, scale_to_meter
from ondol.accounting.waste import Spent, Waste, WasteLine, idle_pool_slots, waste_of
from ondol.control.claim_book import ClaimBook
from ondol.model.account import Account
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId, SiteId, TaskId
from ondol.model.ledger import AttemptFact, EnergyRow, Metered, MeterRow, Share, WorkFact
from ondol.storage.ledger_ports import PAGE
from ondol.storage.ports import Store

_J_PER_KWH = 3.6e6
_SCALED = np.array([tier in SCALED for tier in TIERS])
_OVERHEAD = SHARES.index(Share.OVERHEAD)
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
class Settled:
    """Rows after the sites' meters, and how the sums stood to them."""

    rows: EnergyColumns
    metered: Floats
    sites: tuple[Reconciliation, ...]


def settle(store: Store, rows: EnergyColumns, start: dt.datetime | None, end: dt.datetime | None) -> Settled:
    """Scale rows to the electricity meters of their sites, window by window; nothing in the ledger changes."""
    energy_j, metered = rows.energy_j.copy(), np.zeros(len(rows))
    found: list[Reconciliation] = []
    for code in np.unique(rows.site):
        site = SiteId(rows.sites[code])
        meters = [
            row
            for row in store.meters(site_id=site, kind=Metered.ELECTRICITY_J, start=start, end=end)
            if _is_of_site(row)
        ]
        if not meters:
            continue
        here = rows.site == code
        spans = Spans(
            start_s=rows.start_s[here],
            end_s=rows.end_s[here],
            energy_j=rows.energy_j[here],
            scaled=_SCALED[rows.tier[here]],
            overhead=rows.share[here] == _OVERHEAD,
        )
        stands, factors, parts = scale_to_meter(site, spans, meters)
        energy_j[here] *= factors
        metered[here] = parts
        found.append(stands)
    return Settled(rows=dataclasses.replace(rows, energy_j=energy_j), metered=metered, sites=tuple(found))


def meters_section(found: Collection[Reconciliation], sites: Sequence[str], names: Mapping[str, str]) -> Section:
    """How the sums of servers and overhead stand to the sites' own meters, with the residual before and after."""
    by_site = {str(one.subject): one for one in found}
    figures: list[Figure] = []
    for site in sites:
        one, name = by_site.get(site), names.get(site, site)
        if one is None:
            why = "no electricity meter of the site in the ledger: its sums stay as recorded"
            figures.append(unknown(f"{site}.metered_kwh", f"{name}: by its meter", "kWh", why))
            continue
        method = f"{one.windows - one.refused} of {one.windows} windows of {', '.join(one.meter_ids)} used"
        figures.append(
            Figure(
                key=f"{site}.metered_kwh", label=f"{name}: by its meter", value=one.metered_j / _J_PER_KWH, unit="kWh",
                tier="T1", method=method, source="ledger, meter rows",
            )
        )  # fmt: skip
        for key, label, value in (
            ("residual_raw", "recorded / metered − 1, as recorded", one.residual_raw),
            ("residual_after", "the same after scaling", one.residual_after),
        ):
            if value is None:
                figures.append(
                    unknown(f"{site}.{key}", f"{name}: {label}", "1", "no window of the meter could be used")
                )
            else:
                how = (
                    "T3 to T5 scaled to the meter, window by window; never over a factor of two, but for the overhead "
                    "of servers that are all measured"
                )
                figures.append(Figure(key=f"{site}.{key}", label=f"{name}: {label}", value=value, unit="1", method=how))
    return Section(
        key="meters",
        title="Against the meters",
        figures=tuple(figures),
        note="A meter settles the sum of its site; who had which part of it stays as the split rule says.",
    )


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
                method=f"{line.attempts} attempts; {line.co2e_g:.4g} gCO2e; {_WASTE_HOW[line.kind]}",
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


def claims_held(
    book: ClaimBook, caller: Account, sites: Sequence[SiteId], start: dt.datetime, end: dt.datetime
) -> tuple[Held, ...]:
    """Claims on heat of a time that the caller may see: all of the operator's and hosts', else one's own."""
    found: list[Held] = []
    for site in sites:
        found += [
            Held(
                site_id=site, holder=one.holder, start=one.first, end=one.last, kwh=one.to_kwh - one.from_kwh,
                share=one.share,
            )
            for one in active(book.claims(caller, site))
            if one.first < end and one.last > start
        ]  # fmt: skip
    return tuple(found)


def work_facts_of(store: Store, tasks: Sequence[str]) -> list[WorkFact]:
    """Facts of some tasks."""
    found: list[WorkFact] = []
    for first in range(0, len(tasks), PAGE):
        found += store.work_facts(task_ids=[TaskId(key) for key in tasks[first : first + PAGE]], limit=PAGE)
    return found


def attempt_facts_of(store: Store, tasks: Sequence[str]) -> list[AttemptFact]:
    """Ends of all attempts of some tasks."""
    found: list[AttemptFact] = []
    for first in range(0, len(tasks), PAGE):
        part, after = [TaskId(key) for key in tasks[first : first + PAGE]], ""
        while True:
            page = store.attempt_facts(part, after=after, limit=PAGE)
            found += page
            if len(page) < PAGE:
                break
            after = page[-1].attempt_id
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


def _is_of_site(row: MeterRow) -> bool:
    return row.meter_id.partition(".")[0] == row.site_id
