"""The ledger's rows as columns, read from SQL without making a noun of each: a month of a fleet has millions."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from ondol.accounting.account.columns import NOBODY, SHARES, TIERS, Codes, EnergyColumns, HeatColumns
from ondol.accounting.bins import BIN_S
from ondol.model.ids import AccountId, SiteId, TaskId
from ondol.storage.sql import ledger_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.times import from_us, to_us

_AT_ONCE = 20_000  # rows fetched at once
_US = 1e-6
_BIN_US = int(BIN_S * 1e6)
MERGED_FROM = 1_000_000
"""From so many rows on, those of one bin are put together by the database."""
MOST_WRITTEN = 20_000_000
"""More rows than this are not gone through for one answer: at half a million a second it takes most of a minute."""
_TOGETHER = 5_000
"""Rows that are put together at once, about: so many are sorted in memory, a month of a fleet is not."""


class _Names:
    """Ranks of names in the order of their coming; sorted at the end."""

    def __init__(self) -> None:
        self._rank: dict[str | None, int] = defaultdict(itertools.count().__next__)

    def codes(self, values: Sequence[str | None]) -> Codes:
        """Ranks of some values."""
        return np.fromiter(map(self._rank.__getitem__, values), dtype=np.int64, count=len(values))

    def sorted(self, parts: Sequence[Codes]) -> tuple[Codes, tuple[str, ...]]:
        """All codes by sorted names, `NOBODY` for none, and the names."""
        names = tuple(sorted(name for name in self._rank if name is not None))
        table = np.full(max(len(self._rank), 1), NOBODY, dtype=np.int64)
        for place, name in enumerate(names):
            table[self._rank[name]] = place
        return table[_joined(parts, np.int64)], names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """How many rows there are, and when the first and the last of them begin [µs since the epoch]."""

    count: int
    first_us: int
    last_us: int

    def spans(self) -> Iterator[tuple[int, int]]:
        """Spans of whole bins that hold some rows each, where they are spread evenly; one where all are few.

        The first and the last are cut to the rows that there are.
        """
        first = self.first_us // _BIN_US
        bins = self.last_us // _BIN_US - first + 1
        step = bins if self.count <= MERGED_FROM else max(1, bins * _TOGETHER // self.count)
        for number in range(first, first + bins, step):
            yield max(number * _BIN_US, self.first_us), min((number + step) * _BIN_US, self.last_us + 1)


class SqlColumns:
    """The part of the store that gives columns."""

    _database: Database

    def energy_columns(
        self, *, start: dt.datetime | None, end: dt.datetime | None, site_ids: Collection[SiteId] | None, most: int
    ) -> EnergyColumns | None:
        """Energy rows that begin in [start, end), of some sites; None where there are more than `most`.

        Of very many, those of one attempt (or of a node's idle share, or a site's overhead) in one quarter of an hour
        come as one row, their intensity weighted by energy: every sum of a statement is the same. None too where more
        than `MOST_WRITTEN` would have to be gone through.
        """
        reach = self._reach(tables.energy, start, end, site_ids)
        if reach.count > MOST_WRITTEN:
            return None
        query = _merged_energy() if reach.count > MERGED_FROM else _plain_energy()
        numbers: list[list[Any]] = [[] for _ in range(5)]
        words: list[list[Codes]] = [[] for _ in range(7)]
        names = [_Names() for _ in range(7)]
        count = 0
        with closing(self._chunks(query, tables.energy, reach, site_ids)) as chunks:
            for columns in chunks:
                count += len(columns[0])
                if count > most:
                    return None
                for place, column in enumerate(columns[:5]):
                    numbers[place].append(np.array(column, dtype=np.float64))
                for place, column in enumerate(columns[5:]):
                    words[place].append(names[place].codes(column))
        start_us, end_us, energy_j, grid, cpu_s = (_joined(parts, np.float64) for parts in numbers)
        share, tier, site, node, account, task, attempt = (
            one.sorted(parts) for one, parts in zip(names, words, strict=True)
        )
        return EnergyColumns(
            start_s=start_us * _US,
            end_s=end_us * _US,
            energy_j=energy_j,
            grid_g_per_kwh=grid,
            cpu_s=cpu_s,
            share=_ranked(share, [one.value for one in SHARES]),
            tier=_ranked(tier, [one.value for one in TIERS]),
            site=site[0],
            node=node[0],
            account=account[0],
            task=task[0],
            attempt=attempt[0],
            sites=site[1],
            nodes=node[1],
            accounts=account[1],
            tasks=task[1],
            attempts=attempt[1],
        )

    def heat_columns(
        self, *, start: dt.datetime | None, end: dt.datetime | None, site_ids: Collection[SiteId] | None
    ) -> HeatColumns:
        """Heat rows that begin in [start, end), of some sites; of very many, those of a sink and a bin come as one."""
        reach = self._reach(tables.heat, start, end, site_ids)
        query = _merged_heat() if reach.count > MERGED_FROM else _plain_heat()
        numbers: list[list[Any]] = [[] for _ in range(5)]
        virtual: list[Any] = []
        words: list[list[Codes]] = [[] for _ in range(3)]
        names = [_Names() for _ in range(3)]
        for columns in self._chunks(query, tables.heat, reach, site_ids):
            for place, column in enumerate(columns[:5]):
                numbers[place].append(np.array(column, dtype=np.float64))
            virtual.append(np.array([one is not False and one != 0 for one in columns[5]], dtype=np.bool_))
            for place, column in enumerate(columns[6:]):
                words[place].append(names[place].codes(column))
        start_us, end_us, delivered_j, demanded_j, temp_c = (_joined(parts, np.float64) for parts in numbers)
        tier, site, sink = (one.sorted(parts) for one, parts in zip(names, words, strict=True))
        return HeatColumns(
            start_s=start_us * _US,
            end_s=end_us * _US,
            delivered_j=delivered_j,
            demanded_j=demanded_j,
            temp_c=temp_c,
            tier=_ranked(tier, [one.value for one in TIERS]),
            virtual=_joined(virtual, np.bool_),
            site=site[0],
            sink=sink[0],
            sites=site[1],
            sinks=sink[1],
        )

    def sites_of(self, account_id: AccountId, start: dt.datetime | None, end: dt.datetime | None) -> tuple[SiteId, ...]:
        """Sites with energy rows of an account that begin in [start, end), by id."""
        t = tables.energy.c
        query = sa.select(t.site_id).distinct().where(t.account_id == account_id)
        with self._database.reading() as connection:
            found = connection.execute(self._limited(query, tables.energy, start, end, None)).scalars()
            return tuple(sorted(SiteId(site) for site in found))

    def task_spans(self, task_ids: Sequence[TaskId]) -> dict[SiteId, tuple[dt.datetime, dt.datetime]]:
        """By site, from the begin of the first energy row of some tasks to the end of the last."""
        t = tables.energy.c
        query = (
            sa.select(t.site_id, sa.func.min(t.start_us), sa.func.max(t.end_us))
            .where(self._database.among(t.task_id, task_ids))
            .group_by(t.site_id)
            .order_by(t.site_id)
        )
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return {SiteId(site): (from_us(first), from_us(last)) for site, first, last in found}

    def energy_count(
        self,
        start: dt.datetime | None,
        end: dt.datetime | None,
        site_ids: Collection[SiteId] | None,
        *,
        at_most: int,
    ) -> int:
        """Energy rows that begin in [start, end), of some sites; counted up to `at_most`."""
        some = self._limited(sa.select(tables.energy.c.seq), tables.energy, start, end, site_ids).limit(at_most)
        with self._database.reading() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())

    def _reach(
        self,
        table: sa.Table,
        start: dt.datetime | None,
        end: dt.datetime | None,
        site_ids: Collection[SiteId] | None,
    ) -> _Reach:
        t = table.c
        wanted: list[sa.ColumnElement[Any]] = [sa.func.count(t.seq), sa.func.min(t.start_us), sa.func.max(t.start_us)]
        query = self._limited(sa.select(*wanted), table, start, end, site_ids)
        with self._database.reading() as connection:
            count, first, last = connection.execute(query).one()
        return _Reach(count=int(count), first_us=int(first or 0), last_us=int(last or 0))

    def _limited(
        self,
        query: sa.Select[Any],
        table: sa.Table,
        start: dt.datetime | None,
        end: dt.datetime | None,
        site_ids: Collection[SiteId] | None,
    ) -> sa.Select[Any]:
        if site_ids is not None:
            query = query.where(self._database.among(table.c.site_id, sorted(site_ids)))
        if start is not None:
            query = query.where(table.c.start_us >= to_us(start))
        if end is not None:
            query = query.where(table.c.start_us < to_us(end))
        return query

    def _chunks(
        self, query: sa.Select[Any], table: sa.Table, reach: _Reach, site_ids: Collection[SiteId] | None
    ) -> Generator[list[tuple[Any, ...]]]:
        """Some rows after the other, each chunk as columns, in the order of time.

        Of very many rows, some bins are asked for at once: rows of one bin are never parted.
        """
        with self._database.streaming() as connection:
            options = connection.execution_options(yield_per=_AT_ONCE)
            for first_us, beyond_us in reach.spans():
                part = query.where(table.c.start_us >= first_us, table.c.start_us < beyond_us)
                if site_ids is not None:
                    part = part.where(self._database.among(table.c.site_id, sorted(site_ids)))
                result = options.execute(part)
                try:  # who has enough stops reading, and PostgreSQL holds a cursor meanwhile
                    for rows in result.partitions():
                        yield list(zip(*rows, strict=True))
                finally:
                    result.close()


def _plain_energy() -> sa.Select[Any]:
    t = tables.energy.c
    return sa.select(
        t.start_us, t.end_us, t.energy_j, t.grid_g_per_kwh, t.cpu_s, t.share, t.tier, t.site_id, t.node_id,
        t.account_id, t.task_id, t.attempt_id,
    ).order_by(t.start_us, t.seq)  # fmt: skip


def _plain_heat() -> sa.Select[Any]:
    t = tables.heat.c
    return sa.select(
        t.start_us, t.end_us, t.delivered_j, t.demanded_j, t.temp_c, t.virtual, t.tier, t.site_id, t.sink_id,
    ).order_by(t.start_us, t.seq)  # fmt: skip


def _merged_heat() -> sa.Select[Any]:
    """Rows of one sink within one bin together: useful heat is what was delivered and demanded in a bin anyway."""
    t = tables.heat.c
    first = sa.func.min(t.start_us)
    felt_j = sa.func.sum(sa.case((t.temp_c.is_not(None), t.delivered_j), else_=0.0))
    temp_c = sa.func.sum(t.temp_c * t.delivered_j) / sa.func.nullif(felt_j, 0.0)
    return (
        sa.select(
            first, sa.func.max(t.end_us), sa.func.sum(t.delivered_j), sa.func.sum(t.demanded_j),
            sa.func.coalesce(temp_c, sa.func.min(t.temp_c)), t.virtual, t.tier, t.site_id, t.sink_id,
        )
        .group_by(t.site_id, t.sink_id, t.tier, t.virtual, _in_bin(tables.heat))
        .order_by(first, sa.func.min(t.seq))
    )  # fmt: skip


def _in_bin(table: sa.Table) -> sa.ColumnElement[Any]:
    """The bin of a row; of one that reaches beyond its bin its own number, so that it stays alone."""
    quarter = table.c.start_us // _BIN_US
    alone = (table.c.end_us - 1) // _BIN_US != quarter
    return sa.case((alone, -table.c.seq), else_=quarter)


def _merged_energy() -> sa.Select[Any]:
    """Rows of one attempt, of a node's idle share or of a site's overhead within one bin together."""
    t = tables.energy.c
    energy_j = sa.func.sum(t.energy_j)
    grid = sa.func.sum(t.energy_j * t.grid_g_per_kwh) / sa.func.nullif(energy_j, 0.0)
    first = sa.func.min(t.start_us)
    return (
        sa.select(
            first, sa.func.max(t.end_us), energy_j, sa.func.coalesce(grid, sa.func.min(t.grid_g_per_kwh)),
            sa.func.sum(t.cpu_s), t.share, t.tier, t.site_id, t.node_id, sa.func.min(t.account_id),
            sa.func.min(t.task_id), t.attempt_id,
        )
        .group_by(t.site_id, t.node_id, t.share, t.tier, t.attempt_id, _in_bin(tables.energy))
        .order_by(first, sa.func.min(t.seq))
    )  # fmt: skip


def _joined(parts: Sequence[Any], kind: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def _ranked(found: tuple[Codes, tuple[str, ...]], choices: Sequence[str]) -> Codes:
    """Ranks of names among fixed choices."""
    codes, names = found
    table = np.array([choices.index(name) for name in names], dtype=np.int64)
    return table[codes] if len(codes) else codes
