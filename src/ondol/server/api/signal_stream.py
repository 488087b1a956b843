"""The heat signal as server-sent events (WHATWG HTML, "Server-sent events")."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator

import msgspec
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from ondol.control.heat_signal import HeatSignals
from ondol.control.signal_issue import HOUR_S
from ondol.model.errors import NotFoundError, UnavailableError
from ondol.report.signal_json import signal_json

LOOK_S, HEARTBEAT_S, RETRY_MS = 1.0, 15.0, 5000
MOST_STREAMS = 200
"""Streams at once: each is a connection that stays. Further ones are asked to come again later."""


class _Places:
    """Counts streams."""

    def __init__(self, most: int) -> None:
        self._left, self._lock = most, threading.Lock()

    def take(self) -> bool:
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        with self._lock:
            self._left += 1


_places = _Places(MOST_STREAMS)


def signal_stream(request: Request, signals: HeatSignals, region: str) -> AsyncIterator[bytes]:
    """Give the events of one client; raises UnavailableError where there are too many clients.

    An event's id names what each area was when it was sent, so that a client that comes back with `Last-Event-ID` hears
    of nothing twice and misses no newer state: events are whole states, not differences.
    """
    if not _places.take():
        raise UnavailableError(f"{MOST_STREAMS} clients listen already; come again later, or ask /signal/v1")
    return _events(request, signals, region, request.headers.get("Last-Event-ID", ""))


async def _events(request: Request, signals: HeatSignals, region: str, last: str) -> AsyncIterator[bytes]:
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        silent_s = 0.0
        while not await request.is_disconnected():
            told, mark = await _shared(request, signals, region)
            if told is not None and mark != last:
                last, silent_s = mark, 0.0
                yield f"event: signal\nid: {mark}\ndata: {told}\n\n".encode()
            elif silent_s >= HEARTBEAT_S:
                silent_s = 0.0
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_S)
            silent_s += LOOK_S
    finally:
        _places.give_back()


async def _shared(request: Request, signals: HeatSignals, region: str) -> tuple[str | None, str]:
    """What is to be told now, put together once a second for all clients."""
    known: dict[str, tuple[float, str | None, str]] = request.app.state.signal_told
    kept = known.get(region)
    if kept is None or time.monotonic() - kept[0] >= LOOK_S:
        told, mark = await run_in_threadpool(_now, signals, region)
        kept = known[region] = (time.monotonic(), told, mark)
    return kept[1], kept[2]


def _now(signals: HeatSignals, region: str) -> tuple[str | None, str]:
    """What is to be told now, and a mark by which it is known again."""
    try:
        found = [signals.of_region(region, HOUR_S)] if region else signals.published(HOUR_S)
    except (NotFoundError, UnavailableError):
        return None, ""
    text = msgspec.json.encode({"areas": [signal_json(one) for one in found]}).decode()
    return text, hashlib.sha256(text.encode()).hexdigest()[:20]
