"""Tables of the ledger: appended to, never changed."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import TEXT, metadata, text
from ondol.storage.sql.tenure_tables import NUMBER

energy = sa.Table(
    "ledger_energy",
    metadata,
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
    text("site_id", nullable=False),
    text("unit_id"),
    text("node_id"),
    text("share", nullable=False),
    sa.Column("start_us", sa.BigInteger, nullable=False, index=True),
    sa.Column("end_us", sa.BigInteger, nullable=False),
    sa.Column("energy_j", sa.Double, nullable=False),
    sa.Column("grid_g_per_kwh", sa.Double, nullable=False),
    text("tier", nullable=False),
    sa.Column("cpu_s", sa.Double, nullable=False),
    text("account_id"),
    text("task_id", index=True),
    text("instance_id"),
    text("attempt_id"),
)

# Temperatures are null where no sensor spoke; SQLite has no NaN.
heat = sa.Table(
    "ledger_heat",
    metadata,
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
    text("site_id", nullable=False),
    text("unit_id", nullable=False),
    text("sink_id", nullable=False),
    sa.Column("start_us", sa.BigInteger, nullable=False, index=True),
    sa.Column("end_us", sa.BigInteger, nullable=False),
    sa.Column("electric_j", sa.Double, nullable=False),
    sa.Column("delivered_j", sa.Double, nullable=False),
    sa.Column("demanded_j", sa.Double, nullable=False),
    sa.Column("temp_c", sa.Double),
    sa.Column("setpoint_c", sa.Double),
    sa.Column("lower_c", sa.Double),
    sa.Column("upper_c", sa.Double),
    sa.Column("discomfort_kh", sa.Double, nullable=False),
    sa.Column("tier", TEXT, nullable=False, server_default="T1"),
    sa.Column("virtual", sa.Boolean, nullable=True),
)
