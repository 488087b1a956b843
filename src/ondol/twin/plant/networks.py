"""Heat networks of the twin: they take up to what they need, and store nothing."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats
from ondol.twin.plant.loops import link_w_per_k
from ondol.twin.plant.outcome import HeatOutcome
from ondol.twin.scenario.sinks import NetworkSpec


class Networks:
    """All networks of a scenario.

    Parameters
    ----------
    demand_w : (networks, steps) heat that preheating may give in each step [W]
    """

    def __init__(self, specs: tuple[NetworkSpec, ...], demand_w: Floats) -> None:
        self.specs, self.demand_w = specs, demand_w
        self.return_c = np.array([s.return_c for s in specs])
        self.link = link_w_per_k(
            np.array([s.exchanger_ua_w_per_k for s in specs]), np.array([s.flow_kg_s for s in specs])
        )
        self.loop_max_c = np.array([s.loop_max_c for s in specs])
        self.backup_max_w = np.array([s.backup_max_w for s in specs])

    def load_c(self) -> Floats:
        """Temperature of the return [°C]."""
        return self.return_c

    def step(self, step: int, heat_w: Floats) -> HeatOutcome:
        """Let a step pass with this heat from the loops [W]."""
        demand = self.demand_w[:, step]
        taken = np.minimum(np.minimum(heat_w, demand), np.maximum(self.link * (self.loop_max_c - self.return_c), 0.0))
        backup = np.minimum(demand - taken, self.backup_max_w)
        return HeatOutcome(
            heat_w=heat_w,
            dumped_w=heat_w - taken,
            backup_w=backup,
            wanted_w=demand,
            short_k=np.where(demand - taken - backup > 1e-9, 1.0, 0.0),
            over_k=np.zeros(len(heat_w)),
        )
