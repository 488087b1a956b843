"""Qarnot's published rules: priority classes with start and kill thresholds on each heater's temperature.

Re-implemented from the description of the GRECO project's schedulers (Inria and Qarnot, 2018–2020) in
`reference/landscape.md` §2.2 and `reference/simulators.md` §1.2, held against `qarnotNodeSched.py` (cce424c) and
`qarnotBoxSched.py` (4952773) of the public repository jankopanski/pybatsim; no code is taken over. How near it comes to
the published runs is in `docs/reference/baselines.md`. With d = set-point − temperature:

| class | here | starts at | is killed below | placed |
|---|---|---|---|---|
| HIGH | on_demand | d ≥ −4 | −10 | coolest first; may displace filler, then LOW |
| LOW | flex, harvest | d ≥ −1 | −3 | warmest that is allowed; may displace filler |
| BKGD | filler | d ≥ +1 | −1 | coolest first |

- Work is served by decreasing priority (flex before harvest), then the task with the fewest running instances first.
- The global scheduler offers slots level by level, those that BKGD may use first, then LOW's, then HIGH's; at each
  level the site with the fewest such slots first, so that large free blocks stay free. The site then chooses the unit,
  as the table says. Filler that is displaced is chosen so, too: where it runs counts as a slot of LOW's level.
- Direct dispatch: when an instance ends, the next one of its task takes the node, if nobody of a higher class waits.
- Filler starts only in a step in which other work is dispatched, or that is due anyway (every 150 s).
- Power goes one step up where d ≥ +1 and one down where d ≤ −1, at most every 150 s, never off while work runs.
- Killed work goes back into the queue.

A unit that heats nobody is the overflow data centre: for HIGH work only, where no heated unit is to be had.

What a View cannot say, and is different here: a preempted attempt is stopped at once, and the newcomer starts in the
decision that finds the slot free, not when its data have arrived; no instance needs several boards; a node without work
cannot be switched off, it idles under its thermostat; power steps are floors under the thermostat. Sites do not report
their state every 30 s, each decision sees all of it. Where the queue is shown in part, direct dispatch sees only the
instances that are shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ondol.model.decision import Action, Decision, Resume, SetPower
from ondol.model.view import Bools, Floats, Phase, View
from ondol.policy.greco_direct import ended_since, holding_after
from ondol.policy.greco_dispatch import dispatch
from ondol.policy.greco_preempt import displace, kill
from ondol.policy.greco_thresholds import off
from ondol.policy.standing import Standing, standing
from ondol.policy.waiting import wait

REGULATION_S = 150.0  # simulators.md §1.2: default update period of the node scheduler
STEPS = 10  # of power between idle and full; the published description names no number


@dataclass(frozen=True, slots=True)
class GrecoMemory:
    """What one decision hands to the next.

    Parameters
    ----------
    steps : power step of every unit with work, 1 to STEPS, by unit id
    regulated_s : when steps last changed [s since the epoch]
    held : node id of every instance that holds a slot, by instance id
    """

    steps: dict[str, int] = field(default_factory=dict)
    regulated_s: float = 0.0
    held: dict[str, str] = field(default_factory=dict)


class Greco:
    """Thresholds and priorities as published. See the module."""

    name = "greco"
    data_first = False

    def fresh(self) -> GrecoMemory:
        """Give the memory of a policy that has seen nothing."""
        return GrecoMemory()

    def decide(self, view: View, memory: GrecoMemory) -> tuple[Decision, GrecoMemory]:
        """Answer a view: kill, dispatch, displace, then regulate power."""
        now = standing(view)
        lack_k = np.where(view.units.heats, view.units.setpoint_c - view.units.temp_c, np.nan)
        instances = view.instances
        due = view.now_s - memory.regulated_s >= REGULATION_S
        kills, killed = kill(view, now, lack_k)
        done = dispatch(
            view,
            now,
            lack_k,
            killed,
            ended=ended_since(view, now, memory.held),
            filler_due=due,
            data_first=self.data_first,
        )
        displaced, stopped = displace(view, now, lack_k, done.unserved, done.stopped)
        frozen = np.flatnonzero((instances.phase == Phase.PAUSED) & ~stopped)
        working = now.unit[(now.active | (instances.phase == Phase.PAUSED)) & ~stopped]
        busy = np.bincount(working, minlength=len(view.units.ids)) > 0
        busy[view.nodes.unit[done.nodes]] = True
        powers, steps = _regulate(view, now, lack_k, busy, memory.steps, due=due)
        actions: list[Action] = [
            *kills,
            *done.stops,
            *displaced,
            *(Resume(instances.ids[row], "greco freezes nothing") for row in frozen.tolist()),
            *done.starts,
            *powers,
        ]
        for rows, cause in done.left_over:
            actions += wait(view, rows, cause)
        return tuple(actions), GrecoMemory(
            steps,
            view.now_s if due else memory.regulated_s,
            holding_after(view, now, stopped, done.starts),
        )


def _regulate(
    view: View, now: Standing, lack_k: Floats, busy: Bools, before: dict[str, int], *, due: bool
) -> tuple[list[SetPower], dict[str, int]]:
    """Move the power of units with work one step where due; new ones begin at full power."""
    units = view.units
    rows = np.flatnonzero(busy)
    keys = [units.ids[row] for row in rows.tolist()]
    step = np.array([before.get(key, 0) for key in keys], dtype=np.int64)
    lack = lack_k[rows]
    moved = np.clip(step + (lack >= 1.0) - (lack <= -1.0), 1, STEPS) if due else step
    step = np.where(step > 0, moved, STEPS)
    power_w = now.idle_w[rows] + (units.power_max_w[rows] - now.idle_w[rows]) * step / STEPS
    powers = [
        SetPower(
            key,
            watts,
            f"step {own} of {STEPS}, {watts:.0f} W: "
            + (f"{off(lack_own)} its set-point" if heats else "it heats nobody"),
        )
        for key, own, watts, lack_own, heats in zip(
            keys, step.tolist(), power_w.tolist(), lack.tolist(), units.heats[rows].tolist(), strict=True
        )
    ]
    return powers, dict(zip(keys, step.tolist(), strict=True))
