"""First schema: tasks, the ledger, documents, accounts, buckets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_attempt_task_id"), "attempt", ["task_id"], unique=False)
    op.create_table(
        "bucket",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("backend_name", sa.String(length=63), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "name"),
        sa.UniqueConstraint("backend_name"),
    )
    op.create_table(
        "document",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "instance",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_instance_task_id"), "instance", ["task_id"], unique=False)
    op.create_table(
        "ledger_energy",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=True),
        sa.Column("node_id", sa.String(length=64), nullable=True),
        sa.Column("share", sa.String(length=16), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("energy_j", sa.Double(), nullable=False),
        sa.Column("grid_g_per_kwh", sa.Double(), nullable=False),
        sa.Column("tier", sa.String(length=2), nullable=False),
        sa.Column("cpu_s", sa.Double(), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("task_id", sa.String(length=36), nullable=True),
        sa.Column("instance_id", sa.String(length=64), nullable=True),
        sa.Column("attempt_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_ledger_energy_start_us"), "ledger_energy", ["start_us"], unique=False)
    op.create_index(op.f("ix_ledger_energy_task_id"), "ledger_energy", ["task_id"], unique=False)
    op.create_table(
        "ledger_heat",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("sink_id", sa.String(length=64), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("electric_j", sa.Double(), nullable=False),
        sa.Column("delivered_j", sa.Double(), nullable=False),
        sa.Column("demanded_j", sa.Double(), nullable=False),
        sa.Column("temp_c", sa.Double(), nullable=True),
        sa.Column("setpoint_c", sa.Double(), nullable=True),
        sa.Column("lower_c", sa.Double(), nullable=True),
        sa.Column("upper_c", sa.Double(), nullable=True),
        sa.Column("discomfort_kh", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_ledger_heat_start_us"), "ledger_heat", ["start_us"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("shortname", sa.String(length=256), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("task_by_account", "task", ["account_id", "created_us", "id"], unique=False)
    op.create_index("task_by_open", "task", ["open"], unique=False)
    op.create_index("task_by_shortname", "task", ["account_id", "shortname"], unique=False)
