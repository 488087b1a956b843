"""Publishes the heat signal to an operator's broker: retained JSON per area, a birth message and a last will."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from ondol.drivers.mqtt.link import Hooks, Link
from ondol.drivers.mqtt.outgoing import Outgoing
from ondol.drivers.mqtt.topics import OFFLINE, ONLINE
from ondol.drivers.ports import LinkStatus
from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError
from ondol.model.heat_signal import SignalTerms
from ondol.model.ids import SiteId

_log = logging.getLogger(__name__)
EXPIRY_S = 3600
"""A broker forgets an area of which it heard nothing for so long: new figures come every few minutes [s]."""

LOOK_S = 5.0  # how often it is looked whether an area has changed [s, wall]


def signal_topic(root: str, area: str) -> str:
    """Topic of an area."""
    return f"{root}/signal/{area}"


def status_topic(root: str) -> str:
    """Topic that says whether the signal is kept up to date: online, or offline."""
    return f"{root}/signal-status"


class SignalLink:
    """Keeps what a broker retains the same as what the platform says.

    An area that is published no more is taken back with an empty retained message (MQTT 5 §3.3.1.3), so that no
    old state stands there for ever. After a break of the link all areas are published again.

    Parameters
    ----------
    terms : with a broker
    areas : what is to be published, JSON texts by area; called every `LOOK_S`, may raise what it likes
    now : platform time
    """

    def __init__(
        self, terms: SignalTerms, areas: Callable[[], Mapping[str, bytes]], *, now: Callable[[], datetime]
    ) -> None:
        self._root, self._areas = terms.mqtt_root, areas
        self._lock = threading.Lock()
        self._told: dict[str, bytes] = {}
        self._waiting: dict[str, Outgoing] = {}
        status = status_topic(self._root)
        self._link = Link(
            connection_of(terms),
            wanted=(),
            online=Outgoing(topic=status, payload=ONLINE.encode(), retain=True),
            offline=Outgoing(topic=status, payload=OFFLINE.encode(), retain=True),
            hooks=Hooks(due=self._due, unsent=self._unsent, receive=lambda _message: None, greeted=self._greeted),
            now=now,
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="signal-mqtt", daemon=True)

    def open(self) -> None:
        """Begin; returns at once, whether the broker answers or not."""
        self._link.open()
        self._thread.start()

    def close(self) -> None:
        """Say goodbye, so that the status is offline, and end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._link.close()

    @property
    def status(self) -> LinkStatus:
        """How the link is."""
        return self._link.status

    def look(self) -> None:
        """Publish what has changed."""
        areas = self._areas()
        with self._lock:
            for area in sorted(areas):
                if self._told.get(area) != areas[area]:
                    self._publish(area, areas[area])
            for area in sorted(set(self._told) - set(areas)):
                if self._told[area]:
                    self._publish(area, b"")
        self._link.wake()

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                self.look()
            except UnavailableError:
                pass  # nothing was decided yet: the next look tells
            except Exception:  # noqa: BLE001  # whoever listens needs the next figures, whatever is wrong with these
                _log.exception("the heat signal could not be published, trying again")
            self._ended.wait(LOOK_S)

    def _publish(self, area: str, payload: bytes) -> None:
        self._told[area] = payload
        topic = signal_topic(self._root, area)
        self._waiting[topic] = Outgoing(topic=topic, payload=payload, retain=True, expiry_s=EXPIRY_S)

    def _due(self) -> list[Outgoing]:
        with self._lock:
            waiting, self._waiting = list(self._waiting.values()), {}
        return waiting

    def _unsent(self, messages: list[Outgoing]) -> None:
        with self._lock:
            for one in messages:
                self._waiting.setdefault(one.topic, one)

    def _greeted(self) -> None:
        with self._lock:
            for area, payload in self._told.items():
                self._publish(area, payload)


def connection_of(terms: SignalTerms) -> Connection:
    """The broker as drivers name it."""
    return Connection(
        id=f"signal-{hashlib.sha256(terms.mqtt_root.encode()).hexdigest()[:12]}",  # one client for each root
        site_id=SiteId("signal"),
        driver="mqtt",
        host=terms.mqtt_host,
        port=terms.mqtt_port,
        tls=terms.mqtt_tls,
        ca_file=terms.mqtt_ca_file,
        user=terms.mqtt_user,
        password_file=terms.mqtt_password_file,
        root=terms.mqtt_root,
        discovery="",
    )
