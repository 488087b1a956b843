"""Routes of a task's snapshots: one now, every so often, and how far one is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from ondol.control.ports import SnapshotState
from ondol.model.conditions import SnapshotConfig
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.task_limits import path_limits, pattern_limits
from ondol.server.api.times import wire_time
from ondol.server.api.wire_in import Snapshot, read_body

router = APIRouter(tags=["snapshots"])
Key = Annotated[str, Path(description="UUID or shortname of the task")]
LONGEST_S = 10**9  # of an interval; clients count in 32 bits [s]


@router.post("/tasks/{key}/snapshot", summary="Upload the results so far", openapi_extra=body_docs(Snapshot))
def snapshot(key: Key, caller: Caller, desk: DeskIn, body: JsonBody) -> dict[str, str]:
    """With the filters, bucket and prefix of the body, or of the last time where it names none; answers its id."""
    asked = read_body(Snapshot, body or {})
    config = _config(asked) if _speaks(asked) else None
    try:
        return {"id": desk.snapshot(caller.id, key, config)}
    except ConflictError as error:
        raise ForbiddenError(str(error)) from error


@router.post("/tasks/{key}/snapshot/periodic", summary="Upload results now and then", openapi_extra=body_docs(Snapshot))
def periodic(key: Key, caller: Caller, desk: DeskIn, body: JsonBody) -> Response:
    """Every `interval` seconds of wall time; 0 stops it."""
    asked = read_body(Snapshot, body or {})
    if asked.interval is None or not 0 <= asked.interval <= LONGEST_S:
        raise InvalidFieldError("interval", asked.interval, f"seconds, 0 (stop) to {LONGEST_S}")
    try:
        desk.set_periodic_snapshot(caller.id, key, _config(asked))
    except ConflictError as error:
        raise ForbiddenError(str(error)) from error
    return Response()


@router.get("/tasks/{key}/snapshot/{snapshot_id}", summary="How far a snapshot is")
def snapshot_state(key: Key, snapshot_id: str, caller: Caller, desk: DeskIn) -> dict[str, Any]:
    """`status` is Triggered, InProgress, Success or Failure."""
    return snapshot_out(desk.snapshot_state(caller.id, key, snapshot_id))


def snapshot_out(state: SnapshotState) -> dict[str, Any]:
    """Write how far a snapshot is."""
    return {
        "id": state.id,
        "taskUuid": state.task_id,
        "triggerDate": wire_time(state.trigger_at),
        "lastUpdateDate": wire_time(state.updated_at),
        "snapshotConfig": {
            "whitelist": state.config.whitelist or None,
            "blacklist": state.config.blacklist or None,
            "bucket": state.config.bucket or None,
            "bucketPrefix": state.config.prefix or None,
        },
        "status": state.status,
        "sizeToUpload": state.size_bytes,
        "transferredSize": state.transferred_bytes,
    }


def _speaks(asked: Snapshot) -> bool:
    return bool(asked.whitelist or asked.blacklist or asked.bucket or asked.bucket_prefix)


def _config(asked: Snapshot) -> SnapshotConfig:
    for field, pattern in (("whitelist", asked.whitelist), ("blacklist", asked.blacklist)):
        for fault in pattern_limits(field, pattern) if pattern else ():
            raise fault
    for fault in path_limits((("bucket", asked.bucket), ("bucketPrefix", asked.bucket_prefix))):
        raise fault
    return SnapshotConfig(
        whitelist=asked.whitelist,
        blacklist=asked.blacklist,
        bucket=asked.bucket,
        prefix=asked.bucket_prefix,
        interval_s=asked.interval or 0,
    )
