"""Loop 3 for one sink: from its reading to the heat it wants, also where the sensor is silent."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ondol.agent.backup import BackupMemory
from ondol.agent.demand import HORIZON_STEPS, SinkDemand, Situation, no_demand, smooth
from ondol.agent.energy_demand import EnergyMemory, step_energy
from ondol.agent.feed_forward import WATER_J_PER_L_K, hold_zone_w, mean_draw_w, stand_by_tank_w
from ondol.agent.hygiene.guard import HygieneMemory
from ondol.agent.layout import SinkLayout
from ondol.agent.owed_heat import DayMemory
from ondol.agent.pool_demand import PoolMemory, mean_loss_w, pool_capacity_j_per_k, step_pool_demand
from ondol.agent.safety import hottest
from ondol.agent.sensor_loss import BLIND_S, FRESH_S, demand_without_sensor
from ondol.agent.tank_demand import TankMemory, step_tank_demand
from ondol.agent.zone_demand import ZoneMemory, step_zone
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import UnitId
from ondol.model.sink import SwimmingPool, Tank, Zone

_SHARE_TIME_S = 1_200.0
_LOSS_ERROR = 0.3  # share by which the losses of a room may be misjudged
_FROST_K = 7.0  # heat that lifts a room so far above outdoors keeps it from freezing and cannot overheat it


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkMemory:
    """What is kept of a sink; all of it is JSON.

    Parameters
    ----------
    seen_s : time of the last good reading, 0 for never [s since the epoch]
    temp_c : that reading [°C]
    hottest_c, unseen_k : its hottest sensor then, and by how much it may have warmed since [°C, K]
    heat_w : heat wanted when it was known [W]
    asked_w, got_w : electric power wanted and measured, averaged over 20 min [W]
    frost : whether it is being kept from freezing
    """

    seen_s: float = 0.0
    temp_c: float | None = None
    hottest_c: float | None = None
    unseen_k: float = 0.0
    heat_w: float = 0.0
    asked_w: float = 0.0
    got_w: float = 0.0
    zone: ZoneMemory = field(default_factory=ZoneMemory)
    tank: TankMemory = field(default_factory=TankMemory)
    pool: PoolMemory = field(default_factory=PoolMemory)
    energy: EnergyMemory = field(default_factory=EnergyMemory)
    day: DayMemory = field(default_factory=DayMemory)
    frost: bool = False
    hygiene: HygieneMemory = field(default_factory=HygieneMemory)
    backup: BackupMemory = field(default_factory=BackupMemory)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkView:
    """What a step knows of a sink and its surroundings.

    Parameters
    ----------
    reading : None where its sensor is silent
    outdoor_c : measured or forecast; None where neither is known [°C]
    outdoor_at : forecast [°C]
    measured_w : electric power of its units [W]
    """

    now: dt.datetime
    dt_s: float
    reading: SinkReading | None
    units: Mapping[UnitId, UnitReading]
    outdoor_c: float | None
    outdoor_at: Callable[[dt.datetime], float]
    measured_w: float


def fresh_reading(reading: SinkReading | None, now: dt.datetime) -> SinkReading | None:
    """Give the reading where it is finite and not older than `FRESH_S`, else None."""
    if reading is None or not all(map(math.isfinite, (reading.temp_c, *reading.layers_c))):
        return None
    return reading if abs((now - reading.measured_at).total_seconds()) <= FRESH_S else None


def step_sink(layout: SinkLayout, view: SinkView, memory: SinkMemory) -> tuple[SinkDemand, bool, SinkMemory]:
    """Say what the sink wants, whether work that cannot wait may heat it, and what to remember."""
    got_w = smooth(memory.got_w, view.measured_w, view.dt_s, _SHARE_TIME_S)
    memory = replace(memory, got_w=got_w)
    reading = fresh_reading(view.reading, view.now)
    if reading is not None:
        hottest_c = hottest(reading.temp_c, reading.layers_c)
        memory = replace(memory, seen_s=view.now.timestamp(), temp_c=reading.temp_c, hottest_c=hottest_c, unseen_k=0.0)
    else:
        memory = replace(memory, unseen_k=memory.unseen_k + _unseen_rise_k(layout, view, memory))
    request = layout.request
    if request is None:
        return no_demand(_room_j(layout, reading), layout.sink.temp_max_c), reading is not None, memory
    if request.kind == "energy":
        heat_w = sum(unit.heat_share * unit.power_max_w for unit in layout.units)
        demand, energy = step_energy(
            request,
            memory.energy,
            now=view.now,
            dt_s=view.dt_s,
            meter_j=heat_meter_j(layout, view.units),
            measured_w=heat_of_w(layout, view.measured_w),
            backup_w=backup_w(layout, memory),
            heat_max_w=heat_w,
            room_j=_room_j(layout, reading),
            upper_c=layout.sink.temp_max_c,
        )
        return demand, reading is not None, replace(memory, energy=energy)
    if request.kind == "power":
        return _power_demand(layout, request, view, reading), reading is not None, memory
    if reading is None:
        demand, floors = _blind(layout, request, view, memory)
        return demand, floors, memory
    demand, memory = _seeing(layout, request, view, reading, memory)
    return demand, True, memory


def heat_of_w(layout: SinkLayout, power_w: float) -> float:
    """Heat that its units give its sink at an electric power of all of them together, case loss aside [W]."""
    power_max_w = sum(unit.power_max_w for unit in layout.units)
    return power_w * sum(unit.heat_share * unit.power_max_w for unit in layout.units) / max(power_max_w, 1.0)


def backup_w(layout: SinkLayout, memory: SinkMemory) -> float:
    """Rated power of its other heater while it is told to run, else 0 [W]."""
    return layout.sink.backup_power_w if memory.backup.on else 0.0


def unseen_c(memory: SinkMemory, now_s: float) -> float:
    """How hot a sink that is not seen may be by now; nan where it was never seen, or not for too long to tell [°C].

    Work that cannot wait may heat for half an hour after a sensor was lost: this keeps it from doing so up to a limit.
    """
    if memory.hottest_c is None or not 0.0 <= now_s - memory.seen_s <= BLIND_S:
        return math.nan
    return memory.hottest_c + memory.unseen_k


def note_asked(memory: SinkMemory, asked_w: float, dt_s: float) -> SinkMemory:
    """Remember the electric power that the step asked of the sink's units [W]."""
    return replace(memory, asked_w=smooth(memory.asked_w, asked_w, dt_s, _SHARE_TIME_S))


def heat_meter_j(layout: SinkLayout, units: Mapping[UnitId, UnitReading]) -> float | None:
    """Heat meters of the sink's units together; None where one is missing or silent [J]."""
    meters = [units[unit.unit.id].heat_j for unit in layout.units if unit.unit.id in units]
    whole = len(meters) == len(layout.units) and meters != [] and all(map(math.isfinite, meters))
    return sum(meters) if whole else None


def delivered_share(layout: SinkLayout, memory: SinkMemory) -> float | None:
    """Measured over wanted power of the last minutes; None where next to nothing was wanted."""
    asked = memory.asked_w > 0.05 * sum(unit.power_max_w for unit in layout.units)
    return memory.got_w / memory.asked_w if asked else None


def _unseen_rise_k(layout: SinkLayout, view: SinkView, memory: SinkMemory) -> float:
    """By how much a sink that is not seen may have warmed in this step, by its units and its other heater [K].

    Losses are taken as 30 % too high.
    """
    heat_w, sink = heat_of_w(layout, view.measured_w) + backup_w(layout, memory), layout.sink
    if isinstance(sink, Tank):
        return heat_w * view.dt_s / (sink.volume_l * WATER_J_PER_L_K)
    if isinstance(sink, SwimmingPool):
        return heat_w * view.dt_s / pool_capacity_j_per_k(sink)
    if layout.model is None or memory.hottest_c is None:
        return 0.0
    outdoor_c = view.outdoor_at(view.now) if view.outdoor_c is None else view.outdoor_c
    hold_w = max(hold_zone_w(layout.model, memory.hottest_c, outdoor_c), 0.0)
    return max(heat_w - (1.0 - _LOSS_ERROR) * hold_w, 0.0) * view.dt_s / layout.model.capacity_1h_j_per_k


def _seeing(
    layout: SinkLayout, request: HeatRequest, view: SinkView, reading: SinkReading, memory: SinkMemory
) -> tuple[SinkDemand, SinkMemory]:
    own = [view.units[unit.unit.id] for unit in layout.units if unit.unit.id in view.units]
    heard = len(own) == len(layout.units) and own != []
    base_c = reading.layers_c[-1] if reading.layers_c else reading.temp_c
    situation = Situation(
        now=view.now,
        dt_s=view.dt_s,
        temp_c=reading.temp_c,
        layers_c=reading.layers_c,
        loop_c=sum(unit.loop_temp_c for unit in own) / len(own) if heard else None,
        heat_meter_j=heat_meter_j(layout, view.units),
        heat_max_w=sum(unit.heat_max_w(base_c) for unit in layout.units),
        outdoor_c=view.outdoor_at(view.now) if view.outdoor_c is None else view.outdoor_c,
        outdoor_at=view.outdoor_at,
        delivered_share=delivered_share(layout, memory),
    )
    sink = layout.sink
    if isinstance(sink, Zone):
        if layout.model is None:
            return no_demand(reason="no unit heats it"), memory
        demand, zone = step_zone(layout.model, request, memory.zone, situation)
        memory = replace(memory, zone=zone)
    elif isinstance(sink, Tank):
        demand, tank = step_tank_demand(sink, request, memory.tank, situation)
        memory = replace(memory, tank=tank)
    else:
        demand, pool = step_pool_demand(sink, request, memory.pool, situation)
        memory = replace(memory, pool=pool)
    return demand, replace(memory, heat_w=demand.heat_w)


def _blind(layout: SinkLayout, request: HeatRequest, view: SinkView, memory: SinkMemory) -> tuple[SinkDemand, bool]:
    setpoint_c = request.schedule.at(view.now)
    open_loop_w = None if view.outdoor_c is None else _open_loop_w(layout, setpoint_c, view.outdoor_c)
    age_s = view.now.timestamp() - memory.seen_s if memory.seen_s else math.inf
    safe_w = layout.model.ua_w_per_k * _FROST_K if layout.model is not None else 0.0
    blind = demand_without_sensor(age_s, last_w=memory.heat_w, open_loop_w=open_loop_w, safe_w=safe_w)
    heat_w = min(blind.heat_w, sum(unit.heat_max_w(setpoint_c) for unit in layout.units))
    demand = SinkDemand(
        heat_w=heat_w,
        demand_w=blind.heat_w,
        ahead_w=(heat_w,) * HORIZON_STEPS,
        room_j=0.0,
        setpoint_c=setpoint_c,
        lower_c=setpoint_c - request.band_k,
        upper_c=setpoint_c + request.band_k,
        reason=blind.reason,
    )
    return demand, blind.floors


def _open_loop_w(layout: SinkLayout, setpoint_c: float, outdoor_c: float) -> float:
    sink = layout.sink
    if isinstance(sink, Zone):
        return hold_zone_w(layout.model, setpoint_c, outdoor_c) if layout.model is not None else 0.0
    if isinstance(sink, Tank):
        return mean_draw_w(sink, setpoint_c) + stand_by_tank_w(sink, setpoint_c)
    return mean_loss_w(sink, setpoint_c) - sink.other_heat_w


def _power_demand(layout: SinkLayout, request: HeatRequest, view: SinkView, reading: SinkReading | None) -> SinkDemand:
    power_w = request.schedule.at(view.now)
    return SinkDemand(
        heat_w=min(power_w, sum(unit.heat_share * unit.power_max_w for unit in layout.units)),
        demand_w=power_w,
        ahead_w=(power_w,) * HORIZON_STEPS,
        room_j=_room_j(layout, reading),
        setpoint_c=math.nan,
        lower_c=math.nan,
        upper_c=layout.sink.temp_max_c,
        reason=f"asks for {power_w:.0f} W",
    )


def _room_j(layout: SinkLayout, reading: SinkReading | None) -> float:
    """Heat up to the sink's hard limit [J]; 0 where its temperature is unknown."""
    if reading is None:
        return 0.0
    sink = layout.sink
    if isinstance(sink, SwimmingPool):
        capacity = pool_capacity_j_per_k(sink)
    elif isinstance(sink, Tank):
        capacity = sink.volume_l * WATER_J_PER_L_K
    else:
        capacity = layout.model.capacity_1h_j_per_k if layout.model is not None else sink.air_j_per_k
    layers = reading.layers_c or (reading.temp_c,)
    return sum(max(sink.temp_max_c - layer, 0.0) for layer in layers) * capacity / len(layers)
