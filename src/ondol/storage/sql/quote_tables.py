"""Table of quotes."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import metadata, text

quote = sa.Table(
    "quote",
    metadata,
    text("id", primary_key=True),
    text("account_id", nullable=False),
    text("task_id", nullable=False),
    sa.Column("made_us", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
sa.Index("quote_by_account", quote.c.account_id, quote.c.made_us)
sa.Index("quote_by_time", quote.c.made_us)
sa.Index("quote_by_task", quote.c.task_id)
