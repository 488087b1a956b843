"""Alembic's entry: the connection comes from `storage.sql.migrate`."""

from __future__ import annotations

from alembic import context

from ondol.storage.sql.columns import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
