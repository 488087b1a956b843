"""A file that remembers, over a kill, which answers to creations were on their way and which have gone out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

LARGEST = 8 << 20  # bytes after which the file is written anew, with what is still young
DOUBT_S = 120.0  # how long a lost answer waits for its request to come again: SDKs retry for 31 s [s, wall]


class Intent(msgspec.Struct, frozen=True, kw_only=True, tag="intent"):
    """An answer that will be given once what it speaks of is stored.

    Parameters
    ----------
    made : ids of what is created
    at : wall clock [s since 1970]
    """

    number: str
    account: str
    fingerprint: str
    path: str
    made: tuple[str, ...]
    status: int
    body: bytes
    location: str
    at: float


class Settled(msgspec.Struct, frozen=True, kw_only=True, tag="settled"):
    """The answer has gone out, or what it speaks of was not stored after all."""

    number: str


_Line = Intent | Settled


class Journal:
    """Lines appended to one file. Written without fsync: they outlive a killed process, not a power cut.

    Parameters
    ----------
    path : the file; None keeps nothing
    wall_s : wall clock [s since 1970]
    """

    def __init__(self, path: Path | None, wall_s: Callable[[], float] = time.time) -> None:
        self._path, self._wall_s = path, wall_s
        self._lock = threading.Lock()
        self._open: dict[str, Intent] = {}
        self._size, self._file = 0, -1
        if path is not None:
            self._open = {intent.number: intent for intent in _read(path) if wall_s() - intent.at < DOUBT_S}
            self._renew(path)

    def unsettled(self) -> tuple[Intent, ...]:
        """Intents of an earlier life whose answers may not have gone out, oldest first."""
        return tuple(self._open.values())

    def intend(self, intent: Intent) -> None:
        """Note an answer before what it speaks of is stored."""
        self._append(intent)

    def settle(self, number: str) -> None:
        """Note that an answer has gone out, or never will."""
        self._append(Settled(number=number))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _append(self, line: _Line) -> None:
        if self._path is None:
            return
        with self._lock:
            if isinstance(line, Intent):
                self._open[line.number] = line
            else:
                self._open.pop(line.number, None)
            if self._file < 0:
                return
            self._size += os.write(self._file, msgspec.json.encode(line) + b"\n")
            if self._size > LARGEST:
                self._renew(self._path)

    def _renew(self, path: Path) -> None:
        """Write the file anew with what is young, whole or not at all; too full a file may be replaced, not grow."""
        young = self._wall_s() - DOUBT_S
        self._open = {number: intent for number, intent in self._open.items() if intent.at > young}
        beside = path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"".join(msgspec.json.encode(intent) + b"\n" for intent in self._open.values()))
        beside.replace(path)
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size = 0


def _read(path: Path) -> list[Intent]:
    """Unsettled intents of a file; a torn last line, and a file that is not there, are no fault."""
    found: dict[str, Intent] = {}
    if not path.exists():
        return []
    decoder = msgspec.json.Decoder(_Line)
    for text in path.read_bytes().splitlines():
        try:
            line = decoder.decode(text)
        except msgspec.MsgspecError:
            continue
        if isinstance(line, Intent):
            found[line.number] = line
        else:
            found.pop(line.number, None)
    return list(found.values())
