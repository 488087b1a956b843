"""A real MQTT client in front of a simulated site: it publishes temperatures as cheap sensors do, no more.

`sim/<site>/<entity>/temperature` carries JSON ``{"value": 41.2, "layers": [41.2, …], "time": "2026-…"}``, retained, at
quality of service 1; `value` is the top layer, or the room, or the pool.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ondol.drivers.virtual.sim_fleet import topic
from ondol.drivers.virtual.sim_site import SimSite

_log = logging.getLogger(__name__)


class SimMqttFace:
    """Publishes every sink's temperatures at an interval, in threads of its own.

    Parameters
    ----------
    now : platform time
    interval_s : wall time between two rounds [s]
    """

    def __init__(
        self, site: SimSite, *, now: Callable[[], dt.datetime], host: str, port: int, interval_s: float = 1.0
    ) -> None:
        self._site, self._now, self._host, self._port, self._interval_s = site, now, host, port, interval_s
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"ondol-sim-{site.site_id}")
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Begin; a broker that is down is tried again and again."""
        self._client.reconnect_delay_set(min_delay=1, max_delay=10)
        self._client.connect_async(self._host, self._port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, name="sim-mqtt", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the broker answers."""
        return bool(self._client.is_connected())

    def close(self) -> None:
        """End; may be called twice."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None
            self._client.disconnect()
            self._client.loop_stop()

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._client.is_connected():
                try:
                    self.publish()
                except Exception:  # noqa: BLE001  # a site whose sensors fall silent for ever is not what a desk is for
                    _log.exception("one round of readings was not published")
            self._ended.wait(self._interval_s)

    def publish(self) -> None:
        """Publish one round."""
        self._site.advance(self._now())
        values = self._site.points()
        at = self._site.now.isoformat()
        for sink in self._site.fleet.sinks:
            keys = sorted(key for key in values if key.entity_id == sink.id and key.point == "temperature")
            layers = [round(values[key], 3) for key in keys]
            payload = json.dumps({"value": layers[0], "layers": layers, "time": at})
            self._client.publish(topic(self._site.site_id, sink.id), payload, qos=1, retain=True)
