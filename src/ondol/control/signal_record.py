"""What the heat signal foretold, kept until its hour has come, and held against what then was signalled.

"What came" is the state that the signal gives at the beginning of the hour, from temperatures as they are then and work
as it is on hand then: also work that was submitted after the telling, perhaps because of it. So the score says what a
client may rely on: "wanted at six, said at noon with 80 %" should be wanted at six in 80 of 100 cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ondol.control.clock import utc
from ondol.model.heat_signal import HeatState
from ondol.policy.signal_score import BANDS_H, LEADS_H, STATES, Correction, Tally, band_of

HOUR_S = 3600.0
LATEST_S = 1800.0  # who looks later in an hour has not seen its beginning
MOST_PLACES = 100
"""Areas and sites that are followed, some kB each, written every hour: the areas first, then sites by id."""

_ROW = {state: row for row, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Foretold:
    """An hour of a signal: its begin [h since the epoch], its state and the confidence before and after correction."""

    hour: int
    state: HeatState
    computed: float | None
    said: float | None


_Pending = tuple[int, int, int, int, int, int]
"""Hour, lead time, state, confidence computed and said in thousandths, state of when it was said."""


class _Kept(msgspec.Struct, array_like=True):
    hour: int
    pending: dict[str, list[_Pending]]
    months: dict[str, dict[str, list[list[Any]]]]
    corrections: dict[str, list[object]]
    missed: int


class SignalRecord:
    """Pairs of foretold and come, by place; bounded, and the same after a restart.

    Parameters
    ----------
    kept : what `document` gave in an earlier life

    What is learned of sites is what areas begin with; then each kind learns from itself.
    `missed` counts hours in which nobody looked.
    """

    def __init__(self, kept: bytes | None = None) -> None:
        self._hour = -1
        self._pending: dict[str, list[_Pending]] = {}
        self._months: dict[str, dict[str, list[Tally]]] = {}
        self.missed = 0
        self._corrections = _corrections({})
        if kept is not None:
            stored = msgspec.msgpack.decode(kept, type=_Kept)
            self._hour, self._pending, self.missed = stored.hour, stored.pending, stored.missed
            self._corrections = _corrections(stored.corrections)
            self._months = {
                place: {month: [Tally(*one) for one in bands] for month, bands in months.items()}
                for place, months in stored.months.items()
            }

    def due(self, now_s: float) -> bool:
        """Whether an hour has begun that was not noted yet, and not long ago [s since the epoch]."""
        return int(now_s // HOUR_S) != self._hour and now_s % HOUR_S < LATEST_S

    def note(self, now_s: float, places: Mapping[str, Sequence[Foretold]]) -> None:
        """Take in the signals of an hour's begin: settle what was foretold of it, and keep what they foretell.

        Parameters
        ----------
        places : by name, one step for each hour from the present one on; no more than `MOST_PLACES` count
        """
        hour = int(now_s // HOUR_S)
        if hour < self._hour:
            self._pending = {}  # the clock was set back: what was foretold was of other hours
        elif self._hour >= 0:
            for correction in self._corrections.values():
                correction.fade(hour - self._hour)
            self.missed += max(hour - self._hour - 1, 0)
        self._hour = hour
        month = f"{utc(now_s):%Y-%m}"
        followed = dict(list(places.items())[:MOST_PLACES])
        for place in [one for one in self._pending if one not in followed]:
            del self._pending[place]
        for place, steps in followed.items():
            present = next((one for one in steps if one.hour == hour), None)
            if present is not None:
                self._settle(place, month, hour, _ROW[present.state])
                self._keep(place, hour, _ROW[present.state], steps)
        self._forget(month)

    def said(self, place: str, lead_h: int, state: HeatState, computed: float) -> float:
        """Give the confidence to be published in place of a computed one, see `Correction.said`."""
        return self._corrections[_kind(place)].said(lead_h, _ROW[state], computed)

    def start_again(self) -> None:
        """Count anew; what was learned stays."""
        self._months, self.missed = {}, 0

    def tallies(self, place: str) -> tuple[list[Tally], str]:
        """Counts of a place by band over all months kept, the present one and twelve before, and the first of these."""
        months = self._months.get(place, {})
        sums = [Tally() for _ in BANDS_H]
        for month in sorted(months):
            sums = [mine.plus(more) for mine, more in zip(sums, months[month], strict=True)]
        return sums, min(months, default="")

    def document(self) -> bytes:
        """What must outlive the platform."""
        months = {
            place: {month: [one.pack() for one in bands] for month, bands in months.items()}
            for place, months in self._months.items()
        }
        corrections = {kind: one.pack() for kind, one in self._corrections.items()}
        return msgspec.msgpack.encode(_Kept(self._hour, self._pending, months, corrections, self.missed))

    def _settle(self, place: str, month: str, hour: int, was: int) -> None:
        left: list[_Pending] = []
        for one in self._pending.get(place, []):
            at, lead_h, state, computed, said, before = one
            if at > hour:
                left.append(one)
            elif at == hour:
                bands = self._months.setdefault(place, {}).setdefault(month, [Tally() for _ in BANDS_H])
                bands[band_of(lead_h)].add(said / 1e3, computed / 1e3, state, was, before)
                self._corrections[_kind(place)].learn(lead_h, state, computed / 1e3, state == was)
        self._pending[place] = left

    def _keep(self, place: str, hour: int, now: int, steps: Sequence[Foretold]) -> None:
        for one in steps:
            lead_h = one.hour - hour
            if lead_h in LEADS_H and one.computed is not None and one.said is not None:
                row = (one.hour, lead_h, _ROW[one.state], round(1e3 * one.computed), round(1e3 * one.said), now)
                self._pending[place].append(row)

    def _forget(self, month: str) -> None:
        """Drop months that are too old, and places of which none is left."""
        first = f"{int(month[:4]) - 1}{month[4:]}"
        for place in sorted(self._months):
            self._months[place] = {one: bands for one, bands in self._months[place].items() if one >= first}
            if not self._months[place]:
                del self._months[place]


def _corrections(kept: Mapping[str, list[object]]) -> dict[str, Correction]:
    sites = Correction(kept.get("site"))
    return {"site": sites, "area": Correction(kept.get("area"), sites)}


def _kind(place: str) -> str:
    return "site" if "/" in place else "area"  # no region has a slash in its name
