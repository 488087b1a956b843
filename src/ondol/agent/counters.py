"""One heat that only rises, out of meters that roll over, are exchanged, run backwards or jump."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ondol.agent.orders import AlarmNote
from ondol.model.alarm import Severity
from ondol.model.checks import check_range
from ondol.model.points import PointReading

MARGIN = 1.5
"""Heat that is believed, over what the units could have given: a class 3 meter of EN 1434-1 errs by up to 10 % at its
least flow and temperature difference, and name plates by more."""
SLACK_S = 60.0  # a reading is as old as its poll: two may lie so much further apart than their times say
CONFIRM_COUNT = 3  # as many readings must agree before a meter is taken for another one
CONFIRM_S = 60.0
TOLD_S = 86_400.0  # an exchange or a jump is told for a day
_RELATIVE_JITTER = 2e-7  # a 32-bit float has 24 bits: neighbours are 1.2e-7 apart
BACKWARDS_COUNT = 3  # falls in a row by which a meter counts backwards
_LONGEST_HANG_S = 86_400.0
_LEAST_REGISTER = 20.0  # a register that is learnt is so many times longer than the step over its end

_DIGITS = tuple(10.0**k for k in range(3, 19))
_BITS = tuple(2.0**bits * 10.0**k for bits in (15, 16, 24, 31, 32) for k in range(-3, 10))
REGISTERS_J = tuple(sorted({base * size for base in (1.0, 3.6) for size in (*_DIGITS, *_BITS)}))
"""Where registers of heat meters end [J]: decimal digits, 15, 16, 24, 31 or 32 bits, of J or Wh and their tenfolds.

EN 1434-1 has energy shown in J, Wh or their decimal multiples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRules:
    """What is possible at a meter.

    Parameters
    ----------
    heat_max_w : most heat that what it measures can give [W]
    burst_j : heat that may have been stored behind it and comes at once [J]
    count_j : what its last digit means, 0 where unknown [J]
    modulus_j : where it begins anew at 0, None to learn it when it happens [J]

    Raises
    ------
    InvalidFieldError : a number that cannot be
    """

    heat_max_w: float
    burst_j: float = 0.0
    count_j: float = 0.0
    modulus_j: float | None = None

    def __post_init__(self) -> None:
        check_range("counter.heat_max_w", self.heat_max_w, 0.0, 1e12, "W")
        check_range("counter.burst_j", self.burst_j, 0.0, 1e15, "J")
        check_range("counter.count_j", self.count_j, 0.0, 1e15, "J")
        if self.modulus_j is not None:
            check_range("counter.modulus_j", self.modulus_j, 1.0, 1e18, "J")

    def most_j(self, span_s: float) -> float:
        """Most heat that a meter may have counted in a span [J]."""
        return MARGIN * self.heat_max_w * (max(span_s, 0.0) + SLACK_S) + self.burst_j + 2.0 * self.count_j

    def jitter_j(self, raw_j: float) -> float:
        """Difference that is rounding and not counting [J]."""
        return max(self.count_j, _RELATIVE_JITTER * abs(raw_j))


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTrack:
    """Readings that do not go on from what was believed, but perhaps from each other.

    Parameters
    ----------
    first_j, first_s : the first of them, and when
    last_j, last_s : the latest
    count : how many
    """

    first_j: float
    first_s: float
    last_j: float
    last_s: float
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterMemory:
    """What is kept of a meter; all of it is JSON.

    Parameters
    ----------
    total_j : what was counted in all; begins at what the meter showed first [J]
    raw_j, at_s : last value that was believed, and when it was measured
    moved_s : since when it shows that value: a display that hung catches up at once
    other : what it has said since, where that cannot be believed yet
    falls : times in a row that it went down a little; 3 mean that it runs backwards
    modulus_j : register's end, once it was seen [J]
    exchanged_s, jumped_s : when that was found last, 0 for never [s since the epoch]
    jump_j : by how much it jumped [J]
    """

    total_j: float
    raw_j: float
    at_s: float
    moved_s: float
    other: OtherTrack | None = None
    falls: int = 0
    modulus_j: float | None = None
    exchanged_s: float = 0.0
    jumped_s: float = 0.0
    jump_j: float = 0.0


def count_on(memory: CounterMemory | None, reading: PointReading, rules: CounterRules) -> tuple[float, CounterMemory]:
    """Give the heat that a meter has counted in all, whatever its display did.

    A rise within what is possible counts. A fall near the register's end is a roll-over: ``ΔQ = modulus − before +
    after``. Anything else is set aside until three readings over a minute rise from each other: then the meter was
    exchanged (or jumped), and what they rose by is counted, nothing else. So one wrong reading changes nothing, nothing
    is counted twice, and of an exchange is lost only what neither meter measured between two readings that were seen.

    Parameters
    ----------
    memory : of the reading before, None for a meter that is new
    reading : of a cumulative heat [J]; one that is not newer changes nothing

    Returns
    -------
    heat in all, which never falls [J], and the memory
    """
    raw_j, at_s = reading.value, reading.measured_at.timestamp()
    if memory is None:
        begin_j = max(raw_j, 0.0)
        return begin_j, CounterMemory(total_j=begin_j, raw_j=raw_j, at_s=at_s, moved_s=at_s, modulus_j=rules.modulus_j)
    latest = memory.other
    if at_s == memory.at_s or (latest is not None and at_s == latest.last_s):
        return memory.total_j, memory
    rise_j = _rise_j(memory, raw_j, at_s, rules)
    if rise_j is not None:
        memory = _believed(memory, raw_j, at_s, rise_j, rules)
    else:
        memory = _doubted(memory, raw_j, at_s, rules)
    return memory.total_j, memory


def counter_alarms(memory: CounterMemory, entity_id: str, now_s: float) -> tuple[AlarmNote, ...]:
    """Say what is wrong with a meter, or was within a day."""
    notes = []
    if memory.falls >= BACKWARDS_COUNT:
        text = "The heat meter counts backwards: flow or supply and return are swapped. Its heat is not counted."
        notes.append(AlarmNote(entity_id=entity_id, code="meter-backwards", severity=Severity.FAULT, text=text))
    if memory.exchanged_s and now_s - memory.exchanged_s < TOLD_S:
        text = "The heat meter began anew at a lower reading: taken as exchanged, counting goes on from there."
        notes.append(AlarmNote(entity_id=entity_id, code="meter-exchanged", severity=Severity.INFO, text=text))
    other = memory.other
    jumped = memory.jumped_s and now_s - memory.jumped_s < TOLD_S
    if jumped or (other is not None and other.first_j > memory.raw_j):
        jump_j = memory.jump_j if other is None else other.first_j - memory.raw_j
        text = f"The heat meter jumped by {jump_j / 3.6e6:.4g} kWh, more than its units can give: not counted."
        notes.append(AlarmNote(entity_id=entity_id, code="meter-jump", severity=Severity.WARNING, text=text))
    return tuple(notes)


def _rise_j(memory: CounterMemory, raw_j: float, at_s: float, rules: CounterRules) -> float | None:
    """What a reading adds to the last that was believed, None where it cannot follow it [J]."""
    most_j = rules.most_j(at_s - max(memory.moved_s, memory.at_s - _LONGEST_HANG_S))
    rise_j = raw_j - memory.raw_j
    if -rules.jitter_j(memory.raw_j) <= rise_j <= most_j:
        return max(rise_j, 0.0)
    if rise_j > 0 or raw_j < 0:
        return None
    modulus_j = memory.modulus_j or rules.modulus_j
    ends_j = REGISTERS_J if modulus_j is None else (modulus_j,)
    for end_j in ends_j:
        over_j = end_j - memory.raw_j + raw_j
        known = modulus_j is not None or end_j >= _LEAST_REGISTER * over_j
        if memory.raw_j < end_j + rules.count_j and 0 <= over_j <= most_j and known:
            return over_j
    return None


def _believed(memory: CounterMemory, raw_j: float, at_s: float, rise_j: float, rules: CounterRules) -> CounterMemory:
    rolled = raw_j < memory.raw_j - rules.jitter_j(memory.raw_j)
    learnt_j = rise_j + memory.raw_j - raw_j if rolled and memory.modulus_j is None else memory.modulus_j
    return replace(
        memory,
        total_j=memory.total_j + rise_j,
        raw_j=raw_j if rolled else max(raw_j, memory.raw_j),  # jitter must not be counted again on its way up
        at_s=at_s,
        moved_s=at_s if rise_j > 0.0 else min(memory.moved_s, at_s),
        other=None,
        falls=0 if rise_j > rules.jitter_j(raw_j) else memory.falls,
        modulus_j=learnt_j,
    )


def _doubted(memory: CounterMemory, raw_j: float, at_s: float, rules: CounterRules) -> CounterMemory:
    other = memory.other
    before_j, before_s = (memory.raw_j, memory.at_s) if other is None else (other.last_j, other.last_s)
    fall_j = before_j - raw_j
    if 0.0 < fall_j <= rules.most_j(at_s - before_s) and fall_j > rules.jitter_j(before_j):
        falls = memory.falls + 1
    else:
        falls = memory.falls
    if other is None or not -rules.jitter_j(before_j) <= -fall_j <= rules.most_j(at_s - before_s):
        begun = OtherTrack(first_j=raw_j, first_s=at_s, last_j=raw_j, last_s=at_s)
        return replace(memory, other=begun, falls=falls)
    other = replace(other, last_j=max(raw_j, other.last_j), last_s=at_s, count=other.count + 1)
    risen_j = other.last_j - other.first_j
    agreed = other.count >= CONFIRM_COUNT and at_s - other.first_s >= CONFIRM_S
    if not agreed or risen_j <= rules.jitter_j(raw_j):  # what stands still may still turn out to be a slip
        return replace(memory, other=other, falls=falls)
    fell = other.first_j < memory.raw_j
    mended = falls >= BACKWARDS_COUNT  # it ran backwards, and runs forwards again: the same meter
    return replace(
        memory,
        total_j=memory.total_j + risen_j,
        raw_j=other.last_j,
        at_s=at_s,
        moved_s=at_s,
        other=None,
        falls=0,
        modulus_j=memory.modulus_j if mended or not fell else rules.modulus_j,
        exchanged_s=at_s if fell and not mended else memory.exchanged_s,
        jumped_s=memory.jumped_s if fell else at_s,
        jump_j=memory.jump_j if fell else other.first_j - memory.raw_j,
    )
