"""Let's Wait Awhile: delay-tolerant work waits for the cleanest electricity before its deadline; heat does not count.

After Wiesner, Behnke, Scheinert, Gontarska, Thamsen: "Let's Wait Awhile: How Temporal Workload Shifting Can Reduce
Carbon Emissions in the Cloud", Middleware 2021, doi 10.1145/3464298.3493399; re-implemented from the paper's two
strategies, on the fleet's forecast of carbon intensity:

1. on_demand, and flex whose latest start has come, start at once. Flex without a deadline has declared no time to shift
   and starts at once too.
2. Non-interrupting: flex that would lose work by a stop starts when the unbroken window of its expected run time
   that begins now is as clean as any that begins later and still ends before its deadline.
3. Interrupting: resumable flex runs in those steps until its deadline that are cleanest and together long enough for
   what is left of it; it is paused in all others. Paused, it gives up its slot to work that is to start and finds none.
4. harvest, and filler behind it, are work without a deadline: they run while the intensity is not above the mean of
   the horizon, and are paused otherwise.

The paper knows one region and no lack of machines. Here the curve is the mean over the fleet's slots, slots are given
in the order above, within a class first come first served (flex: the earliest latest start first), on the first node
with a free slot that will do, at full power, as `fcfs` does. Run times are expectations; `policy.urgency` adds its
margins to them, so that a wrong one breaks no deadline. `WaitAwhile(knows_run_times=True)` keeps none, as the paper;
how near that comes to its figures is in `docs/reference/baselines.md`. A forecast that ends before the deadline is used
as far as it goes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Action, Decision, Pause, Resume, Start, Stop
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.carbon import CarbonCurve, best_window_is_now, carbon_curve, now_is_among_lowest
from ondol.policy.displace import give_way
from ondol.policy.fit import fit
from ondol.policy.floors import FullPower
from ondol.policy.standing import Standing, queue, standing
from ondol.policy.urgency import MARGIN_S, STRETCH, UNKNOWN_RUN_S, Urgency, left_s, urgency
from ondol.policy.waiting import clock, no_fit, wait


@dataclass(frozen=True, slots=True)
class WaitAwhileMemory:
    """It needs none: every forecast is taken as it stands."""


class WaitAwhile:
    """Carbon only. See the module.

    Parameters
    ----------
    knows_run_times : run times are what is expected of them, as the paper assumes; no margin is kept for longer ones
    """

    name = "wait-awhile"
    fills = False  # it knows carbon alone; work that is run for heat is nothing to it

    def __init__(self, *, knows_run_times: bool = False) -> None:
        self._full_power = FullPower("wait-awhile is blind to heat")
        self._exact = knows_run_times

    def fresh(self) -> WaitAwhileMemory:
        """Give the memory of a policy that has seen nothing."""
        return WaitAwhileMemory()

    def decide(self, view: View, memory: WaitAwhileMemory) -> tuple[Decision, WaitAwhileMemory]:
        """Answer a view: pause and resume by the curve, then start what is to run now."""
        now = standing(view)
        urgent = urgency(_without_margins(view) if self._exact else view, now)
        curve = carbon_curve(view)
        instances, nodes = view.instances, view.nodes
        ready = _ready(view, now, urgent, curve, exact=self._exact)
        frozen = (instances.phase == Phase.PAUSED) & (now.unit >= 0)
        may_pause = instances.resumable | (instances.service >= ServiceClass.HARVEST)
        pausing = (instances.phase == Phase.RUNNING) & (now.unit >= 0) & may_pause & ~ready
        resuming = frozen & (ready | ~may_pause)

        line = np.concatenate(
            [
                urgent.pressing,
                urgent.patient,
                queue(view, ServiceClass.HARVEST),
                queue(view, ServiceClass.FILLER),
            ]
        )
        slots = np.repeat(np.arange(len(nodes.ids)), now.free)
        fitted = fit(view, line[ready[line]], slots)
        used = slots[fitted.slots]
        stops = _stops(view, np.flatnonzero(frozen & ~resuming & instances.resumable), fitted.rows_left)
        runs = (now.active & ~pausing) | resuming
        busy = np.bincount(now.unit[runs], minlength=len(view.units.ids))
        busy += np.bincount(nodes.unit[used], minlength=len(view.units.ids))
        free = len(fitted.slots_left)
        actions: list[Action] = [
            *stops,
            *_pauses_and_resumes(view, curve, pausing, resuming),
            *_starts(view, urgent, curve, fitted.rows, used),
            *self._full_power(view, busy),
            *wait(view, fitted.rows_left, no_fit(free) if free else "its time has come, but no slot is free"),
            *_waits(view, urgent, curve, line[~ready[line]]),
        ]
        return tuple(actions), memory


def _rest_s(view: View) -> Floats:
    """What is left of every run, if it is as long as expected, at full speed or at its task's cap [s]."""
    instances = view.instances
    expected_s = np.where(np.isnan(instances.expected_s), UNKNOWN_RUN_S, instances.expected_s)
    rest_s = np.maximum(expected_s - instances.done_s, 0.0)
    return rest_s / instances.speed_cap if len(instances.speed_cap) else rest_s


def _without_margins(view: View) -> View:
    """Move deadlines back by as much as `urgency` keeps in hand, so that its latest start is deadline - rest."""
    in_hand_s = STRETCH * left_s(view) + MARGIN_S - _rest_s(view)
    instances = dataclasses.replace(view.instances, deadline_s=view.instances.deadline_s + in_hand_s)
    return dataclasses.replace(view, instances=instances)


def _ready(view: View, now: Standing, urgent: Urgency, curve: CarbonCurve, *, exact: bool) -> Bools:
    """Tell per instance whether now is a time to run it."""
    instances = view.instances
    ready = np.ones(len(instances.ids), dtype=np.bool_)
    shifts = (instances.service == ServiceClass.FLEX) & np.isfinite(instances.deadline_s) & ~urgent.pressing_held
    shifts[urgent.pressing] = False
    left, stretch, margin_s = (_rest_s(view), 1.0, 0.0) if exact else (left_s(view), STRETCH, MARGIN_S)
    bound = np.flatnonzero(shifts & ~instances.resumable & (now.unit < 0))
    ready[bound] = best_window_is_now(curve, left[bound], urgent.latest_start_s[bound] - view.now_s)
    free = np.flatnonzero(shifts & instances.resumable)
    until_s = instances.deadline_s[free] - margin_s - view.now_s
    ready[free] = now_is_among_lowest(curve, stretch * left[free], until_s)
    ready[instances.service >= ServiceClass.HARVEST] = _is_clean(curve)
    return ready


def _is_clean(curve: CarbonCurve) -> bool:
    mean = curve.mean_g_per_kwh
    return bool(curve.g_per_kwh[0] <= mean + 1e-9 * abs(mean))


def _stops(view: View, paused: Ints, needy: Ints) -> list[Stop]:
    """Let paused work that loses nothing give its slot to work whose time has come, harvest and filler first."""
    order = np.argsort(-view.instances.service[paused], kind="stable")
    cause = "it waits for cleaner power anyway and makes room for what is to run now"
    return give_way(view, paused[order], needy, cause)[0]


def _pauses_and_resumes(view: View, curve: CarbonCurve, pausing: Bools, resuming: Bools) -> list[Pause | Resume]:
    ids = view.instances.ids
    grid = f"{curve.g_per_kwh[0]:.0f} g/kWh now, {curve.mean_g_per_kwh:.0f} on average over the next hours"
    return [
        *(Pause(ids[row], f"cleaner power is to come: {grid}") for row in np.flatnonzero(pausing).tolist()),
        *(Resume(ids[row], f"now is its time: {grid}") for row in np.flatnonzero(resuming).tolist()),
    ]


def _starts(view: View, urgent: Urgency, curve: CarbonCurve, rows: Ints, nodes: Ints) -> list[Start]:
    instances = view.instances
    grid = f"{curve.g_per_kwh[0]:.0f} g/kWh now"
    by_class = (
        f"cannot wait; {grid}",
        f"no deadline says how long it may wait; {grid}",
        *[f"{grid}, not above the mean of {curve.mean_g_per_kwh:.0f}"] * 2,
    )
    reasons = [by_class[kind] for kind in instances.service[rows].tolist()]
    latest_s = urgent.latest_start_s[rows]
    shifted = (instances.service[rows] == ServiceClass.FLEX) & np.isfinite(instances.deadline_s[rows])
    late = latest_s <= view.now_s
    for place in np.flatnonzero(shifted & late).tolist():
        reasons[place] = f"had to start by {clock(latest_s[place])} to be in time; {grid}"
    for place in np.flatnonzero(shifted & ~late).tolist():
        reasons[place] = f"{grid}, and no start before {clock(latest_s[place])} is cleaner"
    return [
        Start(instances.ids[row], view.nodes.ids[node], why)
        for row, node, why in zip(rows.tolist(), nodes.tolist(), reasons, strict=True)
    ]


def _waits(view: View, urgent: Urgency, curve: CarbonCurve, rows: Ints) -> list[Action]:
    grid = f"{curve.g_per_kwh[0]:.0f} g/kWh now, {curve.mean_g_per_kwh:.0f} on average over the next hours"
    flex = view.instances.service[rows] == ServiceClass.FLEX
    actions: list[Action] = []
    if flex.any():
        latest = clock(float(urgent.latest_start_s[rows[flex]].min()))
        actions += wait(
            view, rows[flex], f"cleaner power is to come before they must start: {grid}; the first by {latest}"
        )
    actions += wait(view, rows[~flex], f"power is less clean than on average: {grid}")
    return actions
