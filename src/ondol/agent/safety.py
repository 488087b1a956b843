"""Hard limits of a unit, applied last; nothing overrides them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SINK_RELEASE_K = 0.5
_LOOP_RELEASE_K = 3.0
_LOOP_MARGIN_K = 3.0
_UNIT_SILENT_S = 600.0
_STALL_S = 300.0
_STALL_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyMemory:
    """What is kept of a unit; all of it is JSON.

    Parameters
    ----------
    sink_trip, loop_trip : whether it was switched off by a limit and has not yet cooled
    meter_j : heat meter when it was last seen to move, None while unknown [J]
    stalled_s : how long it has drawn power without the meter moving [s]
    """

    sink_trip: bool = False
    loop_trip: bool = False
    meter_j: float | None = None
    stalled_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSenses:
    """What safety knows of a unit.

    Parameters
    ----------
    power_max_w : all nodes at full load [W]
    hottest_c : hottest reading of its sink, nan where lost [°C]
    ahead_c : where that would go by heat already in the shell, nan where lost [°C]
    soft_c, hard_c : where heating beyond comfort fades out, from full to none [°C]
    loop_c : loop or shell, nan where lost [°C]
    loop_max_c : where the unit must be off [°C]
    loop_w_per_k : steady power that lifts the loop by 1 K above `loop_base_c`; inf where it is not known [W/K]
    loop_base_c : what the loop gives its heat to, nan where lost [°C]
    silent_s : since the unit was last heard [s]
    water : it heats water, so it needs flow
    flow_lost : its flow switch says that the pump stands
    meter_j : heat meter, nan where lost [J]
    measured_w : electric power [W]
    """

    power_max_w: float
    hottest_c: float
    ahead_c: float
    soft_c: float
    hard_c: float
    loop_c: float
    loop_max_c: float
    loop_w_per_k: float
    loop_base_c: float
    silent_s: float
    water: bool
    flow_lost: bool
    meter_j: float
    measured_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyVerdict:
    """How much the unit may draw.

    Parameters
    ----------
    high_w : 0 switches it off; inf where nothing bounds it [W]
    trip : it must be off altogether, idle power included
    """

    high_w: float
    trip: bool
    reason: str


def guard_unit(senses: UnitSenses, memory: SafetyMemory, dt_s: float) -> tuple[SafetyVerdict, SafetyMemory]:
    """Say how much a unit may draw, whoever asks.

    Trips are kept until the temperature has fallen by a hysteresis, so that they cannot chatter at coarse steps.
    """
    memory = _remember(senses, memory, dt_s)
    for tripped, reason in (
        (memory.sink_trip, f"its sink has {senses.hottest_c:.1f} °C, the limit is {senses.hard_c:.1f} °C: off"),
        (memory.loop_trip, f"loop has {senses.loop_c:.1f} °C, the limit is {senses.loop_max_c:.1f} °C: off"),
        (senses.water and senses.flow_lost, "the pump stands still: off"),
        (memory.stalled_s >= _STALL_S, "draws power but its heat meter stands still: off until the loop has cooled"),
        (senses.water and senses.silent_s > _UNIT_SILENT_S, "loop temperature unknown for too long: off"),
    ):
        if tripped:
            return SafetyVerdict(high_w=0.0, trip=True, reason=reason), memory
    fade_w, loop_w = _fade_w(senses), _loop_w(senses)
    if min(fade_w, loop_w) >= senses.power_max_w:
        return SafetyVerdict(high_w=math.inf, trip=False, reason=""), memory
    if fade_w <= loop_w:
        reason = f"its sink nears {senses.hard_c:.1f} °C: at most {fade_w:.0f} W"
        return SafetyVerdict(high_w=fade_w, trip=False, reason=reason), memory
    reason = f"loop would pass {senses.loop_max_c:.1f} °C: at most {loop_w:.0f} W"
    return SafetyVerdict(high_w=loop_w, trip=False, reason=reason), memory


def hottest(temp_c: float, layers_c: Sequence[float]) -> float:
    """Hottest temperature of a sink's sensors [°C]."""
    return max((temp_c, *layers_c))


def _remember(senses: UnitSenses, memory: SafetyMemory, dt_s: float) -> SafetyMemory:
    sink_trip = _tripped(memory.sink_trip, senses.hottest_c, senses.hard_c, _SINK_RELEASE_K)
    loop_trip = _tripped(memory.loop_trip, senses.loop_c, senses.loop_max_c, _LOOP_RELEASE_K)
    meter_j, stalled_s = memory.meter_j, memory.stalled_s
    draws = senses.measured_w > 0.1 * senses.power_max_w
    # a loop that still warms up has a reason not to deliver; one that is hotter than its sink has none
    hot_loop = senses.loop_c > senses.loop_base_c + 10.0
    if not senses.water or math.isnan(senses.meter_j):
        stalled_s = 0.0
    elif meter_j is None or senses.meter_j - meter_j > _STALL_SHARE * senses.measured_w * dt_s:
        meter_j, stalled_s = senses.meter_j, 0.0
    elif draws and hot_loop:
        stalled_s += dt_s
    elif not hot_loop:
        stalled_s = 0.0
    return SafetyMemory(sink_trip=sink_trip, loop_trip=loop_trip, meter_j=meter_j, stalled_s=stalled_s)


def _tripped(before: bool, temp_c: float, limit_c: float, release_k: float) -> bool:
    if math.isnan(temp_c):
        return before
    return temp_c >= limit_c or (before and temp_c > limit_c - release_k)


def _fade_w(senses: UnitSenses) -> float:
    """From all at the soft limit to nothing at the hard one, by where the temperature is going [W]."""
    if math.isnan(senses.ahead_c) or senses.ahead_c <= senses.soft_c:
        return math.inf
    share = (senses.hard_c - senses.ahead_c) / max(senses.hard_c - senses.soft_c, 0.1)
    return senses.power_max_w * min(max(share, 0.0), 1.0)


def _loop_w(senses: UnitSenses) -> float:
    """Power at which the loop settles a margin below its limit [W]."""
    if math.isnan(senses.loop_base_c) or math.isinf(senses.loop_w_per_k):
        return math.inf
    return max((senses.loop_max_c - _LOOP_MARGIN_K - senses.loop_base_c) * senses.loop_w_per_k, 0.0)
