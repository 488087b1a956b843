"""All instances of a run as Parquet: when they came, where and when they ran, what they took, whether in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ondol.accounting.figures import J_PER_KWH
from ondol.model.view import Bools, Floats
from ondol.storage.whole_files import replaced_by
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.recorder import CLASSES
from ondol.twin.summary import LATE_S

_MEANING = (
    "one row an instance that came, fillers left out; null for what did not happen; node and site of the last attempt; "
    "energy_kwh is the dynamic energy of all its attempts; late: not done within a second of its deadline, null where "
    "it has none or the run ended before it"
)


def write_instances(path: Path, twin: FleetTwin) -> None:
    """Write the instances that have come so far, in order of coming."""
    attempts, layout = twin.attempts, twin.layout
    came = slice(0, attempts.arrived)
    node = attempts.last_node[came]
    deadline, ended = attempts.deadline_s[came], attempts.end_s[came]
    due = np.isfinite(deadline) & (deadline <= twin.step * twin.series.step_s)
    late = ~(ended <= deadline + LATE_S)
    begin_s = twin.series.begin_s
    columns: dict[str, pa.Array] = {
        "id": pa.array([f"i{row:08d}" for row in range(attempts.arrived)], pa.string()),
        "task": pa.array(attempts.task[came]),
        "service": _words(CLASSES, attempts.service[came]),
        "submitted": _times(begin_s, attempts.submitted_s[came]),
        "first_start": _times(begin_s, attempts.first_start_s[came]),
        "end": _times(begin_s, ended),
        "deadline": _times(begin_s, deadline),
        "run_s": pa.array(attempts.run_s[came]),
        "done_s": pa.array(attempts.done_s[came]),
        "attempts": pa.array(attempts.attempts[came].astype(np.int32)),
        "site": _words(layout.site_ids, np.where(node >= 0, layout.node_site[node], -1)),
        "node": _words(layout.node_ids, node),
        "energy_kwh": pa.array(attempts.energy_j[came] / J_PER_KWH),
        "late": _where(late, due),
    }
    table = pa.table(columns).replace_schema_metadata({"ondol.meaning": _MEANING})
    with replaced_by(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _times(begin_s: float, times_s: Floats) -> pa.Array:
    known = np.isfinite(times_s)
    stamps_us = np.round((begin_s + np.where(known, times_s, 0.0)) * 1e6).astype(np.int64)
    return pa.array(stamps_us, mask=~known).cast(pa.timestamp("us", tz="UTC"))


def _words(words: tuple[str, ...], rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    codes = pa.array(rows.astype(np.int32), mask=rows < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array([str(word) for word in words], pa.string()))


def _where(values: Bools, known: Bools) -> pa.Array:
    return pa.array(values, mask=~known)
