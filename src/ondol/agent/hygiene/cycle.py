"""When a tank's hygiene cycle begins, and from when on its backup has to help.

The time that a cycle needs is ``Σ C/n·max(T* − T_i, 0) / (P − losses) + hold``, T* being 60 °C and a margin. The latest
start that surely makes it is the deadline less that, times a margin. Before that, within the last part of the window,
it begins when it is cheapest: by a price where one is given, else while least water is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TARGET_C = 61.5  # 60 °C of the rule, and sensors that scatter by 0.05 K and differ by 1 K
HOLD_S = 3600.0
SPARE_S = 1800.0
MARGIN = 1.3
_GRID_S = 900.0
_HOUR_S = 3600.0
_LONGEST_S = 4 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TankState:
    """What a cycle has to heat.

    Parameters
    ----------
    layers_c : top to bottom [°C]
    capacity_j_per_k : of all the water [J/K]
    loss_w : standing loss at the target [W]
    draw_w : what draws take, per local hour of the day, 24 values [W]
    held_s : time above the rule's lowest temperature that this cycle has already [s]
    """

    layers_c: tuple[float, ...]
    capacity_j_per_k: float
    loss_w: float
    draw_w: Sequence[float]
    held_s: float = 0.0


def needed_s(state: TankState, heat_w: float, hour: float) -> float:
    """Time from a start at this local hour to the end of the hold; inf where the heat cannot lift it [s]."""
    share = state.capacity_j_per_k / len(state.layers_c)
    left_j = sum(max(TARGET_C - layer, 0.0) for layer in state.layers_c) * share
    hold_s = max(HOLD_S - state.held_s, 0.0)
    passed_s = 0.0
    while left_j > 0.0:
        net_w = heat_w - state.loss_w - state.draw_w[int(hour + passed_s / 3600.0) % 24]
        if net_w * _HOUR_S >= left_j:
            return passed_s + left_j / net_w + hold_s
        left_j -= net_w * _HOUR_S
        passed_s += _HOUR_S
        if passed_s > _LONGEST_S:
            return math.inf
    return hold_s


def latest_start_s(state: TankState, heat_w: float, *, due_s: float, hour_at: Callable[[float], float]) -> float:
    """Latest start that surely makes the deadline; −inf where none does [s since the epoch]."""
    need_s = needed_s(state, heat_w, hour_at(due_s - 2 * HOLD_S))
    for _ in range(3):  # what is drawn depends on the start
        if math.isinf(need_s):
            return -math.inf
        start_s = due_s - need_s * MARGIN - SPARE_S
        need_s = max(need_s, needed_s(state, heat_w, hour_at(start_s)))
    return due_s - need_s * MARGIN - SPARE_S


def cheapest_start_s(
    state: TankState,
    *,
    now_s: float,
    latest_s: float,
    span_s: float,
    need_s: float,
    hour_at: Callable[[float], float],
    price_at: Callable[[float], float] | None,
) -> float:
    """The best start from now to the latest; of equal ones the latest, since every cycle begins a new window [s].

    Parameters
    ----------
    span_s : how long before the latest start it may begin: earlier would mean more cycles [s]
    need_s : how long it takes [s]
    price_at : of heat or of work, in any unit, at a time; None: what draws take meanwhile stands for it
    """
    first_s = max(now_s, latest_s - span_s)
    if latest_s <= first_s:
        return latest_s
    best_s, best = latest_s, math.inf
    starts = int((latest_s - first_s) // _GRID_S) + 1
    slots = max(int(need_s // _GRID_S), 1)
    costs = []  # of every slot once, from the earliest start on: neighbouring starts share all but one
    for k in range(1 - starts, slots):
        at_s = latest_s + k * _GRID_S
        costs.append(price_at(at_s) if price_at is not None else state.draw_w[int(hour_at(at_s)) % 24])
    for k in range(starts):
        cost = 0.0
        for slot_cost in costs[starts - 1 - k : starts - 1 - k + slots]:
            cost += slot_cost
        if cost < best - 1e-9 * abs(best if math.isfinite(best) else 1.0):
            best_s, best = latest_s - k * _GRID_S, cost
    return best_s
