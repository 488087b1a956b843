"""Runs of scenarios from files to a folder: made ready, lived through with records, gone on with after a break."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ondol.control.record import TickWriter
from ondol.model.decision import Decision
from ondol.model.view import View
from ondol.policy.contract import Policy
from ondol.policy.registry import load_policy
from ondol.storage.whole_files import write_whole
from ondol.twin import snapshot
from ondol.twin.fleet_twin import FleetTwin, Watch
from ondol.twin.instances import write_instances
from ondol.twin.located import located
from ondol.twin.recorder import Recorder
from ondol.twin.run_folder import Identity, RunFolder, Stage
from ondol.twin.scenario.nouns import ForecastSpec, Scenario
from ondol.twin.scenario.reading import load_scenario
from ondol.twin.scenario.series import Series, make_series
from ondol.twin.summary import Figures, summarise
from ondol.twin.work_of import varied, work_of
from ondol.twin.workload.jobs import Trace

_TICKS_BYTES = 1 << 62  # a run's record is never cut
_HERE = Path()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A run that is ready to be lived through."""

    scenario: Scenario
    series: Series
    trace: Trace
    policy_name: str
    policy: Policy[Any]
    identity: Identity


def prepare(
    file: Path,
    policy: str,
    *,
    data: Path | None = None,
    seed: int | None = None,
    days: float | None = None,
    forecast: str | None = None,
    record: bool = False,
) -> Run:
    """Read a scenario with all that it names.

    Parameters
    ----------
    data : folder of data for paths that are not beside the scenario's file
    seed, days, forecast : in place of the scenario's, forecast of its `forecast.kind`
    record : whether ticks are to be recorded

    Raises
    ------
    NotFoundError, InvalidFieldError : as of the readers, `located` and `load_policy`
    """
    chosen = load_policy(policy)
    scenario = load_scenario(file)
    changes = {name: value for name, value in (("seed", seed), ("days", days)) if value is not None}
    if changes:
        scenario = varied(scenario, **changes)
    if forecast is not None:
        scenario = varied(scenario, forecast=msgspec.structs.replace(scenario.forecast, kind=forecast))
    found = located(scenario, file.parent, data)
    series = make_series(found, _HERE)
    trace = work_of(found, _HERE)
    # forecasts are no part of the world: runs with others can be compared, which shows what their errors cost
    world = _digest(msgspec.structs.replace(scenario, forecast=ForecastSpec()), series, trace)
    ondol = version("ondol")
    told = msgspec.json.encode(scenario.forecast, order="deterministic").decode()
    parts = f"{world} {policy} {ondol} {record} {told}"
    identity = Identity(
        scenario=scenario.name,
        policy=policy,
        seed=scenario.seed,
        days=float(scenario.days),
        ondol=ondol,
        recorded=record,
        forecast=scenario.forecast.kind,
        world=world,
        digest=hashlib.sha256(parts.encode()).hexdigest(),
    )
    return Run(scenario=found, series=series, trace=trace, policy_name=policy, policy=chosen, identity=identity)


def live_into(
    run: Run, path: Path, *, fresh: bool = False, tell: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Live through a run into a folder, from where it stood if it was begun; gives its summary.

    Parameters
    ----------
    fresh : begin anew, whatever run the folder holds
    tell : is told the steps that are over and all steps, after each step and at the beginning

    Raises
    ------
    InvalidFieldError, ConflictError : as of `RunFolder.opened`
    NotFiniteError : as of `FleetTwin.live`
    """
    folder = RunFolder(path)
    with folder.opened(run.identity, fresh=fresh) as stage:
        if stage is not Stage.OVER:
            _live(run, folder, stage, tell or (lambda *_: None))
        summary: dict[str, Any] = json.loads(folder.summary.read_bytes())
    return summary


def _live(run: Run, folder: RunFolder, stage: Stage, tell: Callable[[int, int], None]) -> None:
    begun = stage is Stage.BEGUN
    beside = snapshot.beside(folder.snapshot) if begun else {"parts": 0, "ticks_bytes": 0}
    folder.go_back(beside["parts"], beside["ticks_bytes"])
    recorded = run.identity.recorded
    twin = FleetTwin(run.scenario, run.series, run.trace, run.policy, _watch(run, folder) if recorded else None)
    if begun:
        snapshot.load(folder.snapshot, twin)
    recorder = Recorder(folder.path, twin, parts=beside["parts"])
    steps = run.series.steps
    tell(twin.step, steps)
    while not twin.over:
        twin.live(1)
        if recorder.add() and not twin.over:
            ticks_bytes = folder.ticks.stat().st_size if recorded and folder.ticks.exists() else 0
            snapshot.save(folder.snapshot, twin, parts=recorder.parts, ticks_bytes=ticks_bytes)
        tell(twin.step, steps)
    write_instances(folder.instances, twin)
    write_whole(folder.summary, summary_bytes(run, recorder, summarise(twin) | twin.forecast_errors.figures(), twin))
    folder.snapshot.unlink(missing_ok=True)


def _watch(run: Run, folder: RunFolder) -> Watch:
    writer = TickWriter(folder.ticks, largest_bytes=_TICKS_BYTES)

    def watch(view: View, memory: object, decision: Decision) -> None:
        writer.write(run.policy_name, view, memory, decision)

    return watch


def summary_bytes(run: Run, recorder: Recorder, figures: Figures, twin: FleetTwin) -> bytes:
    """Give `summary.json`: keys sorted, nothing of the hour or the machine."""
    errors = {twin.layout.sink_ids[row]: of_sink for row, of_sink in twin.forecast_errors.by_sink().items()}
    scenario, trace = run.scenario, run.trace
    summary = msgspec.to_builtins(run.identity) | {
        "begin": scenario.begin.isoformat(),
        "step_s": float(scenario.step_s),
        "steps": run.series.steps,
        "grain": recorder.grain.name,
        "parts": recorder.parts,
        "source": trace.source,
        "notes": list(trace.notes),
        "figures": figures,
        "forecast_by_sink": errors,
    }
    text = json.dumps(summary, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _digest(scenario: Scenario, series: Series, trace: Trace) -> str:
    """Digest of the scenario as it was written and of every number that it reads."""
    found = hashlib.sha256(msgspec.json.encode(scenario, order="deterministic"))
    columns = (
        *(series.outdoor_c, series.solar_w_m2, series.mains_c, series.grid_g_per_kwh, series.price_eur_per_kwh),
        *(getattr(trace.jobs, name) for name in trace.jobs.__dataclass_fields__),
        trace.data.bytes,
    )
    for column in columns:
        found.update(np.ascontiguousarray(column).data)
    return found.hexdigest()
