"""Given an object store whose watch meets what nobody foresaw, when it looks again, then it looks again."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from ondol.control import platform
from ondol.storage.memory.store import MemoryStore


def test_the_watch_of_the_object_store_survives_any_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "_CHECK_STORE_S", 0.001)
    looks: list[int] = []
    stop = threading.Event()

    def look() -> bool:
        looks.append(1)
        if len(looks) == 3:
            stop.set()
        raise ValueError("nobody foresaw this")

    watched = platform.Platform.__new__(platform.Platform)
    watched._stop = stop
    watched.store = MemoryStore()  # type: ignore[assignment]
    watched.files = SimpleNamespace(seaweed=SimpleNamespace(restart_if_dead=look))  # type: ignore[assignment]
    watched._watch_store()
    assert len(looks) == 3
