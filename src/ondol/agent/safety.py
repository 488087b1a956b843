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
_SURFACE_RELEASE_K = 5.0
SURFACE_MARGIN_K = 5.0
"""A surface that nobody sees counts as being as hot as the loop or shell that heats it, which it cannot exceed; the
loop is kept so far below the surface's limit, since its own sensor may be off and heat is on its way [K]."""
_RETURN_RELEASE_K = 2.0
_RETURN_FADE_K = 3.0
_FLOW_GRACE_S = 30.0  # a pump that starts, and a meter that is polled every 10 s
_FLOW_REST_S = 600.0  # then it is tried again: many a pump runs only while there is heat


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyMemory:
    """What is kept of a unit; all of it is JSON.

    Parameters
    ----------
    sink_trip, loop_trip : whether it was switched off by a limit and has not yet cooled
    meter_j : heat meter when it was last seen to move, None while unknown [J]
    stalled_s : how long it has drawn power without the meter moving [s]
    surface_trip, return_trip : as the others, of the surface and the water going back
    low_flow_s : how long it has drawn power with too little flow [s]
    flow_rest_s : rest that is left after flow was lost; nothing starts meanwhile [s]
    """

    sink_trip: bool = False
    loop_trip: bool = False
    meter_j: float | None = None
    stalled_s: float = 0.0
    surface_trip: bool = False
    return_trip: bool = False
    low_flow_s: float = 0.0
    flow_rest_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSenses:
    """What safety knows of a unit.

    Parameters
    ----------
    power_max_w : all nodes at full load [W]
    hottest_c : hottest reading of its sink, nan where lost [°C]
    ahead_c : where that would go by heat already in the shell; of a lost sensor for half an hour, then nan [°C]
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
    surface_c, surface_max_c : of what people can touch, nan where there is no sensor, and its limit [°C]
    surface_lost : a surface sensor is bound and tells nothing
    return_c, return_max_c : of the water going back, nan where there is no sensor, and its limit [°C]
    flow_kg_s, min_flow_kg_s : measured, nan where there is no meter, and the least that is needed [kg/s]
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
    surface_c: float = math.nan
    surface_max_c: float = math.inf
    surface_lost: bool = False
    return_c: float = math.nan
    return_max_c: float = math.inf
    flow_kg_s: float = math.nan
    min_flow_kg_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyVerdict:
    """How much the unit may draw.

    Parameters
    ----------
    high_w : 0 switches it off; inf where nothing bounds it [W]
    trip : it must be off altogether, idle power included
    code : which limit tripped, a word for programs; "" where none did
    """

    high_w: float
    trip: bool
    reason: str
    code: str = ""


def guard_unit(senses: UnitSenses, memory: SafetyMemory, dt_s: float) -> tuple[SafetyVerdict, SafetyMemory]:
    """Say how much a unit may draw, whoever asks.

    Trips are kept until the temperature has fallen by a hysteresis, so that they cannot chatter at coarse steps.
    """
    memory = _remember(senses, memory, dt_s)
    for tripped, code, reason in _trips(senses, memory):
        if tripped:
            return SafetyVerdict(high_w=0.0, trip=True, reason=reason, code=code), memory
    bounds = (
        (_fade_w(senses), f"its sink nears {senses.hard_c:.1f} °C"),
        (_loop_w(senses), f"loop would pass {senses.loop_max_c:.1f} °C"),
        (_unseen_surface_w(senses), f"surface sensor lost: loop stays below {_unseen_surface_c(senses):.1f} °C"),
        (_return_w(senses), f"water going back nears {senses.return_max_c:.1f} °C"),
    )
    high_w, reason = min(bounds, key=lambda bound: bound[0])  # of equal ones the first
    if high_w >= senses.power_max_w:
        return SafetyVerdict(high_w=math.inf, trip=False, reason=""), memory
    return SafetyVerdict(high_w=high_w, trip=False, reason=f"{reason}: at most {high_w:.0f} W"), memory


def _trips(senses: UnitSenses, memory: SafetyMemory) -> tuple[tuple[bool, str, str], ...]:
    """Every limit: whether it is passed, its code, and what to say."""
    surface = f"surface has {senses.surface_c:.1f} °C, the limit is {senses.surface_max_c:.1f} °C: off"
    back = f"water goes back with {senses.return_c:.1f} °C, the limit is {senses.return_max_c:.1f} °C: off"
    low = (
        f"flow was {senses.flow_kg_s:.3f} kg/s, it needs {senses.min_flow_kg_s:.3f} kg/s: off, tried again after 10 min"
    )
    return (
        (
            memory.sink_trip,
            "over-temperature",
            f"its sink has {senses.hottest_c:.1f} °C, the limit is {senses.hard_c:.1f} °C: off",
        ),
        (
            memory.loop_trip,
            "loop-hot",
            f"loop has {senses.loop_c:.1f} °C, the limit is {senses.loop_max_c:.1f} °C: off",
        ),
        (memory.surface_trip, "surface-hot", surface),
        (memory.return_trip, "return-hot", back),
        (senses.water and senses.flow_lost, "flow-lost", "the pump stands still: off"),
        (senses.water and memory.low_flow_s >= _FLOW_GRACE_S, "flow-lost", low),
        (senses.water and memory.flow_rest_s > 0, "flow-lost", "flow was lost: rests 10 min before it is tried again"),
        (
            memory.stalled_s >= _STALL_S,
            "meter-stalled",
            "draws power but its heat meter stands still: off until the loop has cooled",
        ),
        (
            senses.water and senses.silent_s > _UNIT_SILENT_S,
            "unit-silent",
            "loop temperature unknown for too long: off",
        ),
    )


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
    low = draws and senses.flow_kg_s < senses.min_flow_kg_s  # never for nan
    low_flow_s = memory.low_flow_s + dt_s if low and memory.flow_rest_s <= 0 else 0.0
    lost = senses.water and (senses.flow_lost or low_flow_s >= _FLOW_GRACE_S)
    return SafetyMemory(
        sink_trip=sink_trip,
        loop_trip=loop_trip,
        meter_j=meter_j,
        stalled_s=stalled_s,
        surface_trip=_tripped(memory.surface_trip, senses.surface_c, senses.surface_max_c, _SURFACE_RELEASE_K),
        return_trip=_tripped(memory.return_trip, senses.return_c, senses.return_max_c, _RETURN_RELEASE_K),
        low_flow_s=low_flow_s,
        flow_rest_s=_FLOW_REST_S if lost else max(memory.flow_rest_s - dt_s, 0.0),
    )


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


def _return_w(senses: UnitSenses) -> float:
    """From all below the limit's fade to nothing at the limit [W]."""
    if math.isnan(senses.return_c) or senses.return_c <= senses.return_max_c - _RETURN_FADE_K:
        return math.inf
    return senses.power_max_w * min(max((senses.return_max_c - senses.return_c) / _RETURN_FADE_K, 0.0), 1.0)


def _unseen_surface_c(senses: UnitSenses) -> float:
    return senses.surface_max_c - SURFACE_MARGIN_K


def _unseen_surface_w(senses: UnitSenses) -> float:
    """Power at which the loop settles below what a surface may have that nobody sees; none where it is there [W].

    Where what the loop gives its heat to is not seen either, it counts as being at its own hard limit.
    """
    if not senses.surface_lost:
        return math.inf
    limit_c = _unseen_surface_c(senses)
    base_c = senses.hard_c if math.isnan(senses.loop_base_c) else senses.loop_base_c
    steady_w = math.inf
    if math.isfinite(senses.loop_w_per_k):
        steady_w = max((limit_c - _LOOP_MARGIN_K - base_c) * senses.loop_w_per_k, 0.0)
    if math.isnan(senses.loop_c):
        return min(steady_w, senses.power_max_w)
    fade = min(max((limit_c - senses.loop_c) / _LOOP_MARGIN_K, 0.0), 1.0)
    return min(steady_w, math.inf if fade >= 1.0 else senses.power_max_w * fade)


def _loop_w(senses: UnitSenses) -> float:
    """Power at which the loop settles a margin below its limit [W]."""
    if math.isnan(senses.loop_base_c) or math.isinf(senses.loop_w_per_k):
        return math.inf
    return max((senses.loop_max_c - _LOOP_MARGIN_K - senses.loop_base_c) * senses.loop_w_per_k, 0.0)
