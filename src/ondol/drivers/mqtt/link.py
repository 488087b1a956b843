"""The link to a broker: one thread with an event loop, which connects again with growing waits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ondol.drivers.mqtt.outgoing import Outgoing
from ondol.drivers.ports import LinkStatus
from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError

_log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Waits between tries: doubled from the first up to the longest, ± 20 % so that agents do not come back in step [s]."""

SESSION_EXPIRY_S = 300
"""For so long the broker keeps commands for us while we are away; older ones nobody means any more [s]."""

KEEPALIVE_S = 15
"""A silent link is given up after one and a half of it (MQTT 5 §3.1.2.10), and the last will is sent [s]."""

_STEADY_S = 10.0  # a link that held so long was a good one: the waits begin anew
_TURN_S = 1.0
_AT_ONCE = 10  # publications under way: more only fill the broker's queue
_CLOSE_WAIT_S = 5.0
_NO_RETAINED = SubscribeOptions.RETAIN_DO_NOT_SEND


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A subscription.

    Parameters
    ----------
    qos : 1: kept for us while we are away; 0: only what is live
    kept : whether what the broker has retained is wanted
    """

    topic: str
    qos: int
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message that came; `retained`: the broker had kept it, its age is unknown."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What the link asks of its driver; all are called in the link's thread and must be quick.

    Parameters
    ----------
    due : what is to be published now
    unsent : what could not be published because the link broke
    receive : takes a message in
    greeted : the link stands anew: subscriptions are made, we are online
    """

    due: Callable[[], list[Outgoing]]
    unsent: Callable[[list[Outgoing]], None]
    receive: Callable[[Incoming], None]
    greeted: Callable[[], None]


@dataclass(slots=True)
class _Run:
    """One life of the link, from open to close; a thread that a broker holds may still be in an older one."""

    ended: threading.Event
    loop: asyncio.AbstractEventLoop | None = None
    woken: asyncio.Event | None = None


class _Client(aiomqtt.Client):
    """Hears, too, what the broker refuses: an ACL forbids a topic in the answer to a publication, and nowhere else."""

    refused = 0

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        if reason_code.is_failure:
            self.refused += 1
        super()._on_publish(client, userdata, mid, reason_code, properties)


class Link:
    """Keeps one connection to a broker.

    Parameters
    ----------
    online, offline : status messages: the first at every start, the second at the end and as last will
    now : platform time, for the status
    chance : for the spread of waits
    """

    def __init__(
        self,
        connection: Connection,
        *,
        wanted: tuple[Wanted, ...],
        online: Outgoing,
        offline: Outgoing,
        hooks: Hooks,
        now: Callable[[], datetime],
        chance: random.Random | None = None,
    ) -> None:
        self._connection = connection
        self._wanted, self._online, self._offline = wanted, online, offline
        self._hooks, self._now = hooks, now
        self._chance = random.Random() if chance is None else chance
        self._lock = threading.Lock()
        self._status = LinkStatus(connected=False, since=now(), detail="not opened yet")
        self._thread: threading.Thread | None = None
        self._run = _Run(threading.Event())

    @property
    def status(self) -> LinkStatus:
        """How the link stands."""
        with self._lock:
            return self._status

    def open(self) -> None:
        """Begin; returns at once. A second call while it runs does nothing."""
        with self._lock:
            if self._thread is not None:
                return
            self._run = _Run(threading.Event())
            name = f"mqtt {self._connection.id}"
            self._thread = threading.Thread(target=self._work, args=(self._run,), name=name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Say offline and end; waits a few seconds. May be called twice."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._run.ended.set()
        self.wake()
        if thread is not None:
            thread.join(_CLOSE_WAIT_S)
            if thread.is_alive():
                _log.warning("%s: the broker holds us for over %g s; left to end", self._connection.id, _CLOSE_WAIT_S)

    def wake(self) -> None:
        """Ask `due` now rather than within a second."""
        with self._lock:
            if self._run.loop is not None and self._run.woken is not None:
                self._run.loop.call_soon_threadsafe(self._run.woken.set)

    def _work(self, run: _Run) -> None:
        asyncio.run(self._live(run))

    async def _live(self, run: _Run) -> None:
        with self._lock:
            run.loop, run.woken = asyncio.get_running_loop(), asyncio.Event()
        self._note(run, connected=False, detail="connecting")
        failures = 0
        try:
            while not run.ended.is_set():
                began_s = time.monotonic()
                try:
                    await self._session(run)
                except (aiomqtt.MqttError, UnavailableError, OSError) as error:
                    self._note(run, connected=False, detail=self._why(error), failed=True)
                except Exception as error:  # noqa: BLE001 - the site would go blind over one thing that nobody foresaw
                    _log.exception("%s: a fault of the driver's own", self._connection.id)
                    detail = f"fault in the driver, see the log: {type(error).__name__}: {error}"
                    self._note(run, connected=False, detail=detail, failed=True)
                failures = 1 if time.monotonic() - began_s >= _STEADY_S else failures + 1
                await _pause(run, self._backoff_s(failures))
        finally:
            with self._lock:
                run.loop = run.woken = None
            self._note(run, connected=False, detail="closed")

    async def _session(self, run: _Run) -> None:
        password, worry = _password(self._connection)
        client = self._client(password)
        async with client:
            await self._subscribe(client)
            await _publish(client, self._online)
            self._hooks.greeted()
            self._note(run, connected=True, detail="; ".join(filter(None, (self._peer(), worry))))
            listening = asyncio.create_task(self._listen(client))
            talking = asyncio.create_task(self._talk(client, run))
            try:
                await asyncio.wait((listening, talking), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (listening, talking):
                    task.cancel()
                results = await asyncio.gather(listening, talking, return_exceptions=True)
            for result in results:
                if isinstance(result, Exception):
                    raise result
            await _publish(client, self._offline)

    async def _subscribe(self, client: _Client) -> None:
        for one in self._wanted:
            options = SubscribeOptions(
                qos=one.qos,
                noLocal=True,
                retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if one.kept else _NO_RETAINED,
            )
            answers = await client.subscribe(one.topic, options=options)
            if any(getattr(answer, "is_failure", False) for answer in answers):
                raise UnavailableError(f"the broker does not let us listen to {one.topic}: {answers[0]}; see its ACL")

    async def _listen(self, client: _Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
            with self._lock:
                self._status = replace(self._status, polls=self._status.polls + 1)
            self._hooks.receive(Incoming(topic=str(message.topic), payload=payload, retained=message.retain))

    async def _talk(self, client: _Client, run: _Run) -> None:
        refused = 0
        while not run.ended.is_set():
            waiting = self._hooks.due()
            while waiting:
                now, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
                results = await asyncio.gather(*(_publish(client, one) for one in now), return_exceptions=True)
                failed = [one for one, result in zip(now, results, strict=True) if isinstance(result, BaseException)]
                if failed:
                    self._hooks.unsent(failed + waiting)
                    raise next(result for result in results if isinstance(result, BaseException))
            if client.refused > refused:
                refused = client.refused
                self._note_refused(refused)
            await _wait(run, _TURN_S)

    def _client(self, password: str | None) -> _Client:
        connection = self._connection
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = SESSION_EXPIRY_S
        return _Client(
            connection.host,
            connection.port or (8883 if connection.tls else 1883),
            identifier=f"ondol-{connection.site_id}-{connection.id}",
            username=connection.user or None,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=session,
            keepalive=KEEPALIVE_S,
            timeout=max(connection.timeout_s, 1.0),
            will=aiomqtt.Will(self._offline.topic, self._offline.payload, 1, self._offline.retain),
            tls_context=_tls(connection) if connection.tls else None,
        )

    def _backoff_s(self, failures: int) -> float:
        doubled_s = FIRST_WAIT_S * 2.0 ** min(failures - 1, 16)
        return min(doubled_s, LONGEST_WAIT_S) * self._chance.uniform(0.8, 1.2)

    def _peer(self) -> str:
        connection = self._connection
        how = "TLS" if connection.tls else "not encrypted"
        return f"broker {connection.host}, {how}" + (f", as {connection.user}" if connection.user else ", no user")

    def _why(self, error: Exception) -> str:
        connection = self._connection
        place = f"broker {connection.host}:{connection.port or (8883 if connection.tls else 1883)}"
        if isinstance(error, UnavailableError):
            return f"{place}: {error}"
        if isinstance(error, MqttConnectError):
            who = f"user {connection.user}" if connection.user else "us without a user"
            return f"{place} refuses {who}: {error}; check user and password_file"
        hint = ""
        if "CERTIFICATE_VERIFY_FAILED" in str(error) or isinstance(error, SSLError):
            hint = "; check ca_file, and that host is a name in the broker's certificate"
        return f"{place}: {str(error) or type(error).__name__}{hint}"

    def _note_refused(self, refused: int) -> None:
        detail = f"{self._peer()}; it refused {refused} of our messages: see its ACL"
        _log.warning("%s: %s", self._connection.id, detail)
        with self._lock:
            self._status = replace(self._status, detail=detail, errors=self._status.errors + 1)

    def _note(self, run: _Run, *, connected: bool, detail: str, failed: bool = False) -> None:
        with self._lock:
            if run is not self._run:
                return
            before = self._status
            self._status = replace(
                before,
                connected=connected,
                since=before.since if before.connected == connected else self._now(),
                detail=detail,
                errors=before.errors + failed,
            )
        if before.connected != connected or before.detail != detail:
            _log.log(logging.WARNING if failed else logging.INFO, "%s: %s", self._connection.id, detail)


async def _pause(run: _Run, wait_s: float) -> None:
    """Wait, whoever may have something to send; only the end cuts it short."""
    until_s = time.monotonic() + wait_s
    while not run.ended.is_set() and time.monotonic() < until_s:
        await _wait(run, until_s - time.monotonic())


async def _wait(run: _Run, longest_s: float) -> None:
    if run.woken is None or run.ended.is_set():
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(run.woken.wait(), longest_s)
    run.woken.clear()


async def _publish(client: _Client, one: Outgoing) -> None:
    properties = None
    if one.expiry_s:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = one.expiry_s
    await client.publish(one.topic, one.payload, qos=1, retain=one.retain, properties=properties)


def _password(connection: Connection) -> tuple[str | None, str]:
    """Read the password, and say what is wrong with how it is kept."""
    if not connection.password_file:
        return None, ""
    path = Path(connection.password_file)
    try:
        text = path.read_text(encoding="utf-8")
        others_read = path.stat().st_mode & stat.S_IROTH
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnavailableError(f"password_file {path} cannot be read: {why}") from error
    password = text.strip("\r\n")
    if not password:
        raise UnavailableError(f"password_file {path} is empty")
    worries = []
    if others_read:
        worries.append(f"everybody on this machine can read {path}: chmod 600")
    if not connection.tls and connection.host not in ("localhost", "127.0.0.1", "::1"):
        worries.append("the password goes over the network in the clear: set tls")
    return password, "; ".join(worries)


def _tls(connection: Connection) -> SSLContext:
    """Trust the system's authorities, or the one that is named alone; the host's name is checked."""
    try:
        return create_default_context(cafile=connection.ca_file or None)
    except (OSError, SSLError) as error:
        raise UnavailableError(f"ca_file {connection.ca_file} cannot be used: {error}") from error
