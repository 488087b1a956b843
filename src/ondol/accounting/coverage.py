"""How much of a time a meter has seen: ratios are only made of figures that cover one and the same time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

Window = tuple[dt.datetime, dt.datetime]
_PATIENCE = 4096  # windows that are kept before they are put together
OVERLAP = 1e-6
"""Part of the time of rows by which their windows may overlap: edges come from float seconds."""


@dataclass(slots=True)
class Cover:
    """Windows put together to as few spans as they make, with the length of the longest of them [s]."""

    longest_s: float = 0.0
    _spans: list[Window] = field(default_factory=list)

    @classmethod
    def of(cls, windows: Iterable[Window]) -> Cover:
        """Put windows together."""
        made = cls()
        for start, end in windows:
            made.add(start, end)
        return made

    def add(self, start: dt.datetime, end: dt.datetime) -> None:
        """Add a window; years of them take little room."""
        self.longest_s = max(self.longest_s, (end - start).total_seconds())
        if self._spans and self._spans[-1][0] <= start <= self._spans[-1][1]:
            self._spans[-1] = (self._spans[-1][0], max(end, self._spans[-1][1]))
            return
        self._spans.append((start, end))
        if len(self._spans) > _PATIENCE:
            self._spans = self._merged()

    @property
    def spans(self) -> tuple[Window, ...]:
        """Disjoint spans in the order of time."""
        self._spans = self._merged()
        return tuple(self._spans)

    @property
    def total_s(self) -> float:
        """Time that is covered [s]."""
        return sum((last - first).total_seconds() for first, last in self.spans)

    def before_s(self, when: dt.datetime) -> float:
        """Time that is covered before a moment [s]."""
        return sum(max(0.0, (min(last, when) - first).total_seconds()) for first, last in self.spans)

    def covers(self, start: dt.datetime, end: dt.datetime, *, share: float = 0.99) -> bool:
        """Tell whether it covers a span: a share of it, or all but its longest window.

        A window that is still under way when a span ends is missing from it: a tenth of the span at most may be.
        """
        seen_s = sum(
            max(0.0, (min(last, end) - max(first, start)).total_seconds())
            for first, last in self.spans
            if first < end and last > start
        )
        return bool(self._spans) and enough(seen_s, (end - start).total_seconds(), self.longest_s, share=share)

    def _merged(self) -> list[Window]:
        merged: list[Window] = []
        for first, last in sorted(self._spans):
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return merged


@dataclass(slots=True)
class Tiling:
    """Windows by what they are about: no two of one thing may share any time, or what was in it counts twice."""

    _covers: dict[Hashable, Cover] = field(default_factory=lambda: defaultdict(Cover))
    _sums: dict[Hashable, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, key: Hashable, start: dt.datetime, end: dt.datetime) -> None:
        """Add a window of a thing."""
        self._covers[key].add(start, end)
        self._sums[key] += (end - start).total_seconds()

    @property
    def overlap_s(self) -> float:
        """Time that was counted more than once [s]; 0 where it is no more than rounding."""
        over_s = sum(self._sums[key] - cover.total_s for key, cover in self._covers.items())
        return over_s if over_s > OVERLAP * sum(self._sums.values()) else 0.0


def enough(seen_s: float, asked_s: float, longest_s: float, *, share: float = 0.99) -> bool:
    """Tell whether so much of a span was seen: a share of it, or all but the longest window, a tenth at most [s]."""
    return asked_s - seen_s <= max((1.0 - share) * asked_s, min(longest_s, 0.1 * asked_s))


def coincide(one: Cover, other: Cover) -> bool:
    """Tell whether two meters saw one and the same time: each covers the span of the other."""
    return all(
        bool(span.spans) and seen.covers(span.spans[0][0], span.spans[-1][1])
        for seen, span in ((one, other), (other, one))
    )


def is_annual(start: dt.datetime, end: dt.datetime) -> bool:
    """Tell whether a span is twelve months to the day, as an annual key figure of ISO/IEC 30134 wants it.

    An hour is allowed for a change of the clocks between the offsets of the two times.
    """
    local = end.astimezone(start.tzinfo).replace(tzinfo=None)
    begin = start.replace(tzinfo=None)
    day = 28 if (begin.month, begin.day) == (2, 29) else begin.day
    return abs(local - begin.replace(year=begin.year + 1, day=day)) <= dt.timedelta(hours=1)
