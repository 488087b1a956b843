"""How many connections a server holds, and how long one may stay silent: open files are also the platform's own."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

FIRST_REQUEST_S = 30.0  # until the head of a connection's first request must be there [s, wall]
_OPEN_FILES = 65_536  # enough for any site; more only makes programs slow that close all they might have open
_SHARE = 4  # one server takes a quarter of the files: API and storage half, the platform and its store the rest


def more_open_files() -> int:
    """Raise this process's limit of open files as far as it may, and give it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return _OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def bounded_protocol(most: int | None = None, first_request_s: float = FIRST_REQUEST_S) -> type[asyncio.Protocol]:
    """Give uvicorn's protocol, bounded.

    Parameters
    ----------
    most : connections of one server at once, further ones are hung up on; None for its share of the open files
    first_request_s : how long a client may take to say what it wants [s, wall]
    """
    limit = more_open_files() // _SHARE if most is None else most

    class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn chooses the class at import
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limit:
                transport.abort()
                return
            self._waiting = asyncio.get_running_loop().call_later(first_request_s, self._hang_up, transport)

        def connection_lost(self, exc: Exception | None) -> None:
            if hasattr(self, "_waiting"):
                self._waiting.cancel()
            super().connection_lost(exc)

        def _hang_up(self, transport: Any) -> None:
            if self.cycle is None and not transport.is_closing():
                transport.close()

    return BoundedProtocol
