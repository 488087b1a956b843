"""All site agents together, with the instruments they read; one step for the whole fleet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from ondol.agent.orders import NodeStatus, SiteOrders, SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.drivers.ports import ReadsHeat, SinkReading, TakesPower, UnitReading
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId


class Sites:
    """The agents of a fleet, embedded.

    Parameters
    ----------
    instruments : reads every sink and unit
    plant : virtual hardware that must be told what its nodes drew, None for real hardware
    outdoor_ahead : forecast of the outdoor temperature at a time [°C], None where there is none
    """

    def __init__(
        self,
        fleet: Fleet,
        agents: Mapping[SiteId, SiteAgent],
        instruments: ReadsHeat,
        plant: TakesPower | None,
        outdoor_ahead: Callable[[dt.datetime], float] | None = None,
    ) -> None:
        self._fleet = fleet
        self._agents = agents
        self._instruments = instruments
        self._plant = plant
        self._outdoor_ahead = outdoor_ahead
        self._site_of_unit = {unit.id: unit.site_id for unit in fleet.units}
        self._site_of_node = {node.id: self._site_of_unit[node.unit_id] for node in fleet.nodes}
        self._site_of_sink = {sink.id: sink.site_id for sink in fleet.sinks}
        self.sinks: dict[SinkId, SinkReading] = {}
        self.units: dict[UnitId, UnitReading] = {}
        self.orders: tuple[SiteOrders, ...] = ()

    def step(
        self,
        now: dt.datetime,
        energy_j: dict[NodeId, float],
        status: Iterable[NodeStatus],
        floors: Mapping[UnitId, float],
    ) -> tuple[SiteOrders, ...]:
        """Let the plant live up to `now` on the energy spent, read all instruments, and ask every agent."""
        if self._plant is not None:
            self._plant.advance(now, energy_j)
        self.sinks = {reading.sink_id: reading for reading in self._instruments.sinks()}
        self.units = {reading.unit_id: reading for reading in self._instruments.units()}
        outdoor_c = self._instruments.outdoor_temp_c()
        # All is dealt out to the sites once: to look for each site's own among all is 2,000 times 10,000 in a city.
        nodes: dict[SiteId, list[NodeStatus]] = {site.id: [] for site in self._fleet.sites}
        own_sinks: dict[SiteId, list[SinkReading]] = {site.id: [] for site in self._fleet.sites}
        own_units: dict[SiteId, list[UnitReading]] = {site.id: [] for site in self._fleet.sites}
        own_floors: dict[SiteId, dict[UnitId, float]] = {site.id: {} for site in self._fleet.sites}
        for node in status:
            nodes[self._site_of_node[node.node_id]].append(node)
        for sink in self.sinks.values():
            own_sinks[self._site_of_sink[sink.sink_id]].append(sink)
        for unit in self.units.values():
            own_units[self._site_of_unit[unit.unit_id]].append(unit)
        for unit_id, power_w in floors.items():
            own_floors[self._site_of_unit[unit_id]][unit_id] = power_w
        self.orders = tuple(
            self._agents[site.id].step(
                now,
                readings=SiteReadings(sinks=tuple(own_sinks[site.id]), units=tuple(own_units[site.id])),
                nodes=tuple(nodes[site.id]),
                floors=own_floors[site.id],
                outdoor_temp_c=outdoor_c,
                outdoor_ahead=self._outdoor_ahead,
            )
            for site in self._fleet.sites
        )
        return self.orders
