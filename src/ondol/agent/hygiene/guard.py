"""One tank under its hygiene rule: counts, plans, runs the cycle and calls the backup in time."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from ondol.agent.hygiene.cycle import MARGIN, SPARE_S, TankState, cheapest_start_s, latest_start_s, needed_s
from ondol.agent.hygiene.policy import DAY_S, LEVELS_C, HygienePolicy
from ondol.agent.hygiene.tracker import TrackMemory, above_s, due_s, track
from ondol.agent.orders import HygieneStatus
from ondol.drivers.ports import SinkReading
from ondol.model.sink import Tank

_REPLAN_S = 300.0
_CHANCE, _SOON_S = 0.75, 7_200.0  # once this share of its window is left, a weak site begins what it can end in 2 h
_TOLD_S = 3600.0  # so long after its begin a cycle shows whether compute gives what it is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneMemory:
    """What is kept of a tank; all of it is JSON.

    Parameters
    ----------
    running : whether a cycle runs
    added_s : seconds above each of `LEVELS_C` since it began
    start_s : when the next one is planned to begin [s since the epoch]
    latest_s : from then on its backup has to help, or, without one, nothing may fail any more [s since the epoch]
    planned_s : when that was computed
    layers_c : last known layers: a sensor that fails must not stop the plan [°C]
    began_s : when the running one began [s since the epoch]
    backup : the cycle needs the backup; kept until it ends
    late : its latest start has passed; kept until it ends
    """

    track: TrackMemory = field(default_factory=TrackMemory)
    running: bool = False
    added_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    start_s: float = 0.0
    latest_s: float = 0.0
    planned_s: float = 0.0
    layers_c: tuple[float, ...] = ()
    began_s: float = 0.0
    backup: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneView:
    """What a step knows of the tank.

    Parameters
    ----------
    reading : fresh, None where lost
    compute_w : heat that its boilers can hand over at the cycle's temperature [W]
    delivered_share : measured over wanted power of the last minutes, None where nothing was wanted
    draw_w : heat that draws take per local hour, 24 values [W]
    capacity_j_per_k, loss_w : of the water, and lost at the cycle's temperature
    price_at : price of heat or work at a time [s since the epoch], None where there is none
    """

    now: dt.datetime
    timezone: str
    reading: SinkReading | None
    compute_w: float
    delivered_share: float | None
    draw_w: tuple[float, ...]
    capacity_j_per_k: float
    loss_w: float
    price_at: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneVerdict:
    """What the rule asks of this moment.

    Parameters
    ----------
    heat : compute shall heat the tank as it can
    backup : the backup has to run
    late : the latest start has passed
    missed : the rule is not kept
    """

    status: HygieneStatus
    heat: bool
    backup: bool
    late: bool
    missed: bool
    reason: str


def step_hygiene(
    tank: Tank, policy: HygienePolicy, view: HygieneView, memory: HygieneMemory
) -> tuple[HygieneVerdict, HygieneMemory]:
    """Count the time, and say whether a cycle has to run, and with what."""
    now_s, reading = view.now.timestamp(), view.reading
    layers = () if reading is None else (reading.layers_c or (reading.temp_c,))
    measured = reading if reading is not None and reading.ends_known else None  # what is filled in proves nothing
    coldest_c = math.nan if measured is None else min((*layers, measured.temp_c))
    tracked, added = track(
        policy,
        memory.track,
        view.now,
        measured_at=None if measured is None else measured.measured_at,
        coldest_c=coldest_c,
        outlet_c=math.nan if measured is None else measured.temp_c,
    )
    memory = replace(memory, track=tracked, layers_c=layers or memory.layers_c)
    if memory.running:
        old = memory.added_s
        sums = (old[0] + added[0], old[1] + added[1], old[2] + added[2])
        memory = replace(memory, added_s=sums)
        if policy.met(sums):
            memory = replace(memory, running=False, backup=False, late=False, planned_s=0.0)
    deadline_s = due_s(policy, tracked)
    if now_s - memory.planned_s >= _REPLAN_S or now_s < memory.planned_s:
        memory = _planned(tank, policy, view, memory, deadline_s)
    if not memory.running and now_s >= min(memory.start_s, memory.latest_s):
        memory = replace(memory, running=True, began_s=now_s, added_s=(0.0, 0.0, 0.0))
    if memory.running and now_s >= memory.latest_s:
        memory = replace(memory, backup=tank.backup_power_w > 0, late=True)
    kept = now_s <= deadline_s
    status = HygieneStatus(
        sink_id=tank.id,
        coldest_c=coldest_c,
        above_s=tuple(zip(LEVELS_C, above_s(tracked), strict=True)),
        kept=kept,
        due_at=dt.datetime.fromtimestamp(deadline_s, dt.UTC),
        cycle="running" if memory.running else "planned",
    )
    return HygieneVerdict(
        status=status,
        heat=memory.running,
        backup=memory.running and memory.backup and reading is not None,
        late=memory.late,
        missed=not kept,
        reason=f"hygiene cycle of {policy.name}: due {status.due_at:%Y-%m-%d %H:%M} UTC",
    ), memory


def _planned(
    tank: Tank, policy: HygienePolicy, view: HygieneView, memory: HygieneMemory, deadline_s: float
) -> HygieneMemory:
    """Compute the starts anew: the state and what is drawn change."""
    now_s, zone = view.now.timestamp(), ZoneInfo(view.timezone)

    def hour_at(at_s: float) -> float:
        local = dt.datetime.fromtimestamp(at_s, zone)
        return local.hour + local.minute / 60.0

    state = TankState(
        layers_c=memory.layers_c or (tank.initial_temp_c,),
        capacity_j_per_k=view.capacity_j_per_k,
        loss_w=view.loss_w,
        draw_w=view.draw_w,
        held_s=memory.added_s[0] if memory.running else 0.0,
    )
    # the tank may be emptied before the cycle begins: plan for water as cold as mains has left it at the bottom
    worst = state if memory.running else replace(state, layers_c=(min(state.layers_c),) * len(state.layers_c))
    told = memory.running and now_s - memory.began_s >= _TOLD_S and view.delivered_share is not None
    share = min(view.delivered_share or 0.0, 1.0) if told else 1.0
    compute_w = view.compute_w * share
    backup_w = 0.9 * tank.backup_power_w
    late_s = latest_start_s(worst, compute_w, due_s=deadline_s, hour_at=hour_at)
    latest_s = latest_start_s(worst, backup_w, due_s=deadline_s, hour_at=hour_at) if backup_w > 0 else math.inf
    if tank.backup_power_w > 0 and math.isinf(latest_s):  # too weak for the draws: all that it can is not too much
        latest_s = deadline_s - 0.5 * policy.window_s
        between = replace(state, draw_w=(0.0,) * 24)  # draws come in spells: as hot as it is now it may not be again
        soon_s = needed_s(between, compute_w + backup_w, hour_at(now_s))
        if now_s >= deadline_s - _CHANCE * policy.window_s and soon_s <= _SOON_S:
            latest_s = min(latest_s, now_s)
    reaches = math.isfinite(late_s)
    if not reaches:  # compute cannot reach: the backup alone, or, without one, the best that can be tried
        late_s = latest_s if backup_w > 0 else deadline_s - 0.5 * policy.window_s
    fastest_w = compute_w if late_s < latest_s or backup_w <= 0 else max(backup_w, compute_w)
    need_s = needed_s(worst, fastest_w, hour_at(late_s))
    start_s = cheapest_start_s(
        worst,
        now_s=now_s,
        # compute begins early enough that the backup need not be called before it has shown what it can
        latest_s=min(late_s, latest_s - 1.5 * _TOLD_S) if reaches else min(late_s, latest_s),
        span_s=min(0.5 * policy.window_s, DAY_S),
        need_s=need_s * MARGIN if math.isfinite(need_s) else SPARE_S,
        hour_at=hour_at,
        price_at=view.price_at,
    )
    return replace(
        memory,
        planned_s=now_s,
        start_s=start_s,
        latest_s=latest_s if backup_w > 0 else deadline_s - (deadline_s - late_s) / MARGIN,
    )
