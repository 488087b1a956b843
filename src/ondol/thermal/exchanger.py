"""Counter-flow heat exchanger by effectiveness and number of transfer units (ε-NTU).

``Q = ε·C_min·(T_hot,in − T_cold,in)`` with ``NTU = UA/C_min``, ``r = C_min/C_max`` and
``ε = (1 − e^{−NTU(1−r)})/(1 − r·e^{−NTU(1−r)})``; r = 1 gives NTU/(1 + NTU), r → 0 gives 1 − e^{−NTU}
(Incropera et al., Fundamentals of Heat and Mass Transfer, 7th ed., table 11.3; VDI Heat Atlas C1).
"""

from __future__ import annotations

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike


def effectiveness(ntu: FloatsLike, capacity_ratio: FloatsLike) -> Floats:
    """Share of the greatest possible heat that a counter-flow exchanger passes on, 0 to 1.

    Parameters
    ----------
    ntu : UA/C_min, 0 or more
    capacity_ratio : C_min/C_max, 0 to 1

    Raises
    ------
    InvalidFieldError : a ratio outside [0, 1] or a negative NTU
    """
    n = np.asarray(ntu, dtype=np.float64)
    r = np.asarray(capacity_ratio, dtype=np.float64)
    if not np.all((r >= 0.0) & (r <= 1.0)):
        raise InvalidFieldError("capacity_ratio", capacity_ratio, "C_min/C_max, numbers from 0 to 1")
    if not np.all(n >= 0.0):
        raise InvalidFieldError("ntu", ntu, "UA/C_min, numbers of 0 or more")
    # expm1 keeps the digits near r = 1; dividing both parts by (1 − r) makes the limit NTU/(1 + NTU) continuous
    gap = 1.0 - r
    grown = -np.expm1(-n * gap)
    balanced = n / (1.0 + n)
    safe = np.where(gap < 1e-9, 1.0, gap + r * grown)
    return np.asarray(np.where(gap < 1e-9, balanced, grown / safe))


def exchange_conductance_w_per_k(ua_w_per_k: FloatsLike, hot_w_per_k: FloatsLike, cold_w_per_k: FloatsLike) -> Floats:
    """ε·C_min: heat passed per kelvin between the two inlets, W/K; 0 where a flow stands still.

    Parameters
    ----------
    ua_w_per_k : conductance times area, 0 or more
    hot_w_per_k, cold_w_per_k : capacity flow m·cp of each side in W/K, 0 or more; one side may be infinite

    Raises
    ------
    InvalidFieldError : a negative UA or capacity flow
    """
    ua, hot, cold = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (ua_w_per_k, hot_w_per_k, cold_w_per_k))
    )
    for field, value in (("ua_w_per_k", ua), ("hot_w_per_k", hot), ("cold_w_per_k", cold)):
        if not np.all(value >= 0.0):
            raise InvalidFieldError(field, value, "0 or more")
    lowest = np.minimum(hot, cold)
    highest = np.maximum(hot, cold)
    if not np.all(np.isfinite(lowest)):
        raise InvalidFieldError("hot_w_per_k, cold_w_per_k", lowest, "at least one of the two finite")
    flowing = lowest > 0.0
    smaller = np.where(flowing, lowest, 1.0)
    share = effectiveness(ua / smaller, np.where(flowing, smaller / np.where(flowing, highest, 1.0), 0.0))
    return np.asarray(np.where(flowing, share * smaller, 0.0))
