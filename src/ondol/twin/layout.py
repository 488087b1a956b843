"""A scenario's fleet as arrays: every site, sink, unit and node a row, in id order."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.view import Bools, Floats, Ints
from ondol.twin.scenario.nouns import Scenario, SiteSpec
from ondol.twin.scenario.sinks import NetworkSpec, PoolSpec, RoomSpec, SinkSpec, TankSpec, UnitSpec

OVERFLOW = "overflow"


class SinkKind(enum.IntEnum):
    """What a sink is."""

    ROOM = 0
    TANK = 1
    POOL = 2
    NETWORK = 3


_KINDS = {RoomSpec: SinkKind.ROOM, TankSpec: SinkKind.TANK, PoolSpec: SinkKind.POOL, NetworkSpec: SinkKind.NETWORK}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Rows of everything. Arrays are one-dimensional; references are rows, -1 for none.

    Parameters
    ----------
    site_specs, sink_specs : what the rows were made of; `site_number` is 0 for the first of alike sites
    unit_captured_w : most heat of a unit that leaves by the liquid or the shell [W]
    overflow : row of the overflow site, -1 without one
    """

    site_ids: tuple[SiteId, ...]
    site_specs: tuple[SiteSpec | None, ...]
    site_number: Ints
    site_pue: Floats
    site_limit_w: Floats
    site_link_bytes_per_s: Floats
    site_cache_bytes: Floats
    sink_ids: tuple[SinkId, ...]
    sink_specs: tuple[SinkSpec, ...]
    sink_site: Ints
    sink_kind: Ints
    sink_backup_max_w: Floats
    unit_ids: tuple[UnitId, ...]
    unit_site: Ints
    unit_sink: Ints
    unit_capture: Floats
    unit_case_ua_w_per_k: Floats
    unit_max_w: Floats
    unit_idle_w: Floats
    node_ids: tuple[NodeId, ...]
    node_unit: Ints
    node_slots: Ints
    node_idle_w: Floats
    node_max_w: Floats
    node_off_w: Floats
    node_boot_s: Floats
    node_off_after_s: Floats
    node_speed: Floats
    overflow: int

    @property
    def heats(self) -> Bools:
        """Per unit, whether somebody wants its heat."""
        return self.unit_sink >= 0

    @property
    def node_site(self) -> Ints:
        """Per node, row of its site."""
        return self.unit_site[self.node_unit]


def lay_out(scenario: Scenario) -> Layout:
    """Make the rows of a scenario's fleet; the overflow site is a rack of its own site.

    Raises
    ------
    InvalidFieldError : two sites, sinks or units whose full names are the same, such as `a-1` of `a` and a site `a-1`
    """
    sites = sorted(_sites(scenario), key=lambda one: one[0])
    sinks: list[tuple[str, SinkSpec, int]] = []
    units: list[tuple[str, UnitSpec, int, str]] = []
    for row, (site_id, spec, _) in enumerate(sites):
        if spec is None:
            units += _units(f"{site_id}-rack", (_rack(scenario),), row, "")
            continue
        for sink in spec.sink:
            sink_id = f"{site_id}-{sink.id}"
            sinks.append((sink_id, sink, row))
            units += _units(sink_id, sink.unit, row, sink_id)
        units += _units(f"{site_id}-rack", spec.rack, row, "")
    sinks.sort(key=lambda one: one[0])
    units.sort(key=lambda one: one[0])
    sink_row = {sink_id: row for row, (sink_id, _, _) in enumerate(sinks)}
    nodes = [
        (f"{unit_id}-n{number:0{len(str(spec.nodes))}d}", row, spec)
        for row, (unit_id, spec, _, _) in enumerate(units)
        for number in range(1, spec.nodes + 1)
    ]
    nodes.sort(key=lambda one: one[0])
    _once("site.id", [one[0] for one in sites])
    _once("sink.id", [one[0] for one in sinks])
    _once("unit.id", [one[0] for one in units])

    def floats(values: object) -> Floats:
        return np.array(list(values), dtype=np.float64)  # type: ignore[call-overload]

    def ints(values: object) -> Ints:
        return np.array(list(values), dtype=np.int64)  # type: ignore[call-overload]

    specs = [spec for _, spec, _ in sites]
    return Layout(
        site_ids=tuple(SiteId(site_id) for site_id, _, _ in sites),
        site_specs=tuple(specs),
        site_number=ints(number for _, _, number in sites),
        site_pue=floats(scenario.overflow.pue if spec is None else spec.pue for spec in specs),
        site_limit_w=floats(1e12 if spec is None else spec.electrical_limit_w for spec in specs),
        site_link_bytes_per_s=floats(1e9 if spec is None else spec.link_bytes_per_s for spec in specs),
        site_cache_bytes=floats(1e15 if spec is None else spec.cache_bytes for spec in specs),
        sink_ids=tuple(SinkId(sink_id) for sink_id, _, _ in sinks),
        sink_specs=tuple(spec for _, spec, _ in sinks),
        sink_site=ints(site for _, _, site in sinks),
        sink_kind=ints(_KINDS[type(spec)] for _, spec, _ in sinks),
        sink_backup_max_w=floats(spec.backup_max_w for _, spec, _ in sinks),
        unit_ids=tuple(UnitId(unit_id) for unit_id, _, _, _ in units),
        unit_site=ints(site for _, _, site, _ in units),
        unit_sink=ints(sink_row.get(sink, -1) for _, _, _, sink in units),
        unit_capture=floats(spec.capture for _, spec, _, _ in units),
        unit_case_ua_w_per_k=floats(spec.case_ua_w_per_k for _, spec, _, _ in units),
        unit_max_w=floats(spec.max_w * spec.nodes for _, spec, _, _ in units),
        unit_idle_w=floats(spec.idle_w * spec.nodes for _, spec, _, _ in units),
        node_ids=tuple(NodeId(node_id) for node_id, _, _ in nodes),
        node_unit=ints(unit for _, unit, _ in nodes),
        node_slots=ints(spec.slots for _, _, spec in nodes),
        node_idle_w=floats(spec.idle_w for _, _, spec in nodes),
        node_max_w=floats(spec.max_w for _, _, spec in nodes),
        node_off_w=floats(spec.off_w for _, _, spec in nodes),
        node_boot_s=floats(spec.boot_s for _, _, spec in nodes),
        node_off_after_s=floats(spec.off_after_s for _, _, spec in nodes),
        node_speed=floats(spec.speed for _, _, spec in nodes),
        overflow=next((row for row, spec in enumerate(specs) if spec is None), -1),
    )


def _once(field: str, names: list[str]) -> None:
    for name, following in pairwise(sorted(names)):
        if name == following:
            raise InvalidFieldError(field, name, "a name that no other has, with the names of what it is in before it")


def _sites(scenario: Scenario) -> list[tuple[str, SiteSpec | None, int]]:
    rows: list[tuple[str, SiteSpec | None, int]] = []
    for spec in scenario.site:
        width = len(str(spec.count))
        names = [spec.id] if spec.count == 1 else [f"{spec.id}-{n:0{width}d}" for n in range(1, spec.count + 1)]
        rows += [(name, spec, number) for number, name in enumerate(names)]
    if scenario.overflow.nodes:
        rows.append((OVERFLOW, None, 0))
    return rows


def _units(prefix: str, specs: tuple[UnitSpec, ...], site: int, sink: str) -> list[tuple[str, UnitSpec, int, str]]:
    total = sum(spec.count for spec in specs)
    width = len(str(total))
    # in an order of their own, so that it does not matter in which a file names them
    alike = [spec for spec in sorted(specs, key=msgspec.structs.astuple) for _ in range(spec.count)]
    return [(f"{prefix}-u{number:0{width}d}", spec, site, sink) for number, spec in enumerate(alike, 1)]


def _rack(scenario: Scenario) -> UnitSpec:
    spec = scenario.overflow
    return UnitSpec(
        nodes=max(spec.nodes, 1),
        idle_w=spec.idle_w,
        max_w=spec.max_w,
        off_w=spec.off_w,
        boot_s=spec.boot_s,
        off_after_s=spec.off_after_s,
    )
