"""Tables of the ledger's facts: appended to, never changed; what stands under a key stays."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import metadata, text

# Kept after the task itself was deleted: its rows in the ledger stay too.
work = sa.Table(
    "ledger_work",
    metadata,
    text("task_id", primary_key=True),
    text("account_id", nullable=False),
    text("project_id", nullable=False),
    text("job_id", nullable=False),
    text("pool_id", nullable=False),
    text("holds_pool", nullable=False),
    text("name", nullable=False),
    text("service", nullable=False),
    sa.Column("resumable", sa.Boolean, nullable=False),
    sa.Column("submitted_us", sa.BigInteger, nullable=False),
)
sa.Index("ledger_work_by_account", work.c.account_id, work.c.task_id)
for _name in ("project_id", "job_id", "pool_id", "holds_pool"):
    _column = work.c[_name]
    _where = _column != sa.literal_column("''")
    sa.Index(f"ledger_work_by_{_name}", _column, work.c.task_id, sqlite_where=_where, postgresql_where=_where)

attempt = sa.Table(
    "ledger_attempt",
    metadata,
    text("attempt_id", primary_key=True),
    text("task_id", nullable=False, index=True),
    text("node_id", nullable=False),
    text("outcome", nullable=False),
    text("cause", nullable=False),
    text("held_by", nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("cores", sa.Double, nullable=False),
    sa.Column("held_s", sa.Double, nullable=False),
    sa.Column("cpu_s", sa.Double, nullable=False),
    sa.Column("exit_code", sa.BigInteger),
    sa.Column("ended_us", sa.BigInteger, nullable=False, index=True),
)

# The key is the order in which rows are read.
meter = sa.Table(
    "ledger_meter",
    metadata,
    text("site_id", primary_key=True),
    text("meter_id", primary_key=True),
    text("kind", primary_key=True),
    sa.Column("start_us", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("end_us", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.Double, nullable=False),
    text("tier", nullable=False),
    sa.Column("uncertainty", sa.Double),
    sqlite_with_rowid=False,
)
