"""Writes what is listed: its row, its tags and what its account has, all in the caller's transaction."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from ondol.storage.facets import Counted, Facets, Listed, facets
from ondol.storage.rows import encode
from ondol.storage.sql import tables
from ondol.storage.sql.database import Database

_Entry = tuple[str, str, int, str]  # account, tag, created_us, id


class _Tagged(msgspec.Struct):
    tags: tuple[str, ...] = ()


_TAGGED = msgspec.json.Decoder(_Tagged)
# The facets that a table has columns for, between its id and its body.
_PICKS = {
    table.name: operator.attrgetter(*(name for name in table.c.keys() if name not in ("id", "body")))  # noqa: SIM118
    for table in (tables.task, tables.job, tables.pool)
}


def write_listed(
    database: Database,
    connection: sa.Connection,
    table: sa.Table,
    nouns: Iterable[Listed],
    deleted: Sequence[str] = (),
) -> frozenset[str]:
    """Add, replace and delete rows of one kind; gives the ids of rows that were not there before."""
    fresh: dict[str, Listed] = {noun.id: noun for noun in nouns}
    touched = [*fresh, *(key for key in deleted if key not in fresh)]
    if not touched:
        return frozenset()
    before = _before(database, connection, table, touched)
    found = {key: facets(noun) for key, noun in fresh.items()}
    pick = _PICKS[table.name]
    database.upsert(connection, table, [(key, *pick(found[key]), encode(noun)) for key, noun in fresh.items()])
    after = {key: facet for key, facet in found.items() if key not in set(deleted)} if deleted else found
    if deleted:
        database.delete(connection, table, [(key,) for key in deleted])
    _retag(database, connection, table, before, after)
    _recount(database, connection, table, before, after)
    return frozenset(fresh) - before.keys()


class _Before(msgspec.Struct):
    account_id: str
    created_us: int
    counted: Counted
    tags: tuple[str, ...]


def _before(database: Database, connection: sa.Connection, table: sa.Table, keys: Sequence[str]) -> dict[str, _Before]:
    c = table.c
    rows = connection.execute(
        sa.select(c.id, c.account_id, c.created_us, c.counted, c.body).where(database.among(c.id, keys))
    )
    return {
        key: _Before(account_id, created_us, Counted(counted), _TAGGED.decode(bytes(body)).tags)
        for key, account_id, created_us, counted, body in rows
    }


def _entries(rows: Mapping[str, _Before | Facets]) -> set[_Entry]:
    return {(row.account_id, tag, row.created_us, key) for key, row in rows.items() for tag in row.tags}


def _retag(
    database: Database,
    connection: sa.Connection,
    table: sa.Table,
    before: Mapping[str, _Before],
    after: Mapping[str, Facets],
) -> None:
    old, new = _entries(before), _entries(after)
    for change, entries in ((database.delete, old - new), (database.insert, new - old)):
        rows = [(account_id, table.name, *rest) for account_id, *rest in sorted(entries)]
        change(connection, tables.tag, rows)


def _recount(
    database: Database,
    connection: sa.Connection,
    table: sa.Table,
    before: Mapping[str, _Before],
    after: Mapping[str, Facets],
) -> None:
    change: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for sign, rows in ((-1, before), (1, after)):
        for row in rows.values():
            change[row.account_id][0] += sign * (row.counted is not Counted.NOT)
            change[row.account_id][1] += sign * (row.counted is Counted.LIVE)
    database.add(
        connection,
        tables.tally,
        [
            (account_id, table.name, stored, live)
            for account_id, (stored, live) in sorted(change.items())
            if stored or live
        ],
        ("stored", "live"),
    )
