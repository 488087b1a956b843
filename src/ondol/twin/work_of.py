"""Makes the work of a scenario: a trace read, cut to the span, given service classes, and scaled to a load."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.view import Floats, ServiceClass
from ondol.twin.layout import lay_out
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.nouns import Scenario, WorkSpec
from ondol.twin.scenario.series import make_series
from ondol.twin.stores import Stores
from ondol.twin.workload import (
    GeneratorSpec,
    ServiceMix,
    Trace,
    attach_data,
    classify,
    generate,
    read_azure,
    read_csv,
    read_greco,
    read_greco_sizes,
    read_surf,
    read_swf,
    replicate,
    window,
)
from ondol.twin.workload.arrange import one_slot_each
from ondol.twin.workload.draws import uniforms
from ondol.twin.workload.scale import FACTOR_MAX

DAY_S = 86_400.0
STRETCH = 1.3  # a deadline leaves room for a run that is slower than the trace's


def work_of(scenario: Scenario, base: Path) -> Trace:
    """Make the work of a scenario.

    Parameters
    ----------
    base : folder that relative paths count from

    Raises
    ------
    NotFoundError, InvalidFieldError : as of the readers; a load that no number of copies reaches
    """
    spec, span_s = scenario.work, scenario.steps * float(scenario.step_s)
    trace = _read(spec, base, span_s, scenario.seed)
    if spec.source != "generator":
        begin_s = spec.from_day * DAY_S
        trace = window(trace, begin_s, begin_s + span_s)
    if not len(trace.jobs):
        raise InvalidFieldError("work", "no job is submitted in the scenario's span", "a trace with work there")
    factor = _factor(scenario, trace, base, span_s)
    if factor != 1.0:
        trace = replicate(trace, factor, scenario.seed, spec.jitter_s)
    if spec.on_demand + spec.flex + spec.harvest > 0:
        trace = _classed(trace, spec, scenario.seed)
    if spec.with_data and not len(trace.data.bytes):
        if not spec.datasets:
            raise InvalidFieldError("work.datasets", "", "the path of a catalogue of sizes, where with_data is true")
        trace = attach_data(trace, read_greco_sizes(base / spec.datasets), scenario.seed)
    return one_slot_each(trace)


def mean_demand_w(scenario: Scenario, base: Path) -> float:
    """Mean heat that all sinks of a scenario need over a whole year at their lower limits, less tanks' losses [W]."""
    year = varied(
        scenario, begin=scenario.begin.replace(month=1, day=1, hour=0, minute=0, second=0), days=365.0, step_s=3600.0
    )
    series = make_series(year, base)
    layout = lay_out(year)
    stores = Stores(layout, Plant(layout, series), series)
    first = np.arange(0, series.steps, 24)
    last = np.minimum(first + 24, series.steps)
    demand = stores.demand_w(first, last, series.outdoor_c, series.solar_w_m2, series.draws, standing=False)
    return float(np.maximum(demand, 0.0).mean(axis=1).sum())


def varied(scenario: Scenario, **changes: object) -> Scenario:
    """Give a scenario with some fields changed, checked again."""
    changes.setdefault("place_s", min(scenario.place_s, float(changes.get("step_s", scenario.step_s))))  # type: ignore[arg-type]
    return msgspec.structs.replace(scenario, **changes)


def _read(spec: WorkSpec, base: Path, span_s: float, seed: int) -> Trace:
    path = base / spec.path
    if spec.source == "generator":
        per_day = GeneratorSpec().tasks_per_day
        if spec.jobs:
            per_day = spec.jobs / GeneratorSpec().instances_mean / (span_s / DAY_S)
        return generate(GeneratorSpec(span_s=span_s, tasks_per_day=per_day), seed)
    if not path.exists():
        raise NotFoundError("work.path", str(path))
    match spec.source:
        case "csv":
            return read_csv(path)
        case "swf":
            return read_swf(path)
        case "greco":
            return read_greco(path)
        case "surf":
            return read_surf(path)
        case _:
            return read_azure(path)


def _factor(scenario: Scenario, trace: Trace, base: Path, span_s: float) -> float:
    spec = scenario.work
    if spec.load:
        layout = lay_out(scenario)
        slots = float(layout.node_slots[layout.heats[layout.node_unit]].sum())
        wished_s = spec.load * slots * span_s
    elif spec.heat_load:
        layout = lay_out(scenario)
        heating = layout.heats[layout.node_unit]
        per_slot_w = float((layout.node_max_w / layout.node_slots)[heating].mean())
        wished_s = spec.heat_load * mean_demand_w(scenario, base) * span_s / per_slot_w
    else:
        return 1.0
    factor = wished_s / trace.jobs.work_s
    if not 0 < factor <= FACTOR_MAX:
        raise InvalidFieldError(
            "work.load", factor, f"a load for which the work is multiplied by at most {FACTOR_MAX:g}"
        )
    return factor


def _classed(trace: Trace, spec: WorkSpec, seed: int) -> Trace:
    """Give classes by task, and flexible work its deadline: run time × 1.3 and some hours to wait."""
    mix = ServiceMix(on_demand=spec.on_demand, flex=spec.flex, harvest=spec.harvest, resumable=spec.resumable)
    classed = classify(trace, mix, seed)
    jobs = classed.jobs
    lots = uniforms(seed, "twin-slack", jobs.task)
    hours = np.array(spec.flex_slack_h)
    slack_s = hours[np.minimum((lots * len(hours)).astype(np.int64), len(hours) - 1)] * 3600.0
    deadline: Floats = jobs.submitted_s + STRETCH * jobs.least_run_s + slack_s
    flexible = jobs.service == ServiceClass.FLEX
    deadline = np.where(flexible, deadline, np.inf)
    return dataclasses.replace(classed, jobs=dataclasses.replace(jobs, deadline_s=deadline))
