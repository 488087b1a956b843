"""When work may and must be done, and prices that differ over time where that binds.

The planned work, cumulative, has to stay between what is released and what is due. One price for all steps is tried
first. Where the work leaves the tube most, it is pinned to the bound there, the horizon falls into two buckets with a
price each, and so on, as a string is pulled taut in a tube: the price rises where work had to wait for its release, and
falls behind what was due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats
from ondol.policy.plan.trial import Trial

_TRIES = 9  # prices tried at once
_SWEEPS = 3  # buckets take from each other: each is priced anew so often
_NARROWER = 8.0  # the range in which a price is looked for, sweep by sweep
_TOLERANCE = 0.01  # of the wanted work


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Bounds of cumulative work at the end of each step, (H,) [node-s]; the last of both is the wanted work."""

    wanted_node_s: float
    released_node_s: Floats
    due_node_s: Floats

    @classmethod
    def checked(cls, steps: int, wanted_node_s: float, released: Floats | None, due: Floats | None) -> Curves:
        """Refuse what cannot be meant, and fill what is left open.

        Raises
        ------
        InvalidFieldError : a curve that is not finite, falls, or leaves no work between both
        """
        upper = np.full(steps, wanted_node_s) if released is None else np.asarray(released, dtype=np.float64)
        lower = np.zeros(steps) if due is None else np.asarray(due, dtype=np.float64)
        for name, curve in (("released_node_s", upper), ("due_node_s", lower)):
            if curve.shape != (steps,):
                raise InvalidFieldError(name, curve.shape, f"an array of shape {(steps,)}")
            good = np.isfinite(curve) & (curve >= 0.0) & (np.diff(curve, prepend=0.0) >= 0.0)
            if not good.all():
                at = int(np.argmin(good))
                raise InvalidFieldError(f"{name}[{at}]", float(curve[at]), "finite numbers of 0 or more, never falling")
        slack = 1e-9 * max(wanted_node_s, 1.0)
        if (lower > upper + slack).any():
            at = int(np.argmax(lower > upper + slack))
            raise InvalidFieldError(f"due_node_s[{at}]", float(lower[at]), f"up to the released {upper[at]:g} node-s")
        if wanted_node_s > upper[-1] + slack or wanted_node_s < lower[-1] - slack:
            allowed = f"from all that is due, {lower[-1]:g}, to all that is released, {upper[-1]:g} node-s"
            raise InvalidFieldError("wanted_node_s", wanted_node_s, allowed)
        return cls(wanted_node_s, np.minimum(upper, wanted_node_s), np.minimum(lower, wanted_node_s))

    def off(self, done_node_s: Floats) -> float:
        """Most by which cumulative work lies outside of the curves."""
        return max(float((done_node_s - self.released_node_s).max()), float((self.due_node_s - done_node_s).max()), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """Where the right prices should lie.

    Parameters
    ----------
    price_g_per_node_s : (H,) price per step, the same within a bucket [gCO2e/node-s]
    doubt_g_per_node_s : how far the right ones may be from them
    slope : work that all prices together bring per g/node-s that they rise
    """

    price_g_per_node_s: Floats
    doubt_g_per_node_s: float
    slope: float


def guess_of(trial: Trial, curves: Curves, most_buckets: int) -> Guess:
    """Find prices, in few buckets, under which the sample keeps to the curves."""
    steps = len(curves.released_node_s)
    ends, bounds = [steps], [curves.wanted_node_s]
    price = np.full(steps, np.nan)
    while True:
        price, done, doubt, slope = _price_buckets(trial, ends, bounds, price)
        over, under = done - curves.released_node_s, curves.due_node_s - done
        off = np.maximum(over, under)
        off[[end - 1 for end in ends]] = 0.0
        at = int(np.argmax(off))
        if len(ends) >= most_buckets or off[at] <= _TOLERANCE * curves.wanted_node_s:
            return Guess(price, doubt, slope)
        place = int(np.searchsorted(ends, at + 1))
        ends.insert(place, at + 1)
        bounds.insert(place, float((curves.released_node_s if over[at] >= under[at] else curves.due_node_s)[at]))


def _price_buckets(
    trial: Trial, ends: list[int], bounds: list[float], price: Floats
) -> tuple[Floats, Floats, float, float]:
    """Price one bucket after the other until each does its part; with the work, cumulative, doubt and slope."""
    fresh = bool(np.isnan(price).any())
    sweeps = 1 if len(ends) == 1 else _SWEEPS
    priced = list[_Priced]()
    for sweep in range(sweeps):
        priced = []
        for i, end in enumerate(ends):
            first, before = (ends[i - 1], bounds[i - 1]) if i else (0, 0.0)
            reach = trial.span.high - trial.span.low
            low, high = trial.span.low, trial.span.high
            if not fresh:
                reach /= _NARROWER**sweep
                low, high = max(price[first] - reach, low), min(price[first] + reach, high)
            # All stores will be asked at once where they are few: then a rough guess will do.
            rounds = 1 if sweep or (fresh and trial.whole) else 2
            found = _price_one(trial, price, slice(first, end), bounds[i] - before, (low, high), rounds)
            price = price.copy()
            price[first:end] = found.price
            priced.append(found)
    return (
        price,
        np.cumsum(priced[-1].work_node_s),
        max(one.doubt for one in priced),
        sum(one.slope for one in priced),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Priced:
    """Price of one bucket, work of all steps at it, width of the bracket it lies in, and work gained across that."""

    price: float
    work_node_s: Floats
    doubt: float
    slope: float


def _price_one(
    trial: Trial, price: Floats, bucket: slice, part_node_s: float, bracket: tuple[float, float], rounds: int
) -> _Priced:
    """Find the price of one bucket at which it does its part, those of the others held."""
    low, high = bracket
    below = above = np.zeros(len(price))
    for _ in range(rounds):
        tried = np.linspace(low, high, _TRIES)
        rows = np.repeat(price[None], len(tried), axis=0)
        rows[:, bucket] = tried[:, None]
        work = trial.work_node_s(rows)
        at = int(np.searchsorted(np.maximum.accumulate(work[:, bucket].sum(axis=1)), part_node_s))
        at = min(max(at, 1), len(tried) - 1)
        low, high = float(tried[at - 1]), float(tried[at])
        below, above = work[at - 1], work[at]
    done = float(below[bucket].sum())
    more = float(above[bucket].sum()) - done
    share = min(max((part_node_s - done) / more, 0.0), 1.0) if more > 0.0 else 0.5
    slope = more / (high - low) if high > low else 0.0
    return _Priced(low + share * (high - low), below + share * (above - below), high - low, slope)
