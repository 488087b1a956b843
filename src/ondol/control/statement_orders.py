"""What is to be made of the ledger for somebody: a statement in a form, or a mirror; rights are looked at already."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.accounting.account.statement import Held
from ondol.control.mirror_made import Mirror
from ondol.control.statement_making import StatementMaker
from ondol.control.statement_subjects import Chosen
from ondol.report.statement_forms import Form, Paper, statement_paper


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOrder:
    """A statement, with what `StatementMaker.statement` is told."""

    chosen: Chosen
    start: dt.datetime | None
    end: dt.datetime | None
    held: tuple[Held, ...] | None
    form: Form

    def made(self, maker: StatementMaker) -> Paper:
        """Make it."""
        return statement_paper(maker.statement(self.chosen, self.start, self.end, self.held), self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOrder:
    """A mirror, with what `StatementMaker.mirror` is told."""

    chosen: Chosen
    start: dt.datetime | None
    end: dt.datetime | None

    def made(self, maker: StatementMaker) -> Mirror:
        """Make it."""
        return maker.mirror(self.chosen, self.start, self.end)


Order = StatementOrder | MirrorOrder
