"""What the planner is asked: heat stores with their forecasts, and what their machines can do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Bools, Floats, Ints

J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoreProblem:
    """Stores by id over a horizon of H steps: n stores, A levels of power.

    A store at level e gets heat q and is asked for demand d over a step of Δ s: ``x = e·(1 − loss·Δ) + (q − d)·Δ``.
    What x falls below 0 the backup gives, what it passes the capacity is dumped, and the rest is the next level. The
    backup never charges a store. Between two levels of power the machines run some time at each, so that a step's mean
    power may be anything up to the highest level.

    Parameters
    ----------
    step_s : (H,) lengths of the steps, the first one from now on, above 0 [s]
    store_j : (n,) level now, 0 to the capacity [J]
    capacity_j : (n,) level from which on heat is dumped, ≥ 0 [J]
    loss_per_s : (n,) share of the level lost per second; ≥ 0, and below 1 over the longest step [1/s]
    demand_w : (n, H) heat asked for, mean; ≥ 0 [W]
    electricity_g_per_kwh : (n, H) carbon of the electricity of its machines, times PUE; ≥ 0 [gCO2e/kWh]
    backup_g_per_kwh : (n, H) carbon of heat from the backup, ≥ 0 [gCO2e/kWh of heat]
    end_value_g_per_j : (n,) carbon that a joule left at the end of the horizon will save, ≥ 0 [gCO2e/J]
    power_levels_w, heat_levels_w, rate_levels : (n, A) electric power [W], heat that the store gets [W] and work done
        [node-s/s] at each level; none falls from one level to the next, and level 0 is all off: 0, 0, 0
    burn : (n,) whether power may be used for heat alone where work has become too scarce

    Raises
    ------
    InvalidFieldError : a value out of its range, or shapes that do not fit together
    """

    step_s: Floats
    store_j: Floats
    capacity_j: Floats
    loss_per_s: Floats
    demand_w: Floats
    electricity_g_per_kwh: Floats
    backup_g_per_kwh: Floats
    end_value_g_per_j: Floats
    power_levels_w: Floats
    heat_levels_w: Floats
    rate_levels: Floats
    burn: Bools

    def __post_init__(self) -> None:
        steps, stores, levels = len(self.step_s), len(self.store_j), self.power_levels_w.shape[-1]
        if steps == 0:
            raise InvalidFieldError("step_s", (), "at least one step")
        for names, shape in (
            (("step_s",), (steps,)),
            (("store_j", "capacity_j", "loss_per_s", "end_value_g_per_j", "burn"), (stores,)),
            (("demand_w", "electricity_g_per_kwh", "backup_g_per_kwh"), (stores, steps)),
            (("power_levels_w", "heat_levels_w", "rate_levels"), (stores, levels)),
        ):
            for name in names:
                value = np.asarray(getattr(self, name), dtype=np.float64)
                object.__setattr__(self, name, value if name != "burn" else value > 0.0)
                if value.shape != shape:
                    raise InvalidFieldError(name, value.shape, f"an array of shape {shape}")
                _refuse(name, value, np.isfinite(value) & (value >= 0.0), "finite numbers of 0 or more")
        _refuse("step_s", self.step_s, self.step_s > 0.0, "lengths above 0 s")
        _refuse("store_j", self.store_j, self.store_j <= self.capacity_j, "levels up to the capacity")
        lost = self.loss_per_s * self.step_s.max()
        _refuse("loss_per_s", self.loss_per_s, lost < 1.0, f"less than all over a step of {self.step_s.max():g} s")
        for name in ("power_levels_w", "heat_levels_w", "rate_levels"):
            value = getattr(self, name)
            _refuse(name, value[:, :1], value[:, :1] == 0.0, "0 at level 0 (all off)")
            _refuse(name, value[:, 1:], np.diff(value, axis=1) >= 0.0, "numbers that never fall from level to level")

    @property
    def stores(self) -> int:
        """Number of stores."""
        return len(self.store_j)

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.step_s)

    def take(self, rows: Ints) -> StoreProblem:
        """Give the problem of some of the stores, in the order of `rows`."""
        return StoreProblem(
            step_s=self.step_s,
            store_j=self.store_j[rows],
            capacity_j=self.capacity_j[rows],
            loss_per_s=self.loss_per_s[rows],
            demand_w=self.demand_w[rows],
            electricity_g_per_kwh=self.electricity_g_per_kwh[rows],
            backup_g_per_kwh=self.backup_g_per_kwh[rows],
            end_value_g_per_j=self.end_value_g_per_j[rows],
            power_levels_w=self.power_levels_w[rows],
            heat_levels_w=self.heat_levels_w[rows],
            rate_levels=self.rate_levels[rows],
            burn=self.burn[rows],
        )


def _refuse(name: str, value: Floats | Bools, good: Bools, allowed: str) -> None:
    """Name the first value that is not good."""
    if not good.all():
        at = tuple(int(i) for i in np.argwhere(~good)[0])
        raise InvalidFieldError(f"{name}[{', '.join(map(str, at))}]", value[at].item(), allowed)
