"""How a sink stands as a store of heat, by the site's own parameters and its last measured temperatures.

Level 0 is the set-point of now. A planner takes it for the level at which another heater must run; the fleet does not
tell which sinks have one, so what was promised to the host is what must be held. The capacity ends at the upper end of
the band, which stands on the highest set-point of the week (as `comfort_band_c` does): so far heat disturbs nobody.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

from ondol.agent.demand import SinkDemand
from ondol.agent.feed_forward import WATER_J_PER_L_K
from ondol.agent.heat_layer import SinkMemory, heat_meter_j
from ondol.agent.layout import SinkLayout
from ondol.agent.orders import SinkReport
from ondol.agent.pool_demand import mean_loss_w, pool_capacity_j_per_k
from ondol.agent.zone_model import ZoneModel
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import UnitId
from ondol.model.sink import SwimmingPool, Tank

_TANK_MARGIN_K = 1.0  # below the hard limit, where the tank's controller stops, too
_LOOP_MARGIN_K = 2.0  # a boiler's loop has to be so much hotter than the water


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """The measured part of a `SinkReport`."""

    store_j: float
    capacity_j: float
    loss_per_s: float
    held_j: float
    excess_w: float
    lacks_j: float = 0.0
    walls_lack_j: float = 0.0
    lacks_k: float = 0.0


_UNKNOWN = _Stand(
    store_j=math.nan,
    capacity_j=math.nan,
    loss_per_s=math.nan,
    held_j=math.nan,
    excess_w=math.nan,
    lacks_j=math.nan,
    walls_lack_j=math.nan,
)
_NO_STORE = _Stand(store_j=0.0, capacity_j=0.0, loss_per_s=0.0, held_j=math.nan, excess_w=math.nan)


def upper_c(layout: SinkLayout, request: HeatRequest) -> float:
    """Temperature of a full store: the band's upper end, or what the hardware reaches if that is less [°C]."""
    sink = layout.sink
    wanted_c = max(slot.value for slot in request.schedule.slots) + request.band_k
    if not isinstance(sink, Tank):
        return min(wanted_c, sink.temp_max_c)
    loop_c = min((unit.unit.loop_temp_max_c for unit in layout.units), default=math.inf)
    return min(wanted_c, sink.temp_max_c - _TANK_MARGIN_K, loop_c - _LOOP_MARGIN_K)


def band_c(layout: SinkLayout, request: HeatRequest, now: dt.datetime) -> tuple[float, float]:
    """Temperatures of level 0 and of a full store [°C]."""
    full_c = upper_c(layout, request)
    return min(request.schedule.at(now), full_c), full_c


def report_of(
    layout: SinkLayout,
    *,
    now: dt.datetime,
    reading: SinkReading | None,
    units: Mapping[UnitId, UnitReading],
    outdoor_c: float,
    demand: SinkDemand,
    memory: SinkMemory,
) -> SinkReport:
    """Say how a sink stands.

    Parameters
    ----------
    reading : fresh, None where its sensor is lost
    units : readings of the site's units
    outdoor_c : measured or expected [°C]
    demand : what the sink's thermostat wants in this step
    memory : of this step: the temperatures as they were filtered and observed
    """
    sink, request = layout.sink, layout.request
    own = [units[unit.unit.id] for unit in layout.units if unit.unit.id in units]
    heard = len(own) == len(layout.units) and own != []
    if request is None or request.kind != "temperature":
        stand = _NO_STORE
    elif reading is None:
        stand = _UNKNOWN
    elif isinstance(sink, Tank):
        lower_c, full_c = band_c(layout, request, now)
        layers = reading.layers_c or (reading.temp_c,)
        j_per_k = sink.volume_l * WATER_J_PER_L_K
        stand = _water(sum(layers) / len(layers), lower_c, full_c, j_per_k, sink.ua_w_per_k)
    elif isinstance(sink, SwimmingPool):
        lower_c, full_c = band_c(layout, request, now)
        temp_c = reading.temp_c if memory.pool.temp_c is None else memory.pool.temp_c
        w_per_k = mean_loss_w(sink, lower_c + 0.5) - mean_loss_w(sink, lower_c - 0.5)
        stand = _water(temp_c, lower_c, full_c, pool_capacity_j_per_k(sink), w_per_k)
    elif layout.model is None:
        stand = _NO_STORE
    else:
        lower_c, full_c = band_c(layout, request, now)
        air_c = reading.temp_c if memory.zone.temp_c is None else memory.zone.temp_c
        shell_c = sum(unit.loop_temp_c for unit in own) / len(own) if heard else air_c
        walls_c = memory.zone.walls_c
        if walls_c is None:
            walls_c = layout.model.steady_walls_c(air_c, outdoor_c)
        stand = _room(layout.model, air_c, walls_c, shell_c, lower_c, full_c, outdoor_c)
    return SinkReport(
        sink_id=sink.id,
        store_j=stand.store_j,
        capacity_j=stand.capacity_j,
        loss_per_s=stand.loss_per_s,
        lacks_j=stand.lacks_j,
        walls_lack_j=stand.walls_lack_j,
        held_j=stand.held_j,
        excess_w=stand.excess_w,
        wanted_ahead_w=demand.ahead_w,
        heat_j=heat_meter_j(layout, units),
        below_band=request is not None and stand.lacks_k > request.band_k,
    )


def _water(temp_c: float, lower_c: float, full_c: float, j_per_k: float, w_per_k: float) -> _Stand:
    """Mixed water: ``e = C (T − L)``, and it loses ``UA (T − L)`` more than at level 0."""
    capacity_j = (full_c - lower_c) * j_per_k
    above_j = (temp_c - lower_c) * j_per_k
    return _Stand(
        store_j=min(max(above_j, 0.0), capacity_j),
        capacity_j=capacity_j,
        loss_per_s=w_per_k / j_per_k,
        held_j=temp_c * j_per_k,
        excess_w=w_per_k * (temp_c - lower_c),
        lacks_j=max(-above_j, 0.0),
        lacks_k=lower_c - temp_c,
    )


def _room(
    model: ZoneModel,
    air_c: float,
    walls_c: float,
    shell_c: float,
    lower_c: float,
    full_c: float,
    outdoor_c: float,
) -> _Stand:
    """Air, shell and the part of the walls that follows within hours, as `twin.stores` reads a room.

    ``e = C_a (T_a − L) + C_h (T_h − T_a) + C_m (T_m − T_m,L)``, T_m,L being the walls at rest with the air at L; not
    more than ``C (T_a − L)``: warm walls do not help where the air is at its limit. What the air lacks is missing at
    once; what the walls lack flows into them over their time constant, as in the morning after a set-back.
    """
    rest_c = model.steady_walls_c(lower_c, outdoor_c)
    walls_j = model.zone.mass_j_per_k * (walls_c - rest_c)
    air_j = model.zone.air_j_per_k * (air_c - lower_c)
    shell_j = model.shell_j_per_k * max(shell_c - air_c, 0.0)
    j_per_k = model.store_j_per_k
    above_j = min(air_j + shell_j + walls_j, j_per_k * (air_c - lower_c))
    capacity_j = (full_c - lower_c) * j_per_k
    store_j = min(max(above_j, 0.0), capacity_j)
    return _Stand(
        store_j=store_j,
        capacity_j=capacity_j,
        loss_per_s=model.ua_w_per_k / j_per_k,
        held_j=model.zone.air_j_per_k * air_c + model.zone.mass_j_per_k * walls_c,
        excess_w=model.zone.ua_w_per_k * (air_c - lower_c) + model.zone.mass_outside_ua_w_per_k * (walls_c - rest_c),
        lacks_j=max(-air_j - shell_j, 0.0),
        walls_lack_j=max(-walls_j - max(air_j + shell_j, 0.0), 0.0) if store_j <= 0.0 else 0.0,
        lacks_k=lower_c - air_c,
    )
