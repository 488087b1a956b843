"""The virtual plant: a fleet's rooms, heaters, boilers, tanks and pools, moved by the power that its nodes drew."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping
from typing import Any, Protocol, runtime_checkable

from ondol.drivers.ports import SinkReading, UnitReading
from ondol.drivers.virtual.energy_book import Balance, EnergyBook
from ondol.drivers.virtual.loops import Hydraulics, LoopHeat, Loops
from ondol.drivers.virtual.rooms import Rooms
from ondol.drivers.virtual.surroundings import Surroundings
from ondol.drivers.virtual.waters import PoolWater, TankWater, Water
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.sink import Tank, Zone
from ondol.model.site import UnitKind

LONGEST_SUBSTEP_S = 60.0


@runtime_checkable
class SurroundingsOfSites(Protocol):
    """Surroundings that differ from site to site; sites under one sky get the same object."""

    def at_site(self, site_id: SiteId) -> Surroundings:
        """What acts on a site."""
        ...


class VirtualPlant:
    """Heat hardware of a fleet that exists in equations only; implements `ReadsHeat` and `TakesPower`.

    Parameters
    ----------
    fleet : what there is
    surroundings : weather, mains, draws; the same for all sites unless it tells them apart (`SurroundingsOfSites`)
    start : time at which all sinks have their initial temperature, aware
    site_id : read the instruments of this site only; None for all
    simulated : sites whose hardware is virtual, None for all; what nodes of others spend moves nothing here
    """

    def __init__(
        self,
        fleet: Fleet,
        surroundings: Surroundings,
        start: dt.datetime,
        *,
        site_id: SiteId | None = None,
        simulated: Collection[SiteId] | None = None,
    ) -> None:
        self._fleet, self._around, self._now, self._site_id = fleet, surroundings, start, site_id
        self._unit_of = {node.id: node.unit_id for node in fleet.nodes}
        here = frozenset(site.id for site in fleet.sites if simulated is None or site.id in simulated)
        self._units = tuple(unit for unit in fleet.units if unit.site_id in here)
        self._sinks = tuple(sink for sink in fleet.sinks if sink.site_id in here)
        self._moved = frozenset(unit.id for unit in self._units)
        self._skies: list[Surroundings] = []
        self._sky_number: dict[SiteId, int] = {}
        for site in fleet.sites:
            if site.id in here:
                sky = surroundings.at_site(site.id) if isinstance(surroundings, SurroundingsOfSites) else surroundings
                if not any(sky is known for known in self._skies):
                    self._skies.append(sky)
                self._sky_number[site.id] = next(number for number, known in enumerate(self._skies) if known is sky)
        zones = tuple(sink for sink in self._sinks if isinstance(sink, Zone))
        heaters = tuple(unit for unit in self._units if unit.kind is UnitKind.DIGITAL_HEATER)
        self._rooms = Rooms(zones, heaters) if zones else None
        self._waters: dict[SinkId, Water] = {
            sink.id: TankWater(sink) if isinstance(sink, Tank) else PoolWater(sink, fleet.site(sink.site_id).timezone)
            for sink in self._sinks
            if not isinstance(sink, Zone)
        }
        self._sky_of = {sink.id: self._skies[self._sky_number[sink.site_id]] for sink in self._sinks}
        self._loops: list[Loops] = []
        for circuit in fleet.circuits:
            boilers = tuple(unit for unit in self._units if unit.circuit_id == circuit.id)
            if boilers:
                self._loops.append(Loops(circuit, boilers, self._waters[circuit.sink_id].temp_c()))
        self._racks = tuple(unit.id for unit in self._units if unit.kind is UnitKind.SERVER_RACK)
        self._meters_j: dict[UnitId, float] = {unit.id: 0.0 for unit in self._units}
        self._book = EnergyBook()
        self._blocked: frozenset[UnitId] = frozenset()
        self._backup_w: Mapping[SinkId, float] = {}

    @property
    def now(self) -> dt.datetime:
        """Time up to which the plant has moved."""
        return self._now

    def advance(self, until: dt.datetime, energy_j: dict[NodeId, float]) -> None:
        """Let time pass until `until` with this electric energy per node, spent evenly meanwhile [J].

        Raises
        ------
        ConflictError : `until` lies in the past, or energy was spent in no time
        NotFoundError : a node that the fleet does not have
        InvalidFieldError : energy that is negative or not finite
        """
        span_s = (until - self._now).total_seconds()
        if span_s < 0:
            raise ConflictError(f"The plant is at {self._now.isoformat()} and cannot go back to {until.isoformat()}.")
        power_w = self._unit_power_w(energy_j, span_s)
        if span_s == 0:
            return
        steps = math.ceil(span_s / LONGEST_SUBSTEP_S - 1e-9)
        for _ in range(steps):
            self._substep(power_w, span_s / steps)
            self._now += dt.timedelta(seconds=span_s / steps)
        self._now = until

    def sinks(self) -> tuple[SinkReading, ...]:
        """Latest reading of every sink, by id."""
        readings = []
        for sink in self._sinks:
            if self._site_id not in (None, sink.site_id):
                continue
            if isinstance(sink, Zone):
                assert self._rooms is not None  # noqa: S101 - there are rooms where there is a zone
                reading = SinkReading(sink_id=sink.id, measured_at=self._now, temp_c=self._rooms.temp_c(sink.id))
            else:
                water = self._waters[sink.id]
                reading = SinkReading(
                    sink_id=sink.id, measured_at=self._now, temp_c=water.temp_c(), layers_c=water.layers_c()
                )
            readings.append(reading)
        return tuple(readings)

    def units(self) -> tuple[UnitReading, ...]:
        """Latest reading of every unit, by id; a rack's loop has the temperature of its room."""
        temps = self._loop_temps_c()
        return tuple(
            UnitReading(
                unit_id=unit.id,
                measured_at=self._now,
                heat_j=self._meters_j[unit.id],
                loop_temp_c=temps.get(unit.id, 20.0),
            )
            for unit in self._units
            if self._site_id in (None, unit.site_id)
        )

    def outdoor_temp_c(self) -> float | None:
        """Outdoor temperature, where sites have skies of their own that of the fleet's first [°C]."""
        return self._around.outdoor(self._now).temp_c

    def block_pumps(self, units: frozenset[UnitId]) -> None:
        """Let the pumps of these units fail, and all others work; for tests of bad days."""
        self._blocked = units

    def heat_sinks(self, heat_w: Mapping[SinkId, float]) -> None:
        """Let other heaters than the units, e.g. backups, give this heat until told otherwise; none where left out [W].

        Raises
        ------
        NotFoundError : a sink that the fleet does not have
        InvalidFieldError : heat that is negative or not finite
        """
        known = {sink.id for sink in self._fleet.sinks}
        for sink_id, other_w in heat_w.items():
            if sink_id not in known:
                raise NotFoundError("sink", sink_id)
            if not math.isfinite(other_w) or other_w < 0:
                raise InvalidFieldError(f"heat_w[{sink_id}]", other_w, "a number of watts from 0")
        self._backup_w = dict(heat_w)

    def hydraulics(self) -> tuple[Hydraulics, ...]:
        """Water between boilers and their sinks in the last step, by unit id."""
        return tuple(sorted((one for loops in self._loops for one in loops.hydraulics()), key=lambda one: one.unit_id))

    def balance(self) -> Balance:
        """Energy in, out and stored since the start."""
        return self._book.balance()

    def snapshot(self) -> dict[str, Any]:
        """All that the plant is, as JSON-able values."""
        return {
            "now": self._now.isoformat(),
            "rooms": self._rooms.snapshot() if self._rooms is not None else {},
            "waters": {sink_id: water.snapshot() for sink_id, water in self._waters.items()},
            "loops": {loops.circuit.id: loops.snapshot() for loops in self._loops},
            "meters_j": dict(self._meters_j),
            "flows_j": self._book.sums(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot; sinks and units that it does not know stay as they began, those now gone are dropped.

        Raises
        ------
        InvalidFieldError : it is not one
        """
        try:
            now = dt.datetime.fromisoformat(snapshot["now"])
            rooms, waters, loops_of, meters_j = (snapshot[key] for key in ("rooms", "waters", "loops", "meters_j"))
            if self._rooms is not None:
                self._rooms.restore(rooms)
            for sink_id, water in self._waters.items():
                if sink_id in waters:
                    water.restore(waters[sink_id])
            for loops in self._loops:
                if loops.circuit.id in loops_of:
                    loops.restore(loops_of[loops.circuit.id])
            self._meters_j = {unit.id: float(meters_j.get(unit.id, 0.0)) for unit in self._units}
            self._book = EnergyBook(snapshot["flows_j"])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise InvalidFieldError("snapshot", str(error), "what snapshot() gave") from error
        self._now = now

    def _unit_power_w(self, energy_j: dict[NodeId, float], span_s: float) -> dict[UnitId, float]:
        power_w: dict[UnitId, float] = {}
        for node_id, spent_j in energy_j.items():
            if node_id not in self._unit_of:
                raise NotFoundError("node", node_id)
            if not math.isfinite(spent_j) or spent_j < 0:
                raise InvalidFieldError(f"energy_j[{node_id}]", spent_j, "a number of joules from 0")
            if spent_j > 0 and span_s == 0:
                raise ConflictError(f"Node {node_id} cannot have spent {spent_j:g} J in no time; advance the clock.")
            if span_s > 0:
                unit_id = self._unit_of[node_id]
                if unit_id not in self._moved:
                    continue
                power_w[unit_id] = power_w.get(unit_id, 0.0) + spent_j / span_s
        return power_w

    def _substep(self, power_w: dict[UnitId, float], dt_s: float) -> None:
        middle = self._now + dt.timedelta(seconds=dt_s / 2)
        self._book.add("electric_in", sum(power_w.values()) * dt_s)
        for rack in self._racks:
            self._book.add("rack_out", power_w.get(rack, 0.0) * dt_s)
        if self._rooms is not None:
            by_sky = [sky.outdoor(middle) for sky in self._skies]
            by_site = {site_id: by_sky[number] for site_id, number in self._sky_number.items()}
            self._rooms.step(power_w, by_site, self._meters_j, self._book, dt_s, other_w=self._backup_w)
        heat: dict[SinkId, LoopHeat] = {sink_id: LoopHeat(0.0, 0.0) for sink_id in self._waters}
        for loops in self._loops:
            sink_id = loops.circuit.sink_id
            load_c = self._waters[sink_id].load_temp_c()
            got = loops.step(
                power_w,
                load_temp_c=load_c,
                blocked=self._blocked,
                meters_j=self._meters_j,
                book=self._book,
                dt_s=dt_s,
            )
            before = heat[sink_id]
            heat[sink_id] = LoopHeat(before.heat_w + got.heat_w, before.flow_kg_s + got.flow_kg_s)
        for sink_id, water in self._waters.items():
            other_w = self._backup_w.get(sink_id, 0.0)
            water.step(heat[sink_id], self._sky_of[sink_id], self._now, self._book, dt_s, other_w=other_w)

    def _loop_temps_c(self) -> dict[UnitId, float]:
        temps = {} if self._rooms is None else self._rooms.shells_c()
        for loops in self._loops:
            temps |= loops.temps_c()
        return temps
