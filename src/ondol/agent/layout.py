"""How a site hangs together: which units heat which sink, and what each could do."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.agent.zone_model import ZoneModel
from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import SiteId
from ondol.model.sink import Sink, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.thermal.exchanger import exchange_conductance_w_per_k
from ondol.thermal.water import WATER_CP_J_PER_KG_K

PLANT_ROOM_TEMP_C = 20.0
LOOP_MARGIN_K = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLayout:
    """A unit with its nodes.

    Parameters
    ----------
    sink : None for a rack
    power_max_w, idle_w : of all its nodes together [W]
    loop_w_per_k : steady electric power per kelvin of its loop (shell) above what it heats [W/K]; 0 for a rack
    circuit : its circuit, None for a heater or a rack
    surface_bound : whether an instrument watches what people can touch of it
    """

    unit: Unit
    nodes: tuple[Node, ...]
    sink: Sink | None
    power_max_w: float
    idle_w: float
    loop_w_per_k: float
    circuit: HeatCircuit | None = None
    surface_bound: bool = False

    @property
    def water(self) -> bool:
        """Whether it heats water, so that it needs flow."""
        return self.unit.kind is UnitKind.DIGITAL_BOILER

    @property
    def heat_share(self) -> float:
        """Share of its electric power that becomes heat of its sink, case loss aside."""
        return self.unit.capture_fraction if self.water else 1.0

    def power_for_w(self, heat_w: float, loop_c: float | None) -> float:
        """Electric power that hands over so much heat, case loss included; 0 for none [W]."""
        if heat_w <= 0 or self.heat_share <= 0:
            return 0.0
        if not self.water or loop_c is None:
            return heat_w / self.heat_share
        case_w = max(self.unit.case_ua_w_per_k * (loop_c - PLANT_ROOM_TEMP_C), 0.0)
        return (heat_w + case_w) / self.heat_share

    def heat_max_w(self, base_c: float) -> float:
        """Most heat that it can hand over to a sink at this temperature without a hot loop [W]."""
        if self.sink is None:
            return 0.0
        loop_w = (self.unit.loop_temp_max_c - LOOP_MARGIN_K - base_c) * self.loop_w_per_k
        return self.heat_share * min(self.power_max_w, max(loop_w, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkLayout:
    """A sink with its request and the units that heat it; `model` is of a zone that has heaters."""

    sink: Sink
    request: HeatRequest | None
    units: tuple[UnitLayout, ...]
    model: ZoneModel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLayout:
    """All units and sinks of a site, each table by id."""

    site: Site
    units: tuple[UnitLayout, ...]
    sinks: tuple[SinkLayout, ...]


def lay_out(fleet: Fleet, site_id: SiteId) -> SiteLayout:
    """Read a site's structure from the fleet.

    Raises
    ------
    NotFoundError : the fleet has no such site
    """
    if all(site.id != site_id for site in fleet.sites):
        raise NotFoundError("site", site_id)
    units = tuple(_unit(fleet, unit) for unit in fleet.units_of(site_id))
    sinks = []
    for sink in fleet.sinks:
        if sink.site_id != site_id:
            continue
        own = tuple(unit for unit in units if unit.sink is not None and unit.sink.id == sink.id)
        model = ZoneModel(sink, [layout.unit for layout in own]) if isinstance(sink, Zone) and own else None
        sinks.append(SinkLayout(sink=sink, request=fleet.request_for(sink.id), units=own, model=model))
    return SiteLayout(site=fleet.site(site_id), units=units, sinks=tuple(sinks))


def _unit(fleet: Fleet, unit: Unit) -> UnitLayout:
    nodes = fleet.nodes_of(unit.id)
    return UnitLayout(
        unit=unit,
        nodes=nodes,
        sink=fleet.sink_of(unit),
        power_max_w=sum(node.curve.max_w for node in nodes),
        idle_w=sum(node.curve.idle_w for node in nodes),
        loop_w_per_k=_loop_w_per_k(fleet, unit),
        circuit=None if unit.circuit_id is None else fleet.circuit(unit.circuit_id),
        surface_bound=any(
            one.entity_id == unit.id and one.point == "surface_temperature" and one.connection_id
            for one in fleet.bindings
        ),
    )


def _loop_w_per_k(fleet: Fleet, unit: Unit) -> float:
    if unit.kind is UnitKind.SERVER_RACK:
        return 0.0
    if unit.circuit_id is None:
        return unit.shell_ua_w_per_k
    circuit = fleet.circuit(unit.circuit_id)
    sharers = sum(other.circuit_id == circuit.id for other in fleet.units)
    flow_w_per_k = circuit.flow_kg_s / sharers * WATER_CP_J_PER_KG_K
    link = exchange_conductance_w_per_k(circuit.exchanger_ua_w_per_k / sharers, flow_w_per_k, flow_w_per_k)
    return float(link) / max(unit.capture_fraction, 0.01)
