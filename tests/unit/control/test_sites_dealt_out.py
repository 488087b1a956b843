"""Given a fleet of many sites, when a step is taken, then each agent hears of its own, and all is looked at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from ondol.agent.orders import NodeStatus
from ondol.control.sites import Sites
from ondol.demo.fleet import demo_fleet
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.ids import UnitId

FLEET = demo_fleet()
NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)


class Instruments:
    def sinks(self) -> list[SinkReading]:
        return [SinkReading(sink_id=sink.id, measured_at=NOW, temp_c=20.0) for sink in FLEET.sinks]

    def units(self) -> list[UnitReading]:
        return [UnitReading(unit_id=unit.id, measured_at=NOW, heat_j=1.0, loop_temp_c=None) for unit in FLEET.units]

    def outdoor_temp_c(self) -> float:
        return 3.0


class Agent:
    def step(self, _now: dt.datetime, **told: Any) -> dict[str, Any]:
        return told


class Floors(dict[UnitId, float]):
    passes = 0

    def items(self) -> Any:
        self.passes += 1
        return super().items()

    def __iter__(self) -> Iterator[UnitId]:
        self.passes += 1
        return super().__iter__()


def test_each_agent_hears_of_its_own_and_the_floors_are_gone_through_once() -> None:
    agents: Any = {site.id: Agent() for site in FLEET.sites}
    sites = Sites(FLEET, agents, Instruments(), None)
    floors = Floors({unit.id: float(row) for row, unit in enumerate(FLEET.units)})
    status = [NodeStatus(node_id=node.id, power_w=5.0) for node in FLEET.nodes]
    told: Any = sites.step(NOW, {}, status, floors)
    assert len(FLEET.sites) > 1
    assert floors.passes == 1
    for site, heard in zip(FLEET.sites, told, strict=True):
        units = [unit for unit in FLEET.units if unit.site_id == site.id]
        assert [one.sink_id for one in heard["readings"].sinks] == [s.id for s in FLEET.sinks if s.site_id == site.id]
        assert [one.unit_id for one in heard["readings"].units] == [unit.id for unit in units]
        assert heard["floors"] == {unit.id: float(FLEET.units.index(unit)) for unit in units}
        own = {unit.id for unit in units}
        assert [one.node_id for one in heard["nodes"]] == [n.id for n in FLEET.nodes if n.unit_id in own]
