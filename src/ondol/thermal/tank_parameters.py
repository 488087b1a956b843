"""Parameters of stratified tanks, for n tanks with the same number of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ondol.model.checks import check_whole
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike, freeze_arrays
from ondol.thermal.water import WATER_CONDUCTIVITY_W_PER_M_K, WATER_CP_J_PER_KG_K, WATER_DENSITY_KG_PER_M3


@dataclass(frozen=True, slots=True, eq=False)
class TankParameters:
    """Upright cylinders of water in ``nodes`` layers of equal volume, counted from the top.

    Parameters
    ----------
    volume_l : 1 to 1e6 L
    height_m : 0.1 to 50
    ua_w_per_k : loss to the surroundings, shared out by outer area, 0 to 1e4
    nodes : layers, 1 to 60; 10 to 12 for control
    conductivity_w_per_m_k : vertical conduction of water and wall, 0 to 100
    density_kg_per_m3 : 900 to 1200
    cp_j_per_kg_k : 1000 to 6000
    charge_inlet_node : layer where heated water comes back, 0 (top) to nodes − 1
    charge_outlet_node : layer where water leaves to be heated; nodes − 1 (bottom) where None

    Raises
    ------
    InvalidFieldError : a value out of its range, or lengths that do not fit
    """

    volume_l: FloatsLike
    height_m: FloatsLike
    ua_w_per_k: FloatsLike
    nodes: int = 12
    conductivity_w_per_m_k: FloatsLike = WATER_CONDUCTIVITY_W_PER_M_K
    density_kg_per_m3: FloatsLike = WATER_DENSITY_KG_PER_M3
    cp_j_per_kg_k: FloatsLike = WATER_CP_J_PER_KG_K
    charge_inlet_node: int = 0
    charge_outlet_node: int | None = None

    RANGES: ClassVar[dict[str, tuple[float, float, str]]] = {
        "volume_l": (1.0, 1e6, "L"),
        "height_m": (0.1, 50.0, "m"),
        "ua_w_per_k": (0.0, 1e4, "W/K"),
        "conductivity_w_per_m_k": (0.0, 100.0, "W/(m·K)"),
        "density_kg_per_m3": (900.0, 1200.0, "kg/m³"),
        "cp_j_per_kg_k": (1000.0, 6000.0, "J/(kg·K)"),
    }

    def __post_init__(self) -> None:
        check_whole("TankParameters.nodes", self.nodes, 1, 60)
        if self.charge_outlet_node is None:
            object.__setattr__(self, "charge_outlet_node", self.nodes - 1)
        for field in ("charge_inlet_node", "charge_outlet_node"):
            check_whole(f"TankParameters.{field}", getattr(self, field), 0, self.nodes - 1)
        if self.charge_inlet_node > self.charge_out:
            allowed = f"at or above the charge outlet, 0 to {self.charge_out}"
            raise InvalidFieldError("TankParameters.charge_inlet_node", self.charge_inlet_node, allowed)
        freeze_arrays(self, self.RANGES)

    @property
    def count(self) -> int:
        """Number of tanks."""
        return int(np.size(self.volume_l))

    @property
    def charge_out(self) -> int:
        """Layer that the charge circuit draws from."""
        return self.nodes - 1 if self.charge_outlet_node is None else self.charge_outlet_node

    @property
    def node_capacity_j_per_k(self) -> Floats:
        """Heat capacity of one layer of each tank, shape (n,), J/K."""
        return np.asarray(np.asarray(self.volume_l) / 1000.0 * self.density_kg_per_m3 * self.cp_j_per_kg_k / self.nodes)

    @property
    def node_loss_w_per_k(self) -> Floats:
        """Loss conductance of every layer, shape (n, nodes), W/K: by outer area, the end layers with their caps."""
        base = np.asarray(self.volume_l) / 1000.0 / self.height_m
        side = 2.0 * np.sqrt(np.pi * base) * self.height_m
        area = np.repeat((side / self.nodes)[:, None], self.nodes, axis=1)
        area[:, 0] += base
        area[:, -1] += base
        return np.asarray(np.asarray(self.ua_w_per_k)[:, None] * area / area.sum(axis=1, keepdims=True))

    @property
    def node_link_w_per_k(self) -> Floats:
        """Conduction between neighbouring layers, shape (n,), W/K."""
        base = np.asarray(self.volume_l) / 1000.0 / self.height_m
        return np.asarray(np.asarray(self.conductivity_w_per_m_k) * base * self.nodes / self.height_m)


def standing_loss_w_per_k(volume_l: FloatsLike) -> Floats:
    """Loss conductance of a usual upright tank, (0.224 + 0.0663 V^⅔)·1000/(45·24) W/K.

    EN 15316-5:2017 annex B as coded in pybuildingenergy 2.1.1; V in L. 300 L give 2.96 W/K.
    """
    return np.asarray((0.224 + 0.0663 * np.asarray(volume_l, dtype=np.float64) ** (2.0 / 3.0)) * 1000.0 / (45.0 * 24.0))
