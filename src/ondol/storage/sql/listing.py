"""Pages of tasks, jobs and pools: from a `Query` to statements that walk an index from where the last page ended.

Any-of conditions become one walk for each alternative; their rows are merged, so no walk reads more than one page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ondol.storage.facets import Position
from ondol.storage.page_tokens import from_token, to_token
from ondol.storage.pages import Query
from ondol.storage.sql import tables
from ondol.storage.times import to_us

_TOP = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def page(
    connection: sa.Connection, table: sa.Table, account_id: str, query: Query, token: str, limit: int
) -> tuple[list[bytes], str]:
    """Give the bodies of a page and the token of the next one, "" on the last.

    Raises NotFoundError("page", token) for a strange token.
    """
    after = from_token(query, token)
    if not _possible(table, query):
        return [], ""
    found: dict[Position, bytes] = {}
    for walk in _walks(table, account_id, query, after):
        for row in connection.execute(walk.limit(limit + 1)):
            *place, body = row
            found[tuple(place)] = body
    places = sorted(found, reverse=not query.rising)
    given = places[:limit]
    more = len(places) > limit and given
    return [bytes(found[place]) for place in given], to_token(query, given[-1]) if more else ""


def above(prefix: str) -> str | None:
    """Least text that is greater than every text with a prefix, None where there is none."""
    for end in range(len(prefix), 0, -1):
        following = ord(prefix[end - 1]) + 1
        if following <= _TOP:
            return prefix[: end - 1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
    return None


def begins_with(column: sa.ColumnElement[str], prefix: str) -> list[sa.ColumnElement[bool]]:
    """Conditions under which a text begins with a prefix, as a range of an index; none for an empty prefix."""
    if not prefix:
        return []
    end = above(prefix)
    return [column >= prefix] if end is None else [column >= prefix, column < end]


def _possible(table: sa.Table, query: Query) -> bool:
    """Whether a table has what a query asks for: jobs have no job, and only tasks hold slots."""
    asked = {"job_id": query.job_id, "pool_id": query.pool_id, "holder": query.holders}
    return all(name in table.c or not value for name, value in asked.items())


def _walks(table: sa.Table, account_id: str, query: Query, after: Position | None) -> Iterator[sa.Select[Any]]:
    """One statement for each alternative of the any-of condition that narrows most."""
    c = table.c
    mine = _conditions(table, account_id, query)
    if query.tags:
        t = tables.tag.c
        joined = sa.join(tables.tag, table, c.id == t.id)
        for tag in dict.fromkeys(query.tags):
            tagged = [t.account_id == account_id, t.kind == table.name, t.tag == tag]
            if query.states:
                tagged.append(c.state.in_(query.states))
            yield _walk(sa.select().select_from(joined), table, query, after, [*tagged, *mine], t.created_us, t.id)
    elif query.states and not (query.job_id or query.pool_id or query.name):
        for state in dict.fromkeys(query.states):
            yield _walk(sa.select(), table, query, after, [*mine, c.state == state], c.created_us, c.id)
    else:
        if query.states:
            mine.append(c.state.in_(query.states))
        yield _walk(sa.select(), table, query, after, mine, c.created_us, c.id)


def _conditions(table: sa.Table, account_id: str, query: Query) -> list[sa.ColumnElement[bool]]:
    c = table.c
    conditions = [c.account_id == account_id, *begins_with(c.name, query.name_prefix)]
    if "holder" in c:
        conditions.append(c.holder == sa.literal(query.holders))
    if query.name:
        conditions.append(c.name == query.name)
    for name, wanted in (("job_id", query.job_id), ("pool_id", query.pool_id)):
        if wanted is not None and name in c:
            conditions.append(c[name] == wanted)
            if wanted:  # SQLite uses an index of part of the rows only where its condition is said
                conditions.append(c[name] != sa.literal_column("''"))
    return conditions


def _walk(
    select: sa.Select[Any],
    table: sa.Table,
    query: Query,
    after: Position | None,
    conditions: list[sa.ColumnElement[bool]],
    created_us: sa.ColumnElement[int],
    key: sa.ColumnElement[str],
) -> sa.Select[Any]:
    place: list[sa.ColumnElement[Any]] = [created_us, key]
    if query.order != "created":
        place.insert(0, table.c[query.order])
    statement = select.add_columns(*place, table.c.body).where(*conditions)
    if query.created_from is not None:
        statement = statement.where(created_us >= to_us(query.created_from))
    if query.created_before is not None:
        statement = statement.where(created_us < to_us(query.created_before))
    if after is not None:
        here, there = sa.tuple_(*place), sa.tuple_(*after)
        statement = statement.where(here > there if query.rising else here < there)
    return statement.order_by(*(column.asc() if query.rising else column.desc() for column in place))
