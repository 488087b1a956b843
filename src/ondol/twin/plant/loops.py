"""What reaches the water: a boiler's loop loses heat through its case, the more the hotter it is (heat.md §1.4)."""

from __future__ import annotations

import numpy as np

from ondol.drivers.virtual.loops import PLANT_ROOM_TEMP_C
from ondol.model.view import Floats
from ondol.thermal.water import WATER_CP_J_PER_KG_K


def link_w_per_k(exchanger_ua_w_per_k: Floats, flow_kg_s: Floats) -> Floats:
    """Heat per kelvin between the inlets of a counter-flow exchanger with equal flows: ε·C_min with ε = NTU/(1 + NTU).

    `thermal.exchanger` has the general case and its source.
    """
    capacity = flow_kg_s * WATER_CP_J_PER_KG_K
    return np.asarray(exchanger_ua_w_per_k * capacity / (capacity + exchanger_ua_w_per_k))


def heat_to_water_w(captured_w: Floats, case_ua_w_per_k: Floats, load_c: Floats, link: Floats) -> Floats:
    """Heat that gets from loops to their load, ≥ 0 [W].

    The loop holds little heat (a minute's worth), so it is taken as steady: ``q = c − UA·(T_loop − T_room)`` with
    ``T_loop = T_load + q/link``; boilers without power stand cold and lose nothing.

    Parameters
    ----------
    captured_w : power on liquid-cooled parts of all running boilers of a sink [W]
    case_ua_w_per_k : sum over those boilers [W/K]
    load_c : temperature at which the load enters the exchanger [°C]
    link : of the exchanger [W/K]
    """
    q_w = (captured_w - case_ua_w_per_k * (load_c - PLANT_ROOM_TEMP_C)) / (1.0 + case_ua_w_per_k / link)
    return np.asarray(np.clip(q_w, 0.0, captured_w))
