"""One tank or one swimming pool of the virtual plant."""

from __future__ import annotations

import datetime as dt
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from ondol.drivers.virtual.energy_book import EnergyBook
from ondol.drivers.virtual.loops import LoopHeat
from ondol.drivers.virtual.surroundings import Surroundings
from ondol.model.sink import SwimmingPool, Tank
from ondol.thermal.swimming_pool import SwimmingPoolInputs, SwimmingPoolParameters, step_swimming_pool
from ondol.thermal.tank import TankInputs, step_tank
from ondol.thermal.tank_parameters import TankParameters

OPEN_HOUR, CLOSE_HOUR = 9, 21
COVER_FACTOR = 0.5  # the noun's promise: a closed cover halves evaporation
IN_USE, QUIET = 1.0, 0.75  # activity factors, Smith, Löf & Jones (ASHRAE 4146)


class Water(Protocol):
    """A body of water that loops heat."""

    def load_temp_c(self) -> float:
        """Temperature of the water that goes to the exchanger [°C]."""
        ...

    def temp_c(self) -> float:
        """Temperature that its host feels [°C]."""
        ...

    def layers_c(self) -> tuple[float, ...]:
        """Layers, top to bottom; empty where it is mixed [°C]."""
        ...

    def step(
        self, heat: LoopHeat, around: Surroundings, at: dt.datetime, book: EnergyBook, dt_s: float, *, other_w: float
    ) -> None:
        """Let it go one step that begins at `at`; `other_w` comes from other heaters."""
        ...

    def snapshot(self) -> list[float]:
        """All temperatures [°C]."""
        ...

    def restore(self, snapshot: list[float]) -> None:
        """Take the temperatures of a snapshot."""
        ...


class TankWater:
    """A stratified tank; the charge circuit takes from the bottom and gives back a third below the top."""

    def __init__(self, tank: Tank) -> None:
        self._tank = tank
        self._params = TankParameters(
            volume_l=tank.volume_l,
            height_m=tank.height_m,
            ua_w_per_k=tank.ua_w_per_k,
            nodes=tank.layers,
            charge_inlet_node=tank.layers // 3,
        )
        self._temps_c = np.full((1, tank.layers), tank.initial_temp_c)

    def load_temp_c(self) -> float:
        return float(self._temps_c[0, -1])

    def temp_c(self) -> float:
        return float(self._temps_c[0, 0])

    def layers_c(self) -> tuple[float, ...]:
        return tuple(float(t) for t in self._temps_c[0])

    def step(
        self, heat: LoopHeat, around: Surroundings, at: dt.datetime, book: EnergyBook, dt_s: float, *, other_w: float
    ) -> None:
        litres = around.draw_l(self._tank.id, at, at + dt.timedelta(seconds=dt_s))
        inputs = TankInputs(
            ambient_c=self._tank.ambient_temp_c,
            mains_c=around.mains_temp_c(at),
            draw_kg_s=litres * float(np.asarray(self._params.density_kg_per_m3)[0]) / 1000.0 / dt_s,
            charge_flow_kg_s=heat.flow_kg_s,
            charge_heat_w=heat.heat_w,
            node_heat_w=np.append(np.zeros(self._tank.layers - 1), other_w).reshape(1, -1),  # an element at the bottom
        )
        self._temps_c, flux = step_tank(self._params, self._temps_c, inputs, dt_s)
        book.add("other_heat_in", other_w * dt_s)
        book.add("draw_out", float(flux.drawn_j[0]))
        book.add("standing_out", float(flux.loss_j[0]))
        book.add("stored", float(flux.stored_j[0]))

    def snapshot(self) -> list[float]:
        return list(self.layers_c())

    def restore(self, snapshot: list[float]) -> None:
        known = np.array(snapshot, dtype=np.float64)
        layers = self._tank.layers
        if len(known) != layers:  # the fleet file describes the tank with other layers now
            known = np.interp(np.linspace(0.0, 1.0, layers), np.linspace(0.0, 1.0, len(known)), known)
        self._temps_c = known.reshape(1, layers)


class PoolWater:
    """A swimming pool, in use by day, covered by night where it has a cover."""

    def __init__(self, pool: SwimmingPool, timezone: str) -> None:
        self._pool, self._timezone = pool, ZoneInfo(timezone)
        self._params = SwimmingPoolParameters(area_m2=pool.area_m2, volume_m3=pool.volume_m3, cover_factor=COVER_FACTOR)
        self._temp_c = np.array([pool.initial_temp_c])

    def load_temp_c(self) -> float:
        return float(self._temp_c[0])

    def temp_c(self) -> float:
        return float(self._temp_c[0])

    def layers_c(self) -> tuple[float, ...]:
        return ()

    def step(
        self, heat: LoopHeat, around: Surroundings, at: dt.datetime, book: EnergyBook, dt_s: float, *, other_w: float
    ) -> None:
        pool = self._pool
        in_use = OPEN_HOUR <= at.astimezone(self._timezone).hour < CLOSE_HOUR
        refill_kg_per_day = pool.bathers_per_day * pool.refill_l_per_bather  # fresh water has 1 kg/L
        inputs = SwimmingPoolInputs(
            air_temp_c=pool.hall_temp_c,
            relative_humidity=pool.hall_humidity,
            heat_w=heat.heat_w + pool.other_heat_w + other_w,
            activity=IN_USE if in_use else QUIET,
            covered=1.0 if pool.covered_at_night and not in_use else 0.0,
            refill_kg_s=refill_kg_per_day / ((CLOSE_HOUR - OPEN_HOUR) * 3600.0) if in_use else 0.0,
            mains_c=around.mains_temp_c(at),
        )
        self._temp_c, flux = step_swimming_pool(self._params, self._temp_c, inputs, dt_s)
        losses = (flux.evaporation_j, flux.convection_j, flux.radiation_j, flux.refill_j, flux.shell_j)
        book.add("other_heat_in", (pool.other_heat_w + other_w) * dt_s)
        book.add("pool_out", sum(float(loss[0]) for loss in losses))
        book.add("stored", float(flux.stored_j[0]))

    def snapshot(self) -> list[float]:
        return [self.temp_c()]

    def restore(self, snapshot: list[float]) -> None:
        self._temp_c = np.array([float(np.mean(snapshot))])
