"""Chooses which nodes of a unit are hot: a sigma-delta modulator over nodes, sparing with changes.

The unit's watts are given by whole nodes; what is owed (watts times time) builds up until it is worth a change. With
`partial` one more node takes the remainder under a power cap, so that changes come only when a node is full or empty.
Pattern: hysteresis with minimum times, ≤ 6 restarts an hour a unit (`reference/heat.md` §2.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ondol.model.ids import NodeId

_OWED_SHARE = 0.65  # of a node's range over min_on_s: owed this much, a change is worth it
_DEADBAND = 0.1  # of a node's range
_HOUR_S = 3600.0
IDLE_URGENCY = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeat:
    """A node as the modulator sees it.

    Parameters
    ----------
    idle_w, max_w : ends of its power curve [W]
    reach_w : what its present work draws when nothing holds it, idle_w to max_w [W]
    busy : whether a job runs on it; an idle node gives no heat
    urgency : 0 most urgent; `IDLE_URGENCY` for a node without work
    """

    node_id: NodeId
    idle_w: float
    max_w: float
    reach_w: float
    busy: bool
    urgency: int

    @property
    def range_w(self) -> float:
        """What it adds when it is hot [W]."""
        return max(self.reach_w - self.idle_w, 0.01 * (self.max_w - self.idle_w))


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRules:
    """How sparing to be.

    Parameters
    ----------
    min_on_s, min_off_s : least time between changes of a busy node [s]
    restarts_per_hour : of nodes that were held back while they had work, per unit
    partial : whether one node may take the remainder under a cap
    """

    min_on_s: float = 600.0
    min_off_s: float = 600.0
    restarts_per_hour: int = 6
    partial: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchMemory:
    """What is kept of a unit's switching; all of it is JSON.

    Parameters
    ----------
    hot_since_s : when each hot node became so [s since the epoch]
    held_since_s : when each busy node was turned cold [s since the epoch]
    restarts_s : when held nodes were made hot again, within the last hour
    owed_j : heat asked for less heat given, bounded [J]
    """

    hot_since_s: Mapping[NodeId, float] = field(default_factory=dict)
    held_since_s: Mapping[NodeId, float] = field(default_factory=dict)
    restarts_s: tuple[float, ...] = ()
    owed_j: float = 0.0


class _Round:
    """One round of choosing; mutable inside `choose_hot` only."""

    def __init__(self, now_s: float, seats: Sequence[NodeSeat], memory: SwitchMemory, rules: SwitchRules) -> None:
        self.now_s, self.rules = now_s, rules
        known = {seat.node_id for seat in seats}
        self.hot = {i: s for i, s in memory.hot_since_s.items() if i in known}
        self.held = {i: s for i, s in memory.held_since_s.items() if i in known}
        self.restarts = tuple(s for s in memory.restarts_s if now_s - _HOUR_S < s <= now_s)
        self.busy = [seat for seat in seats if seat.busy]
        for seat in seats:
            if not seat.busy:  # nothing runs there: nothing is spared by waiting
                self.held.pop(seat.node_id, None)

    def given_w(self) -> float:
        return sum(seat.range_w for seat in self.busy if seat.node_id in self.hot)

    def openable(self, *, forced: bool) -> NodeSeat | None:
        """The next node to make hot: urgent first, then the one that rested longest."""
        cold = [seat for seat in self.busy if seat.node_id not in self.hot and (forced or self._may_restart(seat))]
        return min(cold, key=lambda s: (s.urgency, self.held.get(s.node_id, 0.0), s.node_id), default=None)

    def closable(self) -> NodeSeat | None:
        """The next node to turn cold: least urgent first, then the one that was hot longest."""
        done = [
            seat
            for seat in self.busy
            if seat.node_id in self.hot and self.now_s - self.hot[seat.node_id] >= self.rules.min_on_s
        ]
        return max(done, key=lambda s: (s.urgency, -self.hot[s.node_id], s.node_id), default=None)

    def open(self, seat: NodeSeat) -> None:
        if self.held.pop(seat.node_id, None) is not None:
            self.restarts = (*self.restarts, self.now_s)
        self.hot[seat.node_id] = self.now_s

    def close(self, seat: NodeSeat) -> None:
        del self.hot[seat.node_id]
        self.held[seat.node_id] = self.now_s

    def _may_restart(self, seat: NodeSeat) -> bool:
        held_s = self.held.get(seat.node_id)
        if held_s is None:
            return True
        return self.now_s - held_s >= self.rules.min_off_s and len(self.restarts) < self.rules.restarts_per_hour


def choose_hot(
    now_s: float,
    dt_s: float,
    *,
    extra_w: float,
    forced_w: float,
    seats: Sequence[NodeSeat],
    memory: SwitchMemory,
    rules: SwitchRules,
) -> tuple[frozenset[NodeId], SwitchMemory]:
    """Choose the nodes that are hot until the next step.

    Parameters
    ----------
    now_s : seconds since the epoch
    dt_s : since the last step, ≥ 0 [s]
    extra_w : power asked for beyond the idle power of all nodes [W]
    forced_w : part of it that may not wait for any rule: work that cannot wait [W]
    seats : nodes that may work; those left out are cold

    Returns
    -------
    ids of hot nodes (idle ones among them are open for the next job), and the memory
    """
    turn = _Round(now_s, seats, memory, rules)
    busy_ids = {seat.node_id for seat in turn.busy}
    for node_id in [i for i in turn.hot if i not in busy_ids]:
        del turn.hot[node_id]
    owed_j = memory.owed_j + (extra_w - _supplied_w(turn.given_w(), extra_w, rules)) * dt_s
    owed_j = _open_some(turn, extra_w, forced_w, owed_j)
    owed_j = _close_some(turn, extra_w, forced_w, owed_j)
    bound_j = max((seat.range_w for seat in turn.busy), default=0.0) * rules.min_on_s
    owed_j = min(max(owed_j, -bound_j), bound_j)
    new = replace(memory, hot_since_s=turn.hot, held_since_s=turn.held, restarts_s=turn.restarts, owed_j=owed_j)
    return frozenset(turn.hot) | _open_idle(turn, extra_w, seats), new


def _supplied_w(given_w: float, extra_w: float, rules: SwitchRules) -> float:
    return min(given_w, max(extra_w, 0.0)) if rules.partial else given_w


def _open_some(turn: _Round, extra_w: float, forced_w: float, owed_j: float) -> float:
    while (seat := turn.openable(forced=turn.given_w() < forced_w)) is not None:
        short_w = extra_w - turn.given_w()
        quantum_j = _OWED_SHARE * seat.range_w * turn.rules.min_on_s
        margin_w = seat.range_w * (_DEADBAND if turn.rules.partial else 1.0)
        if turn.given_w() < forced_w or short_w >= margin_w:
            turn.open(seat)
        elif owed_j > quantum_j and short_w > 0:
            turn.open(seat)
            owed_j -= quantum_j if turn.rules.partial else 0.0
            break
        else:
            break
    return owed_j


def _close_some(turn: _Round, extra_w: float, forced_w: float, owed_j: float) -> float:
    while (seat := turn.closable()) is not None:
        left_w = turn.given_w() - seat.range_w
        if left_w < forced_w - 1e-9:
            break
        over_w = turn.given_w() - extra_w
        margin_w = seat.range_w * (1.0 + _DEADBAND if turn.rules.partial else 1.0)
        empty = extra_w <= 0.02 * seat.range_w
        if over_w >= margin_w or empty:
            turn.close(seat)
        elif not turn.rules.partial and owed_j < -_OWED_SHARE * seat.range_w * turn.rules.min_on_s and over_w > 0:
            turn.close(seat)
            break
        else:
            break
    return owed_j


def _open_idle(turn: _Round, extra_w: float, seats: Sequence[NodeSeat]) -> frozenset[NodeId]:
    """Idle nodes that stand ready for work while the busy ones cannot give what is asked."""
    short_w = extra_w - sum(seat.range_w for seat in turn.busy)
    ready: set[NodeId] = set()
    for seat in sorted((seat for seat in seats if not seat.busy), key=lambda seat: seat.node_id):
        if short_w <= 0.02 * seat.range_w:
            break
        ready.add(seat.node_id)
        short_w -= seat.range_w
    return frozenset(ready)
