"""What the agents of alike sites say: exchanges as `agent.site_process` makes them, packed before they are due."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import msgspec
from readings_fleet import points_of

from ondol.agent.orders import NodeStatus, SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.agent.wire import MEDIA_TYPE, Have, Item, NodeState, ReadingRow, Up, pack, read_down
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.points import PointKey, PointReading


class SiteTalk:
    """One site's side of the exchange; what it says is what its real agent's step said, at another time."""

    def __init__(self, fleet: Fleet, site: str, token: str, now: dt.datetime) -> None:
        self.site, self._number = site, 0
        head = (
            f"POST /agent/v1/sites/{site}/exchange HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: {token}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: "
        )
        self._head = head.encode()
        sinks = (SinkReading(sink_id=SinkId(f"{site}-t"), measured_at=now, temp_c=55.0, layers_c=(55.0,) * 10),)
        unit = UnitId(f"{site}-b")
        units = (UnitReading(unit_id=unit, measured_at=now, heat_j=5e9, loop_temp_c=58.0, power_w=180.0),)
        node = NodeId(f"{site}-n")
        status = NodeStatus(node_id=node, power_w=180.0, busy_slots=1, service=None)
        orders = SiteAgent(fleet.of_site(SiteId(site)), SiteId(site)).step(
            now, readings=SiteReadings(sinks=sinks, units=units), nodes=(status,), outdoor_temp_c=5.0
        )
        self._up = Up(
            program="ondol bench",
            outbox=f"outbox-{site}",
            now=now,
            orders=orders,
            sinks=sinks,
            units=units,
            nodes=(NodeState(node_id=node, requested_w=200.0, accepted_w=200.0, measured_w=180.0),),
        )

    def heard(self, body: bytes) -> None:
        """Remember what an answer gave, so that it is not asked for again."""
        down = read_down(body)
        seen_s = 0.0 if down.outlook is None else down.outlook.made_s
        have = Have(fleet=down.fleet, requests=down.requests_digest, outlook_s=max(seen_s, self._up.have.outlook_s))
        self._up = msgspec.structs.replace(self._up, have=have)

    def say(self, at: dt.datetime, *, readings: bool) -> bytes:
        """Prepare an exchange of a time, with twenty readings of it or without."""
        items: tuple[Item, ...] = ()
        if readings:
            self._number += 1
            items = (Item(number=self._number, readings=_rows(self.site, at)),)
        up, before = self._up, self._up.orders
        assert before is not None
        orders = replace(before, now=at)
        sinks = tuple(replace(one, measured_at=at) for one in up.sinks)
        units = tuple(replace(one, measured_at=at) for one in up.units)
        said = msgspec.structs.replace(
            up, now=at, orders=orders, sinks=sinks, units=units, items=items, waiting=len(items)
        )
        body = pack(said)
        return self._head + f"{len(body)}\r\n\r\n".encode() + body


def _rows(site: str, at: dt.datetime) -> tuple[ReadingRow, ...]:
    return tuple(
        ReadingRow.of(
            PointReading(key=PointKey(entity, point, index), value=20.0 + place, measured_at=at, source=f"{site}-p")
        )
        for place, (entity, point, index) in enumerate(points_of(site))
    )
