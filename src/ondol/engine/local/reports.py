"""Turns the record of an attempt into the report of the port, and finds attempts whose shim is gone."""

from __future__ import annotations

import time

from ondol.engine.local.folder import AttemptFolder
from ondol.engine.ports import AttemptReport, EndCause, RunState
from ondol.model.ids import AttemptId, NodeId


def report(folder: AttemptFolder) -> AttemptReport:
    """Report one attempt: as its shim says; LOST, after a sweep, where the shim is gone and left no end."""
    if folder.lost_at_s is None:
        ended = _ended(folder)
        if not ended and not folder.has_shim() and not _ended(folder):  # it may have ended between the two looks
            folder.lost_at_s = time.time()
    if folder.lost_at_s is not None and not folder.swept:
        folder.swept = folder.sweep()
    fields = folder.fields() or {}
    if folder.lost_at_s is not None:
        return AttemptReport(
            attempt_id=AttemptId(folder.attempt_id),
            node_id=NodeId(folder.node_id),
            state=RunState.ENDED,
            cpu_s=_number(fields, "cpu_s") or 0.0,
            memory_peak_bytes=int(_number(fields, "memory_peak_bytes") or 0),
            cause=EndCause.LOST,
            started_at_s=_number(fields, "started_at_s"),
            ended_at_s=folder.lost_at_s,
            message="Its supervising process disappeared: it was killed, or the machine was restarted",
        )
    exit_code = _number(fields, "exit_code")
    cause = fields.get("cause")
    return AttemptReport(
        attempt_id=AttemptId(folder.attempt_id),
        node_id=NodeId(folder.node_id),
        state=RunState(fields.get("state", "starting")),
        cpu_s=_number(fields, "cpu_s") or 0.0,
        memory_bytes=int(_number(fields, "memory_bytes") or 0),
        memory_peak_bytes=int(_number(fields, "memory_peak_bytes") or 0),
        exit_code=None if exit_code is None else int(exit_code),
        cause=None if cause is None else EndCause(cause),
        started_at_s=_number(fields, "started_at_s"),
        ended_at_s=_number(fields, "ended_at_s"),
        message=str(fields.get("message", "")),
        forwards=folder.forwards,
        held=bool(fields.get("held")) and fields.get("state") != RunState.ENDED.value,
    )


def _ended(folder: AttemptFolder) -> bool:
    fields = folder.fields()
    return fields is not None and fields["state"] == RunState.ENDED.value and folder.record_is_whole()


def _number(fields: dict[str, object], name: str) -> float | None:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) else None
