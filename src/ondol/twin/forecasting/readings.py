"""What the sensors and meters of a fleet have shown so far, hour by hour: all that a learned forecast may look at."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import msgspec
import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.forecasting.hours import DAY_H, HOUR_S
from ondol.twin.forecasting.pooling import Pooled, pooled
from ondol.twin.layout import Layout, SinkKind, lay_out
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series, make_series
from ondol.twin.stores import Levels, Stores

LOOKING = ("learned", "persistence")

KEPT_H = 75 * DAY_H
"""Hours that are kept: 60 days to learn from, and some for fits that are not renewed each day."""

EDGE_S = 900.0
"""The temperature at the end of an hour is the mean of the readings of so long before it: noise is white."""

_PAST = 15  # of the draws of lots
_LITRES_PER_KG = 1.0  # of cold water


class Readings:
    """Hourly readings of each group of sinks and of each sky; as a part of the twin it is kept by its snapshot.

    A room or a pool shows its demand as a balance, by the equation of `SinkColumns`: heat from units and backup, less
    what its temperature rose by, less what it lost for being above its lower limit; so for a room this is the heat
    that holds it at that limit, without the heat of raising the limit, which is known beforehand. Capacity and loss are
    those that the View tells. A tank shows litres at its flow meter, a network its heat meter.

    Parameters
    ----------
    on : whether anything is to be read at all
    """

    def __init__(self, plant: Plant, series: Series, stores: Stores, groups: Pooled, *, on: bool) -> None:
        self._plant, self._series, self._stores, self.groups = plant, series, stores, groups
        count, skies = (len(groups.first), len(series.outdoor_c)) if on else (0, 0)
        self._reads = on, bool(groups.tanks.any()), bool((groups.sort == SinkKind.NETWORK).any())
        kept = KEPT_H if on else 0
        self.hours = self.before_h = 0
        self.shown = np.full((count, kept), np.nan)
        self.outdoor_c, self.sun_w_m2 = np.full((skies, kept), np.nan), np.full((skies, kept), np.nan)
        self.grid_g_per_kwh = np.full(kept, np.nan)
        self._metered, self._aboves, self._edges = (np.zeros(count) for _ in range(3))
        self._edge_c = np.full(count, np.nan)
        self._sky_sums, self._grid_sum = np.zeros((2, skies)), 0.0
        self._steps = self._looks = self._edge_looks = 0

    @property
    def balance_j_per_k(self) -> Floats:
        """Capacity in each group's balance, 0 where a meter shows the demand itself [J/K]."""
        groups = self.groups
        balanced = (groups.sort == SinkKind.ROOM) | (groups.sort == SinkKind.POOL)
        return np.where(balanced, self._stores.j_per_k[groups.first], 0.0)

    def adopt(self, past: Readings) -> None:
        """Take over what was read of the same sinks before the begin; hours count from its first then."""
        self.hours = self.before_h = past.hours
        for name in ("shown", "outdoor_c", "sun_w_m2", "grid_g_per_kwh"):
            getattr(self, name)[...] = getattr(past, name)

    def see(self, step: int, levels: Levels) -> None:
        """Take the thermometers at the beginning of a step; an hour that is over with it is closed."""
        if not self._reads[0]:
            return
        now_s = step * self._series.step_s
        into_s = now_s - (self.hours - self.before_h) * HOUR_S
        mean = self.groups.mean
        temp_c = mean(levels.temp_c)
        if into_s >= HOUR_S - EDGE_S - 1e-6:
            self._edges += temp_c
            self._edge_looks += 1
        if into_s >= HOUR_S - 1e-6:
            self._end_hour()
        if step == 0:
            self._edge_c[:] = temp_c
        above_w = (levels.temp_c - levels.lower_c) * levels.loss_per_s * self._stores.j_per_k
        self._aboves += mean(above_w)
        self._looks += 1

    def meter(self, step: int) -> None:
        """Take the meters at the end of a step, of means over it."""
        on, tanks, networks = self._reads
        if not on:
            return
        plant, series, groups = self._plant, self._series, self.groups
        shown = plant.heat_w - plant.dumped_w + plant.backup_w
        if tanks:
            rows = plant.groups[SinkKind.TANK].rows
            draw_kg_s = series.draws[plant.tanks.draw_row, step] * plant.tanks.draw_l_per_day
            shown = shown.copy()
            shown[rows] = draw_kg_s * HOUR_S / _LITRES_PER_KG
        if networks:
            rows = plant.groups[SinkKind.NETWORK].rows
            shown = shown.copy()
            shown[rows] = plant.wanted_w[rows]
        self._metered += groups.mean(shown)
        self._sky_sums[0] += series.outdoor_c[:, step]
        self._sky_sums[1] += series.solar_w_m2[:, step]
        self._grid_sum += float(series.grid_g_per_kwh[step])
        self._steps += 1

    def last(self, count: int, before: int) -> Ints:
        """Places of the `count` hours before hour `before`, oldest first; fewer where there were fewer."""
        first = max(0, before - count, self.hours - KEPT_H)
        return np.arange(first, before, dtype=np.int64) % KEPT_H

    def _end_hour(self) -> None:
        place, steps = self.hours % KEPT_H, max(self._steps, 1)
        edge_c = self._edges / max(self._edge_looks, 1)
        shown = self._metered / steps
        j_per_k = self.balance_j_per_k
        balance_w = shown - j_per_k * (edge_c - self._edge_c) / HOUR_S - self._aboves / max(self._looks, 1)
        self.shown[:, place] = np.where(j_per_k > 0.0, balance_w, shown)
        self.outdoor_c[:, place], self.sun_w_m2[:, place] = self._sky_sums / steps
        self.grid_g_per_kwh[place] = self._grid_sum / steps
        self._edge_c[:] = edge_c
        for sums in (self._metered, self._aboves, self._edges, self._sky_sums):
            sums[...] = 0.0
        self._grid_sum = 0.0
        self._steps = self._looks = self._edge_looks = 0
        self.hours += 1


def readings_of(scenario: Scenario, layout: Layout, plant: Plant, series: Series, stores: Stores) -> Readings:
    """Give the readings of a fleet, with those of `history_days`; only kinds learned and persistence need any."""
    on = scenario.forecast.kind in LOOKING
    readings = Readings(plant, series, stores, pooled(layout, plant, stores), on=on)
    days = scenario.forecast.history_days
    if on and isinstance(days, int) and days > 0:
        readings.adopt(lived_before(scenario, days))
    return readings


def lived_before(scenario: Scenario, days: int) -> Readings:
    """Readings of the days before a scenario's begin, in which the backup alone heated.

    The sinks live through them as they do in a run, with the weather, draws and noise of their thermometers; paths of
    the scenario have to be absolute (`located`), or count from the working folder.
    """
    past = msgspec.structs.replace(
        scenario,
        begin=scenario.begin - dt.timedelta(days=days),
        days=float(days),
        forecast=msgspec.structs.replace(scenario.forecast, history_days=msgspec.UNSET),
    )
    series, layout = make_series(past, Path()), lay_out(past)
    plant = Plant(layout, series)
    stores = Stores(layout, plant, series)
    readings = readings_of(past, layout, plant, series, stores)
    lots = np.random.Generator(np.random.PCG64(np.random.SeedSequence([scenario.seed, _PAST])))
    none = np.zeros(len(layout.unit_ids))
    noise_k = scenario.fault.sensor_noise_k
    for step in range(series.steps + 1):
        levels = stores.levels(step)
        errors_k = noise_k * lots.standard_normal(len(levels.temp_c))
        readings.see(step, dataclasses.replace(levels, temp_c=levels.temp_c + errors_k))
        if step < series.steps:
            plant.step(step, none, none)
            readings.meter(step)
    return readings
