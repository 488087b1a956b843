"""What a sink gets when its sensor is silent: hold, then go by the weather, then a safe minimum."""

from __future__ import annotations

from dataclasses import dataclass

FRESH_S = 180.0
HOLD_S = 600.0
BLIND_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindDemand:
    """The answer without a reading.

    Parameters
    ----------
    heat_w : heat to give [W]
    floors : whether work that cannot wait may still heat this sink
    """

    heat_w: float
    floors: bool
    reason: str


def demand_without_sensor(age_s: float, *, last_w: float, open_loop_w: float | None, safe_w: float) -> BlindDemand:
    """Say what to give.

    Parameters
    ----------
    age_s : since the last good reading, inf for never [s]
    last_w : heat wanted when it was last known [W]
    open_loop_w : heat by the weather alone, ``UA (Tset − To) − gains``; None where that too is unknown [W]
    safe_w : heat that cannot harm in any weather: against frost in a room, none in water [W]
    """
    if age_s <= HOLD_S:
        return BlindDemand(heat_w=last_w, floors=True, reason="sensor silent: holds what was wanted")
    if open_loop_w is not None:
        heat_w = max(open_loop_w, 0.0)
        return BlindDemand(heat_w=heat_w, floors=age_s <= BLIND_S, reason="sensor lost: goes by the weather")
    if age_s <= BLIND_S:
        return BlindDemand(heat_w=last_w, floors=True, reason="sensor lost, weather unknown: holds what was wanted")
    return BlindDemand(heat_w=safe_w, floors=False, reason="sensor and weather unknown: safe minimum")
