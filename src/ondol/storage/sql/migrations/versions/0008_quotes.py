"""Quotes and how good they were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "quote",
        sa.Column("id", _TEXT, nullable=False, primary_key=True),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("task_id", _TEXT, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("quote_by_account", "quote", ["account_id", "made_us"])
    op.create_index("quote_by_time", "quote", ["made_us"])
    op.create_index("quote_by_task", "quote", ["task_id"])
