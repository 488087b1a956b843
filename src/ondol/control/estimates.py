"""What a task will probably take, on the live platform: quotes show it, budgets reserve it, its end teaches it."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from ondol.accounting.basis import Basis
from ondol.accounting.task_kind import kind_of
from ondol.control.bare_view import bare_view
from ondol.control.clock import utc
from ondol.control.foretelling import J_PER_KWH, Foreteller, Terms, Told
from ondol.control.gentler import Gentler, gentler
from ondol.control.grids import Grids
from ondol.control.queue_ahead import Asked, QueueAhead
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, InstanceState, Task, TaskState
from ondol.model.estimate import Estimate
from ondol.model.fleet import Fleet
from ondol.model.hardware import fulfils
from ondol.model.ids import NodeId, TaskId
from ondol.model.ledger import EnergyRow
from ondol.model.quote import Record
from ondol.model.view import Bools, ServiceClass, View

_log = logging.getLogger(__name__)
KEY = "estimates"
_MOST_HARDWARE = 1_000


class Estimator:
    """Estimates tasks, and learns from every task of the platform, quoted or not. Callers hold the works' lock.

    Parameters
    ----------
    view : the last View that was decided on, None before the first
    basis : on which grams are counted
    embodied_g_per_h : by node, those that are known [gCO2e/h]
    clock_rate : platform seconds per wall second
    kept : document of an earlier life
    """

    def __init__(
        self,
        fleet: Fleet,
        grids: Grids,
        *,
        now: Callable[[], dt.datetime],
        view: Callable[[], View | None],
        basis: Basis,
        embodied_g_per_h: Mapping[NodeId, float] | None = None,
        clock_rate: float = 1.0,
        kept: bytes | None = None,
    ) -> None:
        self._fleet, self._grids, self._now, self._view, self._rate = fleet, grids, now, view, clock_rate
        self.basis = basis
        self._embodied = known = dict(embodied_g_per_h or {})
        self._nodes = {node.id: node for node in fleet.nodes}
        lines = [basis.lines[site.id] for site in fleet.sites]
        self.terms = Terms(
            basis=basis.name,
            slope=np.array([line.slope for line in lines]),
            offset_g_per_kwh=np.array([line.offset_g_per_kwh for line in lines]),
            embodied_g_per_h=np.array([known.get(node.id, 0.0) for node in fleet.nodes]),
            speed=np.ones(len(fleet.nodes)),
            metered=bool(fleet.sinks),
        )
        self._pue = {site.id: site.pue for site in fleet.sites}
        self.foreteller = _taken_back(kept)
        self._changed = False
        self._ahead: QueueAhead | None = None
        self._hardware: dict[Any, Bools] = {}
        self._ended: dict[TaskId, tuple[dt.datetime, float]] = {}

    def estimate(self, task: Task, *, service: ServiceClass | None = None, at: dt.datetime | None = None) -> Estimate:
        """Estimate a task as if it were submitted now.

        Parameters
        ----------
        service : in place of the task's own class
        at : it is submitted only then, platform time; never before now
        """
        return self.of_told(self.told(task, service), at)

    def of_told(self, told: Told, at: dt.datetime | None = None) -> Estimate:
        """Say by the clock what was told in waits."""
        begin = utc(told.at_s) if at is None else max(at, utc(told.at_s))

        def when(wait_s: float) -> dt.datetime:
            return begin + dt.timedelta(seconds=wait_s)

        return Estimate(
            start_p50=when(told.start_p50_s),
            start_p90=when(told.start_p90_s),
            end_p50=when(told.end_p50_s),
            end_p90=when(told.end_p90_s),
            energy_p50_kwh=told.energy_p50_kwh,
            energy_p90_kwh=told.energy_p90_kwh,
            co2e_p50_g=told.co2e_p50_g,
            co2e_p90_g=told.co2e_p90_g,
            heat_kwh=told.heat_kwh,
            basis=self.terms.basis,
            grounds=grounds_in_words(told),
            not_before=None if told.promised else when(told.not_within_s),
        )

    def told(self, task: Task, service: ServiceClass | None = None) -> Told:
        """What is foretold of a task from now on, with what it rests on."""
        ahead = self.queue()
        return self.foreteller.tell(ahead, self._asked(task, service or task.service), self.terms)

    def observe(self, before: Work | None, after: Work, change: Change) -> None:
        """Take in a step of a work: what was told of it at its submission is compared with what comes of it."""
        task = after.task
        if task.holds_pool:
            return
        self._changed = True
        if before is None:
            self.foreteller.note(task.id, self.told(task))
            return
        for attempt in change.attempts:
            was = before.attempt(attempt.id)
            if attempt.started_at is not None and (was is None or was.started_at is None):
                self.foreteller.started(task.id, attempt.started_at.timestamp())
        for instance in change.instances:
            if instance.state is InstanceState.SUCCEEDED:
                tried = after.latest(instance.id)
                if tried is not None and tried.started_at is not None:
                    end = tried.exited_at or tried.ended_at or self._now()
                    ran_s = self._at_full_speed(task, tried, (end - tried.started_at).total_seconds() - tried.paused_s)
                    if ran_s > 0.0:
                        self.foreteller.runs.learn(kind_of(task), task.service, ran_s, len(after.instances))
        if task.delete_wanted and not (before.task.delete_wanted or before.task.state.final):
            self.foreteller.forget(task.id)  # it has no end of its own any more, and would be late for ever
        if task.state.final and not before.task.state.final:
            every = [one for tries in after.attempts.values() for one in tries]
            self._over(task, self.embodied_g(every))

    def booked(self, rows: Iterable[Any]) -> None:
        """Take in ledger rows as they are written: what tasks took so far, and in all once they are over."""
        end: dt.datetime | None = None
        for row in rows:
            if not isinstance(row, EnergyRow):
                continue
            end = row.end if end is None else max(end, row.end)
            before = None if row.task_id is None else self.foreteller.so_far(row.task_id)
            if row.task_id is not None and before is not None:
                kwh = row.energy_j * self._pue.get(row.site_id, 1.0) / J_PER_KWH
                grams = kwh * self.basis.g_per_kwh(row.site_id, row.grid_g_per_kwh)
                self.foreteller.spent(row.task_id, before[0] + kwh, before[1] + grams)
                self._changed = True
        if end is None:
            return
        for task_id in [key for key, (over, _) in self._ended.items() if over <= end]:
            _, embodied_g = self._ended.pop(task_id)
            kwh, grams = self.foreteller.so_far(task_id) or (0.0, 0.0)
            self.foreteller.settled(task_id, kwh, grams + embodied_g)
            self._changed = True

    def forget_but(self, task_ids: Iterable[TaskId]) -> None:
        """At a start: only these tasks are open still."""
        self.foreteller.forget_but(task_ids)

    def documents(self) -> dict[str, bytes]:
        """What must outlive the platform, where anything has changed since the last time."""
        if not self._changed:
            return {}
        self._changed = False
        return {KEY: msgspec.msgpack.encode(self.foreteller.pack())}

    def embodied_g(self, attempts: Iterable[Attempt]) -> float:
        """Embodied carbon of the slots that attempts held, of nodes whose hardware is known [gCO2e]."""
        grams = 0.0
        for one in attempts:
            node = self._nodes.get(one.node_id)
            if node is None or one.held_by:
                continue
            held_s = max(((one.held_until or self._now()) - one.created_at).total_seconds(), 0.0)
            grams += self._embodied.get(node.id, 0.0) / node.slots * held_s / 3600.0
        return grams

    def _at_full_speed(self, task: Task, tried: Attempt, ran_s: float) -> float:
        """Seconds that a run would have taken without its task's cap: what it computed was stretched, no more [s].

        ``ran − computed·(1/cap − 1)``, from ran·cap, where it computed all the time, to ran.
        """
        node, cap = self._nodes.get(tried.node_id), task.speed_cap
        if cap >= 1.0 or node is None:
            return ran_s
        computed_s = min(tried.cpu_s / (node.host_cores / node.slots) * self._rate, ran_s * cap)
        return ran_s - computed_s * (1.0 / cap - 1.0)

    def _over(self, task: Task, embodied_g: float) -> None:
        if task.state is TaskState.SUCCESS:
            self.foreteller.ended(task.id, task.ended_at.timestamp())
            self._ended[task.id] = (task.ended_at, embodied_g)
        else:
            self.foreteller.forget(task.id)

    def possible(self, task: Task) -> bool:
        """Whether some node of the fleet is what a task asks for."""
        nodes = self._allowed(task)
        return nodes is None or bool(nodes.any())

    def gentler(self, task: Task, speed: float | None = None) -> Gentler:
        """A gentler pace of a task where it may run, against its own; the thriftiest where none is given."""
        return gentler(self.queue().view, self.terms, self._allowed(task), task.speed_cap, speed)

    def limit_s(self, task: Task) -> float | None:
        """After how long an attempt is ended; None where there is no limit [s, platform]."""
        return task.time_limit_s * self._rate if task.time_limit_s else None

    def record(self, service: ServiceClass) -> Record | None:
        """How the last tasks of a class did against the p90 of their end."""
        last = self.foreteller.figures["end"].last.get(service.name.lower())
        return Record(tasks=len(last), kept=sum(last)) if last else None

    def queue(self) -> QueueAhead:
        """The lines as they stand now."""
        view = self._view()
        now_s = self._now().timestamp()
        if view is None:
            view = bare_view(self._fleet, self._grids, now_s)
        if self._ahead is None or self._ahead.source is not view:
            self._ahead = QueueAhead(view)
        return self._ahead.at(now_s)

    def _asked(self, task: Task, service: ServiceClass) -> Asked:
        return Asked(
            kind=kind_of(task),
            service=service,
            instances=len(task.instance_numbers),
            deadline_s=math.inf if task.deadline is None else task.deadline.timestamp(),
            declared_s=task.expected_s,
            limit_s=self.limit_s(task),
            nodes=self._allowed(task),
            speed_cap=task.speed_cap,
            blocked=task.blocked,
        )

    def _allowed(self, task: Task) -> Bools | None:
        if not task.hardware:
            return None
        nodes = self._hardware.get(task.hardware)
        if nodes is None:
            if len(self._hardware) >= _MOST_HARDWARE:
                self._hardware.clear()
            met = [all(fulfils(node, one) for one in task.hardware) for node in self._fleet.nodes]
            nodes = self._hardware[task.hardware] = np.array(met, dtype=np.bool_)
        return nodes


def _taken_back(kept: bytes | None) -> Foreteller:
    """What an earlier life learned; where another release kept it otherwise, it is learned anew."""
    if kept is None:
        return Foreteller()
    try:
        return Foreteller(msgspec.msgpack.decode(kept))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        _log.warning("what was learned for estimates cannot be read, it is learned anew: %r", error)
        return Foreteller()


def grounds_in_words(told: Told) -> str:
    """Say what an estimate rests on."""
    words = {
        "own": f"{told.run.runs} own runs of the same kind",
        "declared": "the declared run time",
        "class": f"{told.run.runs} runs of its class"
        if told.run.runs
        else "a public trace: nothing of its class ran yet",
    }
    return words[told.run.grounds]
