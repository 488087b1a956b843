"""Keeps rooms and water from freezing, whatever else was asked for, and also where nothing was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ondol.agent.demand import HORIZON_STEPS, SinkDemand
from ondol.agent.feed_forward import hold_zone_w
from ondol.agent.layout import SinkLayout
from ondol.agent.sensor_loss import BLIND_S
from ondol.drivers.ports import SinkReading
from ondol.model.sink import Zone

ROOM_ON_C, ROOM_OFF_C = 5.0, 7.0  # pipes at an outer wall are colder than the room's middle
WATER_ON_C, WATER_OFF_C = 3.0, 6.0  # water freezes at 0 °C; a sensor errs by 1 K and sits where it is not coldest


def is_freezing(
    layout: SinkLayout, reading: SinkReading | None, loops_c: Sequence[float], before: bool
) -> tuple[bool, float]:
    """Whether frost threatens the sink or a loop that heats it, with hysteresis, and the coldest temperature [°C].

    Parameters
    ----------
    loops_c : of its boilers, those that are known [°C]
    before : whether it did in the last step
    """
    on_c, off_c = (ROOM_ON_C, ROOM_OFF_C) if isinstance(layout.sink, Zone) else (WATER_ON_C, WATER_OFF_C)
    sink_c = math.inf if reading is None else min((reading.temp_c, *reading.layers_c))
    loop_c = math.inf if isinstance(layout.sink, Zone) else min(loops_c, default=math.inf)
    if math.isinf(sink_c) and math.isinf(loop_c):
        return False, math.nan
    return min(sink_c, loop_c) <= (off_c if before else on_c), min(sink_c, loop_c)


def against_frost(layout: SinkLayout, demand: SinkDemand, coldest_c: float) -> SinkDemand:
    """All heat that there is, until it is warm enough."""
    heat_w = max(demand.heat_w, sum(unit.heat_max_w(max(coldest_c, 0.0)) for unit in layout.units))
    return replace(
        demand,
        heat_w=heat_w,
        demand_w=max(demand.demand_w, heat_w),
        ahead_w=(heat_w, *demand.ahead_w[1:]),
        reason=f"frost protection: {coldest_c:.1f} °C",
    )


def blind_against_frost(
    layout: SinkLayout, demand: SinkDemand, *, outdoor_c: float | None, silent_s: float
) -> SinkDemand:
    """What a room that asks for nothing and is not seen needs so that it cannot freeze.

    Parameters
    ----------
    outdoor_c : None where that is unknown, too [°C]
    silent_s : since it was last seen [s]
    """
    if layout.model is None:
        return demand
    unseen_w = layout.model.ua_w_per_k * ROOM_OFF_C if math.isfinite(silent_s) and silent_s > BLIND_S else 0.0
    need_w = unseen_w if outdoor_c is None else max(hold_zone_w(layout.model, ROOM_OFF_C, outdoor_c), 0.0)
    heat_w = min(need_w, sum(unit.heat_max_w(ROOM_OFF_C) for unit in layout.units))
    if heat_w <= demand.heat_w:
        return demand
    return replace(
        demand,
        heat_w=heat_w,
        demand_w=max(demand.demand_w, need_w),
        ahead_w=(heat_w,) * HORIZON_STEPS,
        reason="sensor lost: frost protection by the weather",
    )
