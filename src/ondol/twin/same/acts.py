"""What a policy did, moment by moment, in words that mean the same in both lives; and where two lists first differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from ondol.model.decision import Action, Pause, Resume, SetPower, Start, Stop

MOMENT_S = 1e-3
"""Moments that differ by less are the same: a float of seconds since 1970 has a quarter of a microsecond [s]."""


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """One start, stop, pause or resume.

    Parameters
    ----------
    at_s : from the scenario's begin, rounded to `MOMENT_S` [s]
    job : row of the instance in the scenario's work; fillers come after the jobs
    node : "" but for a start
    """

    at_s: float
    kind: str
    job: int
    node: str = ""

    def __str__(self) -> str:
        where = f" on {self.node}" if self.node else ""
        return f"{self.at_s:.0f} s: {self.kind.lower()} of job {self.job}{where}"


@dataclass(frozen=True, slots=True)
class Floor:
    """Watts that a unit is held at from a moment on; 0 where nothing holds it any more."""

    at_s: float
    unit: str
    power_w: float  # [W]

    def __str__(self) -> str:
        return f"{self.at_s:.0f} s: at least {self.power_w:.0f} W in {self.unit}"


class Diary:
    """Writes down one life.

    Parameters
    ----------
    job_of : gives the row of an instance by its id

    `acts` are in the order of the decisions, of one decision in the policy's; `moments` are those at which one was
    taken.
    """

    def __init__(self, begin_s: float, job_of: Callable[[str], int]) -> None:
        self._begin_s, self._job_of = begin_s, job_of
        self.acts: list[Act] = []
        self.moments: list[float] = []
        self.views = 0
        self._floors: list[tuple[float, dict[str, float]]] = []

    def note(self, now_s: float, decision: Iterable[Action]) -> None:
        """Write down a decision."""
        at_s = round((now_s - self._begin_s) / MOMENT_S) * MOMENT_S
        self.views += 1
        if not self.moments or self.moments[-1] != at_s:
            self.moments.append(at_s)
        floors: dict[str, float] = {}
        for action in decision:
            match action:
                case Start(instance_id, node_id, _):
                    self.acts.append(Act(at_s, "Start", self._job_of(instance_id), node_id))
                case Stop(instance_id, _) | Pause(instance_id, _) | Resume(instance_id, _):
                    self.acts.append(Act(at_s, type(action).__name__, self._job_of(instance_id)))
                case SetPower(unit_id, power_w, _):
                    floors[unit_id] = power_w
        if self._floors and self._floors[-1][0] == at_s:
            self._floors.pop()  # of several decisions at one moment the last one holds
        self._floors.append((at_s, floors))

    def floors_at(self, moments: Iterable[float]) -> list[Floor]:
        """Every change of a floor, as seen at some moments, by moment and unit."""
        held = dict(self._floors)
        changes: list[Floor] = []
        before: dict[str, float] = {}
        for at_s in moments:
            floors = held[at_s]
            for unit in sorted({*before, *floors}):
                power_w = floors.get(unit, 0.0)
                if abs(power_w - before.get(unit, 0.0)) > 1e-6:
                    changes.append(Floor(at_s, unit, power_w))
            before = floors
        return changes


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two lists first differ, after how many equal entries; None where one has ended."""

    place: int
    twin: object
    platform: object

    def __str__(self) -> str:
        said = ["nothing" if one is None else str(one) for one in (self.twin, self.platform)]
        return f"the twin: {said[0]}; the platform: {said[1]} ({self.place} are equal before)"


def first_difference(twin: Sequence[object], platform: Sequence[object]) -> Difference | None:
    """Compare two lists, entry by entry."""
    for place, (one, other) in enumerate(zip_longest(twin, platform)):
        if one != other:
            return Difference(place, one, other)
    return None
