"""Ticks on disk: (View, memory, Decision) as they were, so that anyone can decide them again and compare."""

from __future__ import annotations

import dataclasses
import gzip
import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from ondol.control.record_end import WholeMark
from ondol.model.errors import InvalidFieldError
from ondol.model.view import InstanceColumns, NodeColumns, SinkColumns, SiteColumns, UnitColumns, View
from ondol.policy.contract import Policy
from ondol.policy.registry import load_policy

_log = logging.getLogger(__name__)
_SETS = ("allowances", "missing_bytes", "beyond", "ahead_s", "ahead_grid_g_per_kwh", "ahead_work_s")
_TABLES: dict[str, type] = {
    "sites": SiteColumns,
    "units": UnitColumns,
    "nodes": NodeColumns,
    "instances": InstanceColumns,
    "sinks": SinkColumns,
}
LARGEST_BYTES = 64 << 20
_NOTE_EVERY_BYTES = 1 << 20
_LENGTH = struct.Struct("<I")
_encoder = msgspec.msgpack.Encoder(order="deterministic")


class Tick(msgspec.Struct, frozen=True):
    """One tick as recorded; `view`, `memory` and `decision` are their packed forms."""

    policy: str
    view: bytes
    memory: bytes
    decision: bytes


class TickWriter:
    """Appends ticks to a gzip file; each is a member of its own, so that a crash costs at most the last one.

    What a crash or a full disk cut short is cut off, so that what is appended after it can be read. A full file becomes
    ``<name>.1`` in place of the one before it, so that a record never takes more than twice `largest_bytes`.

    Parameters
    ----------
    largest_bytes : size above which a new file is begun
    """

    def __init__(self, path: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        self._path, self._largest = path, largest_bytes
        self._mark = WholeMark(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._size = self._mark.find_end()
        self._cut_off()
        self._mark.note(self._size)
        self._noted = self._size

    def write(self, policy: str, view: View, memory: object, decision: tuple[object, ...]) -> None:
        """Append one tick; where the disk takes none, it is left out and the log says so."""
        packed = _encoder.encode(
            Tick(policy=policy, view=pack_view(view), memory=_encoder.encode(memory), decision=pack_decision(decision))
        )
        member = gzip.compress(_LENGTH.pack(len(packed)) + packed, compresslevel=1)
        try:
            if self._size and self._size + len(member) > self._largest:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._size = self._noted = 0
            with self._path.open("ab") as file:
                file.write(member)
        except OSError as error:
            _log.error("a tick could not be recorded: %s", error)
            self._cut_off()
        else:
            self._size += len(member)
            if self._size - self._noted >= _NOTE_EVERY_BYTES:
                self._mark.note(self._size)
                self._noted = self._size

    def _cut_off(self) -> None:
        if self._path.exists() and self._path.stat().st_size > self._size:
            os.truncate(self._path, self._size)


def read_ticks(path: Path) -> Iterator[Tick]:
    """Give every whole tick of a record; a last one cut short by a crash is left out."""
    try:
        with gzip.open(path, "rb") as file:
            yield from _ticks(file)  # type: ignore[arg-type]  # GzipFile reads bytes like any other
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidFieldError(str(path), str(error), "a record that `ondol up` wrote") from error


def _ticks(file: BinaryIO) -> Iterator[Tick]:
    decoder = msgspec.msgpack.Decoder(Tick)
    while True:
        try:
            head = file.read(_LENGTH.size)
            if len(head) < _LENGTH.size:
                return
            body = file.read(_LENGTH.unpack(head)[0])
        except EOFError:
            return
        yield decoder.decode(body)


@dataclasses.dataclass(frozen=True, slots=True)
class Replay:
    """How a record fared: ticks decided again, and where the decision differed."""

    ticks: int
    actions: int
    differing: tuple[tuple[int, str, str], ...]


def replay(path: Path) -> Replay:
    """Decide every tick of a record again and compare, byte by byte.

    Raises NotFoundError for a policy that is not installed, InvalidFieldError for what is no record.
    """
    policies: dict[str, Policy[Any]] = {}
    differing: list[tuple[int, str, str]] = []
    ticks = actions = 0
    for number, tick in enumerate(read_ticks(path), 1):
        policy = policies.setdefault(tick.policy, load_policy(tick.policy))
        memory = msgspec.msgpack.decode(tick.memory, type=type(policy.fresh()))
        decision, _ = policy.decide(unpack_view(tick.view), memory)
        packed = pack_decision(decision)
        ticks += 1
        actions += len(decision)
        if packed != tick.decision:
            differing.append((number, str(msgspec.msgpack.decode(tick.decision)), str(msgspec.msgpack.decode(packed))))
    return Replay(ticks, actions, tuple(differing))


def pack_view(view: View) -> bytes:
    """Pack a view; every number keeps its bits."""
    packed: dict[str, object] = {"now_s": view.now_s, "step_s": view.step_s, "seed": view.seed}
    for name, kind in _TABLES.items():
        table = getattr(view, name)
        packed[name] = {field.name: _pack(getattr(table, field.name)) for field in dataclasses.fields(kind)}
    packed |= {name: _pack(getattr(view, name)) for name in _SETS}
    return _encoder.encode(packed)


def unpack_view(data: bytes) -> View:
    """Unpack what `pack_view` packed."""
    packed = msgspec.msgpack.decode(data)
    tables = {
        name: kind(**{field: _unpack(value) for field, value in packed[name].items()})
        for name, kind in _TABLES.items()
        if name in packed
    }
    sets = {name: _unpack(packed[name]) for name in _SETS if name in packed}  # older records lack some
    return View(now_s=packed["now_s"], step_s=packed["step_s"], seed=packed["seed"], **tables, **sets)  # type: ignore[arg-type]


def pack_decision(decision: tuple[object, ...]) -> bytes:
    """Pack a decision, the kind of each action by its name."""
    return _encoder.encode([[type(action).__name__, *dataclasses.astuple(action)] for action in decision])  # type: ignore[call-overload]


def _pack(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), np.ascontiguousarray(value).tobytes()]
    return list(value) if isinstance(value, tuple) else value


def _unpack(value: object) -> object:
    if isinstance(value, list) and len(value) == 3 and isinstance(value[2], bytes):
        kind, shape, data = value
        return np.frombuffer(data, dtype=np.dtype(kind)).reshape(shape)
    return tuple(value) if isinstance(value, list) else value
