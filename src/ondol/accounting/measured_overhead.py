"""What a site's meter counted beyond its servers, where each server has a meter of its own: then it is the overhead.

Key figures and statements take it from here, so that their PUE is one and the same.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondol.model.ids import SiteId
from ondol.model.ledger import EnergyRow, Share, Tier

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
MOST_PUE = 3.0
"""Most that a site's meter may have of what its servers' own meters counted: the most that a site may state as PUE."""
LEAST_SEEN = 0.9
"""Least that it may have in one window, where meters are read at moments of their own; over all windows it is 1."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Beyond:
    """A site's overhead by window of its meter.

    Parameters
    ----------
    overhead_j : in windows that were used, 0 in others [J]
    used : by which windows it was got
    absurd : windows that the meter and the servers' meters cannot share
    short : over all windows the meter has less than the servers, so none is used
    """

    overhead_j: Floats
    used: Mask
    absurd: Mask
    short: bool


@dataclass(frozen=True, slots=True)
class Added:
    """Overhead beyond what was recorded, where none was since PUE 1 was stated.

    Parameters
    ----------
    onto_j : for each row of the site, to be added to it: to the empty rows of overhead that such a site has [J]
    start_s, end_s, energy_j : what no row is there for: windows [s since the epoch], energy [J]
    """

    onto_j: Floats
    start_s: Floats
    end_s: Floats
    energy_j: Floats


def beyond(amount_j: Floats, servers_j: Floats, usable: Mask) -> Beyond:
    """Give the overhead of each window: Σ over all windows is Σ meter − Σ servers, exactly.

    Meters are not read at one moment: in one window the site's may seem to have less than its servers'. Taking nothing
    there, and the rest as it is elsewhere, would make overhead out of noise. So what windows have beyond the servers is
    scaled by one factor to what all of them together have.

    Parameters
    ----------
    amount_j, servers_j : by the site's meter, and by those of the servers, ≥ 0 [J]
    usable : windows that the ledger covers, with all servers measured
    """
    over_j = amount_j - servers_j
    absurd = usable & ((amount_j > MOST_PUE * servers_j) | (amount_j < LEAST_SEEN * servers_j))
    used = usable & ~absurd
    total_j, more_j = float(over_j[used].sum()), np.where(used, np.maximum(over_j, 0.0), 0.0)
    if total_j < -_ROUNDING * float(servers_j[used].sum()):
        return Beyond(np.zeros_like(over_j), np.zeros_like(used), absurd, short=True)
    whole_j = float(more_j.sum())
    return Beyond(more_j * (max(0.0, total_j) / whole_j) if whole_j > 0.0 else more_j, used, absurd, short=False)


def added_rows(site_id: SiteId, added: Added, grid_g_per_kwh: Floats) -> list[EnergyRow]:
    """Give overhead that was added as rows of the site, tier T1: a difference of meters."""
    return [
        EnergyRow(
            site_id=site_id,
            unit_id=None,
            node_id=None,
            share=Share.OVERHEAD,
            start=dt.datetime.fromtimestamp(start_s, dt.UTC),
            end=dt.datetime.fromtimestamp(end_s, dt.UTC),
            energy_j=joules,
            grid_g_per_kwh=grid,
            tier=Tier.T1_METER,
        )
        for start_s, end_s, joules, grid in zip(
            added.start_s.tolist(),
            added.end_s.tolist(),
            added.energy_j.tolist(),
            grid_g_per_kwh.tolist(),
            strict=True,
        )
    ]
