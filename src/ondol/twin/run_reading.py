"""Reads finished runs back from their folders, and makes of them what is drawn side by side."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.view import Floats
from ondol.report.comparison_plots import ShownRun, Temperatures
from ondol.twin.recorder import CLASSES, LEVELS
from ondol.twin.run_folder import Identity, RunFolder

POINTS = 336
"""About so many points a line: half hours of a week; a phone shows no more."""

SINKS = 6
"""So many sinks are drawn, of those with a temperature."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinishedRun:
    """A run that is over."""

    folder: RunFolder
    identity: Identity
    summary: dict[str, Any]

    @property
    def figures(self) -> dict[str, float]:
        """By name; see `ondol.twin.summary`."""
        return dict(self.summary["figures"])


def read_run(path: Path) -> FinishedRun:
    """Read which run a folder holds, and its figures.

    Raises
    ------
    NotFoundError : the folder holds no run
    ConflictError : its run is not over
    InvalidFieldError : a file of it is damaged
    """
    folder = RunFolder(path)
    identity = folder.identity()
    try:
        summary = json.loads(folder.summary.read_bytes())
    except FileNotFoundError as error:
        raise ConflictError(
            f"The run in {path} is not over; the 'ondol twin run' that began it goes on with it"
        ) from error
    except ValueError as error:
        raise InvalidFieldError(str(folder.summary), str(error), "the summary.json of a run") from error
    return FinishedRun(folder=folder, identity=identity, summary=summary)


def check_alike(runs: Sequence[FinishedRun]) -> None:
    """Refuse runs of which one lived in another world: another scenario, seed, span or data.

    Raises
    ------
    ConflictError : names both and what is unlike
    """
    first = runs[0]
    for run in runs[1:]:
        if run.identity.world == first.identity.world:
            continue
        unlike = [
            f"{name} {getattr(first.identity, name)} and {getattr(run.identity, name)}"
            for name in ("scenario", "seed", "days")
            if getattr(first.identity, name) != getattr(run.identity, name)
        ]
        what = ", ".join(unlike) or "the same scenario by name, with other contents or data"
        places = f"{first.folder.path} and {run.folder.path}"
        raise ConflictError(f"{places} cannot be compared: {what}. --anyway sets them side by side all the same")


def names_of(runs: Sequence[FinishedRun]) -> list[str]:
    """Name runs by their policies, with their forecasts where those differ, with the folder where two are the same."""
    policies = [run.identity.policy for run in runs]
    if len({run.identity.forecast for run in runs}) > 1:
        policies = [f"{run.identity.policy}, {run.identity.forecast}" for run in runs]
    return [
        f"{policy} ({run.folder.path.name})" if policies.count(policy) > 1 else policy
        for policy, run in zip(policies, runs, strict=True)
    ]


def shown_runs(runs: Sequence[FinishedRun]) -> list[ShownRun]:
    """Give what is drawn of runs; the sinks of the first, where all have them."""
    sinks = _sinks_to_show(runs)
    return [_shown(run, name, sinks) for run, name in zip(runs, names_of(runs), strict=True)]


def _shown(run: FinishedRun, name: str, sinks: list[str]) -> ShownRun:
    fleet = pq.read_table(_parts(run, "fleet"), columns=["time", "wanted_w", "heat_w", "backup_w"])
    cuts = _cuts(fleet.num_rows)
    return ShownRun(
        name=name,
        figures=run.figures,
        times=_times(fleet, cuts),
        wanted_w=_means(fleet, "wanted_w", cuts),
        heat_w=_means(fleet, "heat_w", cuts),
        backup_w=_means(fleet, "backup_w", cuts),
        sinks=_temperatures(run, sinks, cuts),
        waits_s=_waits(run),
    )


def _temperatures(run: FinishedRun, sinks: list[str], cuts: slice) -> tuple[Temperatures, ...]:
    if not sinks:
        return ()
    columns = ["sink", *LEVELS]
    parts = [
        table.filter(pc.is_in(table.column("sink").cast(pa.string()), pa.array(sinks)))
        for table in (pq.read_table(part, columns=columns) for part in _parts(run, "series"))
    ]
    rows = pa.concat_tables([part.set_column(0, "sink", part.column("sink").cast(pa.string())) for part in parts])
    found = []
    for sink in sinks:
        own = rows.filter(pc.equal(rows.column("sink"), sink))
        temp_c, lower_c, upper_c = (_means(own, name, cuts) for name in LEVELS)
        found.append(Temperatures(sink_id=sink, temp_c=temp_c, lower_c=lower_c, upper_c=upper_c))
    return tuple(found)


def _sinks_to_show(runs: Sequence[FinishedRun]) -> list[str]:
    """Sinks with a temperature that all runs recorded, at most `SINKS`; none where sums were kept."""
    common: list[str] | None = None
    for run in runs:
        if run.summary["grain"] != "sink":
            return []
        first = pq.read_table(_parts(run, "series")[0], columns=["sink", "temp_c"])
        warm = first.filter(pc.is_valid(first.column("temp_c")))
        names = sorted(set(warm.column("sink").cast(pa.string()).to_pylist()))
        common = names if common is None else [name for name in common if name in names]
    return _spread(common or [])


def _spread(names: list[str]) -> list[str]:
    """Choose at most `SINKS`, as many as can be of each name within a site, evenly among alike sites."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.rpartition("-")[2], []).append(name)
    each = max(1, SINKS // max(len(groups), 1))
    chosen = []
    for group in groups.values():
        places = np.unique(np.linspace(0, len(group) - 1, min(each, len(group))).round().astype(np.int64))
        chosen += [group[place] for place in places.tolist()]
    return chosen[:SINKS]


def _waits(run: FinishedRun) -> dict[str, Floats]:
    columns = ["service", "submitted", "first_start"]
    table = pq.read_table(run.folder.instances, columns=columns)
    begun = table.column("first_start").cast(pa.int64())
    waits = pc.divide(pc.subtract(begun, table.column("submitted").cast(pa.int64())).cast(pa.float64()), 1e6)
    waits_s = np.nan_to_num(waits.to_numpy(zero_copy_only=False), nan=np.inf)
    kinds = np.array(table.column("service").cast(pa.string()).to_pylist(), dtype=object)
    return {kind: np.sort(waits_s[kinds == kind]) for kind in CLASSES if (kinds == kind).any()}


def _parts(run: FinishedRun, kind: str) -> list[Path]:
    parts = run.folder.parts(kind)
    if len(parts) != run.summary["parts"]:
        told = f"{run.folder.path / kind}: {len(parts)} of {run.summary['parts']} parts"
        raise NotFoundError("part of the run", told)
    return parts


def _cuts(rows: int) -> slice:
    return slice(0, rows, max(1, -(-rows // POINTS)))


def _means(table: pa.Table, column: str, cuts: slice) -> Floats:
    """Means over the steps between cuts; nan where the column has none."""
    values = table.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
    first = np.arange(0, len(values), cuts.step)
    ends = np.concatenate([first[1:], [len(values)]])
    return np.asarray(np.add.reduceat(values, first) / (ends - first))


def _times(table: pa.Table, cuts: slice) -> tuple[dt.datetime, ...]:
    stamps_ms = table.column("time").cast(pa.int64()).to_numpy()[cuts]
    return tuple(dt.datetime.fromtimestamp(stamp / 1000.0, dt.UTC) for stamp in stamps_ms.tolist())
