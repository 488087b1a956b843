"""Adds up what a run costs: electricity, backup heat, carbon, money, comfort, and what it gave."""

from __future__ import annotations

import numpy as np

from ondol.accounting.figures import J_PER_KWH
from ondol.model.view import Bools, Floats
from ondol.twin.compiled import compiled
from ondol.twin.layout import Layout
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.backup import backup_rates
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.stores import Stores


class Score:
    """Sums over a run; one number each, and one a sink where it matters."""

    def __init__(self, scenario: Scenario, layout: Layout, series: Series, stores: Stores) -> None:
        self._layout, self._series = layout, series
        self._backup_g, self._backup_eur = backup_rates(scenario, series)
        self._own = layout.unit_site != layout.overflow
        self._pue = layout.site_pue[layout.unit_site]
        sinks = len(layout.sink_ids)
        self.electric_j = self.overflow_j = self.electric_g = self.overflow_g = 0.0
        self.electric_eur = self.overflow_eur = self.backup_g = self.backup_eur = 0.0
        self.heat_j, self.dumped_j, self.backup_j = np.zeros(sinks), np.zeros(sinks), np.zeros(sinks)
        self.useful_j, self.wanted_j, self.lost_j = np.zeros(sinks), np.zeros(sinks), np.zeros(sinks)
        self.short_kh, self.over_kh = np.zeros(sinks), np.zeros(sinks)
        self.start_j = stores.parts_j()
        self._stores = stores

    def add(self, step: int, unit_energy_j: Floats, plant: Plant) -> None:
        """Add a step."""
        grid, price = self._series.grid_g_per_kwh[step] / J_PER_KWH, self._series.price_eur_per_kwh[step] / J_PER_KWH
        step_s = self._series.step_s
        own_j, overflow_j = _by_owner(unit_energy_j, self._pue, self._own)
        self.electric_j += own_j
        self.overflow_j += overflow_j
        self.electric_g += own_j * grid
        self.overflow_g += overflow_j * grid
        self.electric_eur += own_j * price
        self.overflow_eur += overflow_j * price
        backup_j = float(plant.backup_w.sum()) * step_s
        self.backup_g += backup_j * self._backup_g[step] / J_PER_KWH
        self.backup_eur += backup_j * self._backup_eur[step] / J_PER_KWH
        _add(step_s, plant.heat_w, self.heat_j, plant.dumped_w, self.dumped_j, self.useful_j, plant.lost_w, self.lost_j)
        _add_rest(step_s, plant.backup_w, self.backup_j, plant.wanted_w, self.wanted_j)
        _add_rest(step_s / 3600.0, plant.short_k, self.short_kh, plant.over_k, self.over_kh)

    def stored_j(self) -> float:
        """Heat that stores lack against the start, part by part, as a number of 0 or less [J].

        Who drains a store has to make up for it after the end; what is held beyond the start earns nothing.
        """
        return float(np.minimum(self._stores.parts_j() - self.start_j, 0.0).sum())

    def stored_g(self, step: int) -> float:
        """The same at the backup's carbon: what is missing has to be made by it [gCO2e]."""
        return self.stored_j() * float(self._backup_g[min(step, len(self._backup_g) - 1)]) / J_PER_KWH


@compiled
def _by_owner(energy_j: Floats, pue: Floats, own: Bools) -> tuple[float, float]:
    """Sum energy with its PUE: of our own sites and of the overflow [J]."""
    own_j, overflow_j = 0.0, 0.0
    for u in range(len(energy_j)):
        if own[u]:
            own_j += energy_j[u] * pue[u]
        else:
            overflow_j += energy_j[u] * pue[u]
    return own_j, overflow_j


@compiled
def _add(
    span_s: float,
    heat_w: Floats,
    heat_j: Floats,
    dumped_w: Floats,
    dumped_j: Floats,
    useful_j: Floats,
    lost_w: Floats,
    lost_j: Floats,
) -> None:
    for n in range(len(heat_w)):
        heat_j[n] += heat_w[n] * span_s
        dumped_j[n] += dumped_w[n] * span_s
        useful_j[n] += (heat_w[n] - dumped_w[n]) * span_s
        lost_j[n] += lost_w[n] * span_s


@compiled
def _add_rest(span: float, first: Floats, first_sum: Floats, second: Floats, second_sum: Floats) -> None:
    for n in range(len(first)):
        first_sum[n] += first[n] * span
        second_sum[n] += second[n] * span
