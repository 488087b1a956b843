"""What jobs said: kept per instance over all its attempts, served whole or since the last look."""

from __future__ import annotations

import codecs
import contextlib
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from ondol.control.leftovers import remove_tree
from ondol.engine.ports import Engine
from ondol.model.compute import Attempt
from ondol.model.errors import NotFoundError
from ondol.model.ids import TaskId, instance_number

STREAMS = ("stdout", "stderr")
_PROGRESS = re.compile(rb"progress\s+(\d{1,3}(?:\.\d+)?)\s*%", re.IGNORECASE)
_TAIL = 4096  # bytes of the end of stdout in which progress is looked for
_LOCKS = 64


class Outputs:
    """Output of ended attempts lies in files of ours; that of running ones is asked of the engine.

    Parameters
    ----------
    root : folder with one folder per task
    """

    def __init__(self, root: Path, engine: Engine) -> None:
        self._root = root
        self._engine = engine
        self._fresh = tuple(threading.Lock() for _ in range(_LOCKS))

    def keep(self, attempt: Attempt) -> None:
        """Copy an ended attempt's output out of the engine; may be repeated."""
        folder = self._root / attempt.task_id
        folder.mkdir(parents=True, exist_ok=True)
        for stream in STREAMS:
            target = folder / f"{attempt.id}.{stream}"
            if target.exists():
                continue
            partial = target.with_suffix(".partial")
            try:
                said = self._engine.output(attempt.id, stream)
            except NotFoundError:
                said = b""  # it was over before it was launched
            partial.write_bytes(said)
            partial.replace(target)

    def whole(self, attempts: tuple[Attempt, ...], stream: str) -> str:
        """All that was said, by instance and attempt; several instances are told apart by `<id>> ` prefixes."""
        parts: dict[int, str] = {}
        for attempt, number in _in_order(attempts, stream):
            data, _ = self._read(attempt, stream, 0)
            parts[number] = parts.get(number, "") + data.decode("utf-8", "replace")
        return _joined(parts)

    def fresh(self, task_id: TaskId, attempts: tuple[Attempt, ...], stream: str, *, number: int | None) -> str:
        """What was said since the last fresh look at the same task (or instance) and stream.

        A character that a running job has written in part only is left for the next look.
        """
        with self._fresh[hash(task_id) % _LOCKS]:
            return self._since_last_look(task_id, attempts, stream, number)

    def _since_last_look(self, task_id: TaskId, attempts: tuple[Attempt, ...], stream: str, number: int | None) -> str:
        cursor_path = self._root / task_id / f"cursor.{'all' if number is None else number}.{stream}.json"
        cursors: dict[str, int] = json.loads(cursor_path.read_text()) if cursor_path.exists() else {}
        parts: dict[int, str] = {}
        for attempt, instance in _in_order(attempts, stream):
            offset = cursors.get(attempt.id, 0)
            data, ended = self._read(attempt, stream, offset)
            text, taken = _decoded(data, ended=ended)
            cursors[attempt.id] = offset + taken
            parts[instance] = parts.get(instance, "") + text
        cursor_path.parent.mkdir(parents=True, exist_ok=True)
        partial = cursor_path.with_suffix(".partial")
        partial.write_text(json.dumps(cursors))
        partial.replace(cursor_path)
        return _joined(parts)

    def progress(self, attempt: Attempt) -> float | None:
        """Progress that a running job last told on its stdout, 0 to 1; None where it told none, or has just ended."""
        try:
            found = _PROGRESS.findall(self._engine.output(attempt.id, "stdout", -_TAIL))
        except NotFoundError:
            return None
        return min(1.0, float(found[-1]) / 100.0) if found else None

    def forget(self, task_id: TaskId) -> None:
        """Remove all that a task said."""
        remove_tree(self._root / task_id)

    def _read(self, attempt: Attempt, stream: str, offset: int) -> tuple[bytes, bool]:
        """What an attempt said from `offset` on, and whether that is all that it will ever say."""
        kept = self._root / attempt.task_id / f"{attempt.id}.{stream}"
        with contextlib.suppress(FileNotFoundError):
            return _from(kept, offset), True
        try:
            return self._engine.output(attempt.id, stream, offset), False
        except NotFoundError:  # not launched yet, or let go of since we looked
            with contextlib.suppress(FileNotFoundError):
                return _from(kept, offset), True
            return b"", False


def _in_order(attempts: tuple[Attempt, ...], stream: str) -> Iterator[tuple[Attempt, int]]:
    """Attempts, oldest first, each with the number of its instance; NotFoundError for a stream that is none."""
    if stream not in STREAMS:
        raise NotFoundError("stream", stream)
    for attempt in sorted(attempts, key=lambda attempt: attempt.id):
        yield attempt, instance_number(attempt.instance_id)


def _from(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()


def _decoded(data: bytes, *, ended: bool) -> tuple[str, int]:
    """Text of some bytes, and how many of them it took: where more may come, not those of a character begun."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final=ended)
    return text, len(data) - len(decoder.getstate()[0])


def _joined(parts: dict[int, str]) -> str:
    several = len(parts) > 1
    return "".join(_marked(instance, said) if several else said for instance, said in sorted(parts.items()))


def _marked(instance: int, said: str) -> str:
    text = "".join(f"{instance}> {line}" for line in said.splitlines(keepends=True))
    return text if not text or text.endswith("\n") else text + "\n"
