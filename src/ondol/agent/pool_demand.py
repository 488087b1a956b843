"""Heat for a swimming pool: PI around the loss that its hall and its bathers cause."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ondol.agent.demand import HORIZON_STEPS, STEP_S, SinkDemand, Situation, smooth
from ondol.agent.feed_forward import MAINS_TEMP_C
from ondol.agent.pi import PiGains, step_pi
from ondol.model.heat_request import HeatRequest
from ondol.model.sink import SwimmingPool
from ondol.thermal.swimming_pool import SwimmingPoolInputs, SwimmingPoolParameters, step_swimming_pool

_ERROR_TIME_S = 14_400.0  # a pool has days of inertia; quicker would only burn the band for nothing
_INTEGRAL_TIME_S = 86_400.0
_FILTER_S = 1_200.0
_OPEN_SHARE = 0.5  # of the day


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMemory:
    """What is kept of a pool; all of it is JSON.

    Parameters
    ----------
    integral_w : of the PI controller [W]
    temp_c : filtered water temperature [°C]
    """

    integral_w: float = 0.0
    temp_c: float | None = None


@lru_cache(maxsize=256)
def mean_loss_w(pool: SwimmingPool, temp_c: float) -> float:
    """Mean loss over a day at a water temperature: half of it in use, half of it closed, with refill [W]."""
    params = SwimmingPoolParameters(area_m2=pool.area_m2, volume_m3=pool.volume_m3, cover_factor=0.5)
    refill_kg_s = pool.bathers_per_day * pool.refill_l_per_bather / 86_400.0
    total_w = 0.0
    for activity, covered, share in ((1.0, 0.0, _OPEN_SHARE), (0.75, float(pool.covered_at_night), 1 - _OPEN_SHARE)):
        inputs = SwimmingPoolInputs(
            air_temp_c=pool.hall_temp_c,
            relative_humidity=pool.hall_humidity,
            activity=activity,
            covered=covered,
            refill_kg_s=refill_kg_s,
            mains_c=MAINS_TEMP_C,
        )
        _, fluxes = step_swimming_pool(params, np.array([temp_c]), inputs, 1.0)
        total_w -= share * float(fluxes.stored_j[0])
    return total_w


@lru_cache(maxsize=1024)
def loss_w(pool: SwimmingPool, temp_c: float, *, in_use: bool) -> float:
    """Loss while it is in use, with the bathers' refill, or while it is closed [W]."""
    params = SwimmingPoolParameters(area_m2=pool.area_m2, volume_m3=pool.volume_m3, cover_factor=0.5)
    refill_kg_s = pool.bathers_per_day * pool.refill_l_per_bather / (_OPEN_SHARE * 86_400.0)
    inputs = SwimmingPoolInputs(
        air_temp_c=pool.hall_temp_c,
        relative_humidity=pool.hall_humidity,
        activity=1.0 if in_use else 0.75,
        covered=0.0 if in_use else float(pool.covered_at_night),
        refill_kg_s=refill_kg_s if in_use else 0.0,
        mains_c=MAINS_TEMP_C,
    )
    _, fluxes = step_swimming_pool(params, np.array([temp_c]), inputs, 1.0)
    return -float(fluxes.stored_j[0])


@lru_cache(maxsize=256)
def pool_capacity_j_per_k(pool: SwimmingPool) -> float:
    """Heat capacity of the water [J/K]."""
    return float(SwimmingPoolParameters(area_m2=pool.area_m2, volume_m3=pool.volume_m3).capacity_j_per_k[0])


def step_pool_demand(
    pool: SwimmingPool, request: HeatRequest, memory: PoolMemory, situation: Situation
) -> tuple[SinkDemand, PoolMemory]:
    """Say how much heat the pool wants now and in the next two hours."""
    temp_c = smooth(memory.temp_c, situation.temp_c, situation.dt_s, _FILTER_S)
    setpoint_c = request.schedule.at(situation.now)
    capacity = pool_capacity_j_per_k(pool)
    hold_w = mean_loss_w(pool, setpoint_c) - pool.other_heat_w
    output = step_pi(
        PiGains(kp_w_per_k=capacity / _ERROR_TIME_S, ti_s=_INTEGRAL_TIME_S),
        integral_w=memory.integral_w,
        error_k=setpoint_c - temp_c,
        feed_forward_w=hold_w,
        high_w=situation.heat_max_w,
        delivered_share=situation.delivered_share,
        dt_s=situation.dt_s,
    )
    steady_w = hold_w + output.integral_w
    excess_w = capacity / _ERROR_TIME_S * (setpoint_c - temp_c)
    ahead_w = tuple(
        min(max(steady_w + excess_w * math.exp(-(k + 0.5) * STEP_S / _ERROR_TIME_S), 0.0), situation.heat_max_w)
        for k in range(HORIZON_STEPS)
    )
    upper_c = min(setpoint_c + request.band_k, pool.temp_max_c)
    demand = SinkDemand(
        heat_w=output.wanted_w,
        demand_w=output.demand_w,
        ahead_w=ahead_w,
        room_j=max(upper_c - temp_c, 0.0) * capacity,
        setpoint_c=setpoint_c,
        lower_c=setpoint_c - request.band_k,
        upper_c=upper_c,
        reason=f"holds {setpoint_c:.1f} °C, has {situation.temp_c:.2f} °C",
    )
    return demand, replace(memory, temp_c=temp_c, integral_w=output.integral_w)
