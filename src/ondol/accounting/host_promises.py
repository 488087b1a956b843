"""What was promised for a sink, and when: a promise binds from when it was made until it ended, never backwards."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.model.heat_request import HeatRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is guaranteed for a sink; see `HeatRequest`.

    Parameters
    ----------
    by_setpoint : its host asks for temperatures, so that a time without one is a time at which it was turned off
    start, end : when it holds, aware; None for always, and for ever
    """

    guaranteed_c: float = math.nan
    guaranteed_kwh_per_day: float = 0.0
    if_missed: str = "tell"
    by_setpoint: bool = True
    start: dt.datetime | None = None
    end: dt.datetime | None = None

    @classmethod
    def of(
        cls, request: HeatRequest | None, made_at: dt.datetime | None = None, ended_at: dt.datetime | None = None
    ) -> Promise | None:
        """Take it from a request; None where nothing is promised, or at no time.

        Parameters
        ----------
        made_at, ended_at : when the request was made and was over; None for always, and for not yet
        """
        if request is None or not request.guaranteed:
            return None
        begins = [when for when in (request.valid_from, made_at) if when is not None]
        ends = [
            when for when in (request.valid_until, request.by, request.guaranteed_until, ended_at) if when is not None
        ]
        start, end = max(begins, default=None), min(ends, default=None)
        if start is not None and end is not None and end <= start:
            return None
        return cls(
            guaranteed_c=request.guaranteed_c,
            guaranteed_kwh_per_day=request.guaranteed_kwh_per_day,
            if_missed=request.if_missed,
            by_setpoint=request.kind == "temperature",
            start=start,
            end=end,
        )

    def within(self, start: dt.datetime, end: dt.datetime) -> tuple[dt.datetime, dt.datetime] | None:
        """The part of [start, end) in which it holds; None for none."""
        since = start if self.start is None else max(start, self.start)
        until = end if self.end is None else min(end, self.end)
        return (since, until) if since < until else None


def in_force(promises: Sequence[Promise], start: dt.datetime, end: dt.datetime) -> tuple[Promise, ...]:
    """Give what was promised in [start, end), one promise at a time, in order.

    Of several that hold at a time the first one given counts. One that goes on with the same content, as where a
    schedule replaces another, is one promise.

    Parameters
    ----------
    promises : the most important first
    """
    spans = [(promise, span) for promise in promises if (span := promise.within(start, end)) is not None]
    edges = sorted({edge for _, span in spans for edge in span})
    found: list[Promise] = []
    for since, until in itertools.pairwise(edges):
        first = next((promise for promise, span in spans if span[0] <= since and until <= span[1]), None)
        if first is None:
            continue
        if found and found[-1].end == since and told(found[-1]) == told(first):
            found[-1] = dataclasses.replace(found[-1], end=until)
        else:
            found.append(dataclasses.replace(first, start=since, end=until))
    return tuple(found)


def told(promise: Promise) -> tuple[float | None, float, str, bool]:
    """Content of a promise without its time; equal where two promise the same."""
    temp_c = None if math.isnan(promise.guaranteed_c) else promise.guaranteed_c
    return temp_c, promise.guaranteed_kwh_per_day, promise.if_missed, promise.by_setpoint


def distinct(promises: Iterable[Promise | None]) -> tuple[Promise, ...]:
    """Give promises whose content differs from the one before, in their order, each from its first to its last time."""
    found: list[Promise] = []
    for promise in promises:
        if promise is None:
            continue
        if found and told(found[-1]) == told(promise):
            found[-1] = dataclasses.replace(found[-1], end=promise.end)
        else:
            found.append(promise)
    return tuple(found)
