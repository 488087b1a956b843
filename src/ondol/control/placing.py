"""Asks the policy, turns its decision into events for the works, and keeps the last reasons for the screen."""

from __future__ import annotations

import datetime as dt
import heapq
from collections import deque
from typing import Any

import msgspec

from ondol.control.ports import DecisionLine
from ondol.control.record import TickWriter
from ondol.control.works import Works
from ondol.lifecycle.events import PauseDecided, ResumeDecided, StartDecided, StopDecided
from ondol.model.decision import Action, Decision, Pause, Resume, SetPower, Start, Stop, Wait
from ondol.model.ids import UnitId, task_of
from ondol.model.view import View
from ondol.policy.contract import Policy

LINES = 200  # decisions kept for the screen
POWERS = 50  # of these at most for what units may draw: a fleet's would leave no room for starts and stops


class Placing:
    """A policy with its memory at work.

    Parameters
    ----------
    memory : of an earlier life, or the policy's fresh one
    recorder : where ticks are recorded for replay, None for nowhere

    `floors` are the watts that the last decision asked for beyond the thermostats, by unit.
    """

    def __init__(self, works: Works, policy: Policy[Any], memory: Any, recorder: TickWriter | None) -> None:
        self._works, self._policy, self._memory, self._recorder = works, policy, memory, recorder
        self.floors: dict[UnitId, float] = {}
        self._lines: deque[DecisionLine] = deque(maxlen=LINES - POWERS)
        self._powers: deque[DecisionLine] = deque(maxlen=POWERS)
        self._power_reasons: dict[UnitId, str] = {}  # no more than the fleet has units

    @property
    def lines(self) -> tuple[DecisionLine, ...]:
        """The last decisions, the oldest first; of powers those whose reason changed."""
        return tuple(heapq.merge(self._powers, self._lines, key=lambda line: line.at))

    def decide(self, view: View, withheld: tuple[Wait, ...] = ()) -> None:
        """Decide on a view, record the tick, and tell the works.

        Parameters
        ----------
        withheld : why work that the view leaves out waits; noted with the decision
        """
        before = self._memory
        decision, self._memory = self._policy.decide(view, before)
        if self._recorder is not None:
            self._recorder.write(self._policy.name, view, before, decision)
        self._apply(decision, view.now)
        for wait in withheld:
            self._note(wait, view.now)

    def documents(self) -> dict[str, bytes]:
        """What must outlive the platform."""
        return {f"policy.{self._policy.name}": msgspec.msgpack.encode(self._memory)}

    def _apply(self, decision: Decision, now: dt.datetime) -> None:
        self.floors = {action.unit_id: action.power_w for action in decision if isinstance(action, SetPower)}
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
                if self._power_reasons.get(unit_id) != reason:
                    self._power_reasons[unit_id] = reason
                    subject = f"{unit_id} ≥ {power_w:.0f} W"
                    self._powers.append(DecisionLine(at=now, action="SetPower", subject=subject, reason=reason))
                return
            case Start(instance_id, node_id, reason):
                subject = f"{instance_id} → {node_id}"
            case Wait(instance_ids, reason):
                subject = f"{len(instance_ids)} instances" if len(instance_ids) != 1 else instance_ids[0]
            case _:
                subject, reason = action.instance_id, action.reason
        line = DecisionLine(at=now, action=type(action).__name__, subject=subject, reason=reason)
        repeats = isinstance(action, Wait)
        if not (repeats and any((o.action, o.reason) == (line.action, line.reason) for o in self._lines)):
            self._lines.append(line)
