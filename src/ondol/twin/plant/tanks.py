"""Stratified preheat tanks of the twin: the physics of `thermal.tank`, stepped upwind in one compiled loop."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.thermal.water import WATER_CP_J_PER_KG_K, WATER_DENSITY_KG_PER_M3
from ondol.twin.compiled import compiled
from ondol.twin.plant.loops import link_w_per_k
from ondol.twin.plant.outcome import HeatOutcome
from ondol.twin.scenario.sinks import TankSpec

SUBSTEP_S = 60.0
"""Longest substep: heat.md §1.5 measured 0.12 K of error at 60 s."""


class Tanks:
    """All tanks of a scenario.

    Parameters
    ----------
    specs : one a tank; sky : row of the mains water of each
    draw_row, draw_l_per_day : row of `Series.draws` and its scale
    """

    def __init__(
        self, specs: tuple[TankSpec, ...], sky: Ints, *, draw_row: Ints, draw_l_per_day: Floats, step_s: float
    ) -> None:
        self.specs, self.sky, self.draw_row, self.draw_l_per_day, self.step_s = (
            specs,
            sky,
            draw_row,
            draw_l_per_day,
            step_s,
        )
        self.layers = np.array([s.layers for s in specs], dtype=np.int64)
        self.capacity_j_per_k = np.array(
            [s.volume_l / 1000.0 * WATER_DENSITY_KG_PER_M3 * WATER_CP_J_PER_KG_K for s in specs]
        )
        self.ua = np.array([s.ua_w_per_k for s in specs])
        self.ambient_c = np.array([s.ambient_c for s in specs])
        self.target_c = np.array([s.target_c for s in specs])
        self.flow_kg_s = np.array([s.flow_kg_s for s in specs])
        self.link = link_w_per_k(np.array([s.exchanger_ua_w_per_k for s in specs]), self.flow_kg_s)
        self.loop_max_c = np.array([s.loop_max_c for s in specs])
        self.temp_max_c = np.array([s.temp_max_c for s in specs])
        self.backup_max_w = np.array([s.backup_max_w for s in specs])
        self.state = np.full((len(specs), int(self.layers.max(initial=1))), np.nan)
        for row, spec in enumerate(specs):
            self.state[row, : spec.layers] = spec.initial_temp_c

    def load_c(self) -> Floats:
        """Temperature of the water that goes to the exchanger: of the lowest layer [°C]."""
        return np.asarray(self.state[np.arange(len(self.layers)), self.layers - 1])

    def step(self, heat_w: Floats, draw_kg_s: Floats, mains_c: Floats) -> HeatOutcome:
        """Let a step pass with this heat to the charge circuit [W] and this draw at the taps' mixer [kg/s]."""
        taken, delivered = np.zeros(len(heat_w)), np.zeros(len(heat_w))
        _advance(
            self.state,
            self.layers,
            self.capacity_j_per_k,
            self.ua,
            self.ambient_c,
            self.target_c,
            self.flow_kg_s,
            self.link,
            self.loop_max_c,
            self.temp_max_c,
            heat_w,
            draw_kg_s,
            mains_c,
            self.step_s,
            taken,
            delivered,
        )
        wanted = draw_kg_s * WATER_CP_J_PER_KG_K * np.maximum(self.target_c - mains_c, 0.0)
        missing = np.maximum(wanted - delivered, 0.0)
        backup = np.minimum(missing, self.backup_max_w)
        per_k = np.maximum(draw_kg_s * WATER_CP_J_PER_KG_K, 1e-9)
        return HeatOutcome(
            heat_w=heat_w,
            dumped_w=np.maximum(heat_w - taken, 0.0),
            backup_w=backup,
            wanted_w=wanted,
            short_k=np.where(missing - backup > 1e-9, (missing - backup) / per_k, 0.0),
            over_k=np.zeros(len(heat_w)),
        )

    def mean_c(self) -> Floats:
        """Mean temperature of each tank [°C]."""
        return np.asarray(np.nanmean(self.state, axis=1)) if len(self.layers) else np.zeros(0)

    def temp_c(self) -> Floats:
        """Temperature of the top layers [°C]."""
        return self.state[:, 0]


@compiled
def _advance(
    state: Floats,
    layers: Ints,
    capacity: Floats,
    ua: Floats,
    ambient: Floats,
    target: Floats,
    flow: Floats,
    link: Floats,
    loop_max: Floats,
    temp_max: Floats,
    heat_w: Floats,
    draw_kg_s: Floats,
    mains: Floats,
    dt_s: float,
    taken: Floats,
    delivered: Floats,
) -> None:
    """Step every tank; layer 0 is the top. Adds means over the step to `taken` and `delivered` [W]."""
    for n in range(state.shape[0]):
        count = layers[n]
        layer_j = capacity[n] / count
        loss = ua[n] / count
        moving = (draw_kg_s[n] + (flow[n] if heat_w[n] > 0.0 else 0.0)) * WATER_CP_J_PER_KG_K
        substeps = max(int(np.ceil(dt_s / SUBSTEP_S)), int(np.ceil(dt_s * (moving + loss) / (0.8 * layer_j))))
        h = dt_s / substeps
        inlet, outlet = count // 3, count - 1
        t = state[n, :count].copy()
        change = np.empty(count)
        for _ in range(substeps):
            draw = draw_kg_s[n]
            if t[0] > target[n] and t[0] > mains[n]:  # a mixing valve adds cold water
                draw = draw * max(target[n] - mains[n], 0.0) / (t[0] - mains[n])
            draw_w = draw * WATER_CP_J_PER_KG_K
            given = 0.0
            if heat_w[n] > 0.0 and t[inlet] < temp_max[n]:
                given = max(0.0, min(heat_w[n], link[n] * (loop_max[n] - t[outlet])))
            charge_w = flow[n] * WATER_CP_J_PER_KG_K if given > 0.0 else 0.0
            for i in range(count):
                change[i] = -loss * (t[i] - ambient[n])
            for i in range(count - 1):  # what moves between two layers: draw upwards, charge downwards
                up = draw_w - (charge_w if inlet <= i < outlet else 0.0)
                if up > 0.0:
                    moved = up * t[i + 1]
                    change[i] += moved
                    change[i + 1] -= moved
                else:
                    moved = -up * t[i]
                    change[i] -= moved
                    change[i + 1] += moved
            change[0] -= draw_w * t[0]
            change[outlet] += draw_w * mains[n] - charge_w * t[outlet]
            change[inlet] += charge_w * t[outlet] + given
            delivered[n] += max(draw_w * (t[0] - mains[n]), 0.0) * h / dt_s
            taken[n] += given * h / dt_s
            for i in range(count):
                t[i] += change[i] * h / layer_j
            _mix(t)
        state[n, :count] = t


@compiled
def _mix(t: Floats) -> None:
    """Pool neighbouring layers until none is warmer than the one above (see `thermal.tank.mix`), in place."""
    count = len(t)
    i = 0
    while i < count - 1:
        if t[i + 1] > t[i] + 1e-12:
            first, last = i, i + 1
            total = t[i] + t[i + 1]
            while True:
                mean = total / (last - first + 1)
                if last + 1 < count and t[last + 1] > mean:
                    last += 1
                    total += t[last]
                elif first > 0 and t[first - 1] < mean:
                    first -= 1
                    total += t[first]
                else:
                    break
            for k in range(first, last + 1):
                t[k] = mean
            i = last
        else:
            i += 1
