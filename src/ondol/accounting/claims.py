"""Which kilowatt-hours of a site's useful heat are claimed: an axis of heat over time on which claims must not overlap.

A claim names kWh of a period, counted from the period's begin. A month and its week count from different begins, so
that their kWh cannot be compared; the time in which the kWh were delivered can. Each claim is therefore turned into
such a time when it is made: bins of a quarter of an hour, and within a bin in proportion. Shares are summed over time.
Rows that reach the ledger later can only add heat to a time that is claimed; they never move a claim onto another.
"""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.accounting.bins import BIN_S, resolve
from ondol.model.claim import CHAIN_BEGIN, Claim, ClaimRow
from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.model.ids import SiteId
from ondol.model.ledger import HeatRow

J_PER_KWH = 3.6e6
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ROUNDING = 1e-9
_CRUMB_KWH = 1e-8  # to which amounts are told, and typed again
_GRAIN = dt.timedelta(microseconds=2)  # to which moments out of sums with different begins agree


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatAxis:
    """Cumulative useful heat of a site over a period.

    Parameters
    ----------
    start, end : of the period, whole bins
    edges : numbers of the bins with heat
    kwh : useful heat of these bins [kWh]
    sums : cumulative useful heat at the end of these bins [kWh]
    virtual : some of it is equations in place of a meter
    """

    start: dt.datetime
    end: dt.datetime
    edges: tuple[int, ...]
    kwh: tuple[float, ...]
    sums: tuple[float, ...]
    virtual: bool

    @property
    def total_kwh(self) -> float:
        """Useful heat of the period [kWh]."""
        return self.sums[-1] if self.sums else 0.0

    def time_of(self, from_kwh: float, to_kwh: float) -> tuple[dt.datetime, dt.datetime]:
        """Give the shortest time in which the kWh of an interval were delivered.

        Raises InvalidFieldError where the period has no such kWh.
        """
        slack = _ROUNDING * self.total_kwh
        if not from_kwh >= 0.0:
            raise InvalidFieldError("from_kwh", from_kwh, "0 or more: kWh count from the begin of the period")
        if not from_kwh < to_kwh:
            raise InvalidFieldError("to_kwh", to_kwh, f"above from_kwh, {from_kwh:g}")
        if to_kwh > self.total_kwh + slack:
            raise InvalidFieldError(
                "to_kwh",
                to_kwh,
                f"at most {self.total_kwh:.6f} kWh, the useful heat that the ledger holds of this period",
            )
        # The begin is the latest moment at which no more than from_kwh had come, the end the earliest with to_kwh.
        last = len(self.sums) - 1
        first = min(bisect.bisect_right(self.sums, from_kwh + slack), last)
        begin = self._moment(first, from_kwh)
        end = self._moment(min(bisect.bisect_left(self.sums, to_kwh - slack), last), to_kwh)
        if not begin < end:
            raise InvalidFieldError("to_kwh", to_kwh, f"more above from_kwh, {from_kwh:g}, than time can tell apart")
        return begin, end

    def kwh_between(self, first: dt.datetime, last: dt.datetime) -> tuple[float, float]:
        """Give the interval of kWh that was delivered in a time, cut to the period."""
        return self._kwh_at(first), self._kwh_at(last)

    def _moment(self, index: int, kwh: float) -> dt.datetime:
        begin_kwh = self.sums[index - 1] if index else 0.0
        part = min(1.0, max(0.0, (kwh - begin_kwh) / self.kwh[index]))
        offset_us = round((self.edges[index] + part) * BIN_S * 1e6)
        return _EPOCH + dt.timedelta(microseconds=offset_us)

    def _kwh_at(self, moment: dt.datetime) -> float:
        place = (moment - _EPOCH).total_seconds() / BIN_S
        index = bisect.bisect_right(self.edges, math.floor(place)) - 1
        if index < 0:
            return 0.0
        before_kwh = self.sums[index - 1] if index else 0.0
        return before_kwh + self.kwh[index] * min(1.0, max(0.0, place - self.edges[index]))


def heat_axis(site_id: SiteId, rows: Iterable[HeatRow], start: dt.datetime, end: dt.datetime) -> HeatAxis:
    """Resolve a site's metered useful heat over a period.

    Parameters
    ----------
    rows : heat rows that touch the period; others, other sites' and those without a meter are passed over
    start, end : whole quarters of an hour

    Raises InvalidFieldError : a period that is not made of whole bins, or ends before it begins.
    """
    first, last = bin_number("from", start), bin_number("to", end)
    if first >= last:
        raise InvalidFieldError("to", end.isoformat(), f"after from, {start.isoformat()}")
    own = [row for row in rows if row.site_id == site_id and row.metered and row.start < end and row.end > start]
    warm = [
        (number, one.useful_j / J_PER_KWH)
        for (_, number), one in sorted(resolve(own).sites.items(), key=lambda item: item[0][1])
        if first <= number < last and one.useful_j
    ]
    virtual = any(row.virtual is not False for row in own)
    return _axis(start, end, warm, virtual=virtual)


def joined(axes: Sequence[HeatAxis]) -> HeatAxis:
    """Put periods that follow one another together, at least one: as if they had been resolved at once."""
    warm = [pair for axis in axes for pair in zip(axis.edges, axis.kwh, strict=True)]
    return _axis(axes[0].start, axes[-1].end, warm, virtual=any(axis.virtual for axis in axes))


def _axis(start: dt.datetime, end: dt.datetime, warm: Sequence[tuple[int, float]], *, virtual: bool) -> HeatAxis:
    sums: list[float] = []
    total = 0.0
    for _, kwh in warm:
        total += kwh
        sums.append(total)
    return HeatAxis(
        start=start,
        end=end,
        edges=tuple(number for number, _ in warm),
        kwh=tuple(kwh for _, kwh in warm),
        sums=tuple(sums),
        virtual=virtual,
    )


def bin_number(field: str, moment: dt.datetime) -> int:
    """Number of the bin that begins at a moment; refused where none does."""
    if moment.tzinfo is None:
        raise InvalidFieldError(field, moment, "a time with its zone")
    number = (moment - _EPOCH).total_seconds() / BIN_S
    if number != math.floor(number):
        raise InvalidFieldError(field, moment.isoformat(), "a whole quarter of an hour, as useful heat is counted")
    return int(number)


def active(rows: Iterable[ClaimRow]) -> tuple[Claim, ...]:
    """Give the claims of a register that were not withdrawn, in the order of their coming."""
    found: dict[str, Claim] = {}
    for row in rows:
        if row.claim is not None:
            found[row.claim.id] = row.claim
        elif row.withdrawal is not None:
            found.pop(row.withdrawal.claim_id, None)
    return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A stretch of time over which the same claims hold.

    Parameters
    ----------
    share : sum of their shares
    claims : ids, in the order of their coming
    """

    first: dt.datetime
    last: dt.datetime
    share: float
    claims: tuple[str, ...]


def taken(claims: Sequence[Claim], first: dt.datetime, last: dt.datetime) -> tuple[Taken, ...]:
    """Cut a time at the edges of claims and tell of each piece how much of it is taken."""
    edges = sorted({first, last, *(edge for one in claims for edge in (one.first, one.last) if first < edge < last)})
    pieces: list[Taken] = []
    for begin, end in itertools.pairwise(edges):
        here = [one for one in claims if one.first < end and one.last > begin]
        share = math.fsum(one.share for one in here)
        pieces.append(Taken(first=begin, last=end, share=share, claims=tuple(one.id for one in here)))
    return tuple(pieces)


def conflicts(claims: Sequence[Claim], new: Claim, axis: HeatAxis) -> tuple[str, ...]:
    """Give the ids of the claims that leave less than a new one's share of some kWh; none where all are free.

    Overlaps that come of rounding kWh or moments are none.
    """
    found: dict[str, None] = {}
    for piece in taken(claims, new.first, new.last):
        from_kwh, to_kwh = axis.kwh_between(piece.first, piece.last)
        real = piece.last - piece.first > _GRAIN and to_kwh - from_kwh > _CRUMB_KWH
        if real and piece.share + new.share > 1.0 + _ROUNDING:
            found.update(dict.fromkeys(piece.claims))
    return tuple(found)


def whole_register(rows: Sequence[ClaimRow], seal: tuple[int, str] | None) -> bool:
    """Tell whether a site's register is what was written: no row changed, left out or put in.

    Parameters
    ----------
    rows : all of the register, by number
    seal : number and hash of its last row, as they were written with it
    """
    before = CHAIN_BEGIN
    for index, row in enumerate(rows):
        if row.before != before or row.number != index + 1:
            return False
        before = row.hash
    return seal == ((rows[-1].number, before) if rows else None)


def follow(row: ClaimRow, number: int, before: str) -> None:
    """Refuse a row that does not follow the last one of its register.

    Raises ConflictError.
    """
    if (row.number, row.before) != (number + 1, before):
        raise ConflictError(f"Row {row.number} of the register of claims of {row.site_id} does not follow row {number}")
