"""The digital boilers of one circuit: their loops, the pump between them and what they heat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ondol.drivers.virtual.energy_book import EnergyBook
from ondol.model.ids import UnitId
from ondol.model.site import HeatCircuit, Unit
from ondol.thermal.boiler import BoilerInputs, BoilerParameters, step_boiler
from ondol.thermal.water import WATER_CP_J_PER_KG_K

PLANT_ROOM_TEMP_C = 20.0
_PUMP_ON_K = 2.0
_PUMP_OFF_K = 0.3


@dataclass(frozen=True, slots=True)
class LoopHeat:
    """What a circuit handed over in a step.

    Parameters
    ----------
    heat_w : mean [W]
    flow_kg_s : on the side of the sink [kg/s]
    """

    heat_w: float
    flow_kg_s: float


@dataclass(frozen=True, slots=True)
class Hydraulics:
    """The water between a boiler's exchanger and its sink, as it was in the last step.

    Parameters
    ----------
    flow_kg_s : on the side of the sink, 0 while the pump stands [kg/s]
    supply_c, return_c : to the sink and from it; both as the sink while the pump stands [°C]
    heat_w : handed over, mean [W]
    """

    unit_id: UnitId
    flow_kg_s: float
    supply_c: float
    return_c: float
    heat_w: float


class Loops:
    """Boilers on one circuit; each has its even share of exchanger and pump, and a pump of its own that runs on heat.

    Parameters
    ----------
    circuit : the circuit
    boilers : its units, by id, at least one
    start_temp_c : of the loops [°C]
    """

    def __init__(self, circuit: HeatCircuit, boilers: tuple[Unit, ...], start_temp_c: float) -> None:
        self.circuit, self._boilers = circuit, boilers
        count = len(boilers)
        self._flow_kg_s = circuit.flow_kg_s / count
        self._params = BoilerParameters(
            capture_fraction=np.array([b.capture_fraction for b in boilers]),
            case_ua_w_per_k=np.array([b.case_ua_w_per_k for b in boilers]),
            loop_capacity_j_per_k=np.array([b.heat_capacity_j_per_k for b in boilers]),
            exchanger_ua_w_per_k=circuit.exchanger_ua_w_per_k / count,
        )
        self._temp_c = np.full(count, start_temp_c)
        self._pumping = np.zeros(count, dtype=np.bool_)
        self._last_flow, self._last_heat_w, self._load_c = np.zeros(count), np.zeros(count), start_temp_c

    def step(
        self,
        power_w: Mapping[UnitId, float],
        *,
        load_temp_c: float,
        blocked: frozenset[UnitId],
        meters_j: dict[UnitId, float],
        book: EnergyBook,
        dt_s: float,
    ) -> LoopHeat:
        """Let the loops go one step; `blocked` are units whose pump has failed."""
        above = self._temp_c - load_temp_c
        self._pumping = np.where(self._pumping, above > _PUMP_OFF_K, above > _PUMP_ON_K)
        works = np.array([b.id not in blocked for b in self._boilers])
        flow = np.where(self._pumping & works, self._flow_kg_s, 0.0)
        inputs = BoilerInputs(
            power_w=np.array([power_w.get(b.id, 0.0) for b in self._boilers]),
            room_temp_c=PLANT_ROOM_TEMP_C,
            loop_flow_kg_s=flow,
            load_flow_kg_s=flow,
            load_temp_c=load_temp_c,
        )
        self._temp_c, flux = step_boiler(self._params, self._temp_c, inputs, dt_s)
        self._last_flow, self._last_heat_w, self._load_c = flow, flux.mean_delivered_w, load_temp_c
        for boiler, heat_j in zip(self._boilers, flux.delivered_j.tolist(), strict=True):
            meters_j[boiler.id] += max(heat_j, 0.0)
        book.add("case_out", float(flux.case_loss_j.sum()))
        book.add("uncaptured_out", float(flux.uncaptured_j.sum()))
        book.add("stored", float(flux.stored_j.sum()))
        return LoopHeat(float(flux.mean_delivered_w.sum()), float(flow.sum()))

    def hydraulics(self) -> tuple[Hydraulics, ...]:
        """Flow, temperatures and heat of the last step, by unit."""
        told = []
        for boiler, flow, heat_w in zip(self._boilers, self._last_flow, self._last_heat_w, strict=True):
            rise_k = float(heat_w / (flow * WATER_CP_J_PER_KG_K)) if flow > 0 else 0.0
            told.append(Hydraulics(boiler.id, float(flow), self._load_c + rise_k, self._load_c, float(heat_w)))
        return tuple(told)

    def temps_c(self) -> dict[UnitId, float]:
        """Loop temperatures [°C]."""
        return {b.id: float(t) for b, t in zip(self._boilers, self._temp_c, strict=True)}

    def snapshot(self) -> dict[str, Any]:
        """Temperatures and pumps by unit."""
        pumping = {b.id: bool(p) for b, p in zip(self._boilers, self._pumping, strict=True)}
        return {"temps": dict(self.temps_c()), "pumping": pumping}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take temperatures and pumps of a snapshot; boilers that it does not know keep theirs."""
        temps, pumping = (self.snapshot()[key] | snapshot[key] for key in ("temps", "pumping"))
        self._temp_c = np.array([temps[b.id] for b in self._boilers], dtype=np.float64)
        self._pumping = np.array([pumping[b.id] for b in self._boilers], dtype=np.bool_)
