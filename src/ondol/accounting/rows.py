"""Ledger rows from the pieces of a split."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ondol.accounting.split import NodeWindow, Piece
from ondol.model.checks import check_range
from ondol.model.ids import SiteId
from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier

LONGEST_ROW = dt.timedelta(hours=6)
"""Rows are asked for by their start: who wants all that touch a time begins so much before it."""
_ENERGY_AMOUNTS = ("energy_j", "cpu_s")
_HEAT_AMOUNTS = ("electric_j", "delivered_j", "demanded_j", "discomfort_kh")
_Row = TypeVar("_Row", EnergyRow, HeatRow)


def energy_rows(
    window: NodeWindow, pieces: Sequence[Piece], *, grid_g_per_kwh: float, tier: Tier
) -> tuple[EnergyRow, ...]:
    """Make one row of each piece.

    Parameters
    ----------
    grid_g_per_kwh : carbon intensity of the site's grid in the window, 0 to 3000 [gCO2e/kWh]
    tier : how the node's energy was got
    """
    return tuple(_row(window, piece, grid_g_per_kwh, tier) for piece in pieces)


def it_energy_j(rows: Iterable[EnergyRow]) -> float:
    """Electricity of the nodes, without overhead [J]."""
    return math.fsum(row.energy_j for row in rows if row.share is not Share.OVERHEAD)


def overhead_row(
    site_id: SiteId,
    start: dt.datetime,
    end: dt.datetime,
    *,
    it_j: float,
    pue: float,
    grid_g_per_kwh: float,
    tier: Tier,
) -> EnergyRow:
    """Make the site's overhead of a window: (pue − 1) × IT energy (ISO/IEC 30134-2, E_DC = PUE · E_IT).

    Parameters
    ----------
    it_j : electricity of all nodes of the site in the window, ≥ 0 [J]
    pue : of the site, 1 to 3
    tier : of the overhead; a stated PUE is no meter, so never better than T4_CURVE unless it was measured
    """
    check_range("it_j", it_j, 0.0, 1e18, "J")
    check_range("pue", pue, 1.0, 3.0)
    return EnergyRow(
        site_id=site_id,
        unit_id=None,
        node_id=None,
        share=Share.OVERHEAD,
        start=start,
        end=end,
        energy_j=(pue - 1.0) * it_j,
        grid_g_per_kwh=grid_g_per_kwh,
        tier=tier,
    )


def shortened(row: _Row) -> list[_Row]:
    """Give a row in pieces of equal length, none above `LONGEST_ROW`, whose amounts sum to the row's.

    A window over which a platform was dead is as long as that. Within it nothing is known of the times, and statements
    spread it evenly anyway; in pieces it is found by every question that asks for rows by their start.
    """
    count = math.ceil((row.end - row.start) / LONGEST_ROW)
    if count <= 1:
        return [row]
    edges = [row.start + (row.end - row.start) * number / count for number in range(count)] + [row.end]
    names = _ENERGY_AMOUNTS if isinstance(row, EnergyRow) else _HEAT_AMOUNTS
    amounts = {name: _parts(getattr(row, name), count) for name in names}
    pieces: list[_Row] = []
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        changes: dict[str, Any] = {name: parts[number] for name, parts in amounts.items()}
        pieces.append(replace(row, start=start, end=end, **changes))
    return pieces


def _parts(amount: float, count: int) -> list[float]:
    part = amount / count
    return [*[part] * (count - 1), max(0.0, amount - part * (count - 1))]


def _row(window: NodeWindow, piece: Piece, grid_g_per_kwh: float, tier: Tier) -> EnergyRow:
    use = piece.use
    return EnergyRow(
        site_id=window.site_id,
        unit_id=window.unit_id,
        node_id=window.node_id,
        share=piece.share,
        start=window.start,
        end=window.end,
        energy_j=piece.energy_j,
        grid_g_per_kwh=grid_g_per_kwh,
        tier=tier,
        cpu_s=0.0 if use is None else use.cpu_s,
        account_id=None if use is None else use.account_id,
        task_id=None if use is None else use.task_id,
        instance_id=None if use is None else use.instance_id,
        attempt_id=None if use is None else use.attempt_id,
    )
