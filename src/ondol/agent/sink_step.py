"""One sink in one step: what its host asks for, then hygiene, then frost; and whether its backup has to run."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace

from ondol.agent.backup import BackupView, level_of, step_backup, step_guarantee
from ondol.agent.demand import HORIZON_STEPS, SinkDemand
from ondol.agent.energy_demand import owed_energy
from ondol.agent.feed_forward import WATER_J_PER_L_K, hold_zone_w, mean_draw_w, stand_by_tank_w
from ondol.agent.frost import against_frost, blind_against_frost, is_freezing
from ondol.agent.heat_layer import (
    SinkMemory,
    SinkView,
    backup_w,
    delivered_share,
    fresh_reading,
    heat_meter_j,
    heat_of_w,
    step_sink,
    unseen_c,
)
from ondol.agent.hygiene.cycle import TARGET_C
from ondol.agent.hygiene.guard import HygieneVerdict, HygieneView, step_hygiene
from ondol.agent.hygiene.policy import policy_of
from ondol.agent.layout import SinkLayout
from ondol.agent.orders import BackupOrder
from ondol.agent.owed_heat import DayMemory, Owed, owed_by_day, step_day
from ondol.agent.safety import hottest
from ondol.agent.site_step import SiteStep
from ondol.drivers.ports import SinkReading
from ondol.model.sink import Tank, Zone

_CYCLE_SPAN_K = 3.0  # the top may be so much hotter while the coldest water is still on its way
_FROST_HOLD_C = 7.0
_SEEN_AGAIN_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkResult:
    """What a sink's step came to.

    Parameters
    ----------
    floors : whether work that cannot wait may heat it
    frost : whether it is kept from freezing
    coldest_c : coldest of it and its loops, nan where unknown [°C]
    hygiene : None where no rule applies
    backup : None where it has none
    missed_s : how long it has been below its guarantee [s]
    unseen_c : how hot it may be by now where its sensor was lost within half an hour, else nan [°C]
    """

    layout: SinkLayout
    reading: SinkReading | None
    demand: SinkDemand
    floors: bool
    frost: bool
    coldest_c: float
    hygiene: HygieneVerdict | None
    backup: BackupOrder | None
    missed_s: float
    unseen_c: float = math.nan

    @property
    def cycle(self) -> bool:
        """Whether a hygiene cycle runs."""
        return self.hygiene is not None and self.hygiene.heat

    @property
    def cycle_c(self) -> float:
        """How hot the cycle may make it, nan where none runs [°C]."""
        return min(TARGET_C + _CYCLE_SPAN_K, self.layout.sink.temp_max_c - 1.0) if self.cycle else math.nan


def decide_sink(layout: SinkLayout, step: SiteStep, memory: SinkMemory, timezone: str) -> tuple[SinkResult, SinkMemory]:
    """Let a sink go one step.

    Parameters
    ----------
    timezone : IANA name of the site's zone
    """
    view = SinkView(
        now=step.now,
        dt_s=step.dt_s,
        reading=step.sinks.get(layout.sink.id),
        units=step.units,
        outdoor_c=step.outdoor_c,
        outdoor_at=step.outdoor_at,
        measured_w=sum(step.measured_w(unit) for unit in layout.units),
    )
    demand, floors, memory = step_sink(layout, view, memory)
    reading = fresh_reading(view.reading, view.now)
    verdict: HygieneVerdict | None = None
    if isinstance(layout.sink, Tank) and (policy := policy_of(layout.sink.hygiene)) is not None:
        seen = _hygiene_view(layout, layout.sink, step, memory, reading, timezone)
        verdict, hygiene = step_hygiene(layout.sink, policy, seen, memory.hygiene)
        memory = replace(memory, hygiene=hygiene)
        if verdict.heat and reading is not None:
            demand = _cycle_demand(layout, reading, demand, verdict)
    loops_c = [step.units[unit.unit.id].loop_temp_c for unit in layout.units if unit.unit.id in step.units]
    frost, coldest_c = is_freezing(layout, reading, loops_c, memory.frost)
    silent_s = step.now.timestamp() - memory.seen_s if memory.seen_s else math.inf
    if frost:
        demand = against_frost(layout, demand, coldest_c)
    elif reading is None and layout.request is None:
        demand = blind_against_frost(layout, demand, outdoor_c=step.outdoor_c, silent_s=silent_s)
    memory = replace(memory, frost=frost, day=_day(layout, step, memory, demand, timezone))
    owed = _owed(layout, step, memory, demand, timezone)
    backup, memory = _backup(layout, step, memory, reading, verdict, owed)
    result = SinkResult(
        layout=layout,
        reading=reading,
        demand=demand,
        floors=floors,
        frost=frost,
        coldest_c=coldest_c,
        hygiene=verdict,
        backup=backup,
        missed_s=memory.backup.missed_s,
        unseen_c=math.nan if reading is not None else unseen_c(memory, step.now.timestamp()),
    )
    return result, memory


def _hygiene_view(
    layout: SinkLayout, tank: Tank, step: SiteStep, memory: SinkMemory, reading: SinkReading | None, timezone: str
) -> HygieneView:
    price_at = step.price_at
    return HygieneView(
        now=step.now,
        timezone=timezone,
        reading=reading,
        compute_w=sum(unit.heat_max_w(TARGET_C) for unit in layout.units),
        delivered_share=delivered_share(layout, memory),
        draw_w=memory.tank.draw_w or (mean_draw_w(tank, TARGET_C),) * 24,
        capacity_j_per_k=tank.volume_l * WATER_J_PER_L_K,
        loss_w=stand_by_tank_w(tank, TARGET_C),
        price_at=None if price_at is None else lambda at_s: price_at(dt.datetime.fromtimestamp(at_s, dt.UTC)),
    )


def _cycle_demand(layout: SinkLayout, reading: SinkReading, demand: SinkDemand, verdict: HygieneVerdict) -> SinkDemand:
    """All that the boilers can give, easing off where the hottest water nears what the cycle allows."""
    layers = reading.layers_c or (reading.temp_c,)
    top_c = min(TARGET_C + _CYCLE_SPAN_K, layout.sink.temp_max_c - 1.0)
    ease = min(max((top_c - max(layers)) / 1.0, 0.0), 1.0)
    heat_w = ease * sum(unit.heat_max_w(min(layers)) for unit in layout.units)
    heat_w = max(heat_w, demand.heat_w)
    tank_j_per_k = layout.sink.volume_l * WATER_J_PER_L_K if isinstance(layout.sink, Tank) else 0.0
    return replace(
        demand,
        heat_w=heat_w,
        demand_w=max(heat_w, demand.demand_w),
        ahead_w=(max(heat_w, demand.ahead_w[0]),) * 4 + demand.ahead_w[4:HORIZON_STEPS],
        room_j=max(demand.room_j, sum(max(top_c - one, 0.0) for one in layers) * tank_j_per_k / len(layers)),
        setpoint_c=TARGET_C,
        upper_c=top_c,
        reason=verdict.reason,
    )


def _day(layout: SinkLayout, step: SiteStep, memory: SinkMemory, demand: SinkDemand, timezone: str) -> DayMemory:
    return step_day(
        memory.day,
        now=step.now,
        timezone=timezone,
        dt_s=step.dt_s,
        demand_w=demand.demand_w,
        meter_j=heat_meter_j(layout, step.units),
        measured_w=heat_of_w(layout, sum(step.measured_w(unit) for unit in layout.units)),
        backup_w=backup_w(layout, memory),
    )


def _owed(layout: SinkLayout, step: SiteStep, memory: SinkMemory, demand: SinkDemand, timezone: str) -> Owed | None:
    """What was promised in kilowatt-hours and has to be kept by the backup where compute does not."""
    request, compute_w = layout.request, heat_of_w(layout, memory.got_w)
    if request is None:
        return None
    if request.kind == "energy":
        return owed_energy(request, memory.energy, step.now, compute_w)
    if request.guaranteed_kwh_per_day <= 0.0 or request.if_missed != "backup":
        return None
    return owed_by_day(
        request, memory.day, now=step.now, timezone=timezone, compute_w=compute_w, upper_c=demand.upper_c
    )


def _backup(
    layout: SinkLayout,
    step: SiteStep,
    memory: SinkMemory,
    reading: SinkReading | None,
    verdict: HygieneVerdict | None,
    owed: Owed | None,
) -> tuple[BackupOrder | None, SinkMemory]:
    request, sink = layout.request, layout.sink
    setpoint_c = request.schedule.at(step.now) if request is not None and request.firm else math.nan
    level_c = level_of(request, setpoint_c)
    temp_c = math.nan if reading is None else reading.temp_c
    share = delivered_share(layout, memory)
    kept = step_guarantee(request, temp_c, step.dt_s, memory.backup)
    view = BackupView(
        now_s=step.now.timestamp(),
        dt_s=step.dt_s,
        temp_c=temp_c,
        hottest_c=math.nan if reading is None else hottest(reading.temp_c, reading.layers_c),
        level_c=level_c,
        frost=memory.frost,
        hygiene=verdict is not None and verdict.backup,
        delivered_share=share,
        blind_w=_blind_w(layout, step, memory, reading, level_c, share),
        owed=owed,
    )
    order, kept = step_backup(sink, view, kept)
    return order, replace(memory, backup=kept)


def _blind_w(
    layout: SinkLayout,
    step: SiteStep,
    memory: SinkMemory,
    reading: SinkReading | None,
    level_c: float,
    share: float | None,
) -> float:
    """What a room that is not seen needs of its backup where compute does not give it [W]."""
    given = share is not None and share >= 0.5
    if reading is not None or given or layout.model is None or step.outdoor_c is None:
        return 0.0
    if not isinstance(layout.sink, Zone) or step.now.timestamp() - memory.seen_s < _SEEN_AGAIN_S:
        return 0.0
    hold_c = _FROST_HOLD_C if math.isnan(level_c) else level_c
    return max(hold_zone_w(layout.model, hold_c, step.outdoor_c), 0.0)
