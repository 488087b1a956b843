"""Rows of one piece of work, or of one idle server, whose windows overlap: what is in them counts twice."""

from __future__ import annotations

import numpy as np

from ondol.accounting.account.columns import Codes, EnergyColumns, Mask
from ondol.accounting.coverage import OVERLAP


def overlaps(rows: EnergyColumns, mine: Mask) -> tuple[str, ...]:
    """Say by site where rows of one attempt (or of a server's idle share, or of a site's overhead) overlap in time.

    Parameters
    ----------
    mine : the rows that are looked at
    """
    numbers = np.flatnonzero(mine)
    order = numbers[np.lexsort(tuple(column[numbers] for column in (rows.end_s, rows.start_s, *_keys(rows)[::-1])))]
    same = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
    for key in _keys(rows):
        same &= key[order[1:]] == key[order[:-1]]
    over_s = np.where(same, np.minimum(rows.end_s[order[:-1]], rows.end_s[order[1:]]) - rows.start_s[order[1:]], 0.0)
    size = len(rows.sites)
    counted_s = np.bincount(rows.site[order[1:]], weights=np.maximum(over_s, 0.0), minlength=size)
    whole_s = np.bincount(rows.site[order], weights=(rows.end_s - rows.start_s)[order], minlength=size)
    return tuple(
        f"{rows.sites[code]}: rows overlap for {counted_s[code]:.6g} s in all: what is in them counts twice"
        for code in np.flatnonzero(counted_s > OVERLAP * whole_s)
    )


def _keys(rows: EnergyColumns) -> tuple[Codes, ...]:
    return rows.site, rows.node, rows.share, rows.task, rows.attempt
