"""The twin of a fleet: lives through a scenario step by step, with the policies and the lifecycle tables of production.

Work moves at the moments at which things happen; heat moves in steps, each with the mean power of its units. A run is
the same, byte by byte, each time that it is made.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ondol.model.decision import Decision, Pause, Resume, RowedDecision, SetPower, Start, Stop
from ondol.model.errors import OndolError
from ondol.model.view import Floats, Ints, View
from ondol.policy.contract import Policy
from ondol.twin.advance import advance, next_end, not_finite, unit_shares
from ondol.twin.attempts import Attempts
from ondol.twin.caches import Caches
from ondol.twin.forecasting.errors import ForecastErrors
from ondol.twin.forecasting.readings import LOOKING, readings_of
from ondol.twin.late_columns import look_at_all
from ondol.twin.layout import Layout, lay_out
from ondol.twin.machines import Machines
from ondol.twin.outlook import Ahead, Outlook
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.score import Score
from ondol.twin.seeing import Present, Seeing
from ondol.twin.stores import Levels, Stores
from ondol.twin.thermostats import Thermostats
from ondol.twin.workload.jobs import Trace

_NOISE, _FAILURES = 11, 12
_UNIT_ID, _POWER_W = operator.attrgetter("unit_id"), operator.attrgetter("power_w")
STOPPING_S = 10.0
"""A job that is told to stop has ended after so long, mostly (its time to answer SIGTERM)."""
Watch = Callable[[View, Any, Decision], None]
Believe = Callable[[Layout, Plant, Series], Stores]


class NotFiniteError(OndolError):
    """A number of a run is none; says which, where and when."""


class FleetTwin:
    """One run.

    Parameters
    ----------
    policy : decides; its attribute `fills`, where it has one, says whether it knows filler
    watch : is told every View, memory and Decision, e.g. to record them
    believe : makes the stores that the policy is told of in place of the true ones, e.g. fitted ones
    """

    def __init__(
        self,
        scenario: Scenario,
        series: Series,
        trace: Trace,
        policy: Policy[Any],
        watch: Watch | None = None,
        believe: Believe = Stores,
    ) -> None:
        self.scenario, self.series, self.trace, self.policy, self._watch = scenario, series, trace, policy, watch
        self.layout = lay_out(scenario)
        self.plant = Plant(self.layout, series)
        self.stores = believe(self.layout, self.plant, series)
        heated_slots = int(self.layout.node_slots[self.layout.heats[self.layout.node_unit]].sum())
        fillers = heated_slots if scenario.filler and getattr(policy, "fills", True) else 0
        self.attempts = Attempts(trace.jobs, self.layout, fillers)
        self.machines = Machines(self.layout)
        self.caches = Caches(self.layout, trace.data)
        self.readings = readings_of(scenario, self.layout, self.plant, series, self.stores)
        self.outlook = Outlook(scenario, series, self.stores, trace.jobs, self.readings)
        self.forecast_errors = ForecastErrors(scenario, series, self.stores, self.readings)
        present = Present(
            attempts=self.attempts,
            machines=self.machines,
            caches=self.caches,
            levels=self._felt,
            ahead=self._ahead,
            power_w=self._power_w,
        )
        self.seeing = Seeing(self.layout, self.stores, present, series.begin_s, scenario.seed)
        self.thermostats = Thermostats(self.layout, self.plant, self.stores, series)
        self.score = Score(scenario, self.layout, series, Stores(self.layout, self.plant, series))
        self.memory = policy.fresh()
        self.step, self.decisions = 0, 0
        self._unit_row = {unit_id: row for row, unit_id in enumerate(self.layout.unit_ids)}
        self._node_row = {node_id: row for row, node_id in enumerate(self.layout.node_ids)}
        rows = len(self.attempts.run_s)
        self._ended, self._ended_at_s = np.zeros(rows, dtype=np.int64), np.zeros(rows)
        self._next_decide_s = self._next_plan_s = 0.0
        self._issue_step = 0
        self._issued: Ahead | None = None
        self._levels: Levels | None = None
        self._dirty, self._spread = True, False
        self._answer: Decision | None = None
        self._reads = scenario.forecast.kind in LOOKING
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
        self._settle()

    @property
    def over(self) -> bool:
        """Whether the scenario's end is reached."""
        return self.step >= self.series.steps

    def told(self) -> Levels:
        """Levels at the beginning of the next step as the sensors will tell them."""
        return self._read(self.step)

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

    def _ahead(self) -> Ahead:
        """The present forecasts; drawn up when they are first looked at."""
        if self._issued is None:
            self._issued = self.outlook.issue(self._issue_step)
        return self._issued

    def _begin(self, step: int, now_s: float) -> None:
        self._fail(step, now_s)
        self._levels = None
        if self._reads:
            self.readings.see(step, self._felt())
        self.forecast_errors.add(step, self.outlook.forecasts)
        if now_s >= self._next_plan_s:
            self._issue_step, self._issued = step, None
            self._next_plan_s = now_s + self.scenario.plan_s
        if self.thermostats.looks_ahead:
            asked_w = self.thermostats.wanted_w(step, self._felt(), self._ahead())
        else:
            asked_w = self.thermostats.wanted_w(step, None, None)
        self.machines.wanted_w = asked_w * self.seeing.share
        self._spread = False
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
            self._settle()
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
                attempts.most_share,
            )
            event_s = min(event_s, first_s)
        then_s = min(end_s, max(event_s, self._next_decide_s))
        return then_s if then_s > now_s else min(end_s, np.nextafter(now_s, np.inf))

    def _advance(self, now_s: float, then_s: float) -> None:
        attempts, machines, layout = self.attempts, self.machines, self.layout
        attempts.begin_running(then_s)
        self._settle()
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
            attempts.most_share,
            machines.energy_j,
            self._ended,
            self._ended_at_s,
        )
        if count:
            rows = self._ended[:count].copy()
            attempts.finish(rows, self._ended_at_s[:count])
            machines.changes += 1
            self.seeing.shown.forget(rows)
            self._dirty, self._spread = True, False

    def _decide(self, now_s: float) -> None:
        self._dirty = False
        if not len(self.attempts.held) and not self.attempts.waiting:
            return
        self._next_decide_s = now_s + self.scenario.place_s
        view = self.seeing.view(now_s)
        before = self.memory
        decision, self.memory = self.policy.decide(view, before)
        self.decisions += 1
        if self._watch is not None:
            look_at_all(view)
            self._watch(view, before, decision)
        self.seeing.close()
        self._apply(decision, now_s)

    def _apply(self, decision: Decision, now_s: float) -> None:
        if isinstance(decision, RowedDecision):
            rows = decision.rows
            if decision is self._answer and not len(rows.started):
                return  # the floors are those of the last time
            self._hold(rows.unit, rows.power_w)
            if len(rows.started):
                self._start(self.seeing.shown.rows[rows.started], rows.node, now_s)
        else:
            self._apply_each(decision, now_s)
        self._answer = decision

    def _apply_each(self, decision: Decision, now_s: float) -> None:
        kinds = set(map(type, decision))

        def rows_of(kind: type[Stop] | type[Pause] | type[Resume] | type[Start]) -> list[int]:
            if kind not in kinds:
                return []
            return [int(action.instance_id[1:]) for action in decision if type(action) is kind]

        stops, pauses, resumes, starts = rows_of(Stop), rows_of(Pause), rows_of(Resume), rows_of(Start)
        powers = [action for action in decision if type(action) is SetPower] if SetPower in kinds else []
        units = list(map(self._unit_row.__getitem__, map(_UNIT_ID, powers)))
        self._hold(np.array(units, dtype=np.int64), np.array(list(map(_POWER_W, powers))))
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
            self._start(np.array(starts), np.array(nodes), now_s)

    def _hold(self, units: Ints, power_w: Floats) -> None:
        """Floors of units, under what their thermostats ask for; of all others there is none."""
        self.machines.floor_w[:] = 0.0
        self.machines.floor_w[units] = power_w
        self._spread = False

    def _start(self, rows: Ints, nodes: Ints, now_s: float) -> None:
        ready_s = self.machines.take(nodes, now_s)
        ready_s = np.maximum(ready_s, self.caches.fetch(self.attempts.data[rows], self.layout.node_site[nodes], now_s))
        self.attempts.start(rows, nodes, ready_s, now_s)
        self._spread = False

    def _stop(self, rows: Ints, now_s: float, *, lost: bool) -> None:
        nodes = self.attempts.node[rows]
        self.attempts.stop(rows, now_s, lost=lost)
        self.machines.release(nodes, now_s)

    def _settle(self) -> None:
        """Caps of units, and what their work is let have, where anything of it has changed."""
        if self._spread:
            return
        self._spread = True
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
            attempts.most_share,
            attempts.capped,
            machines.share,
            machines.work_w,
        )

    def _power_w(self) -> Floats:
        self._settle()
        return self.machines.power_w()

    def _close(self, step: int) -> None:
        energy_j = self.unit_energy_j = self.machines.take_energy()
        step_s = self.series.step_s
        on = self.machines.units_on(energy_j, step_s) if self.plant.heats_water else None
        self.plant.step(step, energy_j / step_s, on)
        bad = not_finite(self.plant.heat_w, self.plant.backup_w, energy_j)
        if bad != -1:
            sink = self.layout.sink_ids[bad] if bad >= 0 else "the units' energy"
            raise NotFiniteError(f"{sink} is not a finite number in step {step}, {step * self.series.step_s:.0f} s in")
        self.readings.meter(step)
        self.score.add(step, energy_j, self.plant)

    def _felt(self) -> Levels:
        """Levels of the present step's begin as the sensors tell them; read when they are first looked at."""
        if self._levels is None:
            self._levels = self._read(self.step)
        return self._levels

    def _read(self, step: int) -> Levels:
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
