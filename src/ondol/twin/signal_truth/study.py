"""Lives through a scenario and counts how often its heat signal came true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.policy.signal_score import BANDS_H, Tally
from ondol.twin.runs import Run, prepare
from ondol.twin.signal_truth.signal_twin import ALL, SignalTwin

EACH = "each site"
LEARN_DAYS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Counts of one kind of place, by band.

    Parameters
    ----------
    place : all sites as one area, or each site by itself, summed
    tallies : see `policy.signal_score`
    """

    place: str
    tallies: list[Tally]


def study(
    file: Path,
    *,
    seed: int | None = None,
    days: float | None = None,
    data: Path | None = None,
    policy: str = "follow",
    learn_days: float = LEARN_DAYS,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Run, list[Found]]:
    """Live through a scenario; nothing is learned beforehand, and nothing is known of what comes.

    Parameters
    ----------
    learn_days : at the beginning, that are learned from and not counted, 0 or more

    Raises
    ------
    NotFoundError, InvalidFieldError : as of `ondol.twin.runs.prepare`; nothing to compare
    """
    check_range("learn_days", learn_days, 0.0, 400.0, "d")
    run = prepare(file, policy, data=data, seed=seed, days=days)
    twin = SignalTwin(run.scenario, run.series, run.trace, run.policy, learn_s=learn_days * 86_400.0)
    while not twin.over:
        twin.live(1)
        tell(twin.step, run.series.steps)
    found = [_sum(twin, ALL, [ALL]), _sum(twin, EACH, [place for place in twin.places if place != ALL])]
    if not (twin.counts and any(one.compared for one in found[0].tallies)):
        raise InvalidFieldError("days", run.scenario.days, f"more than the {learn_days:g} that are learned from")
    return run, found


def _sum(twin: SignalTwin, name: str, places: list[str]) -> Found:
    tallies = [Tally() for _ in BANDS_H]
    for place in places:
        tallies = [mine.plus(more) for mine, more in zip(tallies, twin.record.tallies(place)[0], strict=True)]
    return Found(place=name, tallies=tallies)
