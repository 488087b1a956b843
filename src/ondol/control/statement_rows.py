"""The ledger's rows of a window as columns, with how long each attempt held its slots."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ondol.accounting.account.columns import EnergyColumns, HeatColumns, energy_columns, heat_columns
from ondol.accounting.account.hardware import Hold
from ondol.accounting.bins import BIN_S
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, SiteId, TaskId
from ondol.model.ledger import AttemptFact, EnergyRow, HeatRow, WorkFact
from ondol.storage.ledger_ports import PAGE
from ondol.storage.ports import Store

MOST_ROWS = 3_000_000
"""A statement over more rows than this is asked for span by span: they are held in memory at once."""
_BIN = dt.timedelta(seconds=BIN_S)
LONGEST_ROW = dt.timedelta(hours=6)  # rows are sought by their start; one is a minute long, or as a platform was down
_LATE = dt.timedelta(days=7)  # attempts that end later than this after a window are taken to hold over all their rows


@runtime_checkable
class ColumnReader(Protocol):
    """A store that gives columns without making a row of each line."""

    def energy_columns(
        self, *, start: dt.datetime | None, end: dt.datetime | None, site_ids: Collection[SiteId] | None, most: int
    ) -> EnergyColumns | None:
        """Energy rows that begin in [start, end), of some sites; None where there are more than `most`."""
        ...

    def heat_columns(
        self, *, start: dt.datetime | None, end: dt.datetime | None, site_ids: Collection[SiteId] | None
    ) -> HeatColumns:
        """Heat rows that begin in [start, end), of some sites."""
        ...

    def sites_of(self, account_id: AccountId, start: dt.datetime | None, end: dt.datetime | None) -> tuple[SiteId, ...]:
        """Sites with energy rows of an account that begin in [start, end), by id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRows:
    """Rows of a window, and holds by attempt."""

    energy: EnergyColumns
    heat: HeatColumns
    holds: dict[str, Hold]

    @property
    def span(self) -> tuple[dt.datetime, dt.datetime]:
        """From the begin of the first row to the end of the last; there must be one."""
        first, last = float(self.energy.start_s.min()), float(self.energy.end_s.max())
        return dt.datetime.fromtimestamp(first, dt.UTC), dt.datetime.fromtimestamp(last, dt.UTC)


def window_rows(
    store: Store, start: dt.datetime | None, end: dt.datetime | None, site_ids: Collection[SiteId] | None = None
) -> WindowRows:
    """Read the rows that begin in [start, end) of some sites, all where none are named.

    Raises InvalidFieldError where there are more than `MOST_ROWS`.
    """
    energy = _energy(store, start, end, site_ids)
    if isinstance(store, ColumnReader):
        heat = store.heat_columns(start=start, end=end, site_ids=site_ids)
    else:
        heat = heat_columns(row for site in _each(site_ids) for row in store.heat(site_id=site, start=start, end=end))
    return WindowRows(energy=energy, heat=heat, holds=holds(store, energy, start, end))


def sites_of(
    store: Store, account_id: AccountId, start: dt.datetime | None, end: dt.datetime | None
) -> tuple[SiteId, ...] | None:
    """Sites where an account's work ran, so that no others are read; None where the store cannot tell cheaply."""
    return store.sites_of(account_id, start, end) if isinstance(store, ColumnReader) else None


def rows_around(store: Store, own: Collection[EnergyRow]) -> WindowRows:
    """Read the rows of the sites of `own`, in whole bins around them: overhead and heat are shares of these."""
    energy: list[EnergyRow] = []
    heat: list[HeatRow] = []
    for site_id in sorted({row.site_id for row in own}):
        times = [(row.start, row.end) for row in own if row.site_id == site_id]
        start, end = _floor(min(one for one, _ in times)), _floor(max(one for _, one in times)) + _BIN
        reach = start - LONGEST_ROW
        energy += [row for row in store.energy(site_id=site_id, start=reach, end=end) if row.end > start]
        heat += [row for row in store.heat(site_id=site_id, start=reach, end=end) if row.end > start]
    columns = energy_columns(energy)
    first, last = min(row.start for row in own), max(row.end for row in own)
    return WindowRows(energy=columns, heat=heat_columns(heat), holds=holds(store, columns, first - LONGEST_ROW, last))


def holds(store: Store, rows: EnergyColumns, start: dt.datetime | None, end: dt.datetime | None) -> dict[str, Hold]:
    """How long the attempts of some rows held how many slots, as far as they are over.

    One that still runs in a slot of its compute pool holds none of its own.
    """
    found: dict[str, Hold] = {}
    for fact in _facts(store, start, None if end is None else end + _LATE):
        ended_s = fact.ended_at.timestamp()
        found[fact.attempt_id] = Hold(float(fact.slots), ended_s - fact.held_s, ended_s)
    if found and all(attempt in found for attempt in rows.attempts):
        return found
    pooled = {fact.task_id for fact in _works(store, rows.tasks) if fact.pool_id and not fact.holds_pool}
    if pooled:
        codes = {int(attempt): int(task) for attempt, task in zip(rows.attempt, rows.task, strict=True) if attempt >= 0}
        for attempt, task in codes.items():
            if rows.attempts[attempt] not in found and rows.tasks[task] in pooled:
                found[rows.attempts[attempt]] = Hold(0.0, float("-inf"), float("inf"))
    return found


def all_work_facts(store: Store, **fits: str) -> tuple[WorkFact, ...]:
    """Every work fact that fits: `account_id`, `project_id`, `job_id`, `pool_id`; by task id."""
    found: list[WorkFact] = []
    after = ""
    while True:
        page = store.work_facts(**fits, after=after, limit=PAGE)  # type: ignore[arg-type]  # ids are texts
        found += page
        if len(page) < PAGE:
            return tuple(found)
        after = page[-1].task_id


def _works(store: Store, task_ids: Iterable[str]) -> Iterator[WorkFact]:
    wanted = iter(task_ids)
    while part := [TaskId(key) for key in itertools.islice(wanted, PAGE)]:
        yield from store.work_facts(task_ids=part, limit=PAGE)


def _facts(store: Store, start: dt.datetime | None, end: dt.datetime | None) -> Iterator[AttemptFact]:
    after = ""
    while True:
        page = store.attempt_facts(start=start, end=end, after=after, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].attempt_id


def _energy(
    store: Store, start: dt.datetime | None, end: dt.datetime | None, site_ids: Collection[SiteId] | None
) -> EnergyColumns:
    columns: EnergyColumns | None
    if isinstance(store, ColumnReader):
        columns = store.energy_columns(start=start, end=end, site_ids=site_ids, most=MOST_ROWS)
    else:
        read = (row for site in _each(site_ids) for row in store.energy(site_id=site, start=start, end=end))
        rows = list(itertools.islice(read, MOST_ROWS + 1))
        columns = None if len(rows) > MOST_ROWS else energy_columns(rows)
    if columns is None:
        raise InvalidFieldError("from", str(start), f"a span of at most {MOST_ROWS:,} ledger rows: ask span by span")
    return columns


def _each(site_ids: Collection[SiteId] | None) -> Iterable[SiteId | None]:
    return (None,) if site_ids is None else sorted(site_ids)


def _floor(when: dt.datetime) -> dt.datetime:
    return dt.datetime.fromtimestamp(when.timestamp() // BIN_S * BIN_S, dt.UTC)
