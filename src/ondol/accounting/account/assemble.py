"""Put a whole statement together from columns of rows, the subject's mask and the installation's grounds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ondol.accounting.account import boxes, burdens, heat_section, parts, resources, said, sections, series
from ondol.accounting.account.apart import covered_s
from ondol.accounting.account.case import Case
from ondol.accounting.account.columns import NOBODY, EnergyColumns, Floats, HeatColumns, Mask
from ondol.accounting.account.figure import Section
from ondol.accounting.account.grid_section import grid
from ondol.accounting.account.grounds import Grounds
from ondol.accounting.account.hardware import Hold, Made, made
from ondol.accounting.account.overlaps import overlaps
from ondol.accounting.account.shared import Shared, share_out
from ondol.accounting.account.statement import Conventions, Held, Statement, Subject, Window
from ondol.accounting.bins import BIN_S
from ondol.accounting.coverage import is_annual
from ondol.model.errors import NotFoundError
from ondol.model.ledger import Share

_WHOLE = 0.99  # of a span, as `Cover.covers` has it


def ground_rows(
    rows: EnergyColumns,
    heat: HeatColumns,
    grounds: Grounds,
    holds: Mapping[str, Hold],
    *,
    bin_s: float = BIN_S,
    metered: Floats | None = None,
) -> tuple[Shared, Made]:
    """Share overhead, heat and hardware out over rows, once for all statements of a window.

    Parameters
    ----------
    rows, heat : all rows of the sites in the window
    holds : by attempt, slots held and for how long
    metered : part of each row that the site's own meter stands behind
    """
    return share_out(rows, heat, grounds.basis, bin_s=bin_s, metered=metered), made(rows, grounds.machines, holds)


def assemble(
    subject: Subject,
    shared: Shared,
    making: Made,
    mine: Mask,
    grounds: Grounds,
    *,
    whole: bool = False,
    timezone: str = "UTC",
    more: Sequence[Section] = (),
    claims: Sequence[Held] | None = None,
    findings: Sequence[str] = (),
    named: Mask | None = None,
    holders: Collection[str] = (),
) -> Statement:
    """Give the statement.

    Parameters
    ----------
    mine : rows of the subject: those of its work wherever it ran, or all rows of its sites
    whole : the rows are all that the ledger has of the subject
    more : sections that rest on more than rows, such as waste and the reconciliation with meters
    claims : who holds what of the heat; None where it is not for the reader
    named : rows whose tasks the reader may see by name; None for all
    holders : tasks that only hold slots of a compute pool: what they take counts, and they are no functional unit

    Raises
    ------
    NotFoundError : no row is the subject's
    InvalidFieldError : rows that say the impossible, e.g. more reuse than electricity; a site without a basis
    """
    if not (mine & shared.it).any():
        raise NotFoundError(f"ledger row of {subject.kind}", f"{subject.id} in this window")
    rows = shared.rows
    window = _window(rows, mine, whole)
    tasks = np.unique(rows.task[mine & rows.of(Share.JOB)])
    case = Case(
        subject=subject,
        window=window,
        grounds=grounds,
        shared=shared,
        made=making,
        mine=mine,
        tasks=sum(rows.tasks[code] not in holders for code in tasks if code != NOBODY),
        named=named,
    )
    views, avoided = burdens.views(case), boxes.avoided_at(case)
    listed, residual = parts.parts(case)
    points, step_s = series.series(case, timezone)
    band = case.total
    return Statement(
        subject=subject,
        window=window,
        conventions=Conventions(
            registry=grounds.registry.label,
            basis=grounds.basis.name,
            basis_scope=grounds.basis.scope.value,
            basis_note=grounds.basis.note,
            split_rule=grounds.split_rule,
            bin_s=shared.bin_s,
        ),
        goal=said.goal(case),
        sections=(
            sections.inventory(case),
            sections.energy(case),
            grid(case),
            heat_section.heat(case),
            sections.sci(case),
            resources.resources(case),
            *more,
        ),
        views=views,
        avoided=avoided,
        baskets=boxes.baskets_at(case),
        parts=listed,
        residual=residual,
        drivers=said.drivers(band),
        driver=said.driver(band, views, avoided),
        series=points,
        step_s=step_s,
        timezone=timezone,
        claims=None if claims is None else tuple(claims),
        findings=(*findings, *overlaps(rows, mine), *said.apart(case)),
        missing=said.missing(case, avoided, views),
        notes=said.notes(case),
    )


def _window(rows: EnergyColumns, mine: Mask, whole: bool) -> Window:
    start_s, end_s = float(rows.start_s[mine].min()), float(rows.end_s[mine].max())
    start, end = (dt.datetime.fromtimestamp(edge_s, dt.UTC) for edge_s in (start_s, end_s))
    annual = is_annual(start, end) and _covered(rows, mine, end_s - start_s)
    return Window(start=start, end=end, whole=whole, annual=annual)


def _covered(rows: EnergyColumns, mine: Mask, span_s: float) -> bool:
    """Whether each site has rows of nearly all of the span: a year with a hole in it is no annual figure."""
    for code in np.unique(rows.site[mine]):
        here = mine & (rows.site == code)
        order = np.argsort(rows.start_s[here], kind="stable")
        if covered_s(rows.start_s[here][order], rows.end_s[here][order]) < _WHOLE * span_s:
            return False
    return True
