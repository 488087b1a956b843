"""Bring a database to the schema of this version, by alembic, without any file of its own."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ondol.storage.sql.dialects import longer

_LONGEST_S = 24 * 3600.0  # a ledger of years is written anew


def upgrade(engine: sa.Engine, target: str = "head") -> None:
    """Run every migration up to `target` that the database has not seen; a new one gets all."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect().execution_options(ondol_writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        with longer(connection, _LONGEST_S):
            command.upgrade(config, target)
