"""A fleet: every site with its units, nodes, circuits, sinks and requests, all references checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from ondol.model.accounting_terms import AccountingTerms
from ondol.model.benchmark import ServerBenchmark
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.filler import FillerTerms
from ondol.model.hardware_parts import Hardware, HeatEquipment
from ondol.model.heat_request import HeatRequest
from ondol.model.heat_signal import SignalTerms
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.sink import Sink, SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

DEFAULT_TERMS = AccountingTerms()
DEFAULT_SIGNAL, DEFAULT_FILLER = SignalTerms(), FillerTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All that an operator runs. Every tuple is sorted by id; construction refuses dangling references.

    `mistakes()` lists all that is wrong; construction raises the first of them.
    """

    name: str
    sites: tuple[Site, ...]
    units: tuple[Unit, ...]
    nodes: tuple[Node, ...]
    sinks: tuple[Sink, ...] = ()
    circuits: tuple[HeatCircuit, ...] = ()
    requests: tuple[HeatRequest, ...] = ()
    bindings: tuple[Binding, ...] = ()
    connections: tuple[Connection, ...] = ()
    hardware: tuple[Hardware, ...] = ()
    equipment: tuple[HeatEquipment, ...] = ()
    benchmarks: tuple[ServerBenchmark, ...] = ()
    accounting: AccountingTerms = DEFAULT_TERMS
    signal: SignalTerms = DEFAULT_SIGNAL
    filler: FillerTerms = DEFAULT_FILLER

    def __post_init__(self) -> None:
        for part in ("sites", "units", "nodes", "sinks", "circuits", "requests", "connections", "equipment"):
            object.__setattr__(self, part, tuple(sorted(getattr(self, part), key=lambda noun: noun.id)))
        object.__setattr__(self, "bindings", tuple(sorted(self.bindings, key=lambda b: b.key)))
        for part in ("hardware", "benchmarks"):
            object.__setattr__(self, part, tuple(sorted(getattr(self, part), key=lambda kind: kind.specification)))
        for mistake in self.mistakes():
            raise mistake

    @classmethod
    def survey(cls, **parts: Any) -> list[InvalidFieldError]:
        """List every mistake of a fleet that would be made of these parts, where construction raises the first.

        Parameters
        ----------
        parts : as for the constructor; any order, none may be left out that has no default
        """
        draft = object.__new__(cls)
        for part in fields(cls):
            value = parts.get(part.name, part.default)
            object.__setattr__(draft, part.name, value)
        return draft.mistakes()

    def mistakes(self) -> list[InvalidFieldError]:
        """Every double id and every reference to nothing."""
        found: list[InvalidFieldError] = []
        site_of_sink = {sink.id: sink.site_id for sink in self.sinks}
        for part in ("sites", "units", "nodes", "sinks", "circuits", "requests", "connections", "equipment"):
            ids = [noun.id for noun in getattr(self, part)]
            found += [
                InvalidFieldError(f"{part}.id", twice, "used once only")
                for twice, times in sorted(Counter(ids).items())
                if times > 1
            ]
        sites = {site.id for site in self.sites}
        for kind, nouns in (
            ("unit", self.units),
            ("circuit", self.circuits),
            ("sink", self.sinks),
            ("request", self.requests),
            ("connection", self.connections),
            ("equipment", self.equipment),
        ):
            found += [
                InvalidFieldError(f"{kind}[{noun.id}].site", noun.site_id, "the id of a site of this fleet")
                for noun in nouns
                if noun.site_id not in sites
            ]
        found += self._dangling_units(site_of_sink)
        found += self._dangling_bindings()
        found += self._idle_hardware()
        found += [
            InvalidFieldError(f"circuit[{c.id}].sink", c.sink_id, "a tank or pool of the same site")
            for c in self.circuits
            if site_of_sink.get(c.sink_id) != c.site_id or isinstance(self._sinks()[c.sink_id], Zone)
        ]
        found += [
            InvalidFieldError(f"request[{r.id}].target", r.target_id, "a zone, tank or pool of the same site")
            for r in self.requests
            if site_of_sink.get(r.target_id) != r.site_id
        ]
        return found

    def _dangling_units(self, site_of_sink: dict[SinkId, SiteId]) -> list[InvalidFieldError]:
        found: list[InvalidFieldError] = []
        units = {unit.id for unit in self.units}
        circuit_site = {circuit.id: circuit.site_id for circuit in self.circuits}
        for unit in self.units:
            if unit.zone_id is not None and (
                site_of_sink.get(unit.zone_id) != unit.site_id or not isinstance(self._sinks()[unit.zone_id], Zone)
            ):
                found.append(InvalidFieldError(f"unit[{unit.id}].zone", unit.zone_id, "a zone of the same site"))
            if unit.circuit_id is not None and circuit_site.get(unit.circuit_id) != unit.site_id:
                found.append(
                    InvalidFieldError(f"unit[{unit.id}].circuit", unit.circuit_id, "a circuit of the same site")
                )
        found += [
            InvalidFieldError(f"node[{node.id}].unit", node.unit_id, "the id of a unit of this fleet")
            for node in self.nodes
            if node.unit_id not in units
        ]
        found += [
            InvalidFieldError(f"unit[{unit.id}]", "no nodes", "at least one node")
            for unit in self.units
            if not any(node.unit_id == unit.id for node in self.nodes)
        ]
        return found

    def _dangling_bindings(self) -> list[InvalidFieldError]:
        keys = [binding.key for binding in self.bindings]
        site_of = self._site_of_entity()
        connection_site = {connection.id: connection.site_id for connection in self.connections}
        allowed = "the id of a site, unit, node, zone, tank, pool or circuit of this fleet"
        found = [
            InvalidFieldError(f"binding[{twice.entity_id}.{twice.point}]", "twice", "bound once only; index counts on")
            for twice, times in sorted(Counter(keys).items())
            if times > 1
        ]
        for one in self.bindings:
            where = f"binding[{one.entity_id}.{one.point}]"
            if one.entity_id not in site_of:
                found.append(InvalidFieldError(f"{where}.entity", one.entity_id, allowed))
            elif one.connection_id and connection_site.get(one.connection_id) != site_of[one.entity_id]:
                found.append(InvalidFieldError(f"{where}.connection", one.connection_id, "a connection of its site"))
        return found

    def _idle_hardware(self) -> list[InvalidFieldError]:
        known = {node.specification for node in self.nodes}
        return [
            InvalidFieldError(f"{word}[{kind}].specification", kind, allowed)
            for word, nouns in (("hardware", self.hardware), ("benchmark", self.benchmarks))
            for times in (Counter(noun.specification for noun in nouns),)
            for kind, allowed in (
                *(
                    (kind, "the specification key, or CPU model, of a node of this fleet")
                    for kind in times
                    if kind not in known
                ),
                *((kind, "described once only") for kind, count in times.items() if count > 1),
            )
        ]

    def _site_of_entity(self) -> dict[str, SiteId]:
        unit_site = {unit.id: unit.site_id for unit in self.units}
        found: dict[str, SiteId] = {site.id: site.id for site in self.sites}
        found |= {noun.id: noun.site_id for part in (self.units, self.sinks, self.circuits) for noun in part}
        return found | {node.id: unit_site[node.unit_id] for node in self.nodes if node.unit_id in unit_site}

    def _sinks(self) -> dict[SinkId, Sink]:
        return {sink.id: sink for sink in self.sinks}

    def site(self, site_id: SiteId) -> Site:
        """Give a site by its id."""
        return next(site for site in self.sites if site.id == site_id)

    def unit(self, unit_id: UnitId) -> Unit:
        """Give a unit by its id."""
        return next(unit for unit in self.units if unit.id == unit_id)

    def node(self, node_id: NodeId) -> Node:
        """Give a node by its id."""
        return next(node for node in self.nodes if node.id == node_id)

    def circuit(self, circuit_id: CircuitId) -> HeatCircuit:
        """Give a circuit by its id."""
        return next(circuit for circuit in self.circuits if circuit.id == circuit_id)

    def sink(self, sink_id: SinkId) -> Sink:
        """Give a zone, tank or pool by its id."""
        return next(sink for sink in self.sinks if sink.id == sink_id)

    def units_of(self, site_id: SiteId) -> tuple[Unit, ...]:
        """Units of a site, by id."""
        return tuple(unit for unit in self.units if unit.site_id == site_id)

    def nodes_of(self, unit_id: UnitId) -> tuple[Node, ...]:
        """Nodes of a unit, by id."""
        return tuple(node for node in self.nodes if node.unit_id == unit_id)

    def sink_of(self, unit: Unit) -> Sink | None:
        """Where a unit's heat goes; None for a rack."""
        if unit.kind is UnitKind.SERVER_RACK:
            return None
        sink_id = unit.zone_id if unit.circuit_id is None else self.circuit(unit.circuit_id).sink_id
        return None if sink_id is None else self.sink(sink_id)

    def connections_of(self, site_id: SiteId) -> tuple[Connection, ...]:
        """Connections of a site, by id; none for a site whose hardware is virtual."""
        return tuple(connection for connection in self.connections if connection.site_id == site_id)

    def bindings_of(self, connection_id: str) -> tuple[Binding, ...]:
        """What is reached through a connection."""
        return tuple(binding for binding in self.bindings if binding.connection_id == connection_id)

    def of_site(self, site_id: SiteId) -> Fleet:
        """The part of the fleet that its site's agent needs, and nothing of other sites.

        Raises
        ------
        NotFoundError : there is no such site
        """
        if all(site.id != site_id for site in self.sites):
            raise NotFoundError("site", site_id)
        units = self.units_of(site_id)
        own_units = {unit.id for unit in units}
        site_of = self._site_of_entity()
        return Fleet(
            name=self.name,
            sites=(self.site(site_id),),
            units=units,
            nodes=tuple(node for node in self.nodes if node.unit_id in own_units),
            sinks=tuple(sink for sink in self.sinks if sink.site_id == site_id),
            circuits=tuple(circuit for circuit in self.circuits if circuit.site_id == site_id),
            requests=tuple(request for request in self.requests if request.site_id == site_id),
            bindings=tuple(binding for binding in self.bindings if site_of[binding.entity_id] == site_id),
            connections=self.connections_of(site_id),
            equipment=tuple(item for item in self.equipment if item.site_id == site_id),
        )

    def request_for(self, sink_id: SinkId) -> HeatRequest | None:
        """The request with the highest priority for a sink, ties by id."""
        requests = [request for request in self.requests if request.target_id == sink_id]
        return min(requests, key=lambda request: (-request.priority, request.id), default=None)


__all__ = ["Fleet", "SwimmingPool", "Tank", "Zone"]
