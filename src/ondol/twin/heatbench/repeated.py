"""Repeats a trace that is shorter than a scenario by whole weeks, so that hours and weekdays stay."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np

from ondol.storage.whole_files import replaced_by
from ondol.twin.scenario import Scenario
from ondol.twin.workload import Trace, read_azure, read_csv, read_greco, read_surf, read_swf, window, write_csv
from ondol.twin.workload.arrange import arrange, caps_of

DAY_S, WEEK_S = 86_400.0, 7 * 86_400.0
_READERS = {"csv": read_csv, "swf": read_swf, "greco": read_greco, "surf": read_surf, "azure": read_azure}


def long_enough(scenario: Scenario, cache: Path) -> Scenario:
    """Give the scenario with a trace that lasts to its end; the same one where its own ends less than a week before.

    Parameters
    ----------
    scenario : its paths absolute
    cache : folder that the repeated trace is written to

    Raises
    ------
    NotFoundError, InvalidFieldError : as of the readers
    """
    work = scenario.work
    if work.source == "generator":
        return scenario
    trace = _READERS[work.source](Path(work.path))
    begin_s, span_s = work.from_day * DAY_S, scenario.days * DAY_S
    there_s = float(trace.jobs.submitted_s.max(initial=0.0)) - begin_s
    if there_s >= span_s - WEEK_S or there_s < WEEK_S:
        return scenario
    key = (work.source, work.from_day, scenario.days)
    digest = hashlib.sha256(msgspec.json.encode(key) + Path(work.path).read_bytes()).hexdigest()[:16]
    path = cache / f"repeated-{digest}.csv"
    if not path.exists():
        with replaced_by(path) as partial:
            write_csv(repeated(trace, begin_s, span_s), partial)
    return msgspec.structs.replace(
        scenario, work=msgspec.structs.replace(work, source="csv", path=str(path.resolve()), from_day=0.0)
    )


def repeated(trace: Trace, begin_s: float, span_s: float) -> Trace:
    """Repeat the whole weeks of a trace from `begin_s` on until they fill the span; times count from `begin_s`.

    Parameters
    ----------
    trace : with a week at least from there on
    begin_s, span_s : [s]
    """
    last_s = float(trace.jobs.submitted_s.max())
    period_s = max(1.0, (last_s - begin_s) // WEEK_S) * WEEK_S
    part = window(trace, begin_s, begin_s + period_s)
    jobs, sets = part.jobs, len(part.data.bytes)
    copies = int(-(-span_s // period_s))
    rows, copy = np.tile(np.arange(len(jobs)), copies), np.repeat(np.arange(copies), len(jobs))
    inside = jobs.submitted_s[rows] + copy * period_s < span_s
    rows, copy = rows[inside], copy[inside]
    data = jobs.data[rows]
    return arrange(
        submitted_s=jobs.submitted_s[rows] + copy * period_s,
        run_s=jobs.run_s[rows],
        slots=jobs.slots[rows],
        task=copy * jobs.tasks + jobs.task[rows],
        user=jobs.user[rows],
        service=jobs.service[rows],
        deadline_s=jobs.deadline_s[rows] + copy * period_s,
        resumable=jobs.resumable[rows],
        data=np.where(data >= 0, copy * sets + data, -1),
        number=rows,
        data_bytes=np.tile(part.data.bytes, copies),
        source=part.source,
        notes=(*part.notes, f"{period_s / WEEK_S:g} weeks repeated to {span_s / DAY_S:g} days"),
        speed_cap=caps_of(jobs, rows),
    )
