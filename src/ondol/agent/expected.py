"""What instruments ought to show: how far a temperature must have moved, and what a heater's shell says of its room."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ondol.agent.demand import smooth
from ondol.agent.feed_forward import WATER_J_PER_L_K, hold_zone_w
from ondol.agent.layout import SinkLayout, SiteLayout, UnitLayout
from ondol.agent.pool_demand import pool_capacity_j_per_k
from ondol.model.ids import SinkId, UnitId
from ondol.model.sink import Tank, Zone

_LOOP_TIME_S = 600.0
_MODEL_ERROR = 0.3  # share by which the loss of a room may be misjudged
_MODEL_ERROR_W = 50.0
_SUN_W_PER_M2 = 500.0  # more than falls on a mean façade
_LEARN_S = 3_600.0  # so long a shell is watched before it is asked
_SURE_S = 43_200.0  # until then the conductance of the fleet file has to contradict a sensor, too
_LEARN_MOST_S = 172_800.0
_DISAGREE_S = 900.0
_FORGET_S = 86_400.0
_LEAST_DIFFERENCE_K = 5.0
_RISE_K, _FALL_K = 6.0, 2.0  # a room that was heated by so much cannot have cooled by so much
_MARK_S = 21_600.0
TOLERANCE_K, TOLERANCE_SHARE = 2.0, 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellMemory:
    """What a heater's shell has told of its room; all of it is JSON.

    Parameters
    ----------
    power_w, loop_c : electric power and shell, averaged over 10 min
    factor : conductance between shell and air that was found, over that of the fleet file
    learnt_s : time that it was learnt from [s]
    disagreed_s : how long sensor and shell have disagreed [s]
    """

    power_w: float | None = None
    loop_c: float | None = None
    factor: float = 1.0
    learnt_s: float = 0.0
    disagreed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The highest reading of a room within some hours, its level then, and how long ago that was [°C, K, s]."""

    reading_c: float
    level_k: float
    age_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMemory:
    """Levels of sinks (heat they got over their capacity) [K], marks of rooms, what shells told; all of it is JSON."""

    levels_k: Mapping[SinkId, float] = field(default_factory=dict)
    marks: Mapping[SinkId, Mark] = field(default_factory=dict)
    shells: Mapping[UnitId, ShellMemory] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known beside the readings of sinks.

    Parameters
    ----------
    power_w : electric power by unit; a unit that is left out is not known [W]
    loops_c : loop or shell by unit, trusted ones only [°C]
    sinks_c : what the sinks' sensors say, trusted or not [°C]
    outdoor_c : None where unknown [°C]
    frozen : sinks whose sensor does not move though it must
    """

    power_w: Mapping[UnitId, float]
    loops_c: Mapping[UnitId, float]
    sinks_c: Mapping[SinkId, float]
    outdoor_c: float | None
    frozen: frozenset[SinkId] = frozenset()


def step_expected(layout: SiteLayout, memory: ExpectedMemory, evidence: Evidence, dt_s: float) -> ExpectedMemory:
    """Let levels rise by the heat given, and learn from shells.

    A room's level moves by what its heaters give beyond what holds its temperature in this weather, 30 % of error and
    the sun allowed for; that of water by all heat given.
    """
    levels = dict(memory.levels_k)
    marks = {**memory.marks}
    shells = dict(memory.shells)
    for group in layout.sinks:
        if any(unit.unit.id not in evidence.power_w for unit in group.units) or not group.units:
            levels.pop(group.sink.id, None)
            continue
        rate_k_s = _rate_k_s(group, evidence)
        level_k = levels[group.sink.id] = levels.get(group.sink.id, 0.0) + rate_k_s * dt_s
        reading_c = evidence.sinks_c.get(group.sink.id)
        if reading_c is not None and isinstance(group.sink, Zone):
            marks[group.sink.id] = _step_mark(marks.get(group.sink.id), reading_c, level_k, dt_s)
    for unit in layout.units:
        power_w = evidence.power_w.get(unit.unit.id)
        if power_w is None:
            shells.pop(unit.unit.id, None)
            continue
        before = shells.get(unit.unit.id, ShellMemory())
        if unit.unit.zone_id is None:
            mean_w = smooth(before.power_w, power_w, dt_s, _LOOP_TIME_S)
            shells[unit.unit.id] = replace(before, power_w=mean_w)
            continue
        if unit.unit.zone_id in evidence.frozen:  # what was learnt of a lie is forgotten
            shells[unit.unit.id] = ShellMemory()
            continue
        reading_c = evidence.sinks_c.get(unit.unit.zone_id)
        loop_c = evidence.loops_c.get(unit.unit.id)
        mark, level_k = marks.get(unit.unit.zone_id), levels.get(unit.unit.zone_id, 0.0)
        cools = mark is not None and reading_c is not None and _cools_while_heated(mark, reading_c, level_k)
        shells[unit.unit.id] = _step_shell(unit, before, power_w, loop_c, reading_c, dt_s, cools=cools)
    return ExpectedMemory(levels_k=levels, marks=marks, shells=shells)


def shells_disagree(layout: SiteLayout, memory: ExpectedMemory, sink_id: SinkId) -> bool:
    """Whether the shells of a room's heaters have told another temperature than its sensor for a quarter of an hour."""
    own = [memory.shells.get(unit.unit.id) for unit in layout.units if unit.unit.zone_id == sink_id]
    return bool(own) and all(shell is not None and shell.disagreed_s >= _DISAGREE_S for shell in own)


def _step_mark(mark: Mark | None, reading_c: float, level_k: float, dt_s: float) -> Mark:
    if mark is None or reading_c >= mark.reading_c or mark.age_s + dt_s > _MARK_S:
        return Mark(reading_c=reading_c, level_k=level_k)
    return replace(mark, age_s=mark.age_s + dt_s)


def _cools_while_heated(mark: Mark, reading_c: float, level_k: float) -> bool:
    """Whether a reading fell though the heat given must have lifted it; an open window does that, too."""
    return level_k - mark.level_k >= _RISE_K and mark.reading_c - reading_c >= _FALL_K


def _rate_k_s(group: SinkLayout, evidence: Evidence) -> float:
    sink = group.sink
    heat_w = sum(evidence.power_w[unit.unit.id] * unit.heat_share for unit in group.units)
    if isinstance(sink, Tank):
        return heat_w / (sink.volume_l * WATER_J_PER_L_K)
    if not isinstance(sink, Zone):
        return heat_w / pool_capacity_j_per_k(sink)
    temp_c = evidence.sinks_c.get(sink.id)
    if group.model is None or temp_c is None or evidence.outdoor_c is None:
        return 0.0
    hold_w = hold_zone_w(group.model, temp_c, evidence.outdoor_c)
    doubt_w = _MODEL_ERROR * abs(hold_w) + _MODEL_ERROR_W
    if heat_w > hold_w + doubt_w:
        return (heat_w - hold_w - doubt_w) / group.model.capacity_1h_j_per_k
    doubt_w += _SUN_W_PER_M2 * sink.solar_aperture_m2
    return min(heat_w - hold_w + doubt_w, 0.0) / group.model.capacity_1h_j_per_k


def _step_shell(
    unit: UnitLayout,
    memory: ShellMemory,
    power_w: float,
    loop_c: float | None,
    reading_c: float | None,
    dt_s: float,
    *,
    cools: bool,
) -> ShellMemory:
    """``T_room = T_shell − (P − C dT_shell/dt) / (f UA)``, f being learnt while sensor and shell agree.

    Of a room that `cools` while it is heated, f may have been learnt of a sensor that drifts: the fleet file is asked.
    """
    if loop_c is None or reading_c is None or dt_s <= 0:
        return replace(memory, power_w=power_w if memory.power_w is None else memory.power_w, disagreed_s=0.0)
    mean_w = smooth(memory.power_w, power_w, dt_s, _LOOP_TIME_S)
    mean_c = smooth(memory.loop_c, loop_c, dt_s, _LOOP_TIME_S)
    rise_k_s = 0.0 if memory.loop_c is None else (mean_c - memory.loop_c) / dt_s
    through_w = mean_w - unit.unit.heat_capacity_j_per_k * rise_k_s
    memory = replace(memory, power_w=mean_w, loop_c=mean_c)
    difference_k = through_w / (memory.factor * unit.unit.shell_ua_w_per_k)
    gap_k = abs(mean_c - difference_k - reading_c)
    if memory.learnt_s < _SURE_S:  # what was learnt in so short a time may have been learnt of a lie
        by_file_k = abs(mean_c - through_w / unit.unit.shell_ua_w_per_k - reading_c)
        gap_k = by_file_k if cools else min(gap_k, by_file_k)
    known = memory.learnt_s >= _LEARN_S or cools
    if memory.disagreed_s > _FORGET_S:  # a curtain before the heater, or another sensor: begin anew
        return ShellMemory()
    if known and gap_k > TOLERANCE_K + TOLERANCE_SHARE * abs(difference_k):
        return replace(memory, disagreed_s=memory.disagreed_s + dt_s)
    memory = replace(memory, disagreed_s=0.0)
    seen_k = mean_c - reading_c
    if seen_k < _LEAST_DIFFERENCE_K or through_w <= 0:
        return memory
    found = min(max(through_w / (seen_k * unit.unit.shell_ua_w_per_k), 0.3), 3.0)
    learnt_s = memory.learnt_s + dt_s
    weight = dt_s / min(learnt_s, _LEARN_MOST_S)
    return replace(memory, factor=memory.factor + (found - memory.factor) * weight, learnt_s=learnt_s)


def level_of(layout: SiteLayout, memory: ExpectedMemory, entity_id: str, point: str) -> float | None:
    """Give what moves as a point's value must, None where nothing is known [K]."""
    if point == "temperature":
        return memory.levels_k.get(SinkId(entity_id))
    for unit in layout.units:
        if unit.unit.id == entity_id and point == "loop_temperature" and unit.loop_w_per_k > 0:
            shell = memory.shells.get(unit.unit.id)
            watts = math.nan if shell is None or shell.power_w is None else shell.power_w
            return watts / unit.loop_w_per_k if math.isfinite(watts) else None
    return None
