"""The ledger's rows of a window as columns, with how long each attempt held its slots."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ondol.accounting.account.columns import EnergyColumns, HeatColumns, Mask, energy_columns, heat_columns
from ondol.accounting.account.hardware import Hold
from ondol.accounting.bins import BIN_S
from ondol.control.fact_pages import attempt_facts_between, work_facts_of
from ondol.model.errors import TooManyRowsError
from ondol.model.ids import AccountId, SiteId, TaskId
from ondol.storage.ports import Store

SMALL_ROWS = 30_000
"""More rows are read in a process of its own; so many take under a second of ours."""
MOST_ROWS = 3_000_000
"""A statement over more rows than this is asked for span by span: they are held in memory at once."""
Spans = Mapping[SiteId, tuple[dt.datetime, dt.datetime]]
"""By site, from one time to another."""
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

    def task_spans(self, task_ids: Sequence[TaskId]) -> dict[SiteId, tuple[dt.datetime, dt.datetime]]:
        """By site, from the begin of the first energy row of some tasks to the end of the last."""
        ...

    def energy_count(
        self,
        start: dt.datetime | None,
        end: dt.datetime | None,
        site_ids: Collection[SiteId] | None,
        *,
        at_most: int,
    ) -> int:
        """Energy rows that begin in [start, end), of some sites, counted up to `at_most`."""
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

    Raises TooManyRowsError where there are more than `MOST_ROWS`.
    """
    energy = _energy(store, start, end, site_ids)
    heat = _heat(store, start, end, site_ids)
    return WindowRows(energy=energy, heat=heat, holds=holds(store, energy, start, end))


def sites_of(
    store: Store, account_id: AccountId, start: dt.datetime | None, end: dt.datetime | None
) -> tuple[SiteId, ...] | None:
    """Sites where an account's work ran, so that no others are read; None where the store cannot tell cheaply."""
    return store.sites_of(account_id, start, end) if isinstance(store, ColumnReader) else None


def task_spans(store: Store, tasks: Collection[str]) -> Spans:
    """By site, from the begin of the first row of some tasks to the end of the last."""
    wanted = [TaskId(key) for key in sorted(tasks)]
    if isinstance(store, ColumnReader):
        return store.task_spans(wanted)
    found: dict[SiteId, tuple[dt.datetime, dt.datetime]] = {}
    for row in (row for key in wanted for row in store.energy(task_id=key)):
        first, last = found.get(row.site_id, (row.start, row.end))
        found[row.site_id] = min(first, row.start), max(last, row.end)
    return {site: found[site] for site in sorted(found)}


def rows_around(store: Store, spans: Spans) -> WindowRows:
    """Read the rows of some sites in whole bins around a span of each: overhead and heat are shares of these.

    Raises TooManyRowsError as `window_rows`.
    """
    cuts = {site: (_floor(first), _floor(last) + _BIN) for site, (first, last) in spans.items()}
    start, end = min(one for one, _ in cuts.values()) - LONGEST_ROW, max(one for _, one in cuts.values())
    energy = _energy(store, start, end, list(cuts))
    energy = energy.where(_inside(energy, cuts))
    heat = _heat(store, start, end, list(cuts))
    heat = heat.where(_inside(heat, cuts))
    first, last = min(one for one, _ in spans.values()), max(one for _, one in spans.values())
    return WindowRows(energy=energy, heat=heat, holds=holds(store, energy, first - LONGEST_ROW, last))


def _inside(rows: EnergyColumns | HeatColumns, cuts: Spans) -> Mask:
    """Rows that reach into the cut of their site."""
    first = np.array([cuts[SiteId(site)][0].timestamp() for site in rows.sites])
    last = np.array([cuts[SiteId(site)][1].timestamp() for site in rows.sites])
    if not len(rows):
        return np.zeros(0, dtype=np.bool_)
    found: Mask = (rows.end_s > first[rows.site]) & (rows.start_s < last[rows.site])
    return found


def holds(store: Store, rows: EnergyColumns, start: dt.datetime | None, end: dt.datetime | None) -> dict[str, Hold]:
    """How long the attempts of some rows held how many slots, as far as they are over.

    One that still runs in a slot of its compute pool holds none of its own.
    """
    found: dict[str, Hold] = {}
    for fact in attempt_facts_between(store, start, None if end is None else end + _LATE):
        ended_s = fact.ended_at.timestamp()
        found[fact.attempt_id] = Hold(float(fact.slots), ended_s - fact.held_s, ended_s)
    if found and all(attempt in found for attempt in rows.attempts):
        return found
    pooled = {fact.task_id for fact in work_facts_of(store, rows.tasks) if fact.pool_id and not fact.holds_pool}
    if pooled:
        codes = {int(attempt): int(task) for attempt, task in zip(rows.attempt, rows.task, strict=True) if attempt >= 0}
        for attempt, task in codes.items():
            if rows.attempts[attempt] not in found and rows.tasks[task] in pooled:
                found[rows.attempts[attempt]] = Hold(0.0, float("-inf"), float("inf"))
    return found


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
        raise TooManyRowsError(
            f"More than {MOST_ROWS:,} ledger rows, by quarter of an hour, lie in this window: ask for half of it or "
            "less at a time, or for one site at a time; sums of windows are sums of their statements"
        )
    return columns


def _heat(
    store: Store, start: dt.datetime | None, end: dt.datetime | None, site_ids: Collection[SiteId] | None
) -> HeatColumns:
    if isinstance(store, ColumnReader):
        return store.heat_columns(start=start, end=end, site_ids=site_ids)
    return heat_columns(row for site in _each(site_ids) for row in store.heat(site_id=site, start=start, end=end))


def _each(site_ids: Collection[SiteId] | None) -> Iterable[SiteId | None]:
    return (None,) if site_ids is None else sorted(site_ids)


def _floor(when: dt.datetime) -> dt.datetime:
    return dt.datetime.fromtimestamp(when.timestamp() // BIN_S * BIN_S, dt.UTC)
