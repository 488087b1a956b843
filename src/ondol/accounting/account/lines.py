"""Lines of a statement of like make: sums of rows, figures with a band, ratios."""

from __future__ import annotations

from ondol.accounting.account.case import Case
from ondol.accounting.account.figure import Figure, unknown
from ondol.accounting.uncertainty import Band

ROWS = "ledger, energy rows"
_SPLIT = "energy of a node split by: "


def plain(key: str, label: str, value: float, unit: str, case: Case, *, tier: str = "") -> Figure:
    """A figure of the ledger's energy rows as a node's energy was split, without a band."""
    method = _SPLIT + case.grounds.split_rule
    return Figure(key=key, label=label, value=value, unit=unit, tier=tier, method=method, source=ROWS)


def banded(key: str, label: str, band: Band, unit: str, *, tier: str, method: str, source: str) -> Figure:
    """A figure with its band, where a cause of one is stated."""
    stated = bool(band.causes)
    return Figure(
        key=key,
        label=label,
        value=band.value,
        low=band.low if stated else None,
        high=band.high if stated else None,
        unit=unit,
        tier=tier,
        method=method,
        source=source,
    )


def ratio(case: Case, key: str, label: str, value: float | None, source: str) -> Figure:
    """A ratio of sums, or that there is nothing to divide by."""
    if value is None:
        return unknown(key, label, "1", "nothing to divide by", source=source)
    interim = "ratio of sums" + ("" if case.window.annual else "; interim, less than twelve months")
    return Figure(key=key, label=label, value=value, unit="1", method=interim, source=source)
