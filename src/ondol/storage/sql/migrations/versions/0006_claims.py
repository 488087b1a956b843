"""Registers of claims of useful heat: by site a chain of rows that nobody can change."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "heat_claim",
        _text("site_id", primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _text("hash"),
        sqlite_with_rowid=False,
    )
    _keep_the_register()


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False, **more)


def _keep_the_register() -> None:
    """Refuse every change of a row, whoever asks; a claim is given up by a second row."""
    refusal = "the register of claims is only ever appended to"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION heat_claim_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER heat_claim_kept BEFORE UPDATE OR DELETE ON heat_claim "
            "FOR EACH ROW EXECUTE FUNCTION heat_claim_kept()"
        )
        op.execute(
            "CREATE TRIGGER heat_claim_not_emptied BEFORE TRUNCATE ON heat_claim "
            "FOR EACH STATEMENT EXECUTE FUNCTION heat_claim_kept()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER heat_claim_no_{act.lower()} BEFORE {act} ON heat_claim "
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )
    # SQLite's INSERT OR REPLACE deletes without asking the triggers of deletion.
    op.execute(
        "CREATE TRIGGER heat_claim_no_replace BEFORE INSERT ON heat_claim WHEN EXISTS "  # noqa: S608
        "(SELECT 1 FROM heat_claim WHERE site_id = NEW.site_id AND number = NEW.number) "
        f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
    )
