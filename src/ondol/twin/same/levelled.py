"""A scenario with all taken out that only one of its two lives knows, so that what is left can be compared exactly."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats
from ondol.twin.fleet_twin import STOPPING_S
from ondol.twin.scenario.nouns import FaultSpec, ForecastSpec, OverflowSpec, Scenario, SiteSpec
from ondol.twin.scenario.sinks import NetworkSpec, SinkSpec, UnitSpec
from ondol.twin.work_of import varied
from ondol.twin.workload.jobs import DataSets, Trace

GRAIN_S = STOPPING_S
"""Times of work are whole multiples of this: then whatever happens within a stop happens at its ends [s]."""

LONGEST_STEP_S = 900.0  # agents count no step longer than this (`agent.site_agent`)


def level(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Give the scenario that both can live through, and in words what was changed.

    Machines stay switched on, nothing breaks down, thermometers are exact, forecasts are right, and the policy is asked
    at every event and at every thermal step.

    Raises
    ------
    InvalidFieldError : a sink, a climate or a machine that the platform does not know
    """
    climates = sorted({site.climate for site in scenario.site})
    if len(climates) != 1:
        raise InvalidFieldError("site.climate", climates, "one climate: the platform's virtual hardware has one sky")
    if scenario.grid.path:
        raise InvalidFieldError("grid.path", scenario.grid.path, "a country: the platform reads the packaged series")
    changes: dict[str, object] = {
        "site": tuple(_site(site) for site in scenario.site),
        "overflow": _overflow(scenario.overflow),
        "place_s": 0.0,
        "step_s": min(float(scenario.step_s), LONGEST_STEP_S),
        "fault": FaultSpec(),
        "forecast": ForecastSpec(kind="perfect"),
    }
    notes = tuple(
        words
        for name, words in (
            ("site", "nodes are never switched off"),
            ("overflow", "nor are those of the overflow"),
            ("place_s", "the policy is asked at every event"),
            ("step_s", f"a thermal step has {LONGEST_STEP_S:.0f} s"),
            ("fault", "nothing breaks down, and thermometers are exact"),
            ("forecast", "forecasts are right"),
        )
        if changes[name] != getattr(scenario, name)
    )
    return varied(scenario, **changes), notes


def level_work(trace: Trace, span_s: float) -> tuple[Trace, tuple[str, ...]]:
    """Give the work that both can be asked for, and in words what was changed.

    Each instance is a task of its own without inputs, and times are multiples of `GRAIN_S`. What is submitted after the
    end is left out.
    """
    jobs = trace.jobs
    submitted_s = np.ceil(jobs.submitted_s / GRAIN_S) * GRAIN_S
    kept = submitted_s < span_s
    submitted_s, run_s = submitted_s[kept], np.maximum(np.ceil(jobs.run_s[kept] / GRAIN_S), 1.0) * GRAIN_S
    count = len(run_s)
    levelled = dataclasses.replace(
        jobs,
        submitted_s=submitted_s,
        run_s=run_s,
        slots=np.ones(count, dtype=np.int64),
        task=np.arange(count),
        user=jobs.user[kept],
        service=jobs.service[kept],
        deadline_s=_later(jobs.deadline_s[kept], submitted_s + run_s),
        resumable=jobs.resumable[kept],
        data=np.full(count, -1, dtype=np.int64),
        speed_cap=np.zeros(0),
    )
    notes = []
    if len(jobs.speed_cap):
        notes.append("work has no caps of its own: one twin caps watts, the other cores")
    if jobs.tasks < len(jobs):
        notes.append("each instance is a task of its own")
    if not (np.array_equal(submitted_s, jobs.submitted_s[kept]) and np.array_equal(run_s, jobs.run_s[kept])):
        notes.append(f"times of work are multiples of {GRAIN_S:.0f} s")
    if (jobs.data >= 0).any():
        notes.append("work has no inputs")
    return dataclasses.replace(trace, jobs=levelled, data=DataSets()), tuple(notes)


def _later(deadline_s: Floats, least_s: Floats) -> Floats:
    return np.maximum(np.ceil(deadline_s / GRAIN_S) * GRAIN_S, least_s)


def _site(site: SiteSpec) -> SiteSpec:
    return msgspec.structs.replace(
        site, sink=tuple(_sink(sink) for sink in site.sink), rack=tuple(_unit(unit, "rack") for unit in site.rack)
    )


def _sink(sink: SinkSpec) -> SinkSpec:
    if isinstance(sink, NetworkSpec):
        raise InvalidFieldError(f"sink[{sink.id}].kind", "network", "a room, tank or pool: the platform knows no other")
    return msgspec.structs.replace(sink, unit=tuple(_unit(unit, sink.id) for unit in sink.unit))


def _unit(unit: UnitSpec, of: str) -> UnitSpec:
    if unit.speed != 1.0:
        allowed = "1: the platform counts a node's own seconds, not those of a reference"
        raise InvalidFieldError(f"unit[{of}].speed", unit.speed, allowed)
    return msgspec.structs.replace(unit, off_w=unit.idle_w, boot_s=0.0, off_after_s=math.inf)


def _overflow(overflow: OverflowSpec) -> OverflowSpec:
    return msgspec.structs.replace(overflow, off_w=overflow.idle_w, boot_s=0.0, off_after_s=math.inf)
