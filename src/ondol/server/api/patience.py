"""Long work for a client that may go: done in a thread, given up when nobody waits any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

Made = TypeVar("Made")
_LOOK_S = 0.5  # how often it is looked whether the client still stands there [s, wall]


async def while_waited_for(request: Request, work: Callable[[threading.Event], Made]) -> Made:
    """Do blocking work in a thread; the event that it is given is set when the client is gone.

    Raises what the work raises.
    """
    gone = threading.Event()
    made = asyncio.ensure_future(run_in_threadpool(work, gone))
    try:
        while not made.done():
            await asyncio.wait((made,), timeout=_LOOK_S)
            if not made.done() and await request.is_disconnected():
                gone.set()
        return made.result()
    finally:
        gone.set()  # the server ends, or this request was cancelled
