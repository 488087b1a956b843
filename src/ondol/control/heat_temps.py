"""Temperatures at which a site's heat was handed over in a window, for the view by exergy; measured, or none."""

from __future__ import annotations

import datetime as dt
import itertools
import math

from ondol.model.fleet import Fleet
from ondol.model.points import PointKey, Quality
from ondol.model.site import Site
from ondol.signals.weather import ZONES, Weather
from ondol.storage.heat_ports import HeatStore

_PARTS, _MOST = 500, 100  # a window is read in so many equal parts, and of each so many readings from its begin on
_LOOKS = 200  # at the weather, evenly over the window


def supply_and_return_c(
    fleet: Fleet, store: HeatStore, site: Site, start: dt.datetime, end: dt.datetime
) -> tuple[float, float] | None:
    """Mean supply and return temperature of a site's units and circuits in a window [°C]; None where not measured.

    Both have to be bound on the same unit or circuit; several count alike, also where their heat differs.
    """
    entities = {unit.id: unit.site_id for unit in fleet.units} | {one.id: one.site_id for one in fleet.circuits}
    bound = {(one.entity_id, one.point) for one in fleet.bindings}
    pairs: list[tuple[float, float]] = []
    for entity in sorted(entities):
        names = ("supply_temperature", "return_temperature")
        if entities[entity] != site.id or not all((entity, name) in bound for name in names):
            continue
        supply, back = (_mean(store, site, PointKey(entity, name), start, end) for name in names)
        if supply is not None and back is not None and back <= supply:  # turned round, they tell nothing
            pairs.append((supply, back))
    if not pairs:
        return None
    return math.fsum(one for one, _ in pairs) / len(pairs), math.fsum(one for _, one in pairs) / len(pairs)


def outdoor_c(site: Site, start: dt.datetime, end: dt.datetime) -> float | None:
    """Mean outdoor temperature over a window, of the weather series of the site's climate [°C]; None without one."""
    if site.climate not in ZONES:
        return None
    weather = Weather.load(site.climate)
    step = (end - start) / _LOOKS
    return math.fsum(weather.at(start + (rank + 0.5) * step).temp_c for rank in range(_LOOKS)) / _LOOKS


def _mean(store: HeatStore, site: Site, key: PointKey, start: dt.datetime, end: dt.datetime) -> float | None:
    """Mean of what was measured all over the window: a month has a quarter of a million readings."""
    edges = [start + (end - start) * k / _PARTS for k in range(_PARTS + 1)]
    good = [
        one.value
        for begin, until in itertools.pairwise(edges)
        for one in store.point_readings(site.id, key, begin, until, _MOST)
        if one.quality is Quality.GOOD and math.isfinite(one.value)
    ]
    return math.fsum(good) / len(good) if good else None
