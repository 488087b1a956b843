"""What jobs said: kept per instance over all its attempts, served whole or since the last look."""

from __future__ import annotations

import json
import re
import shutil
import threading
from pathlib import Path

from ondol.engine.ports import Engine
from ondol.model.compute import Attempt
from ondol.model.errors import NotFoundError
from ondol.model.ids import TaskId

STREAMS = ("stdout", "stderr")
_PROGRESS = re.compile(rb"progress\s+(\d{1,3}(?:\.\d+)?)\s*%", re.IGNORECASE)
_TAIL = 4096


class Outputs:
    """Output of ended attempts lies in files of ours; that of running ones is asked of the engine.

    Parameters
    ----------
    root : folder with one folder per task
    """

    def __init__(self, root: Path, engine: Engine) -> None:
        self._root = root
        self._engine = engine
        self._fresh = threading.Lock()

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
        parts = self._by_instance(attempts, stream)
        return _joined(parts)

    def fresh(self, task_id: TaskId, attempts: tuple[Attempt, ...], stream: str, *, number: int | None) -> str:
        """What was said since the last fresh look at the same task (or instance) and stream."""
        with self._fresh:
            return self._since_last_look(task_id, attempts, stream, number)

    def _since_last_look(self, task_id: TaskId, attempts: tuple[Attempt, ...], stream: str, number: int | None) -> str:
        cursor_path = self._root / task_id / f"cursor.{'all' if number is None else number}.{stream}.json"
        cursors: dict[str, int] = json.loads(cursor_path.read_text()) if cursor_path.exists() else {}
        parts = self._by_instance(attempts, stream)
        news = {instance: data[cursors.get(str(instance), 0) :] for instance, data in parts.items()}
        cursor_path.parent.mkdir(parents=True, exist_ok=True)
        partial = cursor_path.with_suffix(".partial")
        partial.write_text(json.dumps({str(instance): len(data) for instance, data in parts.items()}))
        partial.replace(cursor_path)
        return _joined(news, several=len(parts) > 1)

    def progress(self, attempt: Attempt) -> float | None:
        """Progress that a running job last told on its stdout, 0 to 1."""
        found = _PROGRESS.findall(self._engine.output(attempt.id, "stdout")[-_TAIL:])
        return min(1.0, float(found[-1]) / 100.0) if found else None

    def forget(self, task_id: TaskId) -> None:
        """Remove all that a task said."""
        shutil.rmtree(self._root / task_id, ignore_errors=True)

    def _by_instance(self, attempts: tuple[Attempt, ...], stream: str) -> dict[int, bytes]:
        if stream not in STREAMS:
            raise NotFoundError("stream", stream)
        parts: dict[int, bytes] = {}
        for attempt in sorted(attempts, key=lambda attempt: attempt.id):
            instance = int(attempt.instance_id.rpartition("/")[2])
            parts[instance] = parts.get(instance, b"") + self._read(attempt, stream)
        return parts

    def _read(self, attempt: Attempt, stream: str) -> bytes:
        kept = self._root / attempt.task_id / f"{attempt.id}.{stream}"
        if kept.exists():
            return kept.read_bytes()
        try:
            return self._engine.output(attempt.id, stream)
        except NotFoundError:  # not launched yet, or let go of since we looked
            return kept.read_bytes() if kept.exists() else b""


def _joined(parts: dict[int, bytes], *, several: bool | None = None) -> str:
    several = len(parts) > 1 if several is None else several
    text = []
    for instance, data in sorted(parts.items()):
        said = data.decode("utf-8", "replace")
        if several:
            said = "".join(f"{instance}> {line}" for line in said.splitlines(keepends=True))
            if said and not said.endswith("\n"):
                said += "\n"
        text.append(said)
    return "".join(text)
