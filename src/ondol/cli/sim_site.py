"""`ondol sim-site`: a site in equations behind real Modbus and MQTT servers, to try everything on a desk."""

from __future__ import annotations

import datetime as dt
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ondol.cli.listing import note, print_json, print_text
from ondol.cli.output import SHOWN, Out
from ondol.storage.whole_files import write_whole

if TYPE_CHECKING:
    from ondol.drivers.virtual.own_broker import OwnBroker
    from ondol.drivers.virtual.sim_site import SimSite

_LINE_S = 10.0
_LOOK_S = 0.5


def sim_site(
    *,
    fleet: Path,
    site: str,
    clock_rate: float | None = None,
    clock: Path | None = None,
    host: str = "127.0.0.1",
    modbus_port: int = 0,
    mqtt: str | None = None,
    broker: str | None = None,
    load: str = "full",
    fault: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    faults: Path | None = None,
    noise_k: float = 0.02,
    write_fleet: Path | None = None,
    out: Out = SHOWN,
) -> None:
    """Stand in for a site's hardware: its thermal twin behind a real Modbus server, and MQTT sensors where wanted.

    It ends with Ctrl-C or SIGTERM. What is wired wrong can be changed while it runs, in the file that --faults names.

    Parameters
    ----------
    fleet:
        The fleet file that describes the site.
    site:
        Id of the site.
    clock_rate:
        Platform seconds per second; 1 is what 'ondol up' has, too.
    clock:
        File with the clock that 'ondol site check' and 'identify' share with it; written where it is not there.
    host:
        Address to listen on; only this machine by default.
    modbus_port:
        Port of the Modbus server; 0 takes a free one.
    mqtt:
        Broker, as HOST:PORT, that gets the temperatures of rooms and tanks; without it they come by Modbus, too.
    broker:
        "own" starts Mosquitto on a free port in place of --mqtt.
    load:
        What stands in for compute: full, idle, or watts of every unit; a holding register changes it while it runs.
    fault:
        A wrong wiring, as KIND:ENTITY[.POINT[.INDEX]][=DETAIL]; docs/howto/commission-a-site.md lists the kinds.
    faults:
        File with one such line each, read again when it changes; # begins a comment.
    noise_k:
        Standard deviation of every thermometer.
    write_fleet:
        Write the whole fleet here, with this site reached through these servers at their true ports.
    """
    from ondol.cli.desk_clock import desk_clock
    from ondol.control.surroundings import PackagedSurroundings
    from ondol.drivers.virtual.modbus_server import SimModbusServer
    from ondol.drivers.virtual.mqtt_face import SimMqttFace
    from ondol.drivers.virtual.sim_fleet import reached_fleet
    from ondol.drivers.virtual.sim_site import SimSite, loads_of
    from ondol.model.ids import SiteId
    from ondol.storage.fleet_file import read_fleet
    from ondol.storage.fleet_file.writing import fleet_to_toml

    whole = read_fleet(fleet)
    part = whole.of_site(SiteId(site))
    running = desk_clock(clock, clock_rate)
    now = running.now
    simulated = SimSite(part, SiteId(site), PackagedSurroundings(part), now(), noise_k=noise_k, noise_share=noise_k / 5)
    for unit_id, watts in loads_of(simulated, load).items():
        simulated.set_load(unit_id, watts)
    simulated.set_faults((*fault, *_lines(faults)))
    own, place = _broker(mqtt, broker)
    interval_s = max(10.0 / max(running.rate, 10.0), 0.1)
    server = SimModbusServer(simulated, now=now, host=host, port=modbus_port)
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    face: SimMqttFace | None = None
    try:
        server.open()
        if place is not None:
            face = SimMqttFace(simulated, now=now, host=place[0], port=place[1], interval_s=interval_s)
            face.open()
        if write_fleet is not None:
            reached = reached_fleet(
                whole, SiteId(site), server.places, modbus=(host, server.port), mqtt=place, rate=running.rate
            )
            write_whole(write_fleet, fleet_to_toml(reached).encode())
        _say(simulated, server.port, host, place, write_fleet, out)
        _watch(simulated, now, ended, fault, faults, out)
    finally:
        if face is not None:
            face.close()
        server.close()
        if own is not None:
            own.close()


def _broker(mqtt: str | None, broker: str | None) -> tuple[OwnBroker | None, tuple[str, int] | None]:
    from ondol.drivers.virtual.own_broker import OwnBroker
    from ondol.model.errors import InvalidFieldError

    if broker not in (None, "own"):
        raise InvalidFieldError("--broker", broker, "own; name another with --mqtt HOST:PORT")
    if broker is not None and mqtt is not None:
        raise InvalidFieldError("--broker", broker, "left out where --mqtt names a broker")
    if broker is not None:
        own = OwnBroker()
        own.open()
        return own, (own.host, own.port)
    if mqtt is None:
        return None, None
    name, _, port = mqtt.rpartition(":")
    if not name or not port.isdigit() or not 0 < int(port) < 65_536:
        raise InvalidFieldError("--mqtt", mqtt, "HOST:PORT, e.g. 127.0.0.1:1883")
    return None, (name, int(port))


def _lines(file: Path | None) -> tuple[str, ...]:
    if file is None or not file.exists():
        return ()
    bare = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in bare if line)


def _say(site: SimSite, port: int, host: str, mqtt: tuple[str, int] | None, write_fleet: Path | None, out: Out) -> None:
    if out.json:
        told = {"site": site.site_id, "modbus": f"{host}:{port}", "mqtt": mqtt and f"{mqtt[0]}:{mqtt[1]}"}
        print_json({**told, "fleet": None if write_fleet is None else str(write_fleet)})
        return
    print_text(f"{site.site_id} stands behind Modbus TCP at {host}:{port}, device 1, profile ondol-sim")
    if mqtt is not None:
        print_text(f"temperatures go to the broker at {mqtt[0]}:{mqtt[1]} as sim/{site.site_id}/ENTITY/temperature")
    if write_fleet is not None:
        print_text(f"fleet file: {write_fleet}")


def _watch(
    site: SimSite,
    now: Callable[[], dt.datetime],
    ended: threading.Event,
    fault: tuple[str, ...],
    faults: Path | None,
    out: Out,
) -> None:
    """Move the site on, look at the file of faults, and tell how it stands, until it is ended."""
    from ondol.model.errors import OndolError

    seen, waited_s = _lines(faults), 0.0
    while not ended.wait(_LOOK_S):
        site.advance(now())
        lines = _lines(faults)
        if lines != seen:
            seen = lines
            try:
                site.set_faults((*fault, *lines))
                note(f"wired wrong now: {', '.join((*fault, *lines)) or 'nothing'}", out)
            except OndolError as error:
                note(f"the faults stay as they were: {error}", out)
        waited_s += _LOOK_S
        if waited_s >= _LINE_S and not out.quiet:
            waited_s = 0.0
            note(_line(site), out)


def _line(site: SimSite) -> str:
    values = site.points()
    temps = [
        f"{s.id} {value:.1f} °C"
        for s in site.fleet.sinks
        for key, value in values.items()
        if key.entity_id == s.id and key.point == "temperature" and key.index == 0
    ]
    watts = sum(value for key, value in values.items() if key.point == "electric_power")
    return f"{site.now:%Y-%m-%d %H:%M:%S} UTC  {watts:.0f} W  {'  '.join(temps)}"
