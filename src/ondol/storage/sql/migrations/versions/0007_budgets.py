"""Budgets in carbon and energy, their reservations and their history."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SUMS = (
    "granted_ug",
    "granted_uwh",
    "carried_ug",
    "carried_uwh",
    "spent_ug",
    "spent_uwh",
    "reserved_ug",
    "reserved_uwh",
    "warned_percent",
)


def upgrade() -> None:
    op.create_table("use_budget", _text("id", primary_key=True), sa.Column("body", sa.LargeBinary, nullable=False))
    op.create_table(
        "budget_row",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        _text("budget_id"),
        sa.Column("period_us", sa.BigInteger, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        _text("task_id"),
        *_sums(),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("budget_row_by_budget", "budget_row", ["budget_id", "number"])
    op.create_index("budget_row_by_period", "budget_row", ["budget_id", "period_us"])
    op.create_index("budget_row_by_task", "budget_row", ["task_id"])
    op.create_table(
        "budget_balance",
        _text("budget_id", primary_key=True),
        sa.Column("period_us", sa.BigInteger, primary_key=True, autoincrement=False),
        *_sums(),
    )
    op.create_table("budget_tab", _text("task_id", primary_key=True), sa.Column("body", sa.LargeBinary, nullable=False))
    _keep_the_history()


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False, **more)


def _sums() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS]


def _keep_the_history() -> None:
    """Refuse every change of the history, whoever asks."""
    refusal = "the history of budgets is only ever appended to"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION budget_row_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER budget_row_kept BEFORE UPDATE OR DELETE ON budget_row "
            "FOR EACH ROW EXECUTE FUNCTION budget_row_kept()"
        )
        op.execute(
            "CREATE TRIGGER budget_row_not_emptied BEFORE TRUNCATE ON budget_row "
            "FOR EACH STATEMENT EXECUTE FUNCTION budget_row_kept()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER budget_row_no_{act.lower()} BEFORE {act} ON budget_row "
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )
    # SQLite's INSERT OR REPLACE deletes without asking the triggers of deletion.
    op.execute(
        "CREATE TRIGGER budget_row_no_replace BEFORE INSERT ON budget_row WHEN EXISTS "  # noqa: S608
        "(SELECT 1 FROM budget_row WHERE number = NEW.number) "
        f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
    )
