"""Digital boiler: a liquid loop takes the heat of the boards to a load through a counter-flow exchanger.

``C dT/dt = f_c·P − UA_case (T − T_room) − ε·C_min (T − T_load)``. The case loss is a conductance, not a
percentage: with 5 W/K and a loop 40 K above the room it is 5 % of 4 kW, yet 50 % of 400 W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ondol.thermal.arrays import Floats, FloatsLike, check_flow, check_step, freeze_arrays, per_unit
from ondol.thermal.exchanger import exchange_conductance_w_per_k
from ondol.thermal.linear import mean_first_order
from ondol.thermal.water import WATER_CP_J_PER_KG_K


@dataclass(frozen=True, slots=True, eq=False)
class BoilerParameters:
    """Loops of n boilers.

    Parameters
    ----------
    capture_fraction : share of the electric power on liquid-cooled parts, 0 to 1
    case_ua_w_per_k : loop to surroundings, 0 to 1e4
    loop_capacity_j_per_k : water, plates and boards, 100 to 1e9
    exchanger_ua_w_per_k : plate exchanger between loop and load, 0 to 1e7
    loop_cp_j_per_kg_k, load_cp_j_per_kg_k : specific heats of the two liquids, 1000 to 6000

    Raises
    ------
    InvalidFieldError : a value out of its range, or lengths that do not fit
    """

    capture_fraction: FloatsLike = 0.98
    case_ua_w_per_k: FloatsLike = 3.0
    loop_capacity_j_per_k: FloatsLike = 60_000.0
    exchanger_ua_w_per_k: FloatsLike = 800.0
    loop_cp_j_per_kg_k: FloatsLike = WATER_CP_J_PER_KG_K
    load_cp_j_per_kg_k: FloatsLike = WATER_CP_J_PER_KG_K

    RANGES: ClassVar[dict[str, tuple[float, float, str]]] = {
        "capture_fraction": (0.0, 1.0, ""),
        "case_ua_w_per_k": (0.0, 1e4, "W/K"),
        "loop_capacity_j_per_k": (100.0, 1e9, "J/K"),
        "exchanger_ua_w_per_k": (0.0, 1e7, "W/K"),
        "loop_cp_j_per_kg_k": (1000.0, 6000.0, "J/(kg·K)"),
        "load_cp_j_per_kg_k": (1000.0, 6000.0, "J/(kg·K)"),
    }

    def __post_init__(self) -> None:
        freeze_arrays(self, self.RANGES)


@dataclass(frozen=True, slots=True, eq=False)
class BoilerInputs:
    """What acts on the loops over a step; numbers for all units, or arrays (n,).

    Parameters
    ----------
    power_w : electric power of boards, pumps and supplies
    room_temp_c : surroundings of the case
    loop_flow_kg_s : flow through the loop side of the exchanger, 0 or more
    load_flow_kg_s : flow through the load side, 0 or more; 0 of either stops the exchange
    load_temp_c : temperature at which the load enters the exchanger
    """

    power_w: FloatsLike
    room_temp_c: FloatsLike
    loop_flow_kg_s: FloatsLike
    load_flow_kg_s: FloatsLike
    load_temp_c: FloatsLike


@dataclass(frozen=True, slots=True, eq=False)
class BoilerFluxes:
    """What flowed over a step: ``electric_j − delivered_j − case_loss_j − uncaptured_j = stored_j``.

    Parameters
    ----------
    electric_j : electric energy in
    delivered_j : heat to the load; below 0 where the load was warmer than the loop and both flowed
    case_loss_j : heat from the loop to the surroundings (they may be glad of it)
    uncaptured_j : heat of parts that no liquid cools, to the surroundings too
    stored_j : gain of the loop
    mean_delivered_w : ``delivered_j`` over the step: what to hand to the tank or the pool
    mean_loop_temp_c : mean loop temperature, at the exchanger's inlet
    mean_load_return_temp_c : mean temperature at which the load leaves the exchanger; its inlet's where it stands
    """

    electric_j: Floats
    delivered_j: Floats
    case_loss_j: Floats
    uncaptured_j: Floats
    stored_j: Floats
    mean_delivered_w: Floats
    mean_loop_temp_c: Floats
    mean_load_return_temp_c: Floats


def step_boiler(
    params: BoilerParameters, loop_temp_c: Floats, inputs: BoilerInputs, dt_s: float
) -> tuple[Floats, BoilerFluxes]:
    """Let n loops go one step with their inputs held; exact.

    Parameters
    ----------
    params : the loops
    loop_temp_c : loop temperatures at the start, shape (n,)
    inputs : what acts on them
    dt_s : step, above 0 to 86 400 s

    Returns
    -------
    loop temperatures at the end and `BoilerFluxes`

    Raises
    ------
    InvalidFieldError : a negative flow
    """
    check_step(dt_s)
    n = loop_temp_c.size
    power, room, load = (per_unit(v, n) for v in (inputs.power_w, inputs.room_temp_c, inputs.load_temp_c))
    loop_flow, load_flow = per_unit(inputs.loop_flow_kg_s, n), per_unit(inputs.load_flow_kg_s, n)
    check_flow("loop_flow_kg_s", loop_flow)
    check_flow("load_flow_kg_s", load_flow)
    load_w_per_k = load_flow * params.load_cp_j_per_kg_k
    link = exchange_conductance_w_per_k(
        params.exchanger_ua_w_per_k, loop_flow * params.loop_cp_j_per_kg_k, load_w_per_k
    )
    case_ua, capacity = per_unit(params.case_ua_w_per_k, n), per_unit(params.loop_capacity_j_per_k, n)

    captured_w = power * params.capture_fraction
    drive = (captured_w + case_ua * room + link * load) / capacity
    mean = mean_first_order(loop_temp_c, drive, (case_ua + link) / capacity, dt_s)

    delivered_w = link * (mean - load)
    case_w = case_ua * (mean - room)
    stored_j = (captured_w - delivered_w - case_w) * dt_s
    flowing = load_w_per_k > 0.0
    load_return = load + np.where(flowing, delivered_w / np.where(flowing, load_w_per_k, 1.0), 0.0)
    return loop_temp_c + stored_j / capacity, BoilerFluxes(
        electric_j=power * dt_s,
        delivered_j=delivered_w * dt_s,
        case_loss_j=case_w * dt_s,
        uncaptured_j=(power - captured_w) * dt_s,
        stored_j=stored_j,
        mean_delivered_w=delivered_w,
        mean_loop_temp_c=mean,
        mean_load_return_temp_c=load_return,
    )
