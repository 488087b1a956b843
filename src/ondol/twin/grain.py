"""How finely a run is recorded: by sink, or summed by site or by entry of the scenario where that were too much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.layout import Layout

MOST_ROWS = 8_000_000
"""Most rows of a series, some 300 MB in memory were they all of one day, and some 100 MB on disk."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grain:
    """Rows of a recorded series.

    Parameters
    ----------
    name : "sink"; "site", sums over the sinks of each; "entry", over all alike sites of a ``[[site]]``
    ids : of the rows
    row : of each sink
    """

    name: str
    ids: tuple[str, ...]
    row: Ints

    def sums(self, of_sinks: Floats) -> Floats:
        """Sum a column of sinks up to the rows."""
        return np.asarray(np.bincount(self.row, of_sinks, len(self.ids)), dtype=np.float64)


def grain_of(layout: Layout, steps: int, most_rows: int = MOST_ROWS) -> Grain:
    """Choose the finest grain that has at most `most_rows` rows over all steps; the coarsest whatever it has."""
    sites = [layout.site_ids[site] for site in layout.sink_site.tolist()]
    specs = [layout.site_specs[site] for site in layout.sink_site.tolist()]
    entries = [site if spec is None else spec.id for site, spec in zip(sites, specs, strict=True)]
    names: tuple[tuple[str, list[str]], ...] = (
        ("sink", [str(sink) for sink in layout.sink_ids]),
        ("site", [str(site) for site in sites]),
        ("entry", [str(entry) for entry in entries]),
    )
    for name, labels in names:
        ids = tuple(sorted(set(labels)))
        if len(ids) * steps <= most_rows or name == "entry":
            row_of = {label: row for row, label in enumerate(ids)}
            return Grain(name=name, ids=ids, row=np.array([row_of[label] for label in labels], dtype=np.int64))
    raise AssertionError  # the last grain always does
