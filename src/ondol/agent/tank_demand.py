"""Heat for a tank: fill its energy deficit, and meet the draws and the standing loss that are to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from ondol.agent.demand import HORIZON_STEPS, STEP_S, SinkDemand, Situation
from ondol.agent.feed_forward import WATER_J_PER_L_K, mean_draw_w, stand_by_tank_w
from ondol.model.heat_request import HeatRequest
from ondol.model.sink import Tank

DEFICIT_TIME_S = 7_200.0
_LEARN = 0.25  # weight of the newest day in the draw of an hour
_RAMP_K = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TankMemory:
    """What is kept of a tank; all of it is JSON.

    Parameters
    ----------
    draw_w : expected heat of the draws per local hour of the day, 24 values; empty while nothing is learnt [W]
    hour : the local hour that is being watched, -1 for none
    hour_s, stored_j, meter_j : when that hour began, and energy of the water and heat meters then
    """

    draw_w: tuple[float, ...] = ()
    hour: int = -1
    hour_s: float = 0.0
    stored_j: float = 0.0
    meter_j: float = 0.0


def layers_of(situation: Situation) -> tuple[float, ...]:
    """Temperatures of equal layers; one layer where the tank has a single sensor [°C]."""
    return situation.layers_c or (situation.temp_c,)


def step_tank_demand(
    tank: Tank, request: HeatRequest, memory: TankMemory, situation: Situation
) -> tuple[SinkDemand, TankMemory]:
    """Say how much heat the tank wants now and in the next two hours."""
    layers = layers_of(situation)
    mean_c = sum(layers) / len(layers)
    capacity = tank.volume_l * WATER_J_PER_L_K
    setpoint_c = request.schedule.at(situation.now)
    upper_c = min(setpoint_c + request.band_k, tank.temp_max_c - 1.0)
    hour = situation.now.astimezone(ZoneInfo(request.schedule.timezone)).hour
    memory = _watched(tank, memory, situation, mean_c * capacity, hour)

    draws_w = memory.draw_w or (mean_draw_w(tank, setpoint_c),) * 24
    deficit_j = (setpoint_c - mean_c) * capacity
    loss_w = stand_by_tank_w(tank, mean_c)
    soon_w = sum(draws_w[(hour + k) % 24] for k in range(3)) / 3
    demand_w = max(deficit_j / DEFICIT_TIME_S + soon_w + loss_w, 0.0)
    # the hottest water must not pass the band while the bottom is still cold
    demand_w *= min(max((upper_c - max(layers)) / _RAMP_K, 0.0), 1.0)
    heat_w = min(demand_w, situation.heat_max_w)
    ahead_w = tuple(
        min(
            max(
                deficit_j / DEFICIT_TIME_S * math.exp(-(k + 0.5) * STEP_S / DEFICIT_TIME_S)
                + draws_w[int(hour + k * STEP_S / 3600) % 24]
                + loss_w,
                0.0,
            ),
            situation.heat_max_w,
        )
        for k in range(HORIZON_STEPS)
    )
    demand = SinkDemand(
        heat_w=heat_w,
        demand_w=demand_w,
        ahead_w=(heat_w, *ahead_w[1:]),
        room_j=sum(max(upper_c - layer, 0.0) for layer in layers) * capacity / len(layers),
        setpoint_c=setpoint_c,
        lower_c=setpoint_c - request.band_k,
        upper_c=upper_c,
        reason=f"fills to {setpoint_c:.1f} °C, has {mean_c:.1f} °C in the mean",
    )
    return demand, memory


def _watched(tank: Tank, memory: TankMemory, situation: Situation, stored_j: float, hour: int) -> TankMemory:
    """Learn the draw of the hour that just ended, by balance: heat in − gain − loss."""
    now_s = situation.now.timestamp()
    meter_j = situation.heat_meter_j
    if meter_j is None:
        return replace(memory, hour=-1)
    if memory.hour == hour and 0 <= now_s - memory.hour_s <= 3600:
        return memory
    elapsed_s = now_s - memory.hour_s
    draw_w = memory.draw_w
    if memory.hour >= 0 and 3000 <= elapsed_s <= 4500:
        mean_c = stored_j / (tank.volume_l * WATER_J_PER_L_K)
        loss_j = stand_by_tank_w(tank, mean_c) * elapsed_s
        seen_w = max((meter_j - memory.meter_j - (stored_j - memory.stored_j) - loss_j) / elapsed_s, 0.0)
        flat = draw_w or (mean_draw_w(tank, max(mean_c, 15.0)),) * 24
        draw_w = tuple(w + _LEARN * (seen_w - w) if h == memory.hour else w for h, w in enumerate(flat))
    return replace(memory, draw_w=draw_w, hour=hour, hour_s=now_s, stored_j=stored_j, meter_j=meter_j)
