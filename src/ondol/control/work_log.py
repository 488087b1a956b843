"""What work came when, for a week: from it, what is expected to come."""

from __future__ import annotations

import msgspec
import numpy as np

from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Instance, InstanceState
from ondol.model.ids import NodeId
from ondol.model.view import Floats, ServiceClass
from ondol.policy.plan.expected_work import MOST_DAYS, expected_work_s
from ondol.policy.urgency import UNKNOWN_RUN_S
from ondol.thermal.forecast.spans import QUARTER_S, SPANS_S

KEY = "work.came"
_DAY = round(86_400.0 / QUARTER_S)
_KEPT = (MOST_DAYS + 2) * _DAY  # the spans of the day after tomorrow are looked up a week and two days back
_CUTS = np.concatenate(([0], np.cumsum(np.round(np.array(SPANS_S) / QUARTER_S)))).astype(np.int64)


class StoredWork(msgspec.Struct):
    """As it is written: quarters of an hour since the epoch, (kinds, quarters) float64 each."""

    begun: int
    first: int
    ended_s: bytes
    open_count: bytes
    mean_s: list[float]
    mean_weight: list[float]


class WorkLog:
    """Counts instances by the quarter of an hour in which their task came; told of every step (`Works.observers`).

    An instance counts for what it took at full speed once it has ended, and until then for the mean of its class.
    Nothing is expected until a day is known. Memory is bounded: nine days of quarters for four classes.

    Parameters
    ----------
    slot_cores : cores that a slot of each node has
    clock_rate : platform seconds per wall second
    now_s : [s since the epoch]
    kept : document of an earlier life
    """

    def __init__(
        self, slot_cores: dict[NodeId, float], *, clock_rate: float, now_s: float, kept: bytes | None = None
    ) -> None:
        self._slot_cores, self._rate = slot_cores, clock_rate
        self._first = self._begun = int(now_s // QUARTER_S)
        self._ended_s, self._open = np.zeros((len(ServiceClass), _KEPT)), np.zeros((len(ServiceClass), _KEPT))
        self._mean_s = [UNKNOWN_RUN_S] * len(ServiceClass)
        self._mean_weight = [0.0] * len(ServiceClass)
        self._written = int(now_s // QUARTER_S)
        if kept is not None:
            self._take_back(msgspec.msgpack.decode(kept, type=StoredWork))

    def observe(self, before: Work | None, after: Work, change: Change) -> None:
        """Take in a step of a work."""
        task = after.task
        if task.pool_id:  # it runs in a slot that a holder has: the holder counts
            return
        at = int(task.created_at.timestamp() // QUARTER_S)
        if before is None:
            self._add(at, task.service, len(task.instance_numbers), 0.0)
            return
        for instance in change.instances:
            was = before.instances.get(instance.id)
            if instance.state.final and was is not None and not was.state.final:
                self._end(at, after, instance)

    def expected_s(self, now_s: float) -> Floats | None:
        """Full-speed seconds of work that are expected in each span ahead, (4, spans); None on the first day [s]."""
        now = int(now_s // QUARTER_S)
        self._roll(now)
        kept = np.arange(self._first, now)
        if now - self._begun < _DAY:
            return None
        column = kept[kept >= self._begun] - self._first
        open_s = self._open[:, column] * np.array(self._mean_s)[:, None]
        came = self._ended_s[:, column] + open_s
        sums = np.concatenate([np.zeros((len(came), 1)), np.cumsum(came, axis=1)], axis=1)
        return expected_work_s(sums, came.shape[1] + _CUTS[:-1], came.shape[1] + _CUTS[1:], _DAY)

    def documents(self, now_s: float) -> dict[str, bytes]:
        """Pack it where the last time is a quarter of an hour ago or more."""
        quarter = int(now_s // QUARTER_S)
        if quarter == self._written:
            return {}
        self._written = quarter
        stored = StoredWork(
            begun=self._begun,
            first=self._first,
            ended_s=self._ended_s.tobytes(),
            open_count=self._open.tobytes(),
            mean_s=self._mean_s,
            mean_weight=self._mean_weight,
        )
        return {KEY: msgspec.msgpack.encode(stored)}

    def _end(self, at: int, work: Work, instance: Instance) -> None:
        tries = work.attempts.get(instance.id, ())
        took_s = sum(one.cpu_s / self._slot_cores[one.node_id] for one in tries if one.node_id in self._slot_cores)
        took_s *= self._rate
        kind = work.task.service
        if instance.state is InstanceState.SUCCEEDED:
            # a mean over about the last thousand: what work is like may change
            weight = min(self._mean_weight[kind] + 1.0, 1000.0)
            self._mean_s[kind] += (took_s - self._mean_s[kind]) / weight
            self._mean_weight[kind] = weight
        self._add(at, kind, -1, took_s)

    def _add(self, at: int, kind: ServiceClass, instances: int, ended_s: float) -> None:
        self._roll(at)
        column = at - self._first
        if 0 <= column < _KEPT:
            self._ended_s[kind, column] += ended_s
            self._open[kind, column] = max(self._open[kind, column] + instances, 0.0)

    def _roll(self, quarter: int) -> None:
        """Forget what is too old, so that there is a column for this quarter."""
        over = quarter - self._first - _KEPT + 1
        if over <= 0:
            return
        for table in (self._ended_s, self._open):
            kept = table[:, over:].copy()
            table[:] = 0.0
            table[:, : kept.shape[1]] = kept
        self._first += over
        self._begun = max(self._begun, self._first)

    def _take_back(self, stored: StoredWork) -> None:
        shape = self._open.shape
        ended, count = np.frombuffer(stored.ended_s), np.frombuffer(stored.open_count)
        if ended.size != self._open.size or count.size != self._open.size:
            return  # another release kept other spans: it is learned anew
        self._first, self._begun = stored.first, stored.begun
        self._ended_s, self._open = ended.reshape(shape).copy(), count.reshape(shape).copy()
        self._mean_s, self._mean_weight = list(stored.mean_s), list(stored.mean_weight)
