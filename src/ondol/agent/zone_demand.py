"""Heat for a room: PI with weather feed-forward and preheat."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from ondol.agent.demand import HORIZON_STEPS, MEMORY_REFRESH_S, STEP_S, SinkDemand, Situation, smooth
from ondol.agent.feed_forward import hold_zone_w
from ondol.agent.pi import PiGains, step_pi, tune
from ondol.agent.preheat import Rise, plan_preheat
from ondol.agent.zone_model import ZoneModel
from ondol.model.heat_request import HeatRequest
from ondol.thermal.arrays import Floats

_FILTER_S = 180.0
_HOLD_S = 200.0  # nodes, averaging and the step add this dead time to the shell's
_AHEAD_STEP_S = 180.0
_COAST_SHARE = 0.6  # of the shell's time constant
_LONGEST_COAST_S = 1_200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneMemory:
    """What is kept of a room from step to step; all of it is JSON.

    Parameters
    ----------
    integral_w : of the PI controller [W]
    temp_c : filtered air temperature [°C]
    walls_c : observed wall temperature [°C]
    preheat_c, preheat_until_s : the raised target and when the schedule catches up [°C, s since the epoch]
    rise_at_s, rise_c, rise_lead_s : the next rise that was seen; 0 where none
    planned_s : when the look-ahead was last computed [s since the epoch]
    ahead_w : its result [W]
    """

    integral_w: float = 0.0
    temp_c: float | None = None
    walls_c: float | None = None
    preheat_c: float | None = None
    preheat_until_s: float = 0.0
    rise_at_s: float = 0.0
    rise_c: float = 0.0
    rise_lead_s: float = 0.0
    planned_s: float = 0.0
    ahead_w: tuple[float, ...] = (0.0,) * HORIZON_STEPS


def gains_of(model: ZoneModel) -> PiGains:
    """Gains for a room behind the lag of its heater's shell."""
    zone = model.zone
    lag_s = 0.5 * model.shell_j_per_k / model.shell_ua_w_per_k + _HOLD_S
    return tune(zone.air_j_per_k, zone.ua_w_per_k + zone.mass_ua_w_per_k, lag_s)


def step_zone(
    model: ZoneModel, request: HeatRequest, memory: ZoneMemory, situation: Situation
) -> tuple[SinkDemand, ZoneMemory]:
    """Say how much heat the room wants now and in the next two hours."""
    now_s = situation.now.timestamp()
    temp_c = smooth(memory.temp_c, situation.temp_c, situation.dt_s, _FILTER_S)
    walls_c = memory.walls_c if memory.walls_c is not None else model.steady_walls_c(temp_c, situation.outdoor_c)
    walls_c = model.follow_walls_c(walls_c, temp_c, situation.outdoor_c, situation.dt_s)
    memory = replace(memory, temp_c=temp_c, walls_c=walls_c)
    scheduled_c = request.schedule.at(situation.now)
    memory = _released(memory, request, now_s, scheduled_c)
    shell_c = situation.loop_c if situation.loop_c is not None else temp_c
    state = np.array([temp_c, walls_c, shell_c])
    refresh = now_s - memory.planned_s >= MEMORY_REFRESH_S or now_s < memory.planned_s
    if refresh:
        memory = _planned(model, request, memory, situation, state)
    memory = _preheating(memory, request, now_s, scheduled_c)
    target_c = _coasting_c(model, request, situation, scheduled_c) if memory.preheat_c is None else memory.preheat_c

    hold_w = hold_zone_w(model, target_c, situation.outdoor_c, walls_c)
    on_its_way_j = 0.0
    if situation.loop_c is not None:
        on_its_way_j = (shell_c - temp_c) * model.shell_j_per_k - _shell_heat_j(model, hold_w + memory.integral_w)
    output = step_pi(
        gains_of(model),
        integral_w=memory.integral_w,
        # heat that the shell holds beyond what it needs will come whatever is decided: it counts as if it were there
        error_k=target_c - temp_c - on_its_way_j / model.capacity_1h_j_per_k,
        feed_forward_w=hold_w,
        high_w=situation.heat_max_w,
        delivered_share=situation.delivered_share,
        # while a room warms up its error is the way still to go, not a fault of the model
        dt_s=situation.dt_s if memory.preheat_c is None else 0.0,
    )
    memory = replace(memory, integral_w=output.integral_w)
    if refresh:
        memory = replace(memory, planned_s=now_s, ahead_w=_ahead(model, request, memory, situation, state))
    upper_c = target_c + request.band_k
    preheating = memory.preheat_c is not None
    demand = SinkDemand(
        heat_w=output.wanted_w,
        demand_w=output.demand_w,
        ahead_w=memory.ahead_w,
        room_j=max((upper_c - temp_c) * model.capacity_1h_j_per_k - max(on_its_way_j, 0.0), 0.0),
        setpoint_c=target_c,
        lower_c=target_c - request.band_k,
        upper_c=upper_c,
        reason=f"{'preheats to' if preheating else 'holds'} {target_c:.1f} °C, has {situation.temp_c:.1f} °C",
    )
    return demand, memory


def _coasting_c(model: ZoneModel, request: HeatRequest, situation: Situation, scheduled_c: float) -> float:
    """Optimal stop: a set-back that is near counts already, since the shell's heat lasts until then [°C]."""
    coast_s = min(_COAST_SHARE * model.shell_j_per_k / model.shell_ua_w_per_k, _LONGEST_COAST_S)
    return min(scheduled_c, request.schedule.at(situation.now + dt.timedelta(seconds=coast_s)))


def _shell_heat_j(model: ZoneModel, power_w: float) -> float:
    """Heat that the shell keeps above the room when it gives a steady power [J]."""
    return max(power_w, 0.0) / model.shell_ua_w_per_k * model.shell_j_per_k


def _asks_at(request: HeatRequest, at_s: float, temp_c: float) -> bool:
    """Whether the request still asks for it then: it may have been changed meanwhile."""
    return request.schedule.at(dt.datetime.fromtimestamp(at_s, dt.UTC)) >= temp_c - 1e-9


def _released(memory: ZoneMemory, request: HeatRequest, now_s: float, scheduled_c: float) -> ZoneMemory:
    if memory.preheat_c is None:
        return memory
    over = now_s >= memory.preheat_until_s or scheduled_c >= memory.preheat_c
    if over or not _asks_at(request, memory.preheat_until_s, memory.preheat_c):
        return replace(memory, preheat_c=None)
    return memory


def _planned(
    model: ZoneModel, request: HeatRequest, memory: ZoneMemory, situation: Situation, state: Floats
) -> ZoneMemory:
    rise = plan_preheat(
        model,
        state,
        schedule=request.schedule,
        now=situation.now,
        power_w=situation.heat_max_w,
        outdoor_at=situation.outdoor_at,
    )
    if rise is None:
        return replace(memory, rise_at_s=0.0)
    return replace(memory, rise_at_s=rise.at.timestamp(), rise_c=rise.setpoint_c, rise_lead_s=rise.lead_s)


def _preheating(memory: ZoneMemory, request: HeatRequest, now_s: float, scheduled_c: float) -> ZoneMemory:
    """Raise the target when it is time; it stays up until the schedule catches up, so that it cannot flap."""
    begun = memory.rise_at_s > now_s >= memory.rise_at_s - memory.rise_lead_s
    higher = memory.preheat_c is None and begun and memory.rise_c > scheduled_c
    if higher and _asks_at(request, memory.rise_at_s, memory.rise_c):
        return replace(memory, preheat_c=memory.rise_c, preheat_until_s=memory.rise_at_s)
    return memory


def _ahead(
    model: ZoneModel, request: HeatRequest, memory: ZoneMemory, situation: Situation, state: Floats
) -> tuple[float, ...]:
    """Run the same controller on the agent's own model; mean heat per step [W]."""
    gains = gains_of(model)
    rise = None
    if memory.rise_at_s > situation.now.timestamp():
        at = dt.datetime.fromtimestamp(memory.rise_at_s, dt.UTC)
        rise = Rise(at=at, setpoint_c=memory.rise_c, lead_s=memory.rise_lead_s)
    means: list[float] = []
    inner = int(STEP_S // _AHEAD_STEP_S)
    for k in range(HORIZON_STEPS):
        begin = situation.now + dt.timedelta(seconds=k * STEP_S)
        outdoor_c = situation.outdoor_at(begin)
        total_w = 0.0
        for j in range(inner):
            at = begin + dt.timedelta(seconds=j * _AHEAD_STEP_S)
            target_c = request.schedule.at(at)
            if rise is not None and rise.begun(at):
                target_c = max(target_c, rise.setpoint_c)
            hold_w = hold_zone_w(model, target_c, outdoor_c, float(state[1]))
            raw_w = hold_w + gains.kp_w_per_k * (target_c - float(state[0])) + memory.integral_w
            power_w = min(max(raw_w, 0.0), situation.heat_max_w)
            state = model.advance(state, power_w, outdoor_c, _AHEAD_STEP_S)
            total_w += power_w
        means.append(total_w / inner)
    return tuple(means)
