"""Serves ASGI apps from a thread of its own, on sockets that are bound before anything is told to anyone."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn

from ondol.model.errors import ConflictError, InvalidFieldError, UnavailableError
from ondol.server.connections import bounded_protocol

KEEP_ALIVE_S = 30  # sites that are many exchange every 5 s or more [s]
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - all addresses, and where this machine finds them


def bind(host: str, port: int, *, allow_remote: bool = False) -> socket.socket:
    """Bind a listening socket; port 0 takes a free one.

    Raises InvalidFieldError for an address that others can reach unless `allow_remote` and for a port that is none,
    ConflictError for a taken port.
    """
    if not 0 <= port <= 65_535:
        raise InvalidFieldError("port", port, "0 to 65535; 0 takes a free one")
    if host not in _LOOPBACK and not allow_remote:
        raise InvalidFieldError(
            "host", host, "a loopback address; --allow-remote lets others in, without TLS: put a proxy before it"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only where it is: without it small answers wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"Port {port} on {host} cannot be taken ({error.strerror}); choose another, or 0"
        ) from error
    listener.listen(512)
    return listener


def is_anywhere(host: str) -> bool:
    """Whether a socket bound to this address is reached by every address of the machine."""
    return host in _ANYWHERE


def url_of(listener: socket.socket) -> str:
    """Address of a bound socket as clients on this machine write it."""
    host, port = listener.getsockname()[:2]
    return url_at(_ANYWHERE.get(host, host), port)


def url_at(host: str, port: int) -> str:
    """Address of a port on a host, with the brackets that IPv6 needs."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Servers:
    """Runs several ASGI apps, each on its own socket, until stopped.

    Parameters
    ----------
    apps : pairs of app and bound socket
    """

    def __init__(self, apps: Sequence[tuple[Any, socket.socket]]) -> None:
        protocol = bounded_protocol()
        self._servers = [(uvicorn.Server(_config(app, protocol)), listener) for app, listener in apps]
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self, timeout_s: float = 20.0) -> None:
        """Begin to serve; raises UnavailableError where a server does not come up in time."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(timeout_s / 0.02)):
            if all(server.started for server, _ in self._servers):
                return
            if not self._thread.is_alive():
                break
            waited.wait(0.02)
        raise UnavailableError("The HTTP servers did not come up; the log tells why")

    def stop(self) -> None:
        """Finish running requests and end."""
        for server, _ in self._servers:
            server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in self._servers))


def _config(app: Any, protocol: type[asyncio.Protocol]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=3,
        timeout_keep_alive=KEEP_ALIVE_S,
        http=protocol,
    )
