"""Whether an instrument can be right: in its range, no faster than water and air are, not frozen, not old."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ondol.model.points import PointKey, PointReading, Quality
from ondol.model.sink import Sink, SwimmingPool, Tank, Zone

CONFIRM_COUNT = 3  # as many readings must agree before a new level is believed
CONFIRM_S = 60.0
RESOLUTION_K = 0.1  # of usual sensors, until the finest step was seen
_LONG_FROZEN_S = 86_400.0  # nothing that is measured stays exactly equal over a day and a night
_FUTURE_S = 60.0
_BURST_S, _GAP_S = 60.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRules:
    """What a point can be.

    Parameters
    ----------
    low, high : outside of them the instrument lies, in the point's unit
    rate_per_s : fastest true change, inf where anything is possible [unit/s]
    step : change that is always possible, between two readings however close
    frozen_s : a value that is exactly equal for so long is looked at; longer for a coarse instrument [s]
    frozen_k : and lies if it should have moved by so much meanwhile
    stale_after_s : older is lost [s]
    """

    low: float
    high: float
    rate_per_s: float = math.inf
    step: float = 0.0
    frozen_s: float = math.inf
    frozen_k: float = math.inf
    stale_after_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PointMemory:
    """What is kept of a point; all of it is JSON.

    Parameters
    ----------
    value, at_s : the last that was believed, and when it was measured [s since the epoch]
    same_s, same_level : since when it is exactly equal, and the level then; see `judge`
    finest : smallest change seen, 0 while none was
    other, other_s, other_first_s, others : readings beyond what is possible, which perhaps agree with each other
    """

    value: float
    at_s: float
    same_s: float
    same_level: float | None = None
    finest: float = 0.0
    other: float | None = None
    other_s: float = 0.0
    other_first_s: float = 0.0
    others: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of a reading: its quality, and code and words of what is wrong, "" where nothing is."""

    quality: Quality
    code: str = ""
    text: str = ""


_GOOD = Judged(quality=Quality.GOOD)


def rules_of(key: PointKey, thing: Sink | None, *, stale_after_s: float) -> PointRules:
    """Say what a point can be.

    Rates, beyond which no true change lies:

    - air of a room: 10 K/min. Twenty air changes an hour through open windows at 25 K of difference are 8 K/min.
    - layer of a tank: 1 K/s, a thermocline of 50 K that passes a sensor within a minute.
    - pool: 0.05 K/s, what a sensor in the pipe shows when its pump starts; the water itself is a thousand times slower.
    - loop, supply, return, surface: 2 K/s, a slug of cold water behind a pump that starts.
    - outdoors: 0.25 K/s. Spearfish, South Dakota, 22 January 1943, had 27 K in 2 minutes: the world record (US National
      Weather Service).

    Ranges are those of the point's kind, narrowed where water is liquid or people live.
    """
    kind = key.kind
    rules = PointRules(low=kind.low, high=kind.high, stale_after_s=stale_after_s)
    if key.point == "temperature" and isinstance(thing, Zone):
        return replace(rules, low=-25.0, high=60.0, rate_per_s=10.0 / 60.0, step=2.0, frozen_s=600.0, frozen_k=1.0)
    if key.point == "temperature" and isinstance(thing, Tank):
        return replace(rules, low=-1.0, high=110.0, rate_per_s=1.0, step=5.0, frozen_s=7_200.0, frozen_k=8.0)
    if key.point == "temperature" and isinstance(thing, SwimmingPool):
        return replace(rules, low=-1.0, high=60.0, rate_per_s=0.05, step=2.0, frozen_s=86_400.0, frozen_k=2.0)
    if key.point == "outdoor_temperature":
        return replace(rules, rate_per_s=0.25, step=3.0)
    if key.point in ("loop_temperature", "supply_temperature", "return_temperature", "surface_temperature"):
        return replace(rules, rate_per_s=2.0, step=10.0, frozen_s=900.0, frozen_k=8.0)
    return rules


def judge(
    memory: PointMemory | None, reading: PointReading, rules: PointRules, *, now_s: float, level: float | None = None
) -> tuple[Judged, PointMemory | None]:
    """Say how far a reading can be trusted, and what to remember.

    A value that is out of range or beyond what water and air can do is SUSPECT; a new level is believed once three
    readings over a minute agree. A value that is exactly equal for long while `level` moved is SUSPECT until it moves.

    Parameters
    ----------
    memory : of this point, None for the first reading
    level : any number that moves as the value must, e.g. heat given over heat capacity; None where nothing is known
    """
    at_s = reading.measured_at.timestamp()
    age_s = now_s - at_s
    if age_s > rules.stale_after_s or -age_s > max(rules.stale_after_s, _FUTURE_S):
        text = f"{reading.key} is silent: its last value is {abs(age_s) / 60.0:.0f} min old."
        return Judged(quality=Quality.STALE, code="sensor-lost", text=text), memory
    if not rules.low <= reading.value <= rules.high:
        unit = reading.key.kind.unit
        text = f"{reading.key} says {reading.value:.4g} {unit}, which cannot be: {rules.low:g} to {rules.high:g}."
        return Judged(quality=Quality.SUSPECT, code="sensor-out-of-range", text=text), memory
    if memory is None:
        return _GOOD, PointMemory(value=reading.value, at_s=at_s, same_s=at_s, same_level=level)
    if _possible(memory.value, memory.at_s, reading.value, at_s, rules):
        memory = _moved(memory, reading.value, at_s, level)
        return _frozen(memory, reading, rules, level), memory
    memory = _other(memory, reading.value, at_s, rules)
    if memory.others >= CONFIRM_COUNT and at_s - memory.other_first_s >= CONFIRM_S:
        fresh = PointMemory(value=reading.value, at_s=at_s, same_s=at_s, same_level=level, finest=memory.finest)
        return _GOOD, fresh
    text = f"{reading.key} jumped from {memory.value:.4g} to {reading.value:.4g} {reading.key.kind.unit}: not believed."
    return Judged(quality=Quality.SUSPECT, code="sensor-spike", text=text), memory


def _possible(value: float, at_s: float, next_value: float, next_s: float, rules: PointRules) -> bool:
    if math.isinf(rules.rate_per_s):
        return True
    span_s = abs(next_s - at_s)
    if span_s <= _GAP_S:  # the fastest change does not last; one that does is believed when three readings agree
        span_s = min(span_s, _BURST_S)
    return abs(next_value - value) <= rules.step + rules.rate_per_s * span_s


def _moved(memory: PointMemory, value: float, at_s: float, level: float | None) -> PointMemory:
    change = abs(value - memory.value)
    if change == 0.0:
        known = memory.same_level is not None
        return PointMemory(
            value=value,
            at_s=at_s,
            same_s=memory.same_s,
            same_level=memory.same_level if known else level,
            finest=memory.finest,
        )
    finest = change if memory.finest == 0.0 else min(memory.finest, change)
    return PointMemory(value=value, at_s=at_s, same_s=at_s, same_level=level, finest=finest)


def _other(memory: PointMemory, value: float, at_s: float, rules: PointRules) -> PointMemory:
    if memory.other is None or not _possible(memory.other, memory.other_s, value, at_s, rules):
        return replace(memory, other=value, other_s=at_s, other_first_s=at_s, others=1)
    if at_s == memory.other_s:
        return memory
    return replace(memory, other=value, other_s=at_s, others=memory.others + 1)


def _frozen(memory: PointMemory, reading: PointReading, rules: PointRules, level: float | None) -> Judged:
    resolution = memory.finest or RESOLUTION_K
    coarse = min(max(resolution / RESOLUTION_K, 0.3), 10.0)
    same_s = memory.at_s - memory.same_s
    ought = math.nan if level is None or memory.same_level is None else abs(level - memory.same_level)
    lies = same_s >= rules.frozen_s * coarse and ought >= max(rules.frozen_k, 5.0 * resolution)
    if math.isfinite(rules.frozen_s) and same_s >= max(_LONG_FROZEN_S * coarse, rules.frozen_s):
        lies = True
    if not lies:
        return _GOOD
    text = f"{reading.key} has been exactly {reading.value:.4g} {reading.key.kind.unit} for {same_s / 60.0:.0f} min"
    return Judged(quality=Quality.SUSPECT, code="sensor-frozen", text=f"{text}, though it must have moved.")
