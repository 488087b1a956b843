"""Lets work go on between two moments: the twin's hot loop over attempts that hold slots and over all nodes."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.compiled import compiled
from ondol.twin.speed import speed_at

_DONE_S = 1e-6  # work left below this counts as done [s]


@compiled
def unit_shares(
    held: Ints,
    running: Ints,
    node: Ints,
    node_unit: Ints,
    node_slots: Ints,
    node_dyn_w: Floats,
    node_idle_w: Floats,
    node_on: Ints,
    target_w: Floats,
    most: Floats,
    capped: bool,
    share: Floats,
    dyn_w: Floats,
) -> None:
    """Share of dynamic power that the work of each unit is let have under the unit's target; in place.

    Idle power of switched-on nodes comes first; what is left of the target is shared evenly by what runs. What a task
    with a cap may not draw of it goes to the others.

    Parameters
    ----------
    most : share that each attempt takes at most
    capped : whether any of them is below 1
    dyn_w : is told what the work of each unit draws [W]
    """
    units = len(target_w)
    idle = np.zeros(units)
    for u in range(units):
        dyn_w[u] = 0.0
    for n in range(len(node_unit)):
        if node_on[n] > 0:
            idle[node_unit[n]] += node_idle_w[n]
    for k in range(len(held)):
        row = held[k]
        if running[row] > 0:
            n = node[row]
            dyn_w[node_unit[n]] += node_dyn_w[n] / node_slots[n]
    for u in range(units):
        if dyn_w[u] <= 0.0:
            share[u] = 1.0
        else:
            share[u] = min(max((target_w[u] - idle[u]) / dyn_w[u], 0.0), 1.0)
    if capped:
        _share_rest(held, running, node, node_unit, node_slots, node_dyn_w, idle, target_w, most, share, dyn_w)
    else:
        for u in range(units):
            dyn_w[u] *= share[u]


@compiled
def _share_rest(
    held: Ints,
    running: Ints,
    node: Ints,
    node_unit: Ints,
    node_slots: Ints,
    node_dyn_w: Floats,
    idle_w: Floats,
    target_w: Floats,
    most: Floats,
    share: Floats,
    dyn_w: Floats,
) -> None:
    """Raise even shares s until ``Σ dyn_i · min(s, most_i)`` is what the unit has for work, or nothing takes more.

    Each round sets s as if those that it caps now were all; they only become more, so that it ends.
    """
    units = len(target_w)
    bound_w, free_w, before = np.zeros(units), np.zeros(units), np.zeros(units)
    more = True
    while more:
        more = False
        bound_w[:] = 0.0
        free_w[:] = 0.0
        for k in range(len(held)):
            row = held[k]
            if running[row] > 0:
                n = node[row]
                u = node_unit[n]
                slot_w = node_dyn_w[n] / node_slots[n]
                if most[row] <= share[u]:
                    bound_w[u] += slot_w * most[row]
                else:
                    free_w[u] += slot_w
        for u in range(units):
            if bound_w[u] > before[u] and free_w[u] > 0.0:
                share[u] = min(max((target_w[u] - idle_w[u] - bound_w[u]) / free_w[u], share[u]), 1.0)
                more = True
            before[u] = bound_w[u]
    for u in range(units):
        dyn_w[u] = bound_w[u] + free_w[u] * share[u]


@compiled
def next_end(
    t_s: float,
    held: Ints,
    running: Ints,
    node: Ints,
    run_s: Floats,
    done_s: Floats,
    ready_s: Floats,
    node_unit: Ints,
    node_speed: Floats,
    share: Floats,
    most: Floats,
) -> float:
    """When the first attempt will end at present speeds; inf for never."""
    first = np.inf
    for k in range(len(held)):
        row = held[k]
        if running[row] > 0:
            n = node[row]
            speed = node_speed[n] * speed_at(min(share[node_unit[n]], most[row]))
            if speed > 0.0:
                begin = max(t_s, ready_s[row])
                end = begin + (run_s[row] - done_s[row]) / speed
                first = min(first, end)
    return first


@compiled
def advance(
    t0_s: float,
    t1_s: float,
    held: Ints,
    running: Ints,
    node: Ints,
    run_s: Floats,
    done_s: Floats,
    ready_s: Floats,
    energy_j: Floats,
    node_unit: Ints,
    node_slots: Ints,
    node_speed: Floats,
    node_dyn_w: Floats,
    node_idle_w: Floats,
    node_off_w: Floats,
    node_off_after_s: Floats,
    node_held: Ints,
    node_empty_since_s: Floats,
    node_up: Ints,
    share: Floats,
    most: Floats,
    unit_energy_j: Floats,
    ended: Ints,
    ended_at_s: Floats,
) -> int:
    """Let the time from `t0_s` to `t1_s` pass; gives how many attempts ended, their rows in `ended`.

    Work goes on at the node's speed under its unit's share, or under its own cap where that is lower, once it is ready;
    energy goes to attempts (the dynamic part) and units (all of it). A node without work is switched off after its
    time. Ended attempts still stand in `held`.
    """
    count = 0
    for k in range(len(held)):
        row = held[k]
        if running[row] == 0:
            continue
        n = node[row]
        begin = max(t0_s, ready_s[row])
        if begin >= t1_s:
            continue
        part = min(share[node_unit[n]], most[row])
        speed = node_speed[n] * speed_at(part)
        left = run_s[row] - done_s[row]
        active = t1_s - begin
        if speed > 0.0 and left / speed <= active + _DONE_S:
            active = min(left / speed, active)
            done_s[row] = run_s[row]
            ended[count] = row
            ended_at_s[count] = begin + active
            count += 1
            node_held[n] -= 1
            # rows come in id order, not in the order of their ends: a node is empty from its last end on
            node_empty_since_s[n] = max(node_empty_since_s[n], begin + active)
        else:
            done_s[row] += speed * active
        spent = active * node_dyn_w[n] / node_slots[n] * part
        energy_j[row] += spent
        unit_energy_j[node_unit[n]] += spent
    for n in range(len(node_unit)):
        span = t1_s - t0_s
        on = span
        if node_held[n] == 0:
            if node_up[n] == 0:
                on = 0.0
            else:
                off_at = node_empty_since_s[n] + node_off_after_s[n]
                if off_at < t1_s:
                    on = max(off_at - t0_s, 0.0)
                    node_up[n] = 0
        unit_energy_j[node_unit[n]] += on * node_idle_w[n] + (span - on) * node_off_w[n]
    return count


@compiled
def not_finite(heat_w: Floats, backup_w: Floats, energy_j: Floats) -> int:
    """Place of the first sink whose heat is no finite number; -2 where a unit's energy is none, -1 for all well."""
    for k in range(len(heat_w)):
        if not np.isfinite(heat_w[k] + backup_w[k]):
            return k
    for k in range(len(energy_j)):
        if not np.isfinite(energy_j[k]):
            return -2
    return -1
