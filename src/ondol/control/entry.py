"""An open task, as far as deciding about its instances needs to know it."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field

from ondol.lifecycle.work import Work
from ondol.model.compute import Attempt, InstanceState
from ondol.model.ids import AccountId, InstanceId, instance_id
from ondol.model.quota import Quota, QuotaKind

QuotaKey = tuple[AccountId, QuotaKind, str]
GroupKey = tuple[int, int, QuotaKey | None]  # service class, set of nodes, quota where it has a limit


@dataclass(frozen=True, slots=True)
class Row:
    """One instance in the View.

    Parameters
    ----------
    since_s : when it entered its phase [s since the epoch]
    attempt : under way, None while it waits
    """

    id: InstanceId
    entry: Entry
    since_s: float
    attempts: int
    attempt: Attempt | None


@dataclass(slots=True, eq=False, kw_only=True)
class Entry:
    """A task in the queue or at work.

    Parameters
    ----------
    submitted_s, deadline_s : [s since the epoch], inf for no deadline
    numbers : of its queued instances, rising
    active : instances with an attempt that is placed or running
    took_s : what its succeeded instances took at full speed [s, platform]
    allowed : number of the set of nodes on which it may run
    cores : that one of its instances takes of a quota
    quota : that it counts against, and who has it; None where that has no limit
    rows : its first queued instances, kept while nothing changes
    """

    work: Work
    submitted_s: float
    deadline_s: float
    numbers: list[int]
    active: set[InstanceId] = field(default_factory=set)
    took_s: dict[InstanceId, float] = field(default_factory=dict)
    allowed: int = 0
    cores: int = 1
    quota: tuple[QuotaKey, Quota] | None = None
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, work: Work) -> Entry:
        """Begin with what waits; the rest is told by `note`."""
        task = work.task
        return cls(
            work=work,
            submitted_s=task.created_at.timestamp(),
            deadline_s=math.inf if task.deadline is None else task.deadline.timestamp(),
            numbers=[one.number for one in work.instances.values() if one.state is InstanceState.QUEUED],
        )

    @property
    def group(self) -> GroupKey:
        """Whom it stands in line with."""
        return int(self.work.task.service), self.allowed, None if self.quota is None else self.quota[0]

    @property
    def waits(self) -> bool:
        """Whether it has queued instances that may start: nothing blocks, cancels or holds it."""
        task = self.work.task
        return bool(self.numbers) and not (task.cancel_wanted or task.blocked or task.held)

    @property
    def expected_s(self) -> float:
        """Mean of what its instances took, else what its user said; nan where neither is known [s]."""
        if self.took_s:
            return math.fsum(self.took_s.values()) / len(self.took_s)
        return math.nan if self.work.task.expected_s is None else self.work.task.expected_s

    def keep_number(self, number: int, *, queued: bool) -> None:
        """Note whether an instance waits."""
        place = bisect.bisect_left(self.numbers, number)
        there = place < len(self.numbers) and self.numbers[place] == number
        if queued and not there:
            self.numbers.insert(place, number)
        elif there and not queued:
            del self.numbers[place]

    def first(self, count: int) -> list[Row]:
        """Give its first queued instances as rows."""
        for number in self.numbers[len(self.rows) : count]:
            one = self.work.instances[instance_id(self.work.task.id, number)]
            self.rows.append(Row(one.id, self, one.since.timestamp(), one.attempts, None))
        return self.rows[:count]
