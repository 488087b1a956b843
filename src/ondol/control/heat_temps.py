"""Temperatures at which a site's heat was handed over in a window, for the view by exergy; measured, or none."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondol.model.fleet import Fleet
from ondol.model.ledger import HeatRow
from ondol.model.points import PointKey, Quality
from ondol.model.site import Site
from ondol.signals.weather import ZONES, Weather
from ondol.storage.ports import Store

STATED_C = 5.0
"""Surroundings where nobody measures them and no weather series is known: 278.15 K, a French heating season as a whole
(`reference/footprint.md` §6 V9). It is stated where it is used."""
_PARTS, _MOST = 500, 100  # a window is read in so many equal parts, and of each so many readings from its begin on
_HOLDS_S = 3600.0  # so long a temperature that was read is taken for the one after it
_LOOKS = 200  # at the weather, evenly over the window


@dataclass(frozen=True, slots=True)
class Handover:
    """Supply and return of the water that carried the heat, weighted by heat [°C], and of which part of it they are."""

    supply_c: float
    return_c: float
    share: float


def handover(fleet: Fleet, store: Store, site: Site, start: dt.datetime, end: dt.datetime) -> Handover | None:
    """Give the temperatures at which metered heat was handed over in a window; None where none was measured meanwhile.

    Ts = Σ heat · temperature / Σ heat, over units and circuits and over equal parts of the window. Both points have to
    be bound on the same unit or circuit; a moment at which no heat flows counts nothing, whatever the pipe's
    temperature.
    """
    bound = {(one.entity_id, one.point) for one in fleet.bindings}
    names = ("supply_temperature", "return_temperature")
    units = fleet.units_of(site.id)
    entities = {
        **{str(unit.id): {unit.id} for unit in units},
        **{str(one.id): {u.id for u in units if u.circuit_id == one.id} for one in fleet.circuits},
    }
    measured = [key for key in entities if entities[key] and all((key, name) in bound for name in names)]
    if not measured:
        return None
    edges = [start + (end - start) * k / _PARTS for k in range(_PARTS + 1)]
    rows = [row for row in store.heat(site_id=site.id, start=start, end=end) if row.metered and row.delivered_j > 0.0]
    whole_j = float(_by_part(rows, edges).sum())
    sums, weight_j = [0.0, 0.0], 0.0
    taken: set[str] = set()
    for key in measured:
        own = entities[key] - taken  # a unit with points of its own needs none of its circuit
        mine = [row for row in rows if row.unit_id in own]
        heat_j = _by_part(mine, edges)
        supply, back = (_means(store, site, PointKey(key, name), edges, heat_j) for name in names)
        sound = (heat_j > 0.0) & np.isfinite(supply) & np.isfinite(back) & (back <= supply)  # turned round, they lie
        if not sound.any():
            continue
        taken |= own
        weight_j += float(heat_j[sound].sum())
        sums[0] += float((heat_j * supply)[sound].sum())
        sums[1] += float((heat_j * back)[sound].sum())
    if weight_j <= 0.0:
        return None
    return Handover(sums[0] / weight_j, sums[1] / weight_j, min(1.0, weight_j / whole_j))


def surroundings(fleet: Fleet, store: Store, site: Site, start: dt.datetime, end: dt.datetime) -> tuple[float, str]:
    """Give the mean outdoor temperature of a window [°C] and where it is from: measured, of the weather, or stated."""
    bound = sorted(
        (one.key for one in fleet.bindings if one.point == "outdoor_temperature" and one.entity_id == site.id),
        key=str,
    )
    edges = [start + (end - start) * k / _PARTS for k in range(_PARTS + 1)]
    for key in bound:
        found = _means(store, site, key, edges, np.ones(_PARTS))
        if np.isfinite(found).any():
            return float(np.nanmean(found)), "measured"
    if site.climate in ZONES:
        weather, step = Weather.load(site.climate), (end - start) / _LOOKS
        mean_c = math.fsum(weather.at(start + (rank + 0.5) * step).temp_c for rank in range(_LOOKS)) / _LOOKS
        return mean_c, f"weather series {site.climate}"
    return STATED_C, "stated: 278.15 K, no weather is known there"


def _by_part(rows: Iterable[HeatRow], edges: list[dt.datetime]) -> npt.NDArray[np.float64]:
    """Heat in each part of a window [J]; that of a row evenly over it."""
    found = np.zeros(len(edges) - 1)
    begin, part = edges[0], (edges[1] - edges[0]).total_seconds()
    for row in rows:
        first_s, last_s = (row.start - begin).total_seconds(), (row.end - begin).total_seconds()
        for number in range(max(0, int(first_s // part)), min(len(found), math.ceil(last_s / part))):
            inside_s = min(last_s, (number + 1) * part) - max(first_s, number * part)
            found[number] += row.delivered_j * max(0.0, inside_s) / (last_s - first_s)
    return found


def _means(
    store: Store, site: Site, key: PointKey, edges: list[dt.datetime], wanted: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Mean of what was measured in each part that is wanted, nan in others; without a reading the mean before it holds.

    It holds for `_HOLDS_S`. A month has a quarter of a million readings: of each part `_MOST` are read, the first ones.
    """
    found = np.full(len(edges) - 1, np.nan)
    last, at = math.nan, edges[0]
    for number, (begin, until) in enumerate(itertools.pairwise(edges)):
        if wanted[number] <= 0.0:
            continue
        good = [
            one.value
            for one in store.point_readings(site.id, key, begin, until, _MOST)
            if one.quality is Quality.GOOD and math.isfinite(one.value)
        ]
        if good:
            last, at = math.fsum(good) / len(good), until
        if (begin - at).total_seconds() <= _HOLDS_S:
            found[number] = last
    return found
