"""Which sinks are read together: alike ones under one sky show one demand; each tank has households of its own."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from ondol.model.view import Bools, Floats, Ints
from ondol.twin.layout import Layout, SinkKind
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario.sinks import SinkSpec
from ondol.twin.stores import Stores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooled:
    """Groups of sinks whose demand is learned as one, in the order of their first sinks.

    A group is sinks of one specification and one sky: their mean is read, which noise averages out of. Tanks are read
    one by one.

    Parameters
    ----------
    of_sink, of_kind : group of each sink, and of each kind of `Stores.kind`
    first, count : first sink of each group, and how many
    sky, sort : of each group; `SinkKind`
    spec : of each group's first sink
    timezone : of each group's sites
    """

    of_sink: Ints
    of_kind: Ints
    first: Ints
    count: Ints
    sky: Ints
    sort: Ints
    spec: tuple[SinkSpec, ...]
    timezone: tuple[str, ...]

    @property
    def tanks(self) -> Bools:
        """Whether a group is a tank, of which litres are read."""
        return np.asarray(self.sort == SinkKind.TANK)

    def mean(self, of_sinks: Floats) -> Floats:
        """Mean over the sinks of each group."""
        return np.asarray(np.bincount(self.of_sink, of_sinks, len(self.first)) / self.count)


def pooled(layout: Layout, plant: Plant, stores: Stores) -> Pooled:
    """Group the sinks of a fleet."""
    sky = np.zeros(len(layout.sink_ids), dtype=np.int64)
    for group in plant.groups.values():
        sky[group.rows] = group.sky
    known: dict[object, int] = {}
    of_sink = np.empty(len(sky), dtype=np.int64)
    zones: list[str] = []
    for row, spec in enumerate(layout.sink_specs):
        site = layout.site_specs[layout.sink_site[row]]
        zone = "UTC" if site is None else site.timezone
        if layout.sink_kind[row] == SinkKind.TANK:
            key: object = row
        else:
            key = (type(spec), msgspec.structs.replace(spec, id="x", unit=()), int(sky[row]), zone)
        if key not in known:
            known[key] = len(known)
            zones.append(zone)
        of_sink[row] = known[key]
    first = np.unique(of_sink, return_index=True)[1].astype(np.int64)
    return Pooled(
        of_sink=of_sink,
        of_kind=of_sink[stores.first] if len(of_sink) else np.zeros(0, dtype=np.int64),
        first=first,
        count=np.bincount(of_sink, minlength=len(first)).astype(np.int64),
        sky=sky[first] if len(first) else sky,
        sort=layout.sink_kind[first] if len(first) else np.zeros(0, dtype=np.int64),
        spec=tuple(layout.sink_specs[row] for row in first.tolist()),
        timezone=tuple(zones),
    )
