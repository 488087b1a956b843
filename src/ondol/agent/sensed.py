"""From points that can be trusted to what a sink and a unit say."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ondol.agent.layout import SiteLayout, UnitLayout
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.ids import UnitId
from ondol.model.points import PointKey
from ondol.model.sink import Sink, Tank
from ondol.model.site import HeatCircuit
from ondol.thermal.water import WATER_CP_J_PER_KG_K

_PUMP_RUNS_K = 5.0  # a loop that is so much hotter than its load has a pump that ought to run
_LEAST_FLOW = 0.02  # of the nominal flow: less is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """Values of points that are GOOD, and the last ones of those that were.

    Parameters
    ----------
    bound : all points that are bound, by key
    first : value of an entity's first sensor of a kind that is GOOD
    """

    values: Mapping[PointKey, float]
    last: Mapping[PointKey, float]
    bound: tuple[PointKey, ...]
    first: Mapping[tuple[str, str], float] = field(init=False)

    def __post_init__(self) -> None:
        first: dict[tuple[str, str], float] = {}
        for key in sorted(self.values, reverse=True):
            first[key.entity_id, key.point] = self.values[key]
        object.__setattr__(self, "first", first)

    def of(self, entity_id: str | None, point: str) -> float:
        """Value of an entity's first sensor of a kind that is GOOD, nan where there is none."""
        return math.nan if entity_id is None else self.first.get((entity_id, point), math.nan)


def sink_reading(sink: Sink, trusted: Trusted, now: dt.datetime) -> SinkReading | None:
    """Put a sink's sensors together, None where all are lost.

    A layer whose sensor is lost lies between its neighbours. At the ends what is lost is filled in on the side of
    safety: at the top the hotter of neighbour and last value, so that limits are kept; at the bottom the colder. For
    hygiene that is not enough, it has to be measured: `ends_known` tells. Elsewhere than in tanks the mean of all
    sensors counts.
    """
    keys = [key for key in trusted.bound if key.entity_id == sink.id and key.point == "temperature"]
    known = [key for key in keys if key in trusted.values]
    if not known:
        return None
    if not isinstance(sink, Tank) or len(keys) == 1:
        mean_c = sum(trusted.values[key] for key in known) / len(known)
        return SinkReading(sink_id=sink.id, measured_at=now, temp_c=mean_c)
    layers = []
    for key in keys:
        if key in trusted.values:
            layers.append(trusted.values[key])
            continue
        above, below = [k for k in known if k < key], [k for k in known if k > key]
        if above and below:
            upper, lower = above[-1], below[0]
            share = (key.index - upper.index) / (lower.index - upper.index)
            layers.append(trusted.values[upper] + share * (trusted.values[lower] - trusted.values[upper]))
        elif below:
            layers.append(max(trusted.values[below[0]], trusted.last.get(key, -math.inf)))
        else:
            layers.append(min(trusted.values[above[-1]], trusted.last.get(key, math.inf)))
    ends_known = keys[0] in trusted.values and keys[-1] in trusted.values
    return SinkReading(
        sink_id=sink.id, measured_at=now, temp_c=layers[0], layers_c=tuple(layers), ends_known=ends_known
    )


def unit_reading(
    unit: UnitLayout, trusted: Trusted, heat_j: float, share: float, now: dt.datetime, power_w: float
) -> UnitReading | None:
    """Put a unit's instruments together, None where all are silent.

    Parameters
    ----------
    heat_j : its counted heat, nan where there is no meter [J]
    share : its part of its circuit's flow, by capacity
    power_w : electric power by an instrument, nan where there is none [W]
    """
    unit_id, circuit_id = unit.unit.id, unit.unit.circuit_id

    def own_or_shared(point: str, part: float = 1.0) -> float:
        own = trusted.of(unit_id, point)
        return trusted.of(circuit_id, point) * part if math.isnan(own) else own

    supply_c = own_or_shared("supply_temperature")
    loop_c = trusted.of(unit_id, "loop_temperature")
    reading = UnitReading(
        unit_id=unit_id,
        measured_at=now,
        heat_j=heat_j,
        loop_temp_c=supply_c if math.isnan(loop_c) else loop_c,
        surface_temp_c=trusted.of(unit_id, "surface_temperature"),
        supply_temp_c=supply_c,
        return_temp_c=own_or_shared("return_temperature"),
        flow_kg_s=own_or_shared("flow", share),
        power_w=power_w,
    )
    told = (heat_j, reading.loop_temp_c, reading.surface_temp_c, supply_c, reading.return_temp_c, reading.flow_kg_s)
    return reading if any(map(math.isfinite, (*told, power_w))) else None


def heat_rate_w(entity_id: str, trusted: Trusted) -> float:
    """Heat from a heat-power point, else from flow and both temperatures, ``ṁ cp (Ts − Tr)``; nan without [W]."""
    told_w = trusted.of(entity_id, "heat_power")
    if math.isfinite(told_w):
        return told_w
    flow, supply_c = trusted.of(entity_id, "flow"), trusted.of(entity_id, "supply_temperature")
    return flow * WATER_CP_J_PER_KG_K * (supply_c - trusted.of(entity_id, "return_temperature"))


def capacity_shares(layout: SiteLayout) -> dict[UnitId, float]:
    """Part of each unit in what its circuit is metered for: by electric capacity; 1 for a unit without circuit."""
    shares = {}
    for one in layout.units:
        fellows = [unit for unit in layout.units if unit.unit.circuit_id == one.unit.circuit_id]
        alone = one.unit.circuit_id is None
        shares[one.unit.id] = 1.0 if alone else one.power_max_w / sum(unit.power_max_w for unit in fellows)
    return shares


def flow_lost(
    unit: UnitLayout, circuit: HeatCircuit, trusted: Trusted, *, loop_c: float, load_c: float, works: bool
) -> bool:
    """Whether a boiler's pump stands still though it ought to run.

    A pump that rests while nothing is hot is in order: only where the loop is 5 K above its load, or where its
    temperature is unknown and the unit works, does silence of the flow switch (or no flow at the meter) count.

    Parameters
    ----------
    loop_c, load_c : nan where unknown [°C]
    """
    stands = False
    for entity_id in (unit.unit.id, circuit.id):
        switch, flow = trusted.of(entity_id, "flow_switch"), trusted.of(entity_id, "flow")
        stands |= switch < 0.5 or flow < _LEAST_FLOW * circuit.flow_kg_s
    if not stands:
        return False
    hot_k = loop_c - load_c
    return works if math.isnan(hot_k) else hot_k > _PUMP_RUNS_K
