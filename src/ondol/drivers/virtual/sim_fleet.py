"""The fleet that reaches a simulated site through its servers, with true ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ondol.drivers.virtual.sim_registers import PROFILE, Place
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.points import PointKey

MODBUS, MQTT = "sim-modbus", "sim-mqtt"


def topic(site_id: str, entity_id: str) -> str:
    """Where the temperatures of a sink are published."""
    return f"sim/{site_id}/{entity_id}/temperature"


def reached_fleet(
    fleet: Fleet,
    site_id: SiteId,
    places: Mapping[PointKey, Place],
    *,
    modbus: tuple[str, int],
    mqtt: tuple[str, int] | None = None,
    rate: float = 1.0,
    device: int = 1,
) -> Fleet:
    """Give the whole fleet with this site reached through its servers, and its agent in a process of its own.

    Parameters
    ----------
    places : where its points stand
    modbus, mqtt : host and port; sinks' temperatures come by MQTT where there is a broker
    rate : platform seconds per second: the faster, the oftener is polled, and the older may values be
    """
    interval_s = max(10.0 / max(rate, 10.0), 0.1)
    connections = [
        Connection(
            id=f"{site_id}-{MODBUS}",
            site_id=site_id,
            driver="modbus",
            host=modbus[0],
            port=modbus[1],
            device=device,
            profile=PROFILE,
            interval_s=interval_s,
        )
    ]
    if mqtt is not None:
        connections.append(
            Connection(
                id=f"{site_id}-{MQTT}",
                site_id=site_id,
                driver="mqtt",
                host=mqtt[0],
                port=mqtt[1],
                interval_s=interval_s,
            )
        )
    stale_after_s = max(60.0, 5.0 * interval_s * rate)
    bindings = [
        _binding(site_id, key, place, fleet, by_mqtt=mqtt is not None, stale_after_s=stale_after_s)
        for key, place in places.items()
    ]
    own = {binding.key for binding in bindings}
    return replace(
        fleet,
        sites=tuple(replace(site, agent="own") if site.id == site_id else site for site in fleet.sites),
        connections=(*(one for one in fleet.connections if one.site_id != site_id), *connections),
        bindings=(*(one for one in fleet.bindings if one.key not in own), *bindings),
    )


def _binding(
    site_id: SiteId, key: PointKey, place: Place, fleet: Fleet, *, by_mqtt: bool, stale_after_s: float
) -> Binding:
    sinks = {sink.id for sink in fleet.sinks}
    if by_mqtt and key.point == "temperature" and key.entity_id in sinks:
        return Binding(
            entity_id=key.entity_id,
            point=key.point,
            index=key.index,
            connection_id=f"{site_id}-{MQTT}",
            address=f"{topic(site_id, key.entity_id)}#layers.{key.index}@time",
            stale_after_s=stale_after_s,
        )
    return Binding(
        entity_id=key.entity_id,
        point=key.point,
        index=key.index,
        connection_id=f"{site_id}-{MODBUS}",
        address=place.name,
        stale_after_s=stale_after_s,
    )
