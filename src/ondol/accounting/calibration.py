"""What came against what was said: quantiles of their ratio, from tasks before, so that nine of ten stay below p90.

Each figure of a quote has a scale: what a model says it will be. Of tasks that are over the ratio to it is known; of
those that are not, only that it is more than so far. The quantile of both together is that of the product-limit
estimate (Kaplan & Meier, J. Am. Stat. Assoc. 53, 1958): leaving out what still runs would make all look short. A group
with few members borrows from its class, and at first from a stated prior. As time may change what is exchangeable, the
quantile is moved by what was missed: ``offset += STEP·(missed - 0.1)`` on ln(p90) (quantile tracking; Angelopoulos,
Candès & Tibshirani, Conformal PID control for time series prediction, NeurIPS 2023, eq. 4). A task that has come to
more than its p90 is a miss from that moment on, not from its end. Only what was known at the time is used.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ondol.model.view import Floats

MOST_OPEN = 2_000  # that are followed at once; of more, those that come later are not
KEPT = 250  # members of a group that count, the latest that were said
BORROWED = 15.0  # weight of the other groups of a class together, in members
PRIOR = 4.0  # weight of the prior, in members
AIM = 0.9
TAIL = 4.0
STEP = 0.08
OFFSETS = (-1.0, 1.5)  # of ln(p90): a regime may be so far from the one before
LOW_OFFSETS = (-6.0, 0.0)  # of ln(low)
LAST = 120  # verdicts of a class that are told with a new quote
_SLACK = 1.0 + 1e-6
_PRIOR_Z = (-1.5, -0.9, -0.5, -0.2, 0.0, 0.2, 0.5, 0.9, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Said:
    """One figure of one task as it was said.

    Parameters
    ----------
    group : whom it is compared with; the first part is its class
    scale : what the ratio is to, above 0
    p90 : the quantile that was said
    low : nine of ten were said to come to more
    promised : whether p90 was said at all, or kept back as nothing to rely on
    """

    group: tuple[str, ...]
    scale: float
    p90: float
    low: float = 0.0
    promised: bool = True


class Figure:
    """Ratios of one figure.

    Parameters
    ----------
    spread : of ln(ratio), of the prior, whose median is 1
    low : first offset of ln(low), at most 0: below it where too high a value would do harm
    """

    def __init__(self, spread: float, low: float = 0.0) -> None:
        self._first_low = low
        self._prior = np.exp(spread * np.array(_PRIOR_Z))
        self._members: dict[tuple[str, ...], OrderedDict[str, float]] = {}  # ratio by key, nan while it is open
        self._open: dict[str, Said] = {}
        self._missed: set[str] = set()  # of those that are open: p90 has passed
        self._high: dict[tuple[str, ...], float] = {}
        self._low: dict[tuple[str, ...], float] = {}
        self.kept: dict[str, tuple[int, int]] = {}  # by class: of how many is decided whether p90 was kept, and was
        self.last: dict[str, list[bool]] = {}  # by class: of the last of them
        self.came = 0  # grows with whatever came

    def quantiles(self, group: tuple[str, ...], so_far: Callable[[str], float]) -> tuple[float, float, float]:
        """p10, median and p90 of the ratio for a member of a group.

        Parameters
        ----------
        so_far : of what was said and is not over, what it has come to, by its key
        """
        value, weight, over = self._weighed(group, so_far)
        low, middle, high = quantiles(value, weight, over, (1.0 - AIM, 0.5, AIM))
        low *= math.exp(self._low.get(group, self._first_low))
        high *= math.exp(self._high.get(group, self._high.get(group[:1], 0.0)))
        return min(low, middle), middle, max(middle, high)

    def say(self, key: str, said: Said) -> None:
        """Note what was said of a task, to learn from what comes; with `MOST_OPEN` under way no more are noted."""
        self.forget(key)
        if len(self._open) >= MOST_OPEN:
            return
        self._open[key] = said
        members = self._members.setdefault(said.group, OrderedDict())
        members[key] = math.nan
        if len(members) > KEPT:
            members.popitem(last=False)

    def over(self, key: str, value: float) -> None:
        """What came of it."""
        said = self._open.pop(key, None)
        if said is None:
            return
        self.came += 1
        members = self._members.get(said.group)
        if members is not None and key in members:
            members[key] = value / said.scale
        if key in self._missed:
            self._missed.discard(key)
        else:
            self._decide(said, missed=value > said.p90 * _SLACK)
        early = float(value < said.low)
        low = self._low.get(said.group, self._first_low) - STEP * (early - (1.0 - AIM))
        self._low[said.group] = _within(low, *LOW_OFFSETS)

    def forget(self, key: str) -> None:
        """Nothing will come of it any more: cancelled, or gone."""
        said = self._open.pop(key, None)
        self._missed.discard(key)
        if said is not None:
            self._members.get(said.group, OrderedDict()).pop(key, None)

    def look(self, so_far: Callable[[str], float]) -> None:
        """Decide of what is open, and has come to more than its p90 already: to be called before quantiles are asked.

        Parameters
        ----------
        so_far : what it has come to, by its key
        """
        for key, said in self._open.items():
            if key not in self._missed and so_far(key) > said.p90 * _SLACK:
                self._missed.add(key)
                self._decide(said, missed=True)

    def _decide(self, said: Said, *, missed: bool) -> None:
        if said.promised:
            number, good = self.kept.get(said.group[0], (0, 0))
            self.kept[said.group[0]] = (number + 1, good + (not missed))
            self.last[said.group[0]] = [*self.last.get(said.group[0], []), not missed][-LAST:]
        for group in dict.fromkeys((said.group, said.group[:1])):
            self._high[group] = _within(self._high.get(group, 0.0) + STEP * (missed - (1.0 - AIM)), *OFFSETS)

    def number(self, group: tuple[str, ...]) -> int:
        """Members of a group of which is known what came."""
        return sum(not math.isnan(ratio) for ratio in self._members.get(group, {}).values())

    @property
    def full(self) -> bool:
        """Whether no more can be followed now."""
        return len(self._open) >= MOST_OPEN

    @property
    def open(self) -> Iterable[str]:
        """Keys of what was said and is not over."""
        return self._open.keys()

    def pack(self) -> dict[str, object]:
        """What outlives the platform, as plain values; None for what is open."""
        return {
            "members": [
                [list(group), [[key, None if math.isnan(ratio) else ratio] for key, ratio in members.items()]]
                for group, members in sorted(self._members.items())
            ],
            "high": [[list(group), offset] for group, offset in sorted(self._high.items())],
            "low": [[list(group), offset] for group, offset in sorted(self._low.items())],
            "kept": {kind: list(one) for kind, one in sorted(self.kept.items())},
            "last": dict(sorted(self.last.items())),
            "open": {
                key: [list(one.group), one.scale, one.p90, one.low, one.promised, key in self._missed]
                for key, one in sorted(self._open.items())
            },
        }

    def unpack(self, kept: dict[str, Any]) -> None:
        """Take back what `pack` gave."""
        for group, members in kept["members"]:
            told = ((key, math.nan if ratio is None else ratio) for key, ratio in members)
            self._members[tuple(group)] = OrderedDict(told)
        self._high = {tuple(group): offset for group, offset in kept["high"]}
        self._low = {tuple(group): offset for group, offset in kept["low"]}
        self.kept = {kind: (one[0], one[1]) for kind, one in kept["kept"].items()}
        self.last = {kind: list(ends) for kind, ends in kept["last"].items()}
        for key, (group, scale, p90, low, promised, missed) in kept["open"].items():
            self._open[key] = Said(tuple(group), scale, p90, low, promised)
            if missed:
                self._missed.add(key)

    def _weighed(self, group: tuple[str, ...], so_far: Callable[[str], float]) -> tuple[Floats, Floats, Floats]:
        """Values of the group's members, of the rest of its class and of the prior, their weights, and which are over.

        Members are the latest that were said, over or not: the latest that ended would be the short ones once more.
        """
        own = self._members.get(group, OrderedDict())
        known = [ratio for ratio in own.values() if not math.isnan(ratio)]
        opened = [so_far(key) / self._open[key].scale for key, ratio in own.items() if math.isnan(ratio)]
        others = [
            ratio
            for other, members in sorted(self._members.items())
            if other != group and other[:1] == group[:1]
            for ratio in members.values()
            if not math.isnan(ratio)
        ]
        mine = len(known) + len(opened)
        borrowed = min(1.0, BORROWED / len(others)) if others else 0.0
        prior = np.full(len(self._prior), PRIOR / len(self._prior))
        value = np.concatenate([known, opened, others, self._prior])
        weight = np.concatenate([np.ones(mine), np.full(len(others), borrowed), prior])
        over = np.ones(len(value))
        over[len(known) : mine] = 0.0
        return value, weight, over


def _within(offset: float, least: float, most: float) -> float:
    return min(max(offset, least), most)


def quantiles(value: Floats, weight: Floats, over: Floats, levels: tuple[float, ...]) -> list[float]:
    """Quantiles of weighted values, some of which are only known to be more (product-limit estimate).

    Parameters
    ----------
    value, weight : one each, weights ≥ 0, not all 0
    over : 1 where the value is known, 0 where it is a lower bound
    levels : in (0, 1), rising

    What the values do not reach is taken from an exponential tail through their last point, at most `TAIL` times it
    (Brown, Hollander & Korwar, in: Reliability and Biometry, SIAM 1974).
    """
    order = np.lexsort((1.0 - over, value))  # of equals the known ones first
    value, weight, over = value[order], weight[order], over[order]
    at_risk = np.cumsum(weight[::-1])[::-1]
    died = np.where(over > 0.0, weight, 0.0)
    left = np.divide(at_risk - died, at_risk, out=np.ones(len(value)), where=at_risk > 0.0)
    reached = 1.0 - np.cumprod(np.maximum(left, 0.0))
    last, left_over = float(value[-1]), 1.0 - float(reached[-1])
    found: list[float] = []
    for level in levels:
        at = int(np.searchsorted(reached, level - 1e-12))
        if at < len(value):
            found.append(float(value[at]))
        elif left_over < 1.0:
            found.append(last * min(math.log(1.0 - level) / math.log(left_over), TAIL))
        else:
            found.append(last * TAIL)
    return found
