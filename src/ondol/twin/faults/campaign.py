"""A campaign: many sequences of faults, on as many processes as are given, with the same result on any number."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from ondol.model.checks import check_range, check_whole
from ondol.twin.faults.life import Outcome, live

_CHUNK = 8

Tell = Callable[["Campaign", int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What came of a campaign; `outcomes` are by number."""

    seed: int
    hours: float
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Sequences in which a demand was not met."""
        return tuple(outcome for outcome in self.outcomes if outcome.violations)

    def by_fault(self) -> dict[str, tuple[int, int]]:
        """How many sequences had a fault of each code, and in how many of them a demand was not met."""
        met, missed = Counter[str](), Counter[str]()
        for outcome in self.outcomes:
            codes = {fault.code for fault in outcome.faults}
            met.update(codes)
            missed.update(codes if outcome.violations else ())
        return {code: (met[code], missed[code]) for code in sorted(met)}

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """The same by kind of site."""
        met = Counter(outcome.kind for outcome in self.outcomes)
        missed = Counter(outcome.kind for outcome in self.failed)
        return {kind: (met[kind], missed[kind]) for kind in sorted(met)}

    def by_demand(self) -> dict[str, int]:
        """How often each demand was not met."""
        missed = Counter(one.code for outcome in self.outcomes for one in outcome.violations)
        return dict(sorted(missed.items()))

    def alarms(self) -> dict[str, int]:
        """In how many sequences each alarm was raised."""
        raised = Counter(code for outcome in self.outcomes for code in outcome.alarms)
        return dict(sorted(raised.items()))


def run_campaign(
    sequences: int,
    seed: int,
    *,
    first: int = 0,
    hours: float = 12.0,
    processes: int = 1,
    tell: Tell | None = None,
    tell_every: int = 100,
) -> Campaign:
    """Live through sequences of a seed; where it is interrupted (ctrl-C), what was lived until then is the result.

    Parameters
    ----------
    sequences : how many, 1 to 1,000,000
    first : number of the first: a campaign that was interrupted goes on from there
    hours : length of each, 1 to 72 [h]
    processes : how many at once; 0 for as many as there are processors
    tell : is given what is done so far, and how many sequences there are in all, after every `tell_every` of them

    Raises
    ------
    InvalidFieldError : a number outside of its range
    """
    check_whole("sequences", sequences, 1, 1_000_000)
    check_whole("first", first, 0, 1_000_000_000)
    check_whole("processes", processes, 0, 1024)
    check_whole("tell_every", tell_every, 1, 1_000_000)
    check_range("hours", hours, 1.0, 72.0, "h")
    outcomes: list[Outcome] = []
    numbers = range(first, first + sequences)
    try:
        for outcome in _lived(numbers, seed, hours, processes or os.cpu_count() or 1):
            outcomes.append(outcome)
            if tell is not None and len(outcomes) % tell_every == 0:
                tell(Campaign(seed=seed, hours=hours, outcomes=tuple(outcomes)), sequences)
    except KeyboardInterrupt:
        if not outcomes:
            raise
    return Campaign(seed=seed, hours=hours, outcomes=tuple(outcomes))


def _lived(numbers: range, seed: int, hours: float, processes: int) -> Iterator[Outcome]:
    one = partial(live, seed, hours=hours)
    if processes == 1 or len(numbers) == 1:
        yield from map(one, numbers)
        return
    # spawned, for forked copies of a process with numpy's threads may hang
    workers = min(processes, len(numbers))
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield from pool.map(one, numbers, chunksize=min(_CHUNK, max(len(numbers) // (4 * workers), 1)))
    finally:
        pool.shutdown(cancel_futures=True)
