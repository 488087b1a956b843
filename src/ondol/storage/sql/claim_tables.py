"""The table of the registers of claims; triggers of migration 0006 refuse every update and delete of it."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import metadata, text

claim = sa.Table(
    "heat_claim",
    metadata,
    text("site_id", primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    text("hash", nullable=False),
    sqlite_with_rowid=False,
)
