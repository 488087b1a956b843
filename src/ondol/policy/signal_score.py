"""How often a foretold state came true, and what a confidence is worth: counts, and a rule learned from them.

A state was foretold for an hour with a probability; when the hour has come it is the state of that hour, or another.
Of such pairs are kept, by lead time:

    hit rate     share that came
    Brier score  mean of (said − came)², came = 1 or 0 (Brier, Monthly Weather Review 78, 1950); 0.25 for always "half"
    reliability  of those said with a confidence of about p, the share that came (Murphy, J. Appl. Meteorology 12, 1973)

**Correction.** The quantiles of the demand forecast know nothing of work that others will submit. So what is said is
what was seen: by lead time and state, the share that came in each bin of the probability as it was computed, made to
rise with it (isotonic regression; Zadrozny & Elkan, KDD 2002), and drawn to a prior by `PRIOR` pairs a bin. Old pairs
fade. Only pairs whose hour has passed are known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ondol.model.heat_signal import HeatState

BANDS_H = ((1, 6), (6, 24), (24, 48))
"""Lead times that are told apart [h], from the first on, before the second."""

LEADS_H = (1, 3, 5, 6, 12, 18, 23, 24, 30, 36, 42, 47)
"""Lead times that are looked at; all 47 would tell little more and take four times the room."""

STATES = (HeatState.WANTED, HeatState.NEUTRAL, HeatState.WASTED)
BINS = 10  # of a tenth each
PRIOR = 25.0  # pairs a bin; hours in a row and neighbours are alike, so that many pairs tell little more than one
TRUST = (1.0, 0.75, 0.5)
"""How much of a computed confidence is believed by band before anything was seen; the rest says one of three states.
An assumption (tier T5): who foretells farther knows less of what others will do."""

HALF_LIFE_H = 14 * 24.0  # after which a pair counts half: what was learned in winter must not stay until summer
_FLOOR = 0.01


def band_of(lead_h: int) -> int:
    """Row of `BANDS_H` for a lead time of 1 to 47 hours."""
    return next(row for row, (_, below) in enumerate(BANDS_H) if lead_h < below)


def bin_of(share: float) -> int:
    """Tenth that a probability of 0 to 1 lies in."""
    return min(int(share * BINS + 1e-9), BINS - 1)


@dataclass(slots=True)
class Tally:
    """Counts of one area and one band.

    Parameters
    ----------
    compared, came, stayed : pairs, those whose state came, and those whose hour had the state of when it was foretold
    squares, squares_before : sums of (said − came)², of what was said and of what was computed before its correction
    bins : by tenth of what was said: pairs, those that came, sum of what was said
    foretold, foretold_came, happened : by state: how often foretold, how often of these it came, how often it was there
    """

    compared: int = 0
    came: int = 0
    stayed: int = 0
    squares: float = 0.0
    squares_before: float = 0.0
    bins: list[list[float]] = field(default_factory=lambda: [[0, 0, 0.0] for _ in range(BINS)])
    foretold: list[int] = field(default_factory=lambda: [0] * len(STATES))
    foretold_came: list[int] = field(default_factory=lambda: [0] * len(STATES))
    happened: list[int] = field(default_factory=lambda: [0] * len(STATES))

    def add(self, said: float, computed: float, foretold: int, was: int, before: int) -> None:
        """Count a pair; states are rows of `STATES`.

        Parameters
        ----------
        said, computed : confidence after and before its correction, 0 to 1
        foretold, was, before : the state that was said, the one that came, the one of when it was said
        """
        came = foretold == was
        self.compared += 1
        self.came += came
        self.stayed += before == was
        self.squares += (said - came) ** 2
        self.squares_before += (computed - came) ** 2
        row = self.bins[bin_of(said)]
        row[0], row[1], row[2] = row[0] + 1, row[1] + came, row[2] + said
        self.foretold[foretold] += 1
        self.foretold_came[foretold] += came
        self.happened[was] += 1

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.compared + other.compared,
            self.came + other.came,
            self.stayed + other.stayed,
            self.squares + other.squares,
            self.squares_before + other.squares_before,
            [
                [a + b for a, b in zip(mine, theirs, strict=True)]
                for mine, theirs in zip(self.bins, other.bins, strict=True)
            ],
            *(
                [a + b for a, b in zip(mine, theirs, strict=True)]
                for mine, theirs in (
                    (self.foretold, other.foretold),
                    (self.foretold_came, other.foretold_came),
                    (self.happened, other.happened),
                )
            ),
        )

    @property
    def off(self) -> float:
        """Mean distance of what was said from what came, over tenths by their pairs: the expected calibration error."""
        return sum(abs(said - came) for _, came, said in self.bins) / self.compared if self.compared else math.nan

    def pack(self) -> list[Any]:
        """As plain values."""
        return [getattr(self, name) for name in self.__slots__]


class Correction:
    """What a computed confidence was worth so far.

    Parameters
    ----------
    kept : what `pack` gave
    wider : learned from more pairs of a like kind; what it says is the prior of this one
    """

    def __init__(self, kept: Sequence[Any] | None = None, wider: Correction | None = None) -> None:
        self._wider = wider
        shape = (len(BANDS_H), len(STATES), BINS)
        # by band, state and tenth: weight of pairs, of those that came, and the sum of what was computed
        self._rows: list[list[list[list[float]]]] = [
            [[[0.0, 0.0, 0.0] for _ in range(shape[2])] for _ in range(shape[1])] for _ in range(shape[0])
        ]
        if kept is not None:
            self._rows = [[[list(map(float, row)) for row in rows] for rows in states] for states in kept]
        self._curves: dict[tuple[int, int], list[tuple[float, float]]] = {}

    def pack(self) -> list[Any]:
        """As plain values."""
        return self._rows

    def learn(self, lead_h: int, foretold: int, computed: float, came: bool) -> None:
        """Take in a pair whose hour has passed."""
        band = band_of(lead_h)
        row = self._rows[band][foretold][bin_of(computed)]
        row[0], row[1], row[2] = row[0] + 1.0, row[1] + came, row[2] + computed
        self._curves.pop((band, foretold), None)

    def fade(self, hours: float) -> None:
        """Let time pass [h]."""
        left = 0.5 ** (max(hours, 0.0) / HALF_LIFE_H)
        for states in self._rows:
            for rows in states:
                for row in rows:
                    row[:] = [value * left for value in row]
        self._curves.clear()

    def said(self, lead_h: int, foretold: int, computed: float) -> float:
        """Give what is to be said in place of a computed confidence: what was seen of the like, 0.01 to 0.99.

        A lead time of 0 is no forecast: what is so now is measured by nothing that would be better.
        """
        if lead_h < 1:
            return computed
        key = band_of(min(lead_h, BANDS_H[-1][1] - 1)), foretold
        return min(max(self.seen(*key, computed), _FLOOR), 1.0 - _FLOOR)

    def seen(self, band: int, state: int, computed: float) -> float:
        """What was seen of the like, by rows of `BANDS_H` and `STATES`; not kept within 0 and 1."""
        return _between(self._curve(band, state), computed)

    def _curve(self, band: int, state: int) -> list[tuple[float, float]]:
        """Points (computed, came), from 0 to 1, of a curve that does not fall: pooled adjacent violators.

        A tenth without pairs pools with hardly any weight: a prior is no evidence against its neighbours.
        """
        if self._wider is None and (band, state) in self._curves:
            return self._curves[band, state]
        rows = self._rows[band][state]
        blocks: list[tuple[float, float, list[float]]] = []  # weight, share that came, computed of its tenths
        for row, (weight, came, computed) in enumerate(rows):
            middle = (row + 0.5) / BINS
            share = (came + PRIOR * self._believed(band, state, middle)) / (weight + PRIOR)
            block = (weight + 1.0, share, [(computed + PRIOR * middle) / (weight + PRIOR)])
            while blocks and blocks[-1][1] > block[1]:
                before = blocks.pop()
                total = before[0] + block[0]
                block = (total, (before[0] * before[1] + block[0] * block[1]) / total, before[2] + block[2])
            blocks.append(block)
        curve = [(at, share) for _, share, places in blocks for at in places]
        ends = [
            (rows[row][1] + PRIOR * self._believed(band, state, at)) / (rows[row][0] + PRIOR)
            for row, at in ((0, 0.0), (BINS - 1, 1.0))
        ]
        curve = [(0.0, min(ends[0], curve[0][1])), *curve, (1.0, max(ends[1], curve[-1][1]))]
        self._curves[band, state] = curve
        return curve

    def _believed(self, band: int, state: int, computed: float) -> float:
        """What is believed of a computed confidence before anything was seen."""
        if self._wider is not None:
            return self._wider.seen(band, state, computed)
        return TRUST[band] * computed + (1.0 - TRUST[band]) / len(STATES)


def _between(curve: Sequence[tuple[float, float]], at: float) -> float:
    """Value of a curve over 0 to 1, straight between its points."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return curve[-1][1]
