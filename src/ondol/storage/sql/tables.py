"""Tables of tasks, jobs, pools and documents. What is searched for is a column, the rest of a noun is its JSON body.

Times are stored as microseconds since the epoch (UTC) and texts compare by code points, so that SQLite, PostgreSQL and
Python agree on every order. The other tables are in `account_tables` and `ledger_tables`.
"""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import metadata, text


def _listed(*more: sa.Column[object]) -> list[sa.Column[object]]:
    """Columns of what is listed, the body last: SQLite reads a row only up to what is asked."""
    return [
        text("id", primary_key=True),
        text("account_id", nullable=False),
        text("shortname", nullable=False),
        text("name", nullable=False),
        text("state", nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        *more,
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("counted", sa.SmallInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    ]


task = sa.Table(
    "task",
    metadata,
    *_listed(
        text("job_id", nullable=False),
        text("pool_id", nullable=False),
        sa.Column("holder", sa.Boolean, nullable=False),
        sa.Column("expires_us", sa.BigInteger),
    ),
)
job = sa.Table("job", metadata, *_listed(text("pool_id", nullable=False)))
pool = sa.Table("pool", metadata, *_listed())

_t = task.c
sa.Index("task_by_created", _t.account_id, _t.holder, _t.created_us, _t.id)
sa.Index("task_by_name", _t.account_id, _t.holder, _t.name, _t.created_us, _t.id)
sa.Index("task_by_state", _t.account_id, _t.holder, _t.state, _t.created_us, _t.id)
sa.Index("task_by_shortname", _t.account_id, _t.shortname)
for _name, _column in (("task_by_job", _t.job_id), ("task_by_pool", _t.pool_id)):
    _where = _column != sa.literal_column("''")
    sa.Index(_name, _column, _t.created_us, _t.id, sqlite_where=_where, postgresql_where=_where)
sa.Index("task_by_open", _t.id, sqlite_where=_t.open, postgresql_where=_t.open)
_mortal = _t.expires_us.is_not(None)
sa.Index("task_by_end", _t.expires_us, _t.id, sqlite_where=_mortal, postgresql_where=_mortal)
for _table in (job, pool):
    _c = _table.c
    sa.Index(f"{_table.name}_by_created", _c.account_id, _c.created_us, _c.id)
    sa.Index(f"{_table.name}_by_name", _c.account_id, _c.name, _c.created_us, _c.id)
    sa.Index(f"{_table.name}_by_state", _c.account_id, _c.state, _c.created_us, _c.id)
    sa.Index(f"{_table.name}_by_shortname", _c.account_id, _c.shortname)
    sa.Index(f"{_table.name}_by_open", _c.id, sqlite_where=_c.open, postgresql_where=_c.open)

tag = sa.Table(
    "tag",
    metadata,
    text("account_id", primary_key=True),
    text("kind", primary_key=True),  # the table that `id` is of
    text("tag", primary_key=True),
    sa.Column("created_us", sa.BigInteger, primary_key=True, autoincrement=False),
    text("id", primary_key=True),
    sqlite_with_rowid=False,
)

# How much each account has, kept with every change: counting 100,000 rows for each request would not do.
tally = sa.Table(
    "tally",
    metadata,
    text("account_id", primary_key=True),
    text("kind", primary_key=True),
    sa.Column("stored", sa.BigInteger, nullable=False),
    sa.Column("live", sa.BigInteger, nullable=False),
)

instance = sa.Table(
    "instance",
    metadata,
    text("id", primary_key=True),
    text("task_id", nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

attempt = sa.Table(
    "attempt",
    metadata,
    text("id", primary_key=True),
    text("task_id", nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

document = sa.Table(
    "document",
    metadata,
    text("key", primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
