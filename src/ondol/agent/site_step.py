"""One step of a site between its reading and its orders: what is known, what each unit wishes, what is answered."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ondol.agent.comfort import comfort_band_c, discomfort_kh
from ondol.agent.demand import HORIZON_STEPS, SinkDemand
from ondol.agent.heat_layer import fresh_reading
from ondol.agent.layout import SinkLayout, UnitLayout
from ondol.agent.orders import NodeStatus, SinkOrder, UnitOrder
from ondol.agent.safety import SafetyVerdict, UnitSenses, hottest
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.model.sink import Tank, Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStep:
    """What one step is computed from.

    Parameters
    ----------
    units : readings with a loop temperature, by which control goes
    felt : all readings of units; limits of surface, return and flow count without a loop's sensor, too
    """

    now: dt.datetime
    dt_s: float
    sinks: Mapping[SinkId, SinkReading]
    units: Mapping[UnitId, UnitReading]
    felt: Mapping[UnitId, UnitReading]
    statuses: Mapping[NodeId, NodeStatus]
    flow_lost: frozenset[UnitId]
    floors: Mapping[UnitId, float]
    unit_limits: Mapping[UnitId, float]
    outdoor_c: float | None
    outdoor_at: Callable[[dt.datetime], float]
    price_at: Callable[[dt.datetime], float] | None = None

    def measured_w(self, layout: UnitLayout) -> float:
        """Electric power of a unit's nodes [W]."""
        return sum(self.statuses[node.id].power_w for node in layout.nodes if node.id in self.statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitWish:
    """A unit's part of its sink's demand, and how it was bounded."""

    layout: UnitLayout
    demand: SinkDemand
    temp_c: float
    share: float
    wanted_w: float
    demand_w: float
    ahead_w: tuple[float, ...]
    urgent_w: float
    target_w: float
    verdict: SafetyVerdict
    limited_by: str
    reason: str
    site_limited: bool = False


def unit_senses(
    layout: UnitLayout,
    group: SinkLayout,
    step: SiteStep,
    *,
    reading: SinkReading | None,
    comfort_c: float,
    heard_s: float,
    cycle_c: float = math.nan,
    unseen_c: float = math.nan,
) -> UnitSenses:
    """Gather what safety looks at.

    Parameters
    ----------
    group : the sink that the unit heats
    reading : of that sink, None where it is lost
    comfort_c : upper end of what control aims at, nan where nothing is asked [°C]
    heard_s : when the unit was last heard [s since the epoch]
    cycle_c : how hot a hygiene cycle that runs may make it, nan where none runs [°C]
    unseen_c : how hot a sink whose sensor was lost may be by now, nan where that is not known [°C]
    """
    sink = group.sink
    sharers = sum(other.circuit is layout.circuit for other in group.units)
    unit_reading = step.felt.get(layout.unit.id)
    loop_c = math.nan if unit_reading is None else unit_reading.loop_temp_c
    hottest_c = math.nan if reading is None else hottest(reading.temp_c, reading.layers_c)
    base_c = math.nan if reading is None else (reading.layers_c or (reading.temp_c,))[-1]
    ahead_c = unseen_c if reading is None else hottest_c
    if isinstance(sink, Zone) and group.model is not None and not math.isnan(loop_c):
        ahead_c += max(loop_c - ahead_c, 0.0) * group.model.shell_j_per_k / group.model.capacity_1h_j_per_k
    if group.request is not None and group.request.kind == "temperature":
        comfort_c = comfort_band_c(group.request.schedule, step.now, group.request.band_k)[1]
    if not math.isnan(cycle_c):
        comfort_c = cycle_c if math.isnan(comfort_c) else max(comfort_c, cycle_c)
    if math.isnan(comfort_c) or comfort_c > sink.temp_max_c - 1.0:
        comfort_c = sink.temp_max_c - (4.0 if isinstance(sink, Tank) else 2.0)
    return UnitSenses(
        power_max_w=layout.power_max_w,
        hottest_c=hottest_c,
        ahead_c=ahead_c,
        soft_c=(comfort_c + sink.temp_max_c) / 2,
        hard_c=sink.temp_max_c,
        loop_c=loop_c,
        loop_max_c=layout.unit.loop_temp_max_c,
        loop_w_per_k=layout.loop_w_per_k,
        loop_base_c=base_c,
        silent_s=max(step.now.timestamp() - heard_s, 0.0),
        water=layout.water,
        flow_lost=layout.unit.id in step.flow_lost,
        meter_j=math.nan if unit_reading is None else unit_reading.heat_j,
        measured_w=step.measured_w(layout),
        surface_c=math.nan if unit_reading is None else unit_reading.surface_temp_c,
        surface_max_c=layout.unit.surface_temp_max_c,
        surface_lost=layout.surface_bound and (unit_reading is None or math.isnan(unit_reading.surface_temp_c)),
        return_c=math.nan if unit_reading is None else unit_reading.return_temp_c,
        return_max_c=math.inf if layout.circuit is None else layout.circuit.return_temp_max_c,
        flow_kg_s=math.nan if unit_reading is None else unit_reading.flow_kg_s,
        min_flow_kg_s=0.0 if layout.circuit is None else layout.circuit.min_flow_kg_s / max(sharers, 1),
    )


def unit_order(wish: UnitWish, step: SiteStep) -> UnitOrder:
    """Put a unit's wish into the form that others read."""
    demand = wish.demand
    blind = math.isnan(wish.temp_c)
    return UnitOrder(
        unit_id=wish.layout.unit.id,
        wanted_w=wish.wanted_w,
        demand_w=wish.demand_w,
        target_w=wish.target_w,
        measured_w=step.measured_w(wish.layout),
        wanted_ahead_w=wish.ahead_w if wish.layout.sink is not None else (0.0,) * HORIZON_STEPS,
        temp_c=wish.temp_c,
        setpoint_c=math.nan if blind else demand.setpoint_c,
        lower_c=math.nan if blind else demand.lower_c,
        upper_c=math.nan if blind else demand.upper_c,
        room_j=demand.room_j * wish.share,
        safety=wish.limited_by == "safety" or math.isfinite(wish.verdict.high_w),
        limited_by=wish.limited_by,
        reason=wish.reason,
    )


def sink_order(layout: SinkLayout, demand: SinkDemand, step: SiteStep) -> SinkOrder:
    """Say how a sink fares in this step."""
    reading = fresh_reading(step.sinks.get(layout.sink.id), step.now)
    temp_c = math.nan if reading is None else reading.temp_c
    lower_c = upper_c = math.nan
    if layout.request is not None and layout.request.kind == "temperature":
        lower_c, upper_c = comfort_band_c(layout.request.schedule, step.now, layout.request.band_k)
    return SinkOrder(
        sink_id=layout.sink.id,
        temp_c=temp_c,
        heat_wanted_w=demand.demand_w,
        comfort_lower_c=lower_c,
        comfort_upper_c=upper_c,
        discomfort_kh=discomfort_kh(temp_c, lower_c, upper_c, step.dt_s),
    )
