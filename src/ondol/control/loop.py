"""The loop: senses, decides, acts and writes down, tick by tick.

A tick may come at any time. Attempts and transfers are looked at on every tick; power, heat and temperatures on every
sample (a wall second or so, since CPU counters need some time to say anything); the policy decides when something
happened, or after `PLACE_S` of platform time.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from ondol.agent.orders import NodeStatus
from ondol.control.caps import apply_caps
from ondol.control.hands import Hands
from ondol.control.heat_book import HeatBook
from ondol.control.metering import MeterBook
from ondol.control.node_book import NodeBook
from ondol.control.ports import DecisionLine
from ondol.control.record import TickWriter
from ondol.control.request_book import RequestBook
from ondol.control.sites import Sites
from ondol.control.works import Works
from ondol.control.world import World
from ondol.engine.ports import AttemptReport, Engine, RunState
from ondol.lifecycle.events import (
    AttemptReported,
    EndSeen,
    PauseDecided,
    ResumeDecided,
    RunSeen,
    StartDecided,
    StopDecided,
)
from ondol.lifecycle.instructions import Instruction, ReleaseAttempt
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.decision import Action, Decision, Pause, Resume, SetPower, Start, Stop, Wait
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, InstanceId, NodeId, TaskId, UnitId
from ondol.model.view import ServiceClass
from ondol.policy.contract import Policy
from ondol.storage.ports import Changes, Store

_log = logging.getLogger(__name__)
PLACE_S = 30.0  # the policy is asked at least this often [s, platform]
REMIND_S = 60.0  # works are told this often that time passes: what bore no fruit is asked for again [s, platform]
WINDOW_S = 60.0  # length of a ledger window [s, platform]
LINES = 200  # decisions kept for the screen
_ENCODER = msgspec.json.Encoder(order="deterministic")


class Loop:
    """One platform's loop over its parts.

    Parameters
    ----------
    now_s : platform time [s since the epoch]
    sample_wall_s : least wall time between samples [s]
    documents : small states of the parts that are written with every ledger window, by key
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        works: Works,
        engine: Engine,
        hands: Hands,
        sites: Sites,
        world: World,
        meter: MeterBook,
        heat: HeatBook,
        policy: Policy[Any],
        memory: Any,  # each policy has its own
        now_s: Callable[[], float],
        clock_rate: float,
        sample_wall_s: float = 1.0,
        nodes: NodeBook | None = None,
        recorder: TickWriter | None = None,
        documents: Callable[[], dict[str, bytes]] = dict,
    ) -> None:
        self._fleet, self._store, self._works, self._engine = fleet, store, works, engine
        self._hands, self._sites, self._world = hands, sites, world
        self._meter, self._heat = meter, heat
        self._policy, self._memory = policy, memory
        self._now_s, self._sample_s = now_s, sample_wall_s * clock_rate
        self._recorder, self._documents = recorder, documents
        self._nodes = {node.id: node for node in fleet.nodes}
        self.nodes = nodes or NodeBook(fleet)
        self.requests = RequestBook(fleet, _utc(now_s()))
        self._floors: dict[UnitId, float] = {}
        self._fed: dict[AttemptId, tuple[RunState, object]] = {}
        self._held: dict[AttemptId, tuple[Task, Attempt]] = {
            attempt.id: (work.task, attempt) for work, _, attempt in works.under_way()
        }
        self._outbox: deque[tuple[Changes, tuple[Instruction, ...]]] = deque()
        self._caps: dict[AttemptId, float] = {}
        self._sampled_s = float("-inf")
        self._decided_s = float("-inf")
        self._reminded_s = float("-inf")
        self._dirty = True
        self.reports: dict[AttemptId, AttemptReport] = {}
        self.power_w: dict[NodeId, float] = {}
        self.lines: deque[DecisionLine] = deque(maxlen=LINES)
        self.wake = threading.Event()

    # -- what others may call, under `works.lock` --

    def stir(self) -> None:
        """Something changed from outside: the next tick comes at once and decides."""
        self._dirty = True
        self.wake.set()

    def flush(self, *, close_window: bool = False) -> None:
        """Write all that changed, then do what follows from it.

        Raises UnavailableError where nothing can be written; what was to be written is kept for the next time.
        """
        changes, instructions = self._works.take_changes()
        self._hold(changes)
        if close_window:
            changes = self._with_window(changes)
        if changes or instructions:
            self._outbox.append((changes, instructions))
            self._dirty |= bool(changes.tasks or changes.instances or changes.attempts)
        while self._outbox:
            changes, instructions = self._outbox[0]
            self._store.commit(changes)
            self._outbox.popleft()
            for instruction in instructions:
                self._carry_out(instruction)
            self._works.drop_closed(instructions)

    def begin(self) -> None:
        """Take up what an earlier life left: adopt what still runs, then do again what may not have been done."""
        with self._works.lock:
            self._look(_utc(self._now_s()))
            self.flush()
            for instruction in self._works.pending():
                self._carry_out(instruction)

    def tick(self, *, close_window: bool = False) -> None:
        """One turn of the loop; `close_window` ends the ledger's window even where it is short."""
        with self._works.lock:
            now_s = self._now_s()
            now = _utc(now_s)
            ended = self._look(now)
            if now_s - self._reminded_s >= REMIND_S:
                self._works.remind(now)
                self._reminded_s = now_s
            if now_s - self._sampled_s >= self._sample_s or ended or close_window:
                self._sample(now_s)
            if self._dirty or now_s - self._decided_s >= PLACE_S:
                self._decide(now_s)
            try:
                self.flush(close_window=close_window or ended or self._meter.window_s >= WINDOW_S)
            except UnavailableError as error:
                _log.error("nothing can be written, trying again: %s", error)

    # -- sensing --

    def _look(self, now: dt.datetime) -> bool:
        """Feed outcomes of transfers and what the engine says into the works; True where an attempt ended."""
        self._engine.keep_alive()
        self.reports = {report.attempt_id: report for report in self._engine.poll()}
        for outcome in self._hands.collect():
            # Seen now, so it happened now: a slot must not be given away before the moment it was freed.
            seen = dataclasses.replace(outcome, at=now)
            self._dirty |= self._works.apply(TaskId(outcome.attempt_id.split(".", 1)[0]), seen)
        ended = False
        for attempt_id, report in self.reports.items():
            key = (report.state, report.cause)
            if self._fed.get(attempt_id) == key:
                continue
            found = self._works.find(attempt_id)
            if found is None or found[1].state.final:
                self._let_go(report)
                continue
            self._fed[attempt_id] = key
            self._dirty = True
            ended |= report.state is RunState.ENDED
            self._works.apply(found[0].task.id, _reported(report, now))
        self._look_for_lost(now)
        return ended

    def _let_go(self, report: AttemptReport) -> None:
        """Free what the engine holds of an attempt that was over when the platform was killed."""
        attempt_id = report.attempt_id
        if report.state is not RunState.ENDED:
            self._engine.stop(attempt_id, 0.0)
            return
        task_id = TaskId(attempt_id.split(".", 1)[0])
        known = [attempt for attempt in self._store.attempts(task_id) if attempt.id == attempt_id]
        if known:
            over = [instance for instance in self._store.instances(task_id) if instance.id == known[0].instance_id]
            self._hands.let_go(known[0], instance_over=bool(over) and over[0].state.final)
        else:
            self._engine.release(attempt_id)

    def _look_for_lost(self, now: dt.datetime) -> None:
        for work, _, attempt in list(self._works.under_way()):
            ran = attempt.state in (AttemptState.RUNNING, AttemptState.PAUSED, AttemptState.STOPPING)
            if ran and attempt.id not in self.reports:
                lost = AttemptReported(
                    at=now,
                    attempt_id=attempt.id,
                    state=RunSeen.ENDED,
                    cause=EndSeen.LOST,
                    cpu_s=attempt.cpu_s,
                    message="Nothing of it was found any more after a restart.",
                )
                self._works.apply(work.task.id, lost)

    def _sample(self, now_s: float) -> None:
        span_s = now_s - self._sampled_s if self._sampled_s > 0 else 0.0
        cpu_s = {attempt_id: report.cpu_s for attempt_id, report in self.reports.items()}
        node_of = {attempt_id: report.node_id for attempt_id, report in self.reports.items()}
        metered_s = self._meter.window_s
        power_w = self._meter.sample(now_s, cpu_s, node_of)
        metered_s = self._meter.window_s - metered_s
        if not power_w:
            return
        self.power_w = power_w
        energy_j = {node_id: power * metered_s for node_id, power in power_w.items()}
        orders = self._sites.step(_utc(now_s), energy_j, self.node_status(), self._floors)
        self.requests.sample(_utc(now_s), orders)
        self._heat.sample(max(span_s, metered_s), orders, energy_j, self._sites.units.values())
        apply_caps(self._engine, self._nodes, orders, self._running(), self._caps)
        self._sampled_s = now_s

    def _running(self) -> dict[NodeId, list[Attempt]]:
        running: dict[NodeId, list[Attempt]] = {}
        for _, _, attempt in self._works.under_way():
            if attempt.state is AttemptState.RUNNING:
                running.setdefault(attempt.node_id, []).append(attempt)
        return running

    def node_status(self) -> list[NodeStatus]:
        """What is known of every node, by id."""
        service: dict[NodeId, ServiceClass] = {}
        busy: dict[NodeId, int] = {}
        for work, _, attempt in self._works.under_way():
            if attempt.state is AttemptState.RUNNING:
                busy[attempt.node_id] = busy.get(attempt.node_id, 0) + 1
                service[attempt.node_id] = min(service.get(attempt.node_id, ServiceClass.FILLER), work.task.service)
        return [
            NodeStatus(
                node_id=node.id,
                power_w=self.power_w.get(node.id, node.curve.idle_w),
                busy_slots=busy.get(node.id, 0),
                service=service.get(node.id),
                healthy=self.nodes.works(node.id),
            )
            for node in self._fleet.nodes
        ]

    # -- deciding --

    def _decide(self, now_s: float) -> None:
        if not self._sites.orders:
            return
        cpu_s = {attempt_id: report.cpu_s for attempt_id, report in self.reports.items()}
        view = self._world.view(now_s, self._sites.orders, self._works, cpu_s, self.nodes.accepts)
        before = self._memory
        decision, self._memory = self._policy.decide(view, before)
        if self._recorder is not None:
            self._recorder.write(self._policy.name, view, before, decision)
        self._apply(decision, _utc(now_s))
        self._decided_s = now_s
        self._dirty = False

    def _apply(self, decision: Decision, now: dt.datetime) -> None:
        self._floors = {action.unit_id: action.power_w for action in decision if isinstance(action, SetPower)}
        for action in decision:
            self._note(action, now)
            match action:
                case Start(instance_id, node_id, reason):
                    event: Any = StartDecided(at=now, instance_id=instance_id, node_id=node_id, reason=reason)
                case Stop(instance_id, reason):
                    event = StopDecided(at=now, instance_id=instance_id, reason=reason)
                case Pause(instance_id, reason):
                    event = PauseDecided(at=now, instance_id=instance_id, reason=reason)
                case Resume(instance_id, reason):
                    event = ResumeDecided(at=now, instance_id=instance_id, reason=reason)
                case _:
                    continue
            self._works.apply(task_of(instance_id), event)

    def _note(self, action: Action, now: dt.datetime) -> None:
        match action:
            case SetPower(unit_id, power_w, reason):
                subject = f"{unit_id} ≥ {power_w:.0f} W"
            case Start(instance_id, node_id, reason):
                subject = f"{instance_id} → {node_id}"
            case Wait(instance_ids, reason):
                subject = f"{len(instance_ids)} instances" if len(instance_ids) != 1 else instance_ids[0]
            case _:
                subject, reason = action.instance_id, action.reason
        line = DecisionLine(at=now, action=type(action).__name__, subject=subject, reason=reason)
        repeats = isinstance(action, (SetPower, Wait))
        if not (repeats and any((o.action, o.reason) == (line.action, line.reason) for o in self.lines)):
            self.lines.append(line)

    # -- writing down --

    def _hold(self, changes: Changes) -> None:
        """Remember who held a slot in the open window."""
        for attempt in changes.attempts:
            work = self._works.get(attempt.task_id)
            if work is not None:
                self._held[attempt.id] = (work.task, attempt)
        # Attempts of deleted tasks are not among the changes: their end is in the work, which leaves memory after this.
        for key, (task, _) in list(self._held.items()):
            work = self._works.get(task.id) if task.id in changes.deleted_tasks else None
            last = None if work is None else work.attempt(key)
            if work is not None and last is not None:
                self._held[key] = (work.task, last)

    def _with_window(self, changes: Changes) -> Changes:
        """Close the ledger's window and write it in the same transaction as the changes."""
        energy, counters = self._meter.close(self._held.values())
        if not energy:
            return changes
        heat, heat_counters = self._heat.close(energy[0].start, energy[0].end, self._sites.units.values())
        self._held = {key: held for key, held in self._held.items() if not held[1].state.final}
        documents = {
            "meter": _ENCODER.encode(counters),
            "heat": _ENCODER.encode(heat_counters),
            f"policy.{self._policy.name}": msgspec.msgpack.encode(self._memory),
            **self._documents(),
        }
        return dataclasses.replace(changes, ledger=(*energy, *heat), documents=documents)

    def _carry_out(self, instruction: Instruction) -> None:
        self._hands.do(instruction)
        if isinstance(instruction, ReleaseAttempt):
            self._fed.pop(instruction.attempt_id, None)
            self._caps.pop(instruction.attempt_id, None)
            self._meter.forget(instruction.attempt_id)


def task_of(instance_id: InstanceId) -> TaskId:
    """Give the task that an instance belongs to."""
    return TaskId(instance_id.partition("/")[0])


def _reported(report: AttemptReport, now: dt.datetime) -> AttemptReported:
    return AttemptReported(
        at=now,
        attempt_id=report.attempt_id,
        state=RunSeen(report.state.value),
        cause=None if report.cause is None else EndSeen(report.cause.value),
        exit_code=report.exit_code,
        cpu_s=report.cpu_s,
        memory_peak_bytes=report.memory_peak_bytes,
        message=report.message,
    )


def _utc(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
