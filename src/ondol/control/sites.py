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
        by_site: dict[SiteId, list[NodeStatus]] = {site.id: [] for site in self._fleet.sites}
        unit_of_node = {node.id: node.unit_id for node in self._fleet.nodes}
        for node in status:
            by_site[self._site_of_unit[unit_of_node[node.node_id]]].append(node)
        self.orders = tuple(
            self._agents[site.id].step(
                now,
                readings=self._readings(site.id),
                nodes=tuple(by_site[site.id]),
                floors={unit: power for unit, power in floors.items() if self._site_of_unit[unit] == site.id},
                outdoor_temp_c=outdoor_c,
                outdoor_ahead=self._outdoor_ahead,
            )
            for site in self._fleet.sites
        )
        return self.orders

    def _readings(self, site_id: SiteId) -> SiteReadings:
        return SiteReadings(
            sinks=tuple(r for r in self.sinks.values() if self._site_of_sink[r.sink_id] == site_id),
            units=tuple(r for r in self.units.values() if self._site_of_unit[r.unit_id] == site_id),
        )
