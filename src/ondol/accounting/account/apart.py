"""Sinks whose heat meters and whose servers were seen at different times: of the two no ratio is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ondol.accounting.account.columns import NOBODY, TIERS, Codes, EnergyColumns, Floats, HeatColumns
from ondol.accounting.account.shared import METERED
from ondol.accounting.coverage import enough

_METERED = np.array([tier in METERED for tier in TIERS])
_Windows = tuple[Floats, Floats]


def apart(
    rows: EnergyColumns, heat: HeatColumns, sites: Collection[str], sink_of_node: Mapping[str, str]
) -> tuple[str, ...]:
    """Give these sinks of some sites, by id; key figures leave such heat out by the same rule (`coverage.coincide`).

    Parameters
    ----------
    sink_of_node : by node, what it heats; a sink of which no node has a row is not looked at
    """
    rank = {sink: code for code, sink in enumerate(heat.sinks)}
    table = np.array([*(rank.get(sink_of_node.get(node, ""), NOBODY) for node in rows.nodes), NOBODY], dtype=np.int64)
    wanted = np.array([site in sites for site in heat.sites], dtype=np.bool_)
    if not len(heat) or not len(rows):
        return ()
    taken = _by(table[rows.node], rows.start_s, rows.end_s)
    here = _METERED[heat.tier] & wanted[heat.site]
    given = _by(heat.sink[here], heat.start_s[here], heat.end_s[here])
    return tuple(
        heat.sinks[code]
        for code, windows in given.items()
        if code in taken and not (_covers(windows, taken[code]) and _covers(taken[code], windows))
    )


def covered_s(start_s: Floats, end_s: Floats) -> float:
    """Length of a union of windows, sorted by their start [s]."""
    reach = np.maximum.accumulate(end_s)
    before = np.concatenate([start_s[:1], reach[:-1]])
    return float(np.maximum(end_s - np.maximum(start_s, before), 0.0).sum())


def _by(key: Codes, start_s: Floats, end_s: Floats) -> dict[int, _Windows]:
    """Windows by key, each sorted by their start; those of nobody left out."""
    order = np.lexsort((start_s, key))
    codes, first = np.unique(key[order], return_index=True)
    parts = np.split(order, first[1:])
    return {int(code): (start_s[part], end_s[part]) for code, part in zip(codes, parts, strict=False) if code != NOBODY}


def _covers(mine: _Windows, other: _Windows) -> bool:
    first_s, last_s = float(other[0][0]), float(other[1].max())
    seen_s = covered_s(np.clip(mine[0], first_s, last_s), np.clip(mine[1], first_s, last_s))
    return enough(seen_s, last_s - first_s, float((mine[1] - mine[0]).max()))
