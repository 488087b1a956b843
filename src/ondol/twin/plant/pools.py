"""Swimming pools of the twin: `thermal.swimming_pool`, with a backup at the lower limit."""

from __future__ import annotations

import numpy as np

from ondol.drivers.virtual.waters import CLOSE_HOUR, COVER_FACTOR, IN_USE, OPEN_HOUR, QUIET
from ondol.model.view import Bools, Floats, Ints
from ondol.thermal.swimming_pool import SwimmingPoolInputs, SwimmingPoolParameters, step_swimming_pool
from ondol.twin.plant.loops import link_w_per_k
from ondol.twin.plant.outcome import HeatOutcome
from ondol.twin.scenario.sinks import PoolSpec


class Pools:
    """All pools of a scenario.

    Parameters
    ----------
    specs : one a pool; sky : row of the mains water of each
    """

    def __init__(self, specs: tuple[PoolSpec, ...], sky: Ints, *, step_s: float) -> None:
        self.specs, self.sky, self.step_s = specs, sky, step_s
        self.params = SwimmingPoolParameters(
            area_m2=np.array([s.area_m2 for s in specs]),
            volume_m3=np.array([s.volume_m3 for s in specs]),
            cover_factor=COVER_FACTOR,
        )
        self.capacity_j_per_k = self.params.capacity_j_per_k
        self.lower_c = np.array([s.setpoint_c - s.band_k for s in specs])
        self.upper_c = np.array([s.setpoint_c + s.band_k for s in specs])
        self.link = link_w_per_k(
            np.array([s.exchanger_ua_w_per_k for s in specs]), np.array([s.flow_kg_s for s in specs])
        )
        self.loop_max_c = np.array([s.loop_max_c for s in specs])
        self.backup_max_w = np.array([s.backup_max_w for s in specs])
        self.hall_c = np.array([s.hall_temp_c for s in specs])
        self.humidity = np.array([s.hall_humidity for s in specs])
        self.refill_kg_s = np.array(
            [s.bathers_per_day * s.refill_l_per_bather / ((CLOSE_HOUR - OPEN_HOUR) * 3600.0) for s in specs]
        )
        self.covered = np.array([1.0 if s.covered_at_night else 0.0 for s in specs])
        self.state = np.array([s.initial_temp_c for s in specs])
        self._many: dict[int, Pools] = {}

    def load_c(self) -> Floats:
        """Temperature of the water that goes to the exchanger [°C]."""
        return self.state

    def inputs(self, heat_w: Floats, hour: float | Floats, mains_c: Floats) -> SwimmingPoolInputs:
        """What acts on the pools at an hour of their day."""
        open_now: Bools = np.broadcast_to((hour >= OPEN_HOUR) & (hour < CLOSE_HOUR), self.state.shape)
        return SwimmingPoolInputs(
            air_temp_c=self.hall_c,
            relative_humidity=self.humidity,
            heat_w=heat_w,
            activity=np.where(open_now, IN_USE, QUIET),
            covered=np.where(open_now, 0.0, self.covered),
            refill_kg_s=np.where(open_now, self.refill_kg_s, 0.0),
            mains_c=mains_c,
        )

    def loss_w(self, temp_c: Floats, hour: float | Floats, mains_c: Floats) -> Floats:
        """All losses at a held temperature [W]."""
        _, flux = step_swimming_pool(self.params, temp_c, self.inputs(np.zeros(len(temp_c)), hour, mains_c), 1.0)
        total = flux.evaporation_j + flux.convection_j + flux.radiation_j + flux.refill_j + flux.shell_j
        return np.asarray(total)

    def losses_w(self, hour: float, mains_c: Floats) -> Floats:
        """Losses at the lower limit at an hour of the day, for each column of `mains_c` (n, k), likewise [W]."""
        columns = mains_c.shape[1]
        many = self._many.get(columns)
        if many is None:
            many = self._many[columns] = Pools(self.specs * columns, np.tile(self.sky, columns), step_s=self.step_s)
        losses = many.loss_w(many.lower_c, hour, mains_c.T.ravel())
        return np.asarray(losses.reshape(columns, len(self.specs)).T)

    def step(self, heat_w: Floats, hour: float | Floats, mains_c: Floats) -> HeatOutcome:
        """Let a step pass with this heat from the loops [W]."""
        possible = np.minimum(heat_w, np.maximum(self.link * (self.loop_max_c - self.state), 0.0))
        lost_w = self.loss_w(self.lower_c, hour, mains_c)
        after, _ = step_swimming_pool(self.params, self.state, self.inputs(possible, hour, mains_c), self.step_s)
        per_w = self.step_s / self.capacity_j_per_k
        backup = np.clip((self.lower_c - after) / per_w, 0.0, self.backup_max_w)
        vent = np.clip((after - self.upper_c) / per_w, 0.0, possible)
        self.state = after + (backup - vent) * per_w
        return HeatOutcome(
            heat_w=heat_w,
            dumped_w=heat_w - possible + vent,
            backup_w=backup,
            wanted_w=np.maximum(lost_w, 0.0),
            short_k=np.maximum(self.lower_c - self.state - 1e-9, 0.0),
            over_k=np.maximum(self.state - self.upper_c - 1e-9, 0.0),
        )

    def temp_c(self) -> Floats:
        """Water temperatures [°C]."""
        return self.state
