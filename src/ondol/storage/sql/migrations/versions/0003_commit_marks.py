"""Marks of commits and the generation of the platform; the ledger's numbers no longer end at two thousand million."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "tenure",
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "commit_mark",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("batch", _TEXT, nullable=False, unique=True),
    )
    if op.get_bind().dialect.name == "postgresql":  # SQLite's integers have 64 bits
        for table in ("ledger_energy", "ledger_heat"):
            op.alter_column(table, "seq", type_=sa.BigInteger)
            op.execute(f"ALTER SEQUENCE {table}_seq_seq AS bigint")
