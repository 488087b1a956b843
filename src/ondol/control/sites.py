"""All sites together, whoever steps them: one step for the whole fleet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from ondol.agent.orders import NodeStatus, SiteOrders, SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.control.remote_sites import RemoteSites
from ondol.control.site_bodies import SiteBodies
from ondol.control.site_books import SiteBooks
from ondol.drivers.ports import ReadsHeat, SinkReading, TakesPower, UnitReading
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId


class Sites:
    """The sites of a fleet: virtual ones, embedded ones with real connections, and those with an agent of their own.

    Parameters
    ----------
    agents : of virtual sites
    instruments : reads their sinks and units
    plant : virtual hardware that must be told what its nodes drew, None for real hardware
    outdoor_ahead : forecast of the outdoor temperature at a time [°C], None where there is none
    outdoor_at : gives the outdoor temperature of each site, now and ahead; where left out all have the same
    price_at : gives the price of heat or work at each site and a time, in any unit; hygiene cycles run when it is low
    asked : what counts for every sink of a site at a time; the fleet's own requests where left out
    bodies, remote : the other sites; none where left out
    books : where alarms, hygiene and backups are written; nowhere where left out

    `orders` has one entry for each site, by id; `heard` is without sites that are silent, and `sinks` and `units` hold
    readings of those in `heard` only.
    """

    def __init__(
        self,
        fleet: Fleet,
        agents: Mapping[SiteId, SiteAgent],
        instruments: ReadsHeat,
        plant: TakesPower | None,
        outdoor_ahead: Callable[[dt.datetime], float] | None = None,
        *,
        outdoor_at: Callable[[SiteId], Callable[[dt.datetime], float]] | None = None,
        price_at: Callable[[SiteId], Callable[[dt.datetime], float]] | None = None,
        asked: Callable[[SiteId, dt.datetime], Mapping[SinkId, HeatRequest]] | None = None,
        bodies: SiteBodies | None = None,
        remote: RemoteSites | None = None,
        books: SiteBooks | None = None,
    ) -> None:
        self._fleet = fleet
        self._agents = agents
        self._instruments = instruments
        self._plant = plant
        self._outdoor_ahead, self._outdoor_at, self._price_at = outdoor_ahead, outdoor_at, price_at
        self._asked, self._bodies, self._remote, self._books = asked, bodies, remote, books
        self._embedded = frozenset(() if bodies is None else bodies.site_ids)
        self._own = frozenset(() if remote is None else remote.site_ids)
        self._site_of_unit = {unit.id: unit.site_id for unit in fleet.units}
        self._site_of_node = {node.id: self._site_of_unit[node.unit_id] for node in fleet.nodes}
        self._site_of_sink = {sink.id: sink.site_id for sink in fleet.sinks}
        self.sinks: dict[SinkId, SinkReading] = {}
        self.units: dict[UnitId, UnitReading] = {}
        self.orders: tuple[SiteOrders, ...] = ()
        self.heard: tuple[SiteOrders, ...] = ()

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
        outdoor_c = self._instruments.outdoor_temp_c()
        # All is dealt out to the sites once: to look for each site's own among all is 2,000 times 10,000 in a city.
        nodes: dict[SiteId, list[NodeStatus]] = {site.id: [] for site in self._fleet.sites}
        own_sinks: dict[SiteId, list[SinkReading]] = {site.id: [] for site in self._fleet.sites}
        own_units: dict[SiteId, list[UnitReading]] = {site.id: [] for site in self._fleet.sites}
        own_floors: dict[SiteId, dict[UnitId, float]] = {site.id: {} for site in self._fleet.sites}
        for node in status:
            nodes[self._site_of_node[node.node_id]].append(node)
        for sink in self._instruments.sinks():
            own_sinks[self._site_of_sink[sink.sink_id]].append(sink)
        for unit in self._instruments.units():
            own_units[self._site_of_unit[unit.unit_id]].append(unit)
        for unit_id, power_w in floors.items():
            own_floors[self._site_of_unit[unit_id]][unit_id] = power_w
        orders: list[SiteOrders] = []
        heard: list[SiteOrders] = []
        sinks: dict[SinkId, SinkReading] = {}
        units: dict[UnitId, UnitReading] = {}
        for site in self._fleet.sites:
            is_heard = True
            if site.id in self._own:
                one, is_heard, readings = self._step_own(site.id, now, nodes[site.id], own_floors[site.id])
            elif self._bodies is not None and site.id in self._embedded:
                one = self._bodies.step(site.id, now, nodes[site.id], own_floors[site.id])
                readings, is_heard = self._bodies.readings(site.id), self._bodies.lives(site.id)
            else:
                readings = SiteReadings(sinks=tuple(own_sinks[site.id]), units=tuple(own_units[site.id]))
                one = self._step_virtual(site.id, now, readings, nodes[site.id], own_floors[site.id], outdoor_c)
            orders.append(one)
            if is_heard:
                heard.append(one)
                sinks.update((reading.sink_id, reading) for reading in readings.sinks)
                units.update((reading.unit_id, reading) for reading in readings.units)
            if self._books is not None and site.id not in self._own:
                self._books.note(site.id, one)
        self.orders, self.heard, self.sinks, self.units = tuple(orders), tuple(heard), sinks, units
        return self.orders

    def _step_virtual(
        self,
        site_id: SiteId,
        now: dt.datetime,
        readings: SiteReadings,
        nodes: Iterable[NodeStatus],
        floors: Mapping[UnitId, float],
        outdoor_c: float | None,
    ) -> SiteOrders:
        ahead = self._outdoor_ahead
        if self._outdoor_at is not None:
            ahead = self._outdoor_at(site_id)
            outdoor_c = ahead(now)
        return self._agents[site_id].step(
            now,
            readings=readings,
            nodes=tuple(nodes),
            floors=floors,
            outdoor_temp_c=outdoor_c,
            outdoor_ahead=ahead,
            requests=None if self._asked is None else self._asked(site_id, now),
            price_ahead=None if self._price_at is None else self._price_at(site_id),
        )

    def _step_own(
        self, site_id: SiteId, now: dt.datetime, nodes: Iterable[NodeStatus], floors: Mapping[UnitId, float]
    ) -> tuple[SiteOrders, bool, SiteReadings]:
        """Tell a site's own agent how its nodes stand, and take what it told last."""
        assert self._remote is not None  # noqa: S101  # who else would have named the site
        self._remote.tell(site_id, tuple(nodes), floors)
        orders, is_heard = self._remote.orders(site_id, now)
        self._remote.note_alarms(site_id, now)
        return orders, is_heard, self._remote.readings(site_id)


def virtual_sites(fleet: Fleet) -> tuple[SiteId, ...]:
    """Sites whose hardware is virtual and whose agent runs inside the platform, by id."""
    return tuple(site.id for site in fleet.sites if site.agent == "embedded" and not fleet.connections_of(site.id))
