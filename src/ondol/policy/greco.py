"""Qarnot's published rules: priority classes with start and kill thresholds on each heater's temperature.

Re-implemented from the description of the GRECO project's schedulers (Inria and Qarnot, 2018–2020) in
`reference/landscape.md` §2.2 and `reference/simulators.md` §1.2; no code is taken over.
With d = set-point − temperature:

| class | here | starts at | is killed below | placed |
|---|---|---|---|---|
| HIGH | on_demand | d ≥ −4 | −10 | coolest first; may displace filler, then LOW |
| LOW | flex, harvest | d ≥ −1 | −3 | warmest that is allowed; may displace filler |
| BKGD | filler | d ≥ +1 | −1 | coolest first |

Power goes one step up where d ≥ +1 and one down where d ≤ −1, at most every 150 s, never off while work runs. Killed
work goes back into the queue. A unit that heats nobody is the overflow data centre: for HIGH work only, where no heated
unit is to be had. Left out: data transfers, direct dispatch, work over several boards, filler only together with other
dispatches. Here power steps are floors under the thermostat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ondol.model.decision import Action, Decision, Resume, SetPower, Start, Stop
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.standing import Standing, deal, queue, standing
from ondol.policy.waiting import NAMES, no_fit, wait

REGULATION_S = 150.0  # simulators.md §1.2: default update period of the node scheduler
STEPS = 10  # of power between idle and full; the published description names no number
START_K = np.array([-4.0, -1.0, -1.0, 1.0])  # by ServiceClass, landscape.md §2.2
KILL_K = np.array([-10.0, -3.0, -3.0, -1.0])


@dataclass(frozen=True, slots=True)
class GrecoMemory:
    """What one decision hands to the next.

    Parameters
    ----------
    steps : power step of every unit with work, 1 to STEPS, by unit id
    regulated_s : when steps last changed [s since the epoch]
    """

    steps: dict[str, int] = field(default_factory=dict)
    regulated_s: float = 0.0


class Greco:
    """Thresholds and priorities as published. See the module."""

    name = "greco"

    def fresh(self) -> GrecoMemory:
        """Give the memory of a policy that has seen nothing."""
        return GrecoMemory()

    def decide(self, view: View, memory: GrecoMemory) -> tuple[Decision, GrecoMemory]:
        """Answer a view: kill, displace, start by priority, then regulate power."""
        now = standing(view)
        lack_k = np.where(view.units.heats, view.units.setpoint_c - view.units.temp_c, np.nan)
        instances = view.instances
        actions: list[Action] = []
        stopped = _kills(view, now, lack_k, actions)
        starts, left_over = _starts(view, now, lack_k)
        _displace(view, now, lack_k, left_over=left_over, stopped=stopped, actions=actions)
        frozen = np.flatnonzero((instances.phase == Phase.PAUSED) & ~stopped)
        actions += [Resume(instances.ids[row], "greco freezes nothing") for row in frozen.tolist()]
        actions += starts
        working = now.unit[(now.active | (instances.phase == Phase.PAUSED)) & ~stopped]
        busy = np.bincount(working, minlength=len(view.units.ids)) > 0
        row_of_node = {key: row for row, key in enumerate(view.nodes.ids)}
        busy[[view.nodes.unit[row_of_node[start.node_id]] for start in starts]] = True
        powers, memory = _regulate(view, now, lack_k, busy, memory)
        actions += powers
        for rows, cause in left_over:
            actions += wait(view, rows, cause)
        return tuple(actions), memory


def _kills(view: View, now: Standing, lack_k: Floats, actions: list[Action]) -> Bools:
    """Stop what runs where it is too warm for its class; tell which."""
    instances, units = view.instances, view.units
    own_k = np.where(now.unit >= 0, lack_k[now.unit], np.nan) if len(units.ids) else np.full(len(now.unit), np.nan)
    held = now.active | (instances.phase == Phase.PAUSED)
    stopped: Bools = held & (own_k < KILL_K[instances.service])
    for row in np.flatnonzero(stopped).tolist():
        unit, kind = now.unit[row], instances.service[row]
        actions.append(
            Stop(
                instances.ids[row],
                f"{units.ids[unit]} is {-lack_k[unit]:.1f} K above {units.setpoint_c[unit]:.1f} °C; "
                f"{NAMES[kind]} work ends at {-KILL_K[kind]:.0f} K",
            )
        )
    return stopped


def _starts(view: View, now: Standing, lack_k: Floats) -> tuple[list[Start], list[tuple[Ints, str]]]:
    """Fill free slots class by class; give also who is left over, and why."""
    instances, nodes, units = view.instances, view.nodes, view.units
    running = np.bincount(instances.task[now.active], minlength=int(instances.task.max(initial=-1)) + 1)
    plenty = np.full(len(units.ids), np.inf)
    rack = np.where(units.heats, np.inf, 0.0)
    free, starts, left_over = now.free, list[Start](), list[tuple[Ints, str]]()
    for classes, coolest in (
        ((ServiceClass.ON_DEMAND,), True),
        ((ServiceClass.FLEX, ServiceClass.HARVEST), False),
        ((ServiceClass.FILLER,), True),
    ):
        line = queue(view, *classes)
        line = line[np.argsort(running[instances.task[line]], kind="stable")]
        least_k = START_K[classes[0]]
        rank = np.where(lack_k >= least_k, -lack_k if coolest else lack_k, np.inf)
        slots, rest = deal(view, rank, free, plenty, now.slot_w, least=0.0)
        if classes[0] is ServiceClass.ON_DEMAND:
            overflow, _ = deal(view, rack, rest, plenty, now.slot_w, least=0.0)
            slots = np.concatenate([slots, overflow])
        fitted = fit(view, line, slots)
        used = slots[fitted.slots]
        free = free - np.bincount(used, minlength=len(nodes.ids))
        for row, node in zip(fitted.rows.tolist(), used.tolist(), strict=True):
            unit = nodes.unit[node]
            where = (
                f"{units.ids[unit]} is {_off(lack_k[unit])} {units.setpoint_c[unit]:.1f} °C; "
                f"{NAMES[instances.service[row]]} work may start down to {least_k:+.0f} K below"
                if units.heats[unit]
                else f"no heated unit has a free slot for on-demand work; {units.ids[unit]} takes the overflow"
            )
            starts.append(Start(instances.ids[row], nodes.ids[node], where))
        allowed = int((lack_k >= least_k).sum())
        cause = f"no slot is free in the {allowed} units that are at least {least_k:+.0f} K below their set-point"
        if len(fitted.slots_left):
            cause = no_fit(len(fitted.slots_left))
        left_over.append((fitted.rows_left, cause))
    return starts, left_over


def _displace(
    view: View,
    now: Standing,
    lack_k: Floats,
    *,
    left_over: list[tuple[Ints, str]],
    stopped: Bools,
    actions: list[Action],
) -> None:
    """Stop lower classes for those left over; slots that are being freed already count for the highest."""
    instances = view.instances
    held = (now.active | (instances.phase == Phase.PAUSED)) & ~stopped & (now.unit >= 0)
    held[held] = view.nodes.accepts[instances.node[held]]
    coming = instances.node[((instances.phase == Phase.LEAVING) | stopped) & (instances.node >= 0)]
    high = fit(view, left_over[0][0], coming)
    low = fit(view, left_over[1][0], coming[high.slots_left]).rows_left
    unserved = high.rows_left
    for kind, victims in (
        (ServiceClass.ON_DEMAND, (ServiceClass.FILLER,)),
        (ServiceClass.ON_DEMAND, (ServiceClass.FLEX, ServiceClass.HARVEST)),
        (ServiceClass.FLEX, (ServiceClass.FILLER,)),
    ):
        candidates = np.flatnonzero(held & np.isin(instances.service, victims))
        candidates = candidates[lack_k[now.unit[candidates]] >= START_K[kind]]
        candidates = candidates[np.argsort(-lack_k[now.unit[candidates]], kind="stable")]
        fitted = fit(view, unserved if kind is ServiceClass.ON_DEMAND else low, instances.node[candidates])
        candidates = candidates[np.sort(fitted.slots)]
        if kind is ServiceClass.ON_DEMAND:
            unserved = fitted.rows_left
        held[candidates] = False
        stopped[candidates] = True
        waiting = len(left_over[0][0] if kind is ServiceClass.ON_DEMAND else left_over[1][0])
        actions += [
            Stop(instances.ids[row], f"{NAMES[instances.service[row]]} work makes room for {waiting} {NAMES[kind]}")
            for row in candidates.tolist()
        ]


def _regulate(
    view: View, now: Standing, lack_k: Floats, busy: Bools, memory: GrecoMemory
) -> tuple[list[SetPower], GrecoMemory]:
    """Move the power of units with work one step where due."""
    units = view.units
    due = view.now_s - memory.regulated_s >= REGULATION_S
    steps: dict[str, int] = {}
    powers: list[SetPower] = []
    for row in np.flatnonzero(busy).tolist():
        key, lack = units.ids[row], float(lack_k[row])
        step = memory.steps.get(key, STEPS)
        if due and key in memory.steps:
            step = min(max(step + (lack >= 1.0) - (lack <= -1.0), 1), STEPS)
        steps[key] = step
        power_w = now.idle_w[row] + (units.power_max_w[row] - now.idle_w[row]) * step / STEPS
        where = f"{_off(lack)} its set-point" if units.heats[row] else "it heats nobody"
        powers.append(SetPower(key, float(power_w), f"step {step} of {STEPS}, {power_w:.0f} W: {where}"))
    return powers, GrecoMemory(steps, view.now_s if due else memory.regulated_s)


def _off(lack_k: float) -> str:
    if np.isnan(lack_k):
        return "of unknown temperature against"
    return f"{abs(lack_k):.1f} K {'below' if lack_k >= 0 else 'above'}"
