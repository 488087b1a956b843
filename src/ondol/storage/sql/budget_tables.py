"""Tables of budgets: what was set, the history, balances, unsettled tasks.

The history refuses to be changed: triggers of migration 0007 raise at every update and delete of it.
"""

from __future__ import annotations

import sqlalchemy as sa

from ondol.storage.sql.columns import metadata, text
from ondol.storage.sql.tenure_tables import NUMBER

SUMS = (
    "granted_ug",
    "granted_uwh",
    "carried_ug",
    "carried_uwh",
    "spent_ug",
    "spent_uwh",
    "reserved_ug",
    "reserved_uwh",
    "warned_percent",
)
"""Columns of a row that its period's balance is the sum of [µgCO2e, µWh, %]."""


def _sums() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in SUMS]


budget = sa.Table(
    "use_budget",
    metadata,
    text("id", primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

row = sa.Table(
    "budget_row",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    text("budget_id", nullable=False),
    sa.Column("period_us", sa.BigInteger, nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    text("task_id", nullable=False),
    *_sums(),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
sa.Index("budget_row_by_budget", row.c.budget_id, row.c.number)
sa.Index("budget_row_by_period", row.c.budget_id, row.c.period_us)
sa.Index("budget_row_by_task", row.c.task_id)

balance = sa.Table(
    "budget_balance",
    metadata,
    text("budget_id", primary_key=True),
    sa.Column("period_us", sa.BigInteger, primary_key=True, autoincrement=False),
    *_sums(),
)

tab = sa.Table(
    "budget_tab",
    metadata,
    text("task_id", primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
