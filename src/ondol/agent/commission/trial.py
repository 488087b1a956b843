"""Excites a site for `ondol site check`: a quiet time, then every unit by itself, within comfort and limits.

The hard limits stay in force: every sample goes through `agent.safety`, and a step ends where it is bounded, where the
sink leaves its comfort band, or where the time is up. At the end all power caps are as they were.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ondol.agent.comfort import comfort_band_c
from ondol.agent.commission.bench import Bench
from ondol.agent.commission.check_backup import run_s
from ondol.agent.commission.recording import BackupRun, Recording, Step
from ondol.agent.layout import SinkLayout, SiteLayout, UnitLayout, lay_out
from ondol.agent.safety import SafetyMemory, UnitSenses, guard_unit
from ondol.model.checks import check_range
from ondol.model.fleet import Fleet
from ondol.model.ids import SinkId, UnitId
from ondol.model.points import PointKey, Quality

WARM_K = 0.3
"""A sink may be so much above its band before a step ends: the aim of commissioning is knowledge, not discomfort."""

_SOFT_K = 1.5
SILENT_S = 300.0
"""A temperature that is silent for longer ends a step; a lost message or two do not [s]."""

SETTLE = 1.8
"""Time constants of the slowest unit that the quiet time lasts at least: five sixths of its heat are gone by then."""

_LONGEST_QUIET_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """How long everything takes.

    Parameters
    ----------
    sample_s : between samples, 1 to 120 s
    quiet_s, step_s, rest_s : before the first step, of every step, and after it, 120 s to 6 h
    most_s : longest time of all; units for which no time is left are said to be skipped
    backups : whether the operator consents to other heaters being tried, each for a bounded heat (`check_backup`)
    """

    sample_s: float = 30.0
    quiet_s: float = 1800.0
    step_s: float = 1800.0
    rest_s: float = 1200.0
    most_s: float = 6 * 3600.0
    backups: bool = False

    def __post_init__(self) -> None:
        check_range("sample_s", self.sample_s, 1.0, 120.0, "s")
        for name in ("quiet_s", "step_s", "rest_s"):
            check_range(name, getattr(self, name), 120.0, 6 * 3600.0, "s")
        check_range("most_s", self.most_s, self.quiet_s, 7 * 86_400.0, "s")


Tell = Callable[[str], None]


class Trial:
    """One trial of a site.

    Parameters
    ----------
    fleet : with the site's units, sinks and requests
    tell : is told what happens, for a person
    """

    def __init__(self, bench: Bench, fleet: Fleet, plan: TrialPlan | None = None, tell: Tell | None = None) -> None:
        site = fleet.sites[0]
        self._bench, self._plan = bench, plan or TrialPlan()
        self._layout: SiteLayout = lay_out(fleet, site.id)
        self._tell: Tell = tell or (lambda _: None)
        self._times: list[float] = []
        self._rows: list[Mapping[PointKey, float]] = []
        self._steps: list[Step] = []
        self._backups: list[BackupRun] = []
        self._state = _State(until=bench.now)

    def run(self) -> Recording:
        """Excite the site and give what was recorded; caps and other heaters are put back whatever happens."""
        began = {k: r.value for k, r in self._bench.read().items() if k.point in ("power_cap", "backup")}
        caps = [key for key in self._bench.writable if key.point == "power_cap"]
        units = [one for one in self._layout.units if PointKey(one.unit.id, "power_cap") in caps]
        for one in self._layout.units:
            if one not in units:
                self._state.skipped[one.unit.id] = "its power cap cannot be driven"
        self._state.until = self._bench.now + dt.timedelta(seconds=self._plan.most_s)
        try:
            for one in units:
                self._cap(one, one.idle_w)
            quiet_s = max(self._plan.quiet_s, self._settle_s())
            self._tell(f"quiet for {quiet_s / 60:.0f} min")
            self._sample_for(quiet_s)
            for one in units:
                self._step(one)
            for group in self._layout.sinks:
                self._try_backup(group)
        finally:
            for key in self._state.switched:
                self._switch(key, on=began.get(key, 0.0) >= 0.5)  # where nothing told how it stood, it rests
            for one in units:
                self._cap(one, began.get(PointKey(one.unit.id, "power_cap"), one.power_max_w))
        return self._recording()

    def _settle_s(self) -> float:
        slowest_s = max(
            (u.unit.heat_capacity_j_per_k / u.loop_w_per_k for u in self._layout.units if u.loop_w_per_k > 0),
            default=0.0,
        )
        return min(SETTLE * slowest_s, _LONGEST_QUIET_S)

    def _step(self, unit: UnitLayout) -> None:
        plan, unit_id = self._plan, unit.unit.id
        if self._bench.now + dt.timedelta(seconds=plan.step_s + plan.rest_s) > self._state.until:
            self._state.skipped[unit_id] = "no time was left"
            return
        reason = self._bound(unit, plan.sample_s)
        if reason:
            self._state.skipped[unit_id] = reason
            return
        self._tell(f"{unit_id}: up to {unit.power_max_w:.0f} W for {plan.step_s / 60:.0f} min")
        begin = len(self._times)
        self._cap(unit, unit.power_max_w)
        cut = self._sample_for(plan.step_s, bound=lambda: self._bound(unit, plan.sample_s))
        self._cap(unit, unit.idle_w)
        end = len(self._times)
        self._sample_for(plan.rest_s)
        step = Step(
            unit_id=unit_id,
            begin=begin,
            end=end,
            rest_end=len(self._times),
            low_w=unit.idle_w,
            high_w=unit.power_max_w,
            cut=cut,
        )
        self._steps.append(step)

    def _try_backup(self, group: SinkLayout) -> None:
        """Run a sink's other heater for a bounded heat, with rest before and after it."""
        sink, key, untried = group.sink, PointKey(group.sink.id, "backup"), self._state.untried
        if sink.backup_kind == "none":
            return
        if not self._plan.backups:
            untried[sink.id] = "other heaters are tried only where the operator consents (--backups)"
            return
        duration_s = run_s(group, self._plan.step_s)
        rest_s = max(self._plan.rest_s, duration_s)
        if key not in self._bench.writable:
            untried[sink.id] = "its contact cannot be driven"
        elif self._bench.now + dt.timedelta(seconds=duration_s + 2.0 * rest_s) > self._state.until:
            untried[sink.id] = "no time was left"
        elif reason := self._too_hot(group):
            untried[sink.id] = reason
        if sink.id in untried:
            return
        self._tell(f"{sink.id}: its other heater for {duration_s / 60:.0f} min")
        self._state.switched.append(key)
        rest_begin = len(self._times)
        self._switch(key, on=False)
        self._sample_for(rest_s)
        begin = len(self._times)
        self._switch(key, on=True)
        cut = self._sample_for(duration_s, bound=lambda: self._too_hot(group))
        end = len(self._times)
        self._switch(key, on=False)
        self._sample_for(rest_s)
        self._backups.append(
            BackupRun(
                sink_id=sink.id,
                rest_begin=rest_begin,
                begin=begin,
                end=end,
                rest_end=len(self._times),
                power_w=sink.backup_power_w,
                cut=cut,
            )
        )

    def _switch(self, key: PointKey, *, on: bool) -> None:
        written = self._bench.write(key, float(on))
        if not written.obeyed(tolerance=1e-6):
            held = "nothing could be read back" if written.accepted is None else f"it holds {written.accepted:g}"
            self._state.refused[key] = f"{float(on):g} was written, {held}: {written.reason}".rstrip(": ")

    def _too_hot(self, group: SinkLayout) -> str:
        """Why a sink may not be heated by its other heater now, "" where it may."""
        temps = self._felt(group.sink.id)
        if not temps:
            return f"no temperature of {group.sink.id} is known"
        if max(temps) > group.sink.temp_max_c - _SOFT_K:
            return f"{group.sink.id} has {max(temps):.1f} °C, near its limit of {group.sink.temp_max_c:.1f} °C"
        return self._warm(group, temps)

    def _felt(self, sink_id: str) -> list[float]:
        row = self._recent()
        return [row[key] for key in row if key.entity_id == sink_id and key.point == "temperature"]

    def _recent(self) -> dict[PointKey, float]:
        since_s = self._bench.now.timestamp() - SILENT_S
        return {key: value for key, (value, at_s) in sorted(self._state.heard.items()) if at_s >= since_s}

    def _sample_for(self, duration_s: float, *, bound: Callable[[], str] = lambda: "") -> str:
        """Sample for a while; give the reason for which it had to end early, "" for none."""
        began = self._bench.now
        samples = max(1, round(duration_s / self._plan.sample_s))
        for number in range(1, samples + 1):
            self._bench.wait_until(began + dt.timedelta(seconds=number * self._plan.sample_s))
            self._note()
            if reason := bound():
                self._tell(reason)
                return reason
        return ""

    def _note(self) -> None:
        self._times.append(self._bench.now.timestamp())
        good = {key: one.value for key, one in self._bench.read().items() if one.quality is not Quality.STALE}
        self._rows.append(good)
        self._state.heard |= {key: (value, self._times[-1]) for key, value in good.items()}

    def _cap(self, unit: UnitLayout, cap_w: float) -> None:
        key = PointKey(unit.unit.id, "power_cap")
        written = self._bench.write(key, cap_w)
        if not written.obeyed(tolerance=max(0.02 * cap_w, 1.0)):
            held = "nothing could be read back" if written.accepted is None else f"it holds {written.accepted:.0f} W"
            self._state.refused[key] = f"{cap_w:.0f} W were written, {held}" + (
                f": {written.reason}" if written.reason else ""
            )

    def _bound(self, unit: UnitLayout, dt_s: float) -> str:
        """Why a unit may not heat now, "" where it may: hard limits by `agent.safety`, then the host's comfort."""
        sink = unit.sink
        if sink is None:
            return ""
        row, temps = self._recent(), self._felt(sink.id)
        hottest = max(temps, default=math.nan)
        if math.isnan(hottest):
            return f"no temperature of {sink.id} is known"
        loop_c = row.get(PointKey(unit.unit.id, "loop_temperature"), math.nan)
        senses = UnitSenses(
            power_max_w=unit.power_max_w,
            hottest_c=hottest,
            ahead_c=hottest,
            soft_c=sink.temp_max_c - _SOFT_K,
            hard_c=sink.temp_max_c,
            loop_c=loop_c,
            loop_max_c=unit.unit.loop_temp_max_c,
            loop_w_per_k=math.inf,
            loop_base_c=min(temps),
            silent_s=0.0,
            water=unit.water,
            flow_lost=False,
            meter_j=math.nan,
            measured_w=row.get(PointKey(unit.unit.id, "electric_power"), 0.0),
        )
        memory = self._state.safety.get(unit.unit.id, SafetyMemory())
        verdict, self._state.safety[unit.unit.id] = guard_unit(senses, memory, dt_s)
        if verdict.trip or verdict.high_w < unit.power_max_w:
            return verdict.reason
        return self._warm(next(group for group in self._layout.sinks if group.sink.id == sink.id), temps)

    def _warm(self, group: SinkLayout, temps: list[float]) -> str:
        request = group.request
        if request is None or request.kind != "temperature":
            return ""
        _, upper_c = comfort_band_c(request.schedule, self._bench.now, request.band_k)
        # the host feels the top of a tank, the air of a room
        if temps[0] > upper_c + WARM_K:
            return f"{group.sink.id} has {temps[0]:.1f} °C, its host wants at most {upper_c:.1f} °C"
        return ""

    def _recording(self) -> Recording:
        keys = sorted({key for row in self._rows for key in row})
        series = {key: np.array([row.get(key, math.nan) for row in self._rows], dtype=np.float64) for key in keys}
        return Recording(
            times_s=np.array(self._times, dtype=np.float64),
            values=series,
            steps=tuple(self._steps),
            skipped=dict(self._state.skipped),
            caps_driven={
                one.unit.id: PointKey(one.unit.id, "power_cap") in self._bench.writable for one in self._layout.units
            },
            refused=dict(self._state.refused),
            backups=tuple(self._backups),
            untried=dict(self._state.untried),
        )


@dataclass(slots=True)
class _State:
    until: dt.datetime
    skipped: dict[UnitId, str] = field(default_factory=dict)
    refused: dict[PointKey, str] = field(default_factory=dict)
    untried: dict[SinkId, str] = field(default_factory=dict)
    switched: list[PointKey] = field(default_factory=list)
    safety: dict[UnitId, SafetyMemory] = field(default_factory=dict)
    heard: dict[PointKey, tuple[float, float]] = field(default_factory=dict)
