"""Series of a run as Parquet, a part a day: power, heat and temperatures of sinks, and the fleet as a whole.

Powers are means over the step that begins at `time`; temperatures, queues and nodes are those at its end. Nothing but
the run itself is in the files: the same run gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ondol.model.view import Floats, Ints, ServiceClass
from ondol.storage.whole_files import replaced_by
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.grain import MOST_ROWS, Grain, grain_of
from ondol.twin.layout import SinkKind

PART_S = 86_400.0
LEVELS = ("temp_c", "lower_c", "upper_c")
POWERS = ("electric_w", "heat_w", "dumped_w", "backup_w", "wanted_w")
CLASSES = tuple(kind.name.lower() for kind in ServiceClass)
SIGNALS = ("overflow_w", "grid_g_per_kwh", "price_eur_per_kwh")
COUNTS = (*(f"queued_{name}" for name in CLASSES), *(f"running_{name}" for name in CLASSES), "nodes_up")
_MEANING = (
    "powers are means over the step that begins at time; temperatures, queues and nodes are those at its end; sums of "
    "sinks by site and entry have no temperatures; fleet: electric_w and overflow_w with PUE, running holds a slot"
)


class Recorder:
    """Adds a twin's steps to `series/` and `fleet/` of a folder; what is not yet in a part is in memory only.

    Parameters
    ----------
    parts : whole parts that are there already, of the steps up to where the twin stands
    """

    def __init__(self, folder: Path, twin: FleetTwin, *, parts: int = 0, most_rows: int = MOST_ROWS) -> None:
        self._folder, self._twin, self.parts = folder, twin, parts
        series = twin.series
        self.grain: Grain = grain_of(twin.layout, series.steps, most_rows)
        self._most = max(1, round(PART_S / series.step_s))
        self._first, self._count = twin.step, 0
        self._names = (*LEVELS, *POWERS) if self.grain.name == "sink" else POWERS
        rows = len(self.grain.ids)
        self._sinks = {name: np.zeros((self._most, rows), dtype=np.float32) for name in self._names}
        self._fleet = {name: np.zeros(self._most, dtype=np.float32) for name in (*POWERS, *SIGNALS)}
        self._counts = {name: np.zeros(self._most, dtype=np.int32) for name in COUNTS}

    def add(self) -> bool:
        """Add the step that the twin has just lived through; gives whether a part was written with it."""
        twin, row = self._twin, self._count
        plant, layout = twin.plant, twin.layout
        unit_w = twin.unit_energy_j / twin.series.step_s
        heats = layout.heats
        of_sink = np.bincount(layout.unit_sink[heats], unit_w[heats], len(layout.sink_ids))
        electric_w = np.asarray(of_sink, dtype=np.float64)
        powers = (electric_w, plant.heat_w, plant.dumped_w, plant.backup_w, plant.wanted_w)
        for name, values in zip(POWERS, powers, strict=True):
            self._sinks[name][row] = self.grain.sums(values)
            self._fleet[name][row] = values.sum()
        if self.grain.name == "sink":
            for name, values in zip(LEVELS, _levels(twin), strict=True):
                self._sinks[name][row] = values
        self._add_fleet(row, unit_w)
        self._count += 1
        if self._count == self._most or twin.over:
            self._write()
            return True
        return False

    def _add_fleet(self, row: int, unit_w: Floats) -> None:
        twin, step = self._twin, self._twin.step - 1
        layout, attempts = twin.layout, twin.attempts
        site_w = unit_w * layout.site_pue[layout.unit_site]
        own = layout.unit_site != layout.overflow
        self._fleet["electric_w"][row] = site_w[own].sum()
        self._fleet["overflow_w"][row] = site_w[~own].sum()
        self._fleet["grid_g_per_kwh"][row] = twin.series.grid_g_per_kwh[step]
        self._fleet["price_eur_per_kwh"][row] = twin.series.price_eur_per_kwh[step]
        running = np.bincount(attempts.service[attempts.held], minlength=len(ServiceClass))
        for kind, name in zip(ServiceClass, CLASSES, strict=True):
            self._counts[f"queued_{name}"][row] = len(attempts.lines[kind])
            self._counts[f"running_{name}"][row] = running[kind]
        self._counts["nodes_up"][row] = twin.machines.up.sum()

    def _write(self) -> None:
        count, ids = self._count, self.grain.ids
        series, self.parts = self._twin.series, self.parts + 1
        steps = self._first + np.arange(count)
        times_ms = np.round((series.begin_s + steps * series.step_s) * 1000.0).astype(np.int64)
        rows = np.tile(np.arange(len(ids), dtype=np.int32), count)
        columns: dict[str, pa.Array] = {
            "time": _stamps(np.repeat(times_ms, len(ids))),
            self.grain.name: pa.DictionaryArray.from_arrays(pa.array(rows), pa.array(ids, pa.string())),
        }
        for name in self._names:
            values = self._sinks[name][:count].ravel()
            columns[name] = pa.array(values, mask=np.isnan(values))
        self._part("series", columns)
        fleet: dict[str, pa.Array] = {"time": _stamps(times_ms)}
        fleet |= {name: pa.array(values[:count]) for name, values in (self._fleet | self._counts).items()}
        self._part("fleet", fleet)
        self._first, self._count = self._first + count, 0

    def _part(self, kind: str, columns: dict[str, pa.Array]) -> None:
        notes = {"ondol.grain": self.grain.name if kind == "series" else "fleet", "ondol.meaning": _MEANING}
        table = pa.table(columns).replace_schema_metadata(notes)
        with replaced_by(part_file(self._folder, kind, self.parts)) as partial:
            pq.write_table(table, partial, compression="zstd")


def part_file(folder: Path, kind: str, number: int) -> Path:
    """Path of a part, numbered from 1."""
    return folder / kind / f"part-{number:05d}.parquet"


def _stamps(times_ms: Ints) -> pa.Array:
    return pa.array(times_ms).cast(pa.timestamp("ms", tz="UTC"))


def _levels(twin: FleetTwin) -> tuple[Floats, Floats, Floats]:
    """What the hosts feel after the last step, and what they asked for; nan where there is no such thing."""
    plant, step = twin.plant, twin.step - 1
    temp, lower, upper = (np.full(len(twin.layout.sink_ids), np.nan) for _ in LEVELS)
    rooms, rows = plant.rooms, plant.groups[SinkKind.ROOM].rows
    if len(rows):
        temp[rows] = rooms.temp_c()
        lower[rows], upper[rows] = rooms.lower_c[rooms.profile, step], rooms.upper_c[rooms.profile, step]
    rows = plant.groups[SinkKind.TANK].rows
    if len(rows):
        temp[rows] = plant.tanks.temp_c()
    if plant.pools is not None:
        rows = plant.groups[SinkKind.POOL].rows
        temp[rows], lower[rows], upper[rows] = plant.pools.temp_c(), plant.pools.lower_c, plant.pools.upper_c
    return temp, lower, upper
