"""The morning's whole statement, as operators get it of their fleet: the inventory with making, SCI, views, water."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from ondol.accounting.account.figure import Section
from ondol.accounting.account.statement import Statement
from ondol.control.directory import OPERATOR
from ondol.control.platform import Platform
from ondol.report.statement_forms import statement_paper
from ondol.report.words import grams


def write_account(out: Path, platform: Platform, start: dt.datetime, end: dt.datetime) -> Statement:
    """Write ``account.html`` and ``account.json`` of the fleet, of the rows that begin in [start, end)."""
    caller = platform.store.account_by_email(OPERATOR) or platform.directory.add_account(OPERATOR)[0]
    made = platform.desk.statements.statement(caller, "fleet", "", start, end)
    (out / "account.html").write_bytes(statement_paper(made, "html").body)
    (out / "account.json").write_bytes(statement_paper(made, "json").body)
    return made


def account_line(made: Statement) -> str:
    """Say the inventory's total in a sentence, for who has just read the morning's grid carbon alone."""
    sections: dict[str, Section] = {section.key: section for section in made.sections}
    inventory, sci = sections["inventory"], sections["sci"]
    return (
        f"With what lies upstream of the grid ({grams(inventory.value('operational_g'))}) and the servers' share of "
        f"being made ({grams(inventory.value('embodied_g'))}) the morning stands for "
        f"{grams(inventory.value('total_g'))}, {grams(sci.value('sci_g_per_unit'))} a task (SCI), without credit for "
        "heat."
    )
