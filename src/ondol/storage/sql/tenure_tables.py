"""Tables that tell which platform writes, and which of its commits took place (PostgreSQL; empty in SQLite)."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import TEXT, metadata, text

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up by itself only what is an INTEGER

# One row, raised by every platform that begins.
tenure = sa.Table(
    "tenure",
    metadata,
    text("name", primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
)

# Written in the transaction that it is of; only the latest are kept.
commit_mark = sa.Table(
    "commit_mark",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("batch", TEXT, nullable=False, unique=True),
)
