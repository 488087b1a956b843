"""What meters counted, whose work the ledger's rows are, how attempts ended; how heat rows were got."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BATCH = 500  # tasks looked at at once
_SERVICES = ("on_demand", "flex", "harvest", "filler")  # `model.view.ServiceClass` as it was when this was written
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "ledger_work",
        _text("task_id", primary_key=True),
        _text("account_id"),
        _text("project_id"),
        _text("job_id"),
        _text("pool_id"),
        _text("holds_pool"),
        _text("name"),
        _text("service"),
        sa.Column("resumable", sa.Boolean, nullable=False),
        sa.Column("submitted_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ledger_work_by_account", "ledger_work", ["account_id", "task_id"])
    for name in ("project_id", "job_id", "pool_id", "holds_pool"):
        where = sa.text(f"{name} != ''")
        columns = [name, "task_id"]
        op.create_index(f"ledger_work_by_{name}", "ledger_work", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "ledger_attempt",
        _text("attempt_id", primary_key=True),
        _text("task_id"),
        _text("node_id"),
        _text("outcome"),
        _text("cause"),
        _text("held_by"),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("cores", sa.Double, nullable=False),
        sa.Column("held_s", sa.Double, nullable=False),
        sa.Column("cpu_s", sa.Double, nullable=False),
        sa.Column("exit_code", sa.BigInteger),
        sa.Column("ended_us", sa.BigInteger, nullable=False),
    )
    op.create_index(op.f("ix_ledger_attempt_task_id"), "ledger_attempt", ["task_id"])
    op.create_index(op.f("ix_ledger_attempt_ended_us"), "ledger_attempt", ["ended_us"])
    op.create_table(
        "ledger_meter",
        _text("site_id", primary_key=True),
        _text("meter_id", primary_key=True),
        _text("kind", primary_key=True),
        sa.Column("start_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("end_us", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.Double, nullable=False),
        _text("tier"),
        sa.Column("uncertainty", sa.Double),
        sqlite_with_rowid=False,
    )
    # Rows of before came from heat meters alone; whether of hardware or of equations was not written down.
    op.add_column("ledger_heat", _text("tier", server_default="T1"))
    op.add_column("ledger_heat", sa.Column("virtual", sa.Boolean, nullable=True))
    _note_works()


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False, **more)


def _note_works() -> None:
    """Whose work the tasks are that are still there; of those deleted before, the ledger knows the account alone."""
    connection = op.get_bind()
    metadata = sa.MetaData()
    task, work = (sa.Table(name, metadata, autoload_with=connection) for name in ("task", "ledger_work"))
    query = sa.select(task.c.id, task.c.created_us, task.c.body).order_by(task.c.id).limit(_BATCH)
    last = ""
    while rows := connection.execute(query.where(task.c.id > last)).all():
        last = rows[-1].id
        connection.execute(work.insert(), [_work(row, json.loads(bytes(row.body))) for row in rows])


def _work(row: Any, body: dict[str, Any]) -> dict[str, Any]:
    parts = {name: body.get(name, "") for name in ("project_id", "job_id", "pool_id", "holds_pool")}
    service = _SERVICES[body.get("service", _SERVICES.index("flex"))]
    return parts | {
        "task_id": row.id,
        "account_id": body["account_id"],
        "name": body["name"],
        "service": service,
        "resumable": bool(body.get("resumable", False)),
        "submitted_us": row.created_us,
    }
