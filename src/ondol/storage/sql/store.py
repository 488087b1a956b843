"""The SQL store, put together from its parts: one connection pool, one writer, one transaction per commit."""

from __future__ import annotations

from ondol.model.account import Account, Project
from ondol.storage.ports import Changes
from ondol.storage.sql import tables
from ondol.storage.sql.accounts import SqlAccounts
from ondol.storage.sql.belongings import SqlBelongings, write_replies
from ondol.storage.sql.budgets import SqlBudgets, write_budgets
from ondol.storage.sql.claims import SqlClaims
from ondol.storage.sql.database import Database
from ondol.storage.sql.facts import SqlFacts, append_facts
from ondol.storage.sql.groups import SqlGroups
from ondol.storage.sql.heat import SqlHeat
from ondol.storage.sql.ledger import SqlLedger, append_rows
from ondol.storage.sql.ledger_columns import SqlColumns
from ondol.storage.sql.quotes import SqlQuotes
from ondol.storage.sql.readings import ReadingsGate, SqlReadings
from ondol.storage.sql.recent import Recent
from ondol.storage.sql.tasks import SqlTasks, write_tasks
from ondol.storage.sql.writing import write_listed


class SqlStore(
    SqlTasks,
    SqlGroups,
    SqlLedger,
    SqlColumns,
    SqlFacts,
    SqlAccounts,
    SqlBelongings,
    SqlHeat,
    SqlClaims,
    SqlBudgets,
    SqlQuotes,
    SqlReadings,
):
    """All durable state in one SQL database.

    Parameters
    ----------
    url : SQLAlchemy URL, e.g. ``sqlite:///var/ondol.db`` or ``postgresql://…``
    alone : refuse to share it with another platform; the commands that only look something up do not ask for it
    """

    def __init__(self, url: str, *, alone: bool = False) -> None:
        self._database = Database(url, alone=alone)
        self._recent_accounts: Recent[Account | None] = Recent()
        self._recent_projects: Recent[tuple[Project, ...]] = Recent()
        self._gate = ReadingsGate()

    def commit(self, changes: Changes) -> None:
        if not changes:
            return
        database = self._database
        with database.writing() as connection:
            if not database.mark(connection, changes.batch):
                return
            write_tasks(database, connection, changes)
            write_listed(database, connection, tables.job, changes.jobs, changes.deleted_jobs)
            write_listed(database, connection, tables.pool, changes.pools, changes.deleted_pools)
            write_replies(database, connection, changes)
            database.upsert(connection, tables.document, sorted(changes.documents.items()))
            append_rows(connection, changes)
            append_facts(database, connection, changes)
            write_budgets(database, connection, changes.budgets)

    def took_place(self, changes: Changes) -> bool:
        return self._database.marked(changes.batch)

    def document(self, key: str) -> bytes | None:
        row = self._database.row(tables.document, key=key)
        return None if row is None else bytes(row["body"])

    def close(self) -> None:
        """Close every connection."""
        self._database.close()
