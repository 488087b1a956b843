"""The twin of a fleet: lives through a scenario step by step, with the policies and the lifecycle tables of production.

Work moves at the moments at which things happen; heat moves in steps, each with the mean power of its units. A run is
the same, byte by byte, each time that it is made.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ondol.model.decision import Decision, Pause, Resume, SetPower, Start, Stop
from ondol.model.errors import OndolError
from ondol.model.view import Floats, Ints, View
from ondol.policy.contract import Policy
from ondol.twin.advance import advance, first_not_finite, next_end, unit_shares
from ondol.twin.attempts import Attempts
from ondol.twin.caches import Caches
from ondol.twin.layout import lay_out
from ondol.twin.machines import Machines
from ondol.twin.outlook import Ahead, Outlook
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.score import Score
from ondol.twin.seeing import Seeing
from ondol.twin.stores import Levels, Stores
from ondol.twin.thermostats import Thermostats
from ondol.twin.workload.jobs import Trace

_NOISE, _FAILURES = 11, 12
_UNIT_ID, _POWER_W = operator.attrgetter("unit_id"), operator.attrgetter("power_w")
STOPPING_S = 10.0
"""A job that is told to stop has ended after so long, mostly (its time to answer SIGTERM)."""
Watch = Callable[[View, Any, Decision], None]


class NotFiniteError(OndolError):
    """A number of a run is none; says which, where and when."""


class FleetTwin:
    """One run.

    Parameters
    ----------
    policy : decides; its attribute `fills`, where it has one, says whether it knows filler
    watch : is told every View, memory and Decision, e.g. to record them
    """

    def __init__(
        self, scenario: Scenario, series: Series, trace: Trace, policy: Policy[Any], watch: Watch | None = None
    ) -> None:
        self.scenario, self.series, self.trace, self.policy, self._watch = scenario, series, trace, policy, watch
        self.layout = lay_out(scenario)
        self.plant = Plant(self.layout, series)
        self.stores = Stores(self.layout, self.plant, series)
        heated_slots = int(self.layout.node_slots[self.layout.heats[self.layout.node_unit]].sum())
        fillers = heated_slots if scenario.filler and getattr(policy, "fills", True) else 0
        self.attempts = Attempts(trace.jobs, self.layout, fillers)
        self.machines = Machines(self.layout)
        self.caches = Caches(self.layout, trace.data)
        self.outlook = Outlook(scenario, series, self.stores, trace.jobs)
        self.seeing = Seeing(self.layout, self.stores, series.begin_s, scenario.seed)
        self.thermostats = Thermostats(self.layout, self.plant, self.stores, series)
        self.score = Score(scenario, self.layout, series, self.stores)
        self.memory = policy.fresh()
        self.step, self.decisions = 0, 0
        self._unit_row = {unit_id: row for row, unit_id in enumerate(self.layout.unit_ids)}
        self._node_row = {node_id: row for row, node_id in enumerate(self.layout.node_ids)}
        rows = len(self.attempts.run_s)
        self._ended, self._ended_at_s = np.zeros(rows, dtype=np.int64), np.zeros(rows)
        self._next_decide_s = self._next_plan_s = 0.0
        self._issue_step = 0
        self._issued: Ahead | None = None
        self._levels: Levels = self.stores.levels(0)
        self._dirty = True
        self.unit_energy_j: Floats = np.zeros(len(self.layout.unit_ids))  # of the last step

    def live(self, steps: int) -> None:
        """Live through the next `steps` thermal steps; stops at the scenario's end.

        Raises
        ------
        NotFiniteError : at the first number that is none
        ConflictError : the policy decided what the lifecycle does not allow
        """
        for step in range(self.step, min(self.step + steps, self.series.steps)):
            begin_s = step * self.series.step_s
            self._begin(step, begin_s)
            self._live_through(begin_s, begin_s + self.series.step_s)
            self._close(step)
            self.step = step + 1

    @property
    def over(self) -> bool:
        """Whether the scenario's end is reached."""
        return self.step >= self.series.steps

    def pointers(self) -> dict[str, float]:
        """Where it stands between two steps, beside the state of its parts; see `ondol.twin.snapshot`."""
        return {
            "step": self.step,
            "decisions": self.decisions,
            "next_decide_s": self._next_decide_s,
            "next_plan_s": self._next_plan_s,
            "issued_s": self._issue_step * self.series.step_s,
        }

    def point(self, pointers: Mapping[str, float]) -> None:
        """Take over what `pointers` gave; forecasts are issued again as they were."""
        self.step, self.decisions = int(pointers["step"]), int(pointers["decisions"])
        self._next_decide_s, self._next_plan_s = pointers["next_decide_s"], pointers["next_plan_s"]
        self._issue_step, self._issued = round(pointers["issued_s"] / self.series.step_s), None

    @property
    def _ahead(self) -> Ahead:
        """The present forecasts; drawn up when they are first looked at."""
        if self._issued is None:
            self._issued = self.outlook.issue(self._issue_step)
        return self._issued

    def _begin(self, step: int, now_s: float) -> None:
        self._fail(step, now_s)
        self._levels = self._felt(step)
        if now_s >= self._next_plan_s:
            self._issue_step, self._issued = step, None
            self._next_plan_s = now_s + self.scenario.plan_s
        ahead = self._ahead if self.thermostats.looks_ahead else None
        self.machines.wanted_w = self.thermostats.wanted_w(step, self._levels, ahead) * self.seeing.share
        self._spread()
        self._dirty = True

    def _live_through(self, now_s: float, end_s: float) -> None:
        while now_s < end_s:
            if self.attempts.arrive(now_s):
                self._dirty = True
            if self._dirty and now_s >= self._next_decide_s:
                self._decide(now_s)
            then_s = self._next_moment(now_s, end_s)
            self._advance(now_s, then_s)
            now_s = then_s

    def _next_moment(self, now_s: float, end_s: float) -> float:
        """When to look next: what happens first, but not before the next decision may be taken."""
        attempts, machines, layout = self.attempts, self.machines, self.layout
        event_s = now_s if self._dirty else attempts.next_arrival_s
        if not self._dirty and attempts.waiting:
            first_s = next_end(
                now_s,
                attempts.held,
                attempts.running,
                attempts.node,
                attempts.run_s,
                attempts.done_s,
                attempts.ready_s,
                layout.node_unit,
                layout.node_speed,
                machines.share,
            )
            event_s = min(event_s, first_s)
        then_s = min(end_s, max(event_s, self._next_decide_s))
        return then_s if then_s > now_s else min(end_s, np.nextafter(now_s, np.inf))

    def _advance(self, now_s: float, then_s: float) -> None:
        attempts, machines, layout = self.attempts, self.machines, self.layout
        attempts.begin_running(then_s)
        count = advance(
            now_s,
            then_s,
            attempts.held,
            attempts.running,
            attempts.node,
            attempts.run_s,
            attempts.done_s,
            attempts.ready_s,
            attempts.energy_j,
            layout.node_unit,
            layout.node_slots,
            layout.node_speed,
            machines.dyn_w,
            layout.node_idle_w,
            layout.node_off_w,
            layout.node_off_after_s,
            machines.held,
            machines.empty_since_s,
            machines.up,
            machines.share,
            machines.energy_j,
            self._ended,
            self._ended_at_s,
        )
        if count:
            rows = self._ended[:count].copy()
            attempts.finish(rows, self._ended_at_s[:count])
            self.seeing.forget(rows)
            self._dirty = True
            self._spread()

    def _decide(self, now_s: float) -> None:
        self._dirty = False
        if not len(self.attempts.held) and not self.attempts.waiting:
            return
        self._next_decide_s = now_s + self.scenario.place_s
        view = self.seeing.view(now_s, self.attempts, self.machines, self._levels, self._ahead, self.caches)
        before = self.memory
        decision, self.memory = self.policy.decide(view, before)
        self.decisions += 1
        if self._watch is not None:
            self._watch(view, before, decision)
        self._apply(decision, now_s)
        self._spread()

    def _apply(self, decision: Decision, now_s: float) -> None:
        kinds = set(map(type, decision))

        def rows_of(kind: type[Stop] | type[Pause] | type[Resume] | type[Start]) -> list[int]:
            if kind not in kinds:
                return []
            return [int(action.instance_id[1:]) for action in decision if type(action) is kind]

        stops, pauses, resumes, starts = rows_of(Stop), rows_of(Pause), rows_of(Resume), rows_of(Start)
        self.machines.floor_w[:] = 0.0
        if SetPower in kinds:
            powers = [action for action in decision if type(action) is SetPower]
            units = list(map(self._unit_row.__getitem__, map(_UNIT_ID, powers)))
            self.machines.floor_w[units] = list(map(_POWER_W, powers))
        if stops:
            self._stop(np.array(stops), now_s, lost=False)
            # Freed slots are news that production's loop answers as soon as the jobs have ended.
            self._dirty = True
            self._next_decide_s = now_s + (min(self.scenario.place_s, STOPPING_S) or STOPPING_S)
        if pauses:
            self.attempts.pause(np.array(pauses), now_s)
        if resumes:
            self.attempts.resume(np.array(resumes), now_s)
        if starts:
            nodes = [self._node_row[action.node_id] for action in decision if type(action) is Start]
            rows, at = np.array(starts), np.array(nodes)
            ready_s = self.machines.take(at, now_s)
            sites = self.layout.node_site[at]
            ready_s = np.maximum(ready_s, self.caches.fetch(self.attempts.data[rows], sites, now_s))
            self.attempts.start(rows, at, ready_s, now_s)

    def _stop(self, rows: Ints, now_s: float, *, lost: bool) -> None:
        nodes = self.attempts.node[rows]
        self.attempts.stop(rows, now_s, lost=lost)
        self.machines.release(nodes, now_s)

    def _spread(self) -> None:
        """Caps of units, and what their work is let have."""
        attempts, machines, layout = self.attempts, self.machines, self.layout
        machines.set_targets()
        unit_shares(
            attempts.held,
            attempts.running,
            attempts.node,
            layout.node_unit,
            layout.node_slots,
            machines.dyn_w,
            layout.node_idle_w,
            machines.up,
            machines.target_w,
            machines.share,
            machines.work_w,
        )

    def _close(self, step: int) -> None:
        energy_j = self.unit_energy_j = self.machines.take_energy()
        self.plant.step(step, energy_j / self.series.step_s, self.machines.units_on(energy_j, self.series.step_s))
        bad = first_not_finite(self.plant.heat_w + self.plant.backup_w)
        if bad >= 0 or first_not_finite(energy_j) >= 0:
            sink = self.layout.sink_ids[bad] if bad >= 0 else "the units' energy"
            raise NotFiniteError(f"{sink} is not a finite number in step {step}, {step * self.series.step_s:.0f} s in")
        self.score.add(step, energy_j, self.plant)

    def _felt(self, step: int) -> Levels:
        """Levels as the sensors tell them."""
        levels = self.stores.levels(step)
        noise_k = self.scenario.fault.sensor_noise_k
        if noise_k == 0.0:
            return levels
        lots = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.scenario.seed, step, _NOISE])))
        error_k = noise_k * lots.standard_normal(len(levels.temp_c))
        return Levels(
            store_j=np.clip(levels.store_j + error_k * self.stores.j_per_k, 0.0, levels.capacity_j),
            capacity_j=levels.capacity_j,
            loss_per_s=levels.loss_per_s,
            temp_c=levels.temp_c + error_k,
            setpoint_c=levels.setpoint_c,
            lower_c=levels.lower_c,
            upper_c=levels.upper_c,
        )

    def _fail(self, step: int, now_s: float) -> None:
        """Let nodes break down: memoryless, at the beginning of a step."""
        fault = self.scenario.fault
        if not np.isfinite(fault.node_mtbf_h):
            return
        lots = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.scenario.seed, step, _FAILURES])))
        chance = -np.expm1(-self.series.step_s / (fault.node_mtbf_h * 3600.0))
        drawn = lots.random(len(self.layout.node_ids)) < chance
        repair_s = lots.exponential(fault.node_mttr_h * 3600.0, len(drawn))
        down = np.flatnonzero(drawn & self.machines.accepts(now_s))
        if len(down):
            hit = self.attempts.held[np.isin(self.attempts.node[self.attempts.held], down)]
            if len(hit):
                self._stop(hit, now_s, lost=True)
            self.machines.fail(down, now_s + repair_s[down], now_s)
