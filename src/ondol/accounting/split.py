"""How the measured energy of one node over one window is shared among the attempts that were on it.

A rule takes a `NodeWindow` and its `AttemptUse`s and gives `Piece`s whose sum is the node's energy. Rules differ in
what they need to know; `split_rules.RULES` holds them by name, and a statement names the rule it was made with.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import Share

_SLACK = 1e-6  # relative: slot-seconds come from clock readings, a microsecond of overlap is no double booking


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWindow:
    """What was measured on one node over one window.

    Parameters
    ----------
    start, end : the window, start < end, platform time
    energy_j : measured (or modelled) electricity of the node, ≥ 0 [J]
    idle_w : power with nothing running, ≥ 0 [W]
    slots : instances that may run at once, 1 to 1024
    package_j, dram_j : of processor packages and of memory, where counters tell them (RAPL) [J]
    cards_j : of that energy, what each graphics card took by its own counter [J]
    """

    site_id: SiteId
    unit_id: UnitId
    node_id: NodeId
    start: dt.datetime
    end: dt.datetime
    energy_j: float
    idle_w: float
    slots: int = 1
    package_j: float | None = None
    dram_j: float | None = None
    cards_j: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise InvalidFieldError("window.start", self.start, "an aware time (UTC)")
        if not self.start < self.end:
            raise InvalidFieldError("window.end", self.end, f"after the start, {self.start.isoformat()}")
        check_range("window.energy_j", self.energy_j, 0.0, 1e18, "J")
        check_range("window.idle_w", self.idle_w, 0.0, 20_000.0, "W")
        check_whole("window.slots", self.slots, 1, 1024)
        for name in ("package_j", "dram_j"):
            if getattr(self, name) is not None:
                check_range(f"window.{name}", getattr(self, name), 0.0, 1e18, "J")
        for card, card_j in self.cards_j.items():
            check_range(f"window.cards_j[{card}]", card_j, 0.0, 1e18, "J")
        if math.fsum(self.cards_j.values()) > self.energy_j * (1.0 + _SLACK):
            raise InvalidFieldError(
                "window.cards_j", sum(self.cards_j.values()), f"at most the node's {self.energy_j} J"
            )

    @property
    def seconds(self) -> float:
        """Length of the window [s]."""
        return (self.end - self.start).total_seconds()

    @property
    def host_j(self) -> float:
        """Energy without that of graphics cards that were measured by themselves [J]."""
        return max(0.0, self.energy_j - math.fsum(self.cards_j.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptUse:
    """What one attempt took of a node in a window.

    Parameters
    ----------
    share : JOB for a user's work, HEAT_ONLY for filler that the heat pays
    cpu_s : CPU seconds used in the window, ≥ 0
    slots : slots that it held
    held_s : how long it held them within the window [s]; None for all of it
    memory_bytes : resident memory, mean over the window; None where nothing tells it
    cards : graphics cards that it held
    """

    attempt_id: AttemptId
    instance_id: InstanceId
    task_id: TaskId
    account_id: AccountId
    cpu_s: float
    share: Share = Share.JOB
    slots: int = 1
    held_s: float | None = None
    memory_bytes: float | None = None
    cards: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.share not in (Share.JOB, Share.HEAT_ONLY):
            raise InvalidFieldError("use.share", self.share.value, "job or heat_only; the rest is for the rule to find")
        check_range("use.cpu_s", self.cpu_s, 0.0, 1e12, "s")
        check_whole("use.slots", self.slots, 1, 1024)
        if self.held_s is not None:
            check_range("use.held_s", self.held_s, 0.0, 1e12, "s")
        if self.memory_bytes is not None:
            check_range("use.memory_bytes", self.memory_bytes, 0.0, 1e18, "bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a node's energy; `use` is None for the idle share."""

    share: Share
    energy_j: float
    use: AttemptUse | None = None


class SplitRule(Protocol):
    """A named way to share a node's energy; the pieces sum to the node's energy to 1e-9 relative."""

    @property
    def name(self) -> str:
        """Name shown in statements."""
        ...

    def split(self, window: NodeWindow, uses: Sequence[AttemptUse]) -> tuple[Piece, ...]:
        """Share the window's energy; pieces by attempt id, the idle piece last."""
        ...


@dataclass(frozen=True, slots=True)
class CpuTimeRule:
    """Dynamic energy by CPU time, idle energy by reserved slots, unreserved idle to the IDLE share.

    With E_idle = min(idle_w·T, E), an attempt gets (E − E_idle)·cpu/Σcpu + E_idle·(slots·held)/(slots of the node·T)
    (`reference/footprint.md` §3.4; reserved hardware counts by ISO/IEC 21031 SCI). Where no attempt used CPU time, the
    dynamic energy is nobody's work and goes the way of the idle energy. What a graphics card took by its own counter is
    its holder's, see `card_joules`; E is the rest.
    """

    name: ClassVar[str] = "dynamic by CPU time, idle by reserved slots"

    def split(self, window: NodeWindow, uses: Sequence[AttemptUse]) -> tuple[Piece, ...]:
        """Share the window's energy; see `SplitRule`. Refuses more slot-seconds than the node has."""
        ordered = by_attempt(uses)
        reserved = [_slot_seconds(window, use) for use in ordered]
        capacity = window.slots * window.seconds
        taken = math.fsum(reserved)
        if taken > capacity * (1.0 + _SLACK):
            raise InvalidFieldError(
                f"uses[{window.node_id}].held_s",
                taken,
                f"at most {capacity:g} slot-seconds ({window.slots} slots over {window.seconds:g} s) together",
            )
        capacity = max(capacity, taken)
        cpu_total = math.fsum(use.cpu_s for use in ordered)
        cards_j = card_joules(window, ordered)
        idle_j = min(window.idle_w * window.seconds, window.host_j) if cpu_total > 0 else window.host_j
        dynamic_j = window.host_j - idle_j
        pieces = [
            Piece(
                share=use.share,
                energy_j=idle_j * (slot_s / capacity)
                + (dynamic_j * (use.cpu_s / cpu_total) if cpu_total > 0 else 0.0)
                + card_j,
                use=use,
            )
            for use, slot_s, card_j in zip(ordered, reserved, cards_j, strict=True)
        ]
        free = capacity - taken
        unheld_j = max(0.0, math.fsum([*window.cards_j.values(), *(-card_j for card_j in cards_j)]))
        if free > capacity * 1e-12 or unheld_j > 0 or not pieces:
            pieces.append(Piece(share=Share.IDLE, energy_j=idle_j * (max(0.0, free) / capacity) + unheld_j))
        return conserve(pieces, window.energy_j)


def card_joules(window: NodeWindow, uses: Sequence[AttemptUse]) -> list[float]:
    """What of the graphics cards' measured energy is each attempt's [J]: its card's, for the part of the window held.

    Raises InvalidFieldError for a card that was not measured, or that two held at once.
    """
    held: dict[str, float] = {}
    found: list[float] = []
    for use in uses:
        part = (window.seconds if use.held_s is None else min(use.held_s, window.seconds)) / window.seconds
        for card in use.cards:
            if card not in window.cards_j:
                raise InvalidFieldError(f"uses[{use.attempt_id}].cards", card, "one whose energy was measured")
            held[card] = held.get(card, 0.0) + part
            if held[card] > 1.0 + _SLACK:
                raise InvalidFieldError(f"uses[{use.attempt_id}].cards", card, "held by one attempt at a time")
        found.append(math.fsum(window.cards_j[card] * part for card in use.cards))
    return found


def conserve(pieces: Sequence[Piece], energy_j: float) -> tuple[Piece, ...]:
    """Give the float residual to the largest piece (first of equals), so that the pieces sum to `energy_j` [J].

    Raises InvalidFieldError where the residual is more than rounding: then the rule itself does not conserve.
    """
    if not pieces:
        raise InvalidFieldError("pieces", pieces, "at least one piece, so that the node's energy has an owner")
    residual_j = math.fsum([energy_j, *(-piece.energy_j for piece in pieces)])
    if abs(residual_j) > 1e-9 * max(energy_j, 1e-12):
        raise InvalidFieldError("pieces.energy_j", energy_j - residual_j, f"a sum of {energy_j!r} J to 1e-9")
    largest = max(range(len(pieces)), key=lambda row: (pieces[row].energy_j, -row))
    mended = list(pieces)
    mended[largest] = replace(mended[largest], energy_j=max(0.0, mended[largest].energy_j + residual_j))
    return tuple(mended)


def by_attempt(uses: Sequence[AttemptUse]) -> list[AttemptUse]:
    """Put uses in the order of their attempts; refuses one that is named twice."""
    ordered = sorted(uses, key=lambda use: use.attempt_id)
    for one, other in itertools.pairwise(ordered):
        if one.attempt_id == other.attempt_id:
            raise InvalidFieldError("uses.attempt_id", one.attempt_id, "named once only, or its joules count twice")
    return ordered


def held_seconds(window: NodeWindow, use: AttemptUse) -> float:
    """How long an attempt was there [s]; refused where that is longer than the window."""
    held_s = window.seconds if use.held_s is None else use.held_s
    if held_s > window.seconds * (1.0 + _SLACK):
        raise InvalidFieldError(f"uses[{use.attempt_id}].held_s", held_s, f"at most the window's {window.seconds:g} s")
    return held_s


def _slot_seconds(window: NodeWindow, use: AttemptUse) -> float:
    return use.slots * held_seconds(window, use)
