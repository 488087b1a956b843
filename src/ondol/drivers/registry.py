"""Which class serves which kind of connection; a driver is loaded when a connection needs it."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Sequence

from ondol.drivers.ports import Driver
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId

CLASSES = {
    "mqtt": "ondol.drivers.mqtt.driver:MqttDriver",
    "modbus": "ondol.drivers.modbus.driver:ModbusDriver",
    "mbus": "ondol.drivers.mbus.driver:MbusDriver",
    "http": "ondol.drivers.http.driver:HttpDriver",
    "push": "ondol.drivers.push.driver:PushDriver",
    "redfish": "ondol.drivers.redfish.driver:RedfishDriver",
    "ipmi": "ondol.drivers.ipmi.driver:IpmiDriver",
    "rapl": "ondol.drivers.host_power.rapl:RaplDriver",
    "nvml": "ondol.drivers.host_power.nvml:NvmlDriver",
    "cpufreq": "ondol.drivers.host_power.cpufreq:CpufreqDriver",
    "cgroup": "ondol.drivers.host_power.cgroup:CgroupDriver",
}


def make_driver(
    connection: Connection, bindings: Sequence[Binding], *, fleet: Fleet, now: Callable[[], dt.datetime]
) -> Driver:
    """Make the driver of a connection; it is not opened yet.

    Parameters
    ----------
    bindings : what is reached through the connection
    fleet : the part of the connection's site, for names and limits
    now : platform time

    Raises
    ------
    UnavailableError : a library that the driver needs is not installed
    InvalidFieldError : a binding whose address, point or profile the driver cannot serve
    """
    module, _, name = CLASSES[connection.driver].partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise UnavailableError(f"The driver {connection.driver} cannot be loaded: {error}") from error
    driver: Driver = kind(connection, tuple(bindings), fleet=fleet, now=now)
    return driver


def drivers_of(fleet: Fleet, site_id: SiteId, *, now: Callable[[], dt.datetime]) -> tuple[Driver, ...]:
    """Make the drivers of all connections of a site, by id of the connection; errors as `make_driver`."""
    part = fleet.of_site(site_id)
    return tuple(make_driver(one, part.bindings_of(one.id), fleet=part, now=now) for one in part.connections)
