"""The steps in which everybody looks ahead: short ones at first, two days in all."""

from __future__ import annotations

import numpy as np

from ondol.thermal.arrays import Floats

SPANS_S = (900.0,) * 4 + (3600.0,) * 11 + (7200.0,) * 6 + (10_800.0,) * 8
"""Lengths of the forecasts' steps, of the platform as of its twin: quarters of an hour at first, 48 hours in all."""

QUARTER_S = 900.0
_CUTS = np.concatenate(([0], np.cumsum(np.array(SPANS_S) / QUARTER_S))).astype(np.int64)

QUARTERS = int(_CUTS[-1])
"""Quarters of an hour in all spans together."""


def over_spans(quarters: Floats) -> Floats:
    """Mean over each span of values that are given by the quarter of an hour.

    Parameters
    ----------
    quarters : (…, QUARTERS), the first quarter from now on

    Returns
    -------
    (…, len(SPANS_S))
    """
    return np.asarray(np.add.reduceat(quarters, _CUTS[:-1], axis=-1) / np.diff(_CUTS))


def share_in_spans(time_s: float) -> Floats:
    """Share of a decay of this time constant that falls into each span, (len(SPANS_S),); all of them give 1 or less.

    ``exp(−begin/τ) − exp(−end/τ)``

    Parameters
    ----------
    time_s : τ, above 0 [s]
    """
    return np.asarray(-np.diff(np.exp(-_CUTS * QUARTER_S / time_s)))
