"""Wishes and requests of hosts, alarms, readings of points, the hygiene log that nobody can change, terms of sites."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "host_wish",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", _TEXT, nullable=False, unique=True),
        _text("site_id"),
        _text("sink_id"),
        sa.Column("set_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("host_wish_by_site", "host_wish", ["site_id", "number"])
    op.create_index("host_wish_by_sink", "host_wish", ["sink_id", "set_us"])
    op.create_table("heat_request", _text("id", primary_key=True), sa.Column("body", sa.LargeBinary, nullable=False))
    op.create_table(
        "alarm",
        _text("id", primary_key=True),
        _text("site_id"),
        sa.Column("raised_us", sa.BigInteger, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("alarm_by_site", "alarm", ["site_id", "raised_us"])
    op.create_index("alarm_by_time", "alarm", ["raised_us"])
    active = sa.column("active", sa.Boolean)
    op.create_index("alarm_active", "alarm", ["site_id"], sqlite_where=active, postgresql_where=active)
    op.create_table(
        "point",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        _text("site_id"),
        _text("entity_id"),
        _text("point"),
        sa.Column("place", sa.SmallInteger, nullable=False),
        sa.UniqueConstraint("site_id", "entity_id", "point", "place", name="point_once"),
    )
    op.create_table(
        "point_reading",
        sa.Column("point", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("quality", sa.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hygiene_log",
        _text("sink_id", primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _text("hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("hygiene_log_by_time", "hygiene_log", ["sink_id", "at_us"])
    op.create_table("site_terms", _text("site_id", primary_key=True), sa.Column("body", sa.LargeBinary, nullable=False))
    _keep_the_log()


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False, **more)


def _keep_the_log() -> None:
    """Refuse every change of the hygiene log, whoever asks."""
    refusal = "the hygiene log is only ever appended to"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION hygiene_log_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER hygiene_log_kept BEFORE UPDATE OR DELETE ON hygiene_log "
            "FOR EACH ROW EXECUTE FUNCTION hygiene_log_kept()"
        )
        op.execute(
            "CREATE TRIGGER hygiene_log_not_emptied BEFORE TRUNCATE ON hygiene_log "
            "FOR EACH STATEMENT EXECUTE FUNCTION hygiene_log_kept()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER hygiene_log_no_{act.lower()} BEFORE {act} ON hygiene_log "
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )
    # SQLite's INSERT OR REPLACE deletes without asking the triggers of deletion.
    op.execute(
        "CREATE TRIGGER hygiene_log_no_replace BEFORE INSERT ON hygiene_log WHEN EXISTS "  # noqa: S608
        "(SELECT 1 FROM hygiene_log WHERE sink_id = NEW.sink_id AND number = NEW.number) "
        f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
    )
