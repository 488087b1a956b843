"""Tables of accounts and of what belongs to them: buckets, answers given before, secrets, projects."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import TEXT, metadata, text

account = sa.Table(
    "account",
    metadata,
    text("id", primary_key=True),
    sa.Column("email", TEXT, nullable=False, unique=True),
    sa.Column("token_hash", TEXT, nullable=False, unique=True),
    sa.Column("token_sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    text("organization", nullable=False),
    sa.Column("limits", sa.LargeBinary, nullable=False),  # AccountLimits as JSON
)

bucket = sa.Table(
    "bucket",
    metadata,
    text("account_id", primary_key=True),
    text("name", primary_key=True),
    sa.Column("backend_name", TEXT, nullable=False, unique=True),
    sa.Column("created_us", sa.BigInteger, nullable=False),
)

reply = sa.Table(
    "reply",
    metadata,
    text("account_id", primary_key=True),
    text("key", primary_key=True),
    text("fingerprint", nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False, index=True),
)

secret = sa.Table(
    "secret",
    metadata,
    text("account_id", primary_key=True),
    text("key", primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

project = sa.Table(
    "project",
    metadata,
    text("id", primary_key=True),
    sa.Column("slug", TEXT, nullable=False, unique=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
