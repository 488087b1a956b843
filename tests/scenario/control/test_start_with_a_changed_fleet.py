"""Given a platform that ran, when its fleet file gained a room and lost it again, then each start goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ondol.control.layout import DataFolder
from ondol.control.platform import Platform
from ondol.control.settings import Settings
from ondol.demo.fleet import demo_fleet
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, RequestId, SinkId, UnitId
from ondol.model.sink import Zone
from ondol.model.site import UnitKind
from ondol.storage.fleet_file import read_fleet


def with_another_room(fleet: Fleet) -> Fleet:
    """The fleet with a copy of its first heater, room, node and request."""
    heater = next(unit for unit in fleet.units if unit.kind is UnitKind.DIGITAL_HEATER)
    room = next(sink for sink in fleet.sinks if isinstance(sink, Zone) and sink.id == heater.zone_id)
    node, request = fleet.nodes_of(heater.id)[0], fleet.request_for(room.id)
    assert request is not None
    zone, unit = SinkId("room-new"), UnitId("heater-new")
    return dataclasses.replace(
        fleet,
        units=(*fleet.units, dataclasses.replace(heater, id=unit, zone_id=zone)),
        sinks=(*fleet.sinks, dataclasses.replace(room, id=zone)),
        nodes=(*fleet.nodes, dataclasses.replace(node, id=NodeId("node-new"), unit_id=unit)),
        requests=(*fleet.requests, dataclasses.replace(request, id=RequestId("request-new"), target_id=zone)),
    )


def lives(folder: Path, fleet: Fleet) -> tuple[dict[str, float | None], dict[str, float]]:
    """Run a platform for two windows: temperatures by sink [°C], heat meters by unit [J]."""
    platform = Platform(Settings(data=folder, fleet=fleet, clock_rate=60.0, sandbox="none"))
    try:
        platform.start()
        for _ in range(2):
            platform.finish_window()
        now = platform.desk.now()
        assert platform.store.document("plant")
        return {s.sink_id: s.measured_temp_c for s in now.sinks}, {u.unit_id: u.heat_j for u in now.units}
    finally:
        platform.close()


def test_a_room_comes_and_goes(tmp_path: Path) -> None:
    small = demo_fleet()
    large = with_another_room(small)
    before, _ = lives(tmp_path, small)
    grown, meters = lives(tmp_path, large)
    assert set(grown) == {*before, "room-new"}
    assert grown["room-new"] is not None
    assert meters["heater-new"] >= 0.0
    assert read_fleet(DataFolder(tmp_path).fleet_file) == large
    again, meters = lives(tmp_path, small)
    assert set(again) == set(before)
    assert "heater-new" not in meters
