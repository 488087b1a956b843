"""What is to be made of the ledger for somebody: a statement in a form, or a mirror; rights are looked at already."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from ondol.accounting.account.statement import Held
from ondol.control.mirror_made import Mirror
from ondol.control.statement_making import StatementMaker
from ondol.control.statement_subjects import Chosen
from ondol.control.workbench import Workbench
from ondol.report.statement_forms import Form, Paper, statement_paper

LIMIT_S = 180.0  # by when one must be made [s, wall]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOrder:
    """A statement, with what `StatementMaker.statement` is told."""

    chosen: Chosen
    start: dt.datetime | None
    end: dt.datetime | None
    held: tuple[Held, ...] | None
    form: Form
    what: ClassVar[str] = "statement"
    limit_s: ClassVar[float] = LIMIT_S

    def made(self, bench: Workbench) -> Paper:
        """Make it."""
        return statement_paper(maker_of(bench).statement(self.chosen, self.start, self.end, self.held), self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOrder:
    """A mirror, with what `StatementMaker.mirror` is told."""

    chosen: Chosen
    start: dt.datetime | None
    end: dt.datetime | None
    what: ClassVar[str] = "mirror"
    limit_s: ClassVar[float] = LIMIT_S

    def made(self, bench: Workbench) -> Mirror:
        """Make it."""
        return maker_of(bench).mirror(self.chosen, self.start, self.end)


def maker_of(bench: Workbench) -> StatementMaker:
    """What makes statements of an installation."""
    return StatementMaker(bench.fleet, bench.store, bench.ground, clock_rate=bench.clock_rate)
