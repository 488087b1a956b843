"""Everything that waits, in the orders in which policies serve it: a bounded window of it decides as the whole would.

A policy starts at most as many instances as there are slots, and makes room for no more than that. Those of one class
that may run on the same nodes are served from the front of its order (`policy.fit`). So the first `most` of each such
group in each order that a policy uses (first come; fewest of their task running; latest start) lead to the same starts
and stops as all would, for any `most` that is no less than the slots of the fleet.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sortedcontainers import SortedSet

from ondol.control.entry import Entry, GroupKey, QuotaKey
from ondol.model.ids import TaskId
from ondol.model.quota import Quota
from ondol.model.view import ServiceClass
from ondol.policy.urgency import queued_latest_start_s

_Key = tuple[float, float, str]  # value, submitted, task id


_ORDERS = 3  # first come; fewest of their task running; for flex: latest start


@dataclass(frozen=True, slots=True)
class Withheld:
    """Work that waits for its account's quota.

    Parameters
    ----------
    instances, cores : of the account and type that hold slots now
    task_id, number : the first instance that waits
    count : instances of that task that wait; those of later tasks wait behind them
    """

    key: QuotaKey
    quota: Quota
    instances: int
    cores: int
    task_id: TaskId
    number: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What the policy is shown of the queue.

    Parameters
    ----------
    taken : tasks, and how many of their queued instances from the front
    beyond : per service class, instances that are left out although nothing withholds them
    """

    taken: tuple[tuple[Entry, int], ...]
    beyond: tuple[int, ...]
    withheld: tuple[Withheld, ...]


@dataclass(slots=True, eq=False)
class _Group:
    """Tasks of one group in the orders that policies use."""

    instances: int = 0
    orders: tuple[SortedSet[_Key], ...] = field(default_factory=lambda: (SortedSet(), SortedSet(), SortedSet()))


class Lines:
    """Queued instances by group and order."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._keys: dict[TaskId, tuple[GroupKey, tuple[_Key, ...], int]] = {}
        self._groups: dict[GroupKey, _Group] = {}
        self._by_quota: dict[QuotaKey, SortedSet[_Key]] = {}

    def put(self, entry: Entry) -> None:
        """Let a task stand where it belongs; to be called after every change of its entry."""
        task_id = entry.work.task.id
        if not entry.waits:
            self.drop(task_id)
            return
        group, keys, count = entry.group, _keys(entry), len(entry.numbers)
        before = self._keys.get(task_id)
        if before is not None and before[:2] != (group, keys):
            self.drop(task_id)
            before = None
        line = self._groups.get(group)
        if line is None:
            line = self._groups[group] = _Group()
        line.instances += count - (0 if before is None else before[2])
        self._keys[task_id] = (group, keys, count)
        self._entries[keys[0][2]] = entry
        if before is None:
            for order, key in zip(line.orders, keys, strict=False):
                order.add(key)
            if group[2] is not None:
                if group[2] not in self._by_quota:
                    self._by_quota[group[2]] = SortedSet()
                self._by_quota[group[2]].add(keys[0])

    def drop(self, task_id: TaskId) -> None:
        """Take a task out of the lines."""
        before = self._keys.pop(task_id, None)
        if before is None:
            return
        group, keys, count = before
        del self._entries[keys[0][2]]
        line = self._groups[group]
        line.instances -= count
        for order, key in zip(line.orders, keys, strict=False):
            order.remove(key)
        if not line.orders[0]:
            del self._groups[group]
        if group[2] is not None:
            by_quota = self._by_quota[group[2]]
            by_quota.remove(keys[0])
            if not by_quota:
                del self._by_quota[group[2]]

    def share(self, most: int, slots: int, slot_cores: int, used: Callable[[QuotaKey], tuple[int, int]]) -> Share:
        """Give what the policy is to see.

        Parameters
        ----------
        most : instances of each group and order, at least as many as there are slots
        slots, slot_cores : slots of the fleet, and the cores of the largest: a quota with more room than all of them
            withholds nothing now
        used : instances and cores that hold slots, by quota
        """
        taken: dict[str, int] = {}
        withheld: list[Withheld] = []
        bound: set[QuotaKey] = set()
        for key, line in sorted(self._by_quota.items(), key=lambda item: (item[0][0], item[0][1].value, item[0][2])):
            entry = self._entries[line[0][2]]
            assert entry.quota is not None  # noqa: S101  # what standing in this line means
            quota, (instances, cores) = entry.quota[1], used(key)
            room = math.inf if quota.max_instances is None else quota.max_instances - instances
            room_cores = math.inf if quota.max_cores is None else quota.max_cores - cores
            if room < slots or room_cores < slots * slot_cores:
                bound.add(key)
                count, waits = self._fill(line, room, room_cores, taken)
                if waits is not None:
                    first = waits.numbers[taken.get(_name(waits), 0)]
                    withheld.append(Withheld(key, quota, instances, cores, waits.work.task.id, first, count))
        lines: dict[tuple[int, int], list[_Group]] = {}
        beyond = [0] * len(ServiceClass)
        for (service, allowed, quota_key), group in self._groups.items():
            if quota_key not in bound:
                beyond[service] += group.instances
                lines.setdefault((service, allowed), []).append(group)
        for (service, _), groups in sorted(lines.items()):
            for number in range(_ORDERS):
                beyond[service] -= self._take([group.orders[number] for group in groups], most, taken)
        return Share(
            taken=tuple((self._entries[name], count) for name, count in taken.items()),
            beyond=tuple(beyond),
            withheld=tuple(withheld),
        )

    def _fill(
        self, line: Iterable[_Key], room: float, room_cores: float, taken: dict[str, int]
    ) -> tuple[int, Entry | None]:
        """Take from the front what a quota has room for; gives who must wait first, and how many of the task do."""
        for *_, name in line:
            entry = self._entries[name]
            count = int(max(0, min(len(entry.numbers), room, room_cores // entry.cores)))
            if count:
                taken[name] = count
            room, room_cores = room - count, room_cores - count * entry.cores
            if count < len(entry.numbers):
                return len(entry.numbers) - count, entry
        return 0, None

    def _take(self, lines: list[SortedSet[_Key]], most: int, taken: dict[str, int]) -> int:
        """Take the first instances of an order; gives how many were not taken before."""
        left, new = most, 0
        for *_, name in lines[0] if len(lines) == 1 else heapq.merge(*lines):
            count = min(len(self._entries[name].numbers), left)
            before = taken.get(name, 0)
            if count > before:
                taken[name] = count
                new += count - before
            left -= count
            if not left:
                break
        return new


def _name(entry: Entry) -> str:
    """What ties are broken by: ends as ids of instances go on, so that tasks are sorted as their instances are."""
    return f"{entry.work.task.id}/"


def _keys(entry: Entry) -> tuple[_Key, ...]:
    submitted_s, name = entry.submitted_s, _name(entry)
    first_come = (submitted_s, submitted_s, name)
    fewest = (float(len(entry.active)), submitted_s, name)
    if entry.work.task.service is not ServiceClass.FLEX:
        return first_come, fewest
    latest_s = queued_latest_start_s(entry.deadline_s, submitted_s, entry.expected_s, entry.work.task.speed_cap)
    return first_come, fewest, (latest_s, submitted_s, name)
