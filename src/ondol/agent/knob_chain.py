"""What is known of one node's power limit: which knob holds it, whether it is obeyed, and which ones have failed."""

from __future__ import annotations

import datetime as dt
import math
import threading
from dataclasses import dataclass

from ondol.agent.orders import AlarmNote
from ondol.drivers.ports import WritesPoints, Written
from ondol.model.alarm import Severity
from ondol.model.ids import NodeId
from ondol.model.points import PointKey

SETTLE_S = 5.0
"""Time that a node has to come below a lower limit, where the driver does not tell another one [s]."""

STRIKES = 3
"""Measurements in a row above the limit that make a knob fail."""

RETRY_S = 3600.0
"""Time after which a failed knob is tried again [s]."""

_STEADY_SHARE = 0.05
_LEARN_S = 2.0  # clocks and quotas act at once: the rest is the meter's
_REASON_LONGEST = 200


def allowed_w(cap_w: float) -> float:
    """Highest measured power that still keeps a limit [W]: 5 % more, and 5 W for instruments."""
    return 1.05 * cap_w + 5.0


def is_taken(written: Written) -> bool:
    """Whether the device holds what was written, within 5 % and 5 W: clocks and quotas come in steps."""
    return written.obeyed(allowed_w(written.requested) - written.requested)


def refusal_of(written: Written) -> str:
    """Say for a person how a device did not take a value."""
    reason = f": {written.reason[:_REASON_LONGEST]}" if written.reason else ""
    return (
        f"it holds {_watts(written.accepted)} instead{reason}"
        if written.accepted is not None
        else f"it refused{reason}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnobState:
    """How the limit of a node stands: what was requested, what the device accepted, and what is measured.

    Parameters
    ----------
    requested_w : by the agent; None before the first limit and after release [W]
    written_w : what was asked of the knob: within its reach, and not below idle power [W]
    accepted_w : what the device says that it holds; None where it does not say [W]
    measured_w : by an instrument; None where there is none [W]
    knob : the point that is used, None where all have failed
    failed : knobs that were not obeyed, in order of preference
    reason : why accepted is not requested, or what is wrong; "" where all is well
    """

    node_id: NodeId
    requested_w: float | None
    written_w: float | None
    accepted_w: float | None
    measured_w: float | None
    knob: PointKey | None
    failed: tuple[PointKey, ...] = ()
    reason: str = ""


@dataclass(slots=True, eq=False)
class Knob:
    """One way to limit a node.

    Parameters
    ----------
    failed_at_s : since when it counts as failed [s]; None while it may be used
    failure : how it failed, for a person; kept while it is on probation
    settle_s : time that it has to take effect [s]
    probation : it is tried again after a failure
    """

    key: PointKey
    driver: WritesPoints
    failed_at_s: float | None = None
    failure: str = ""
    settle_s: float = SETTLE_S
    probation: bool = False

    @property
    def name(self) -> str:
        """Point and connection."""
        return f"{self.key} ({self.driver.connection_id})"


class NodeChain:
    """The knobs of one node in order of preference, and what became of the last limit.

    The caller holds `lock` around every call but `state`, and around every change of a field: the loop and the worker
    threads share it.

    Parameters
    ----------
    idle_w, max_w : power of the node with nothing running and at full load [W]
    pace_s : between two readings of its power; one may be that old, and be a mean over as long before [s]
    """

    def __init__(
        self, node_id: NodeId, idle_w: float, max_w: float, knobs: tuple[Knob, ...], *, pace_s: float = 0.0
    ) -> None:
        self.node_id = node_id
        self.idle_w = idle_w
        self.max_w = max_w
        self.knobs = knobs
        self.pace_s = pace_s
        self.lock = threading.Lock()
        self.requested_w: float | None = None
        self.ordered_w: float | None = None
        self.ordered_at_s = 0.0
        self.clock_s = 0.0
        self.measured_w: float | None = None
        self.in_use: Knob | None = None
        self.touched: list[Knob] = []
        self.strikes = 0
        self._kept = 0
        self._counted_at_s = -math.inf
        self._learnt_at_s = -math.inf
        self._written: Written | None = None
        self._unstamped = False
        self._caps: list[tuple[float, float]] = []  # since when [s] which limit [W] is in force
        self._last_now: dt.datetime | None = None

    def advance(self, now: dt.datetime) -> None:
        """Let time pass; a clock that was set back stands still."""
        if self._last_now is not None:
            self.clock_s += max((now - self._last_now).total_seconds(), 0.0)
        self._last_now = now

    def take(self, knob: Knob, written: Written) -> None:
        """Note that a knob holds the limit now."""
        if self.in_use is not knob:
            self._caps = []
            self.strikes = 0
            self._kept = 0
        self.in_use = knob
        if knob not in self.touched:
            self.touched.append(knob)
        self._written = written
        self._unstamped = True

    def fail(self, knob: Knob, asked_w: float, how: str, accepted_w: float | None) -> None:
        """Note that a knob does not do what it was asked for."""
        requested_w = asked_w if self.requested_w is None else self.requested_w
        knob.failed_at_s = self.clock_s
        knob.probation = False
        knob.failure = (
            f"{knob.name} does not limit {self.node_id}: {how} (requested {_watts(requested_w)}, "
            f"written {_watts(asked_w)}, accepted {_watts(accepted_w)}, measured {_watts(self.measured_w)})"
        )
        self.strikes = 0
        self._kept = 0

    def give_up(self, written: Written) -> None:
        """Note that no knob is left."""
        self.in_use = None
        self._written = written
        self._caps = []

    def forget(self) -> None:
        """Begin anew: nothing is in force."""
        self.in_use = None
        self._written = None
        self._caps = []
        self.strikes = 0
        self._kept = 0

    def judge(self) -> bool:
        """Compare the measured power with the limit; True where the knob in use has just failed."""
        knob, written = self.in_use, self._written
        if knob is None or written is None or knob.failed_at_s is not None:
            return False
        if self._unstamped:  # the write took effect somewhere before this step: counted from here, on the safe side
            self._unstamped = False
            self._caps.append((self.clock_s, written.requested))
        bound_w = self._bound_w()
        if bound_w is None or self.clock_s - self._counted_at_s < self.pace_s:  # the same reading counts once
            return False
        self._counted_at_s = self.clock_s
        if self.measured_w is not None and self.measured_w > allowed_w(bound_w):
            self._kept = 0
            self.strikes += 1
            if self.strikes >= STRIKES:
                how = f"it took {_watts(written.accepted)}, but the node draws {_watts(self.measured_w)}"
                self.fail(knob, written.requested, how, written.accepted)
                return True
            return False
        self.strikes = 0
        self._kept += 1
        if knob.probation and self._kept >= STRIKES:
            knob.probation = False
            knob.failure = ""
        return False

    def learnable(self) -> bool:
        """Whether the limit has stood still for so long that the measured power belongs to it."""
        waited_s = _LEARN_S + 2.0 * self.pace_s
        before = [k for k, (since_s, _) in enumerate(self._caps) if since_s <= self.clock_s - waited_s]
        if not before or self.clock_s - self._learnt_at_s < waited_s:
            return False
        caps_w = [cap_w for _, cap_w in self._caps[before[-1] :]]
        return max(caps_w) - min(caps_w) <= _STEADY_SHARE * max(caps_w)

    def note_learnt(self) -> None:
        """Note that the measured power has bettered the knob's map: it was wrong, not the knob."""
        self.strikes = 0
        self._learnt_at_s = self.clock_s

    def forgive(self) -> bool:
        """Let knobs that failed long ago be tried again; True where there is one."""
        tried = False
        for knob in self.knobs:
            if knob.failed_at_s is not None and self.clock_s - knob.failed_at_s >= RETRY_S:
                knob.failed_at_s = None
                knob.probation = True
                tried = True
        return tried

    def notes(self) -> tuple[AlarmNote, ...]:
        """Say what is wrong with the limit."""
        notes = []
        failed = [knob for knob in self.knobs if knob.failed_at_s is not None]
        if failed:
            held = self.in_use is not None and self.in_use.failed_at_s is None
            now = f"now {self.in_use.name} is tried" if held and self.in_use is not None else self._left(failed)
            text = "; ".join(knob.failure for knob in failed)[:700]
            notes.append(self._note("limit-disobeyed", Severity.FAULT, f"{text}; {now}"))
        retried = [knob.name for knob in self.knobs if knob.probation]
        if retried:
            text = f"{', '.join(retried)} failed to limit {self.node_id} an hour ago and is tried again"
            notes.append(self._note("limit-retried", Severity.INFO, text))
        if self._out_of_reach():
            text = f"no knob of {self.node_id} reaches {_watts(self.requested_w)}; it draws {_watts(self.measured_w)}"
            notes.append(self._note("limit-out-of-reach", Severity.WARNING, text))
        return tuple(notes)

    def state(self) -> KnobState:
        """Give requested, accepted and measured power."""
        with self.lock:
            written = self._written if self.requested_w is not None else None
            failed = tuple(knob for knob in self.knobs if knob.failed_at_s is not None)
            reason = "" if written is None else written.reason
            return KnobState(
                node_id=self.node_id,
                requested_w=self.requested_w,
                written_w=None if written is None else written.requested,
                accepted_w=None if written is None else written.accepted,
                measured_w=self.measured_w,
                knob=None if self.in_use is None else self.in_use.key,
                failed=tuple(knob.key for knob in failed),
                reason=reason or (failed[0].failure if failed else ""),
            )

    def _bound_w(self) -> float | None:
        """Highest limit that was in force during the settling time; None where there was none all the while [W]."""
        settle_s = SETTLE_S if self.in_use is None else self.in_use.settle_s
        begin_s = self.clock_s - settle_s - 2.0 * self.pace_s
        before = [k for k, (since_s, _) in enumerate(self._caps) if since_s <= begin_s]
        if not before:
            return None
        self._caps = self._caps[before[-1] :]
        return max(cap_w for _, cap_w in self._caps)

    def _out_of_reach(self) -> bool:
        if self.requested_w is None or self.measured_w is None or self._written is None or self._bound_w() is None:
            return False
        wanted_w = allowed_w(max(self.requested_w, self.idle_w))
        return self._written.requested > wanted_w and self.measured_w > wanted_w

    def _left(self, failed: list[Knob]) -> str:
        if len(failed) < len(self.knobs):
            return "the next knob is tried"
        return "no knob is left: stop its work or switch it off; all are tried again after an hour"

    def _note(self, code: str, severity: Severity, text: str) -> AlarmNote:
        return AlarmNote(entity_id=self.node_id, code=code, severity=severity, text=text)


def _watts(power_w: float | None) -> str:
    return "nothing" if power_w is None else f"{power_w:.0f} W"
