"""Tables of the SQL store. What is searched for is a column, the rest of a noun travels as its JSON body.

Times are stored as microseconds since the epoch (UTC), so that SQLite and PostgreSQL compare them alike.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

task = sa.Table(
    "task",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("shortname", sa.String(256), nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("task_by_account", "account_id", "created_us", "id"),
    sa.Index("task_by_shortname", "account_id", "shortname"),
    sa.Index("task_by_open", "open"),
)

instance = sa.Table(
    "instance",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("task_id", sa.String(36), nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("task_id", sa.String(36), nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

energy = sa.Table(
    "ledger_energy",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("unit_id", sa.String(64)),
    sa.Column("node_id", sa.String(64)),
    sa.Column("share", sa.String(16), nullable=False),
    sa.Column("start_us", sa.BigInteger, nullable=False, index=True),
    sa.Column("end_us", sa.BigInteger, nullable=False),
    sa.Column("energy_j", sa.Double, nullable=False),
    sa.Column("grid_g_per_kwh", sa.Double, nullable=False),
    sa.Column("tier", sa.String(2), nullable=False),
    sa.Column("cpu_s", sa.Double, nullable=False),
    sa.Column("account_id", sa.String(64)),
    sa.Column("task_id", sa.String(36), index=True),
    sa.Column("instance_id", sa.String(64)),
    sa.Column("attempt_id", sa.String(64)),
)

# Temperatures are null where no sensor spoke; SQLite has no NaN.
heat = sa.Table(
    "ledger_heat",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("unit_id", sa.String(64), nullable=False),
    sa.Column("sink_id", sa.String(64), nullable=False),
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
)

document = sa.Table(
    "document",
    metadata,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("email", sa.String(320), nullable=False, unique=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("token_sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
)

bucket = sa.Table(
    "bucket",
    metadata,
    sa.Column("account_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("backend_name", sa.String(63), nullable=False, unique=True),
    sa.Column("created_us", sa.BigInteger, nullable=False),
)
