"""The texts of this schema: compared by code points in every database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


class PostgresText(sa.TypeDecorator[str]):
    """Text that compares by code points; U+0000, which PostgreSQL cannot hold, is written as U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Text(collation="C"))

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.replace("\x00", "\ufffd")


TEXT = sa.Text().with_variant(PostgresText(), "postgresql")


def text(name: str, *, primary_key: bool = False, nullable: bool = True, index: bool | None = None) -> sa.Column[Any]:
    """Make a column of text."""
    return sa.Column(name, TEXT, primary_key=primary_key, nullable=nullable and not primary_key, index=index)
