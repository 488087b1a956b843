"""`ondol task snapshot`: uploads of what running tasks have so far, once or every so often."""

from __future__ import annotations

import time
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from ondol.cli.api import Api
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kinds import TASKS
from ondol.cli.listing import print_json, print_pairs, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import ANY, Which, one
from ondol.cli.wording import clock, size
from ondol.model.errors import InvalidFieldError, UnavailableError

app = App(name="snapshot", help="Upload what running tasks have so far.")
_ENDS = {"success": 0, "failure": 3}
_PAUSE_S = 0.5

Periodic = Annotated[int | None, Parameter(help="Every so many seconds; 0 stops that.")]
Whitelist = Annotated[str | None, Parameter(help="Regular expression of the files.", allow_leading_hyphen=True)]
Blacklist = Annotated[
    str | None, Parameter(help="Regular expression of the files to leave out.", allow_leading_hyphen=True)
]
Bucket = Annotated[str | None, Parameter(help="BUCKET or BUCKET/PREFIX; that of the results where nothing is said.")]
SnapshotId = Annotated[str, Parameter(help="What 'ondol task snapshot' printed.")]


@app.default
def snapshot(
    *keys: str,
    periodic: Periodic = None,
    whitelist: Whitelist = None,
    blacklist: Blacklist = None,
    bucket: Bucket = None,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Upload what a running task has so far; prints the snapshot's id.

    Parameters
    ----------
    keys:
        The task's id or the first digits of it, its short name, or its name.
    """
    trigger(keys, periodic, whitelist, blacklist, bucket, which=which, out=out, where=where)


@app.command
def create(
    *keys: str,
    periodic: Periodic = None,
    whitelist: Whitelist = None,
    blacklist: Blacklist = None,
    bucket: Bucket = None,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Upload what a running task has so far; prints the snapshot's id.

    Parameters
    ----------
    keys:
        The task's id or the first digits of it, its short name, or its name.
    """
    trigger(keys, periodic, whitelist, blacklist, bucket, which=which, out=out, where=where)


@app.command
def get(*keys: str, snapshot_id: SnapshotId, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> None:
    """Tell how far a snapshot is.

    Parameters
    ----------
    keys:
        The task's id or the first digits of it, its short name, or its name.
    """
    with open_api(where) as api:
        _show(dict(api.get(_path(api, keys, which, snapshot_id))), out)


@app.command
def wait(
    *keys: str,
    snapshot_id: SnapshotId,
    timeout: float | None = None,
    update_interval: Annotated[float, Parameter(show=False)] = _PAUSE_S,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Wait for a snapshot; exit code 0 uploaded, 3 failed.

    Parameters
    ----------
    keys:
        The task's id or the first digits of it, its short name, or its name.
    timeout:
        Longest wait in seconds; the exit code is 1 then.
    """
    longest_s = None if timeout is None or timeout < 0 else timeout
    with open_api(where) as api:
        begun = time.monotonic()
        path = _path(api, keys, which, snapshot_id)
        while True:
            state = dict(api.get(path))
            code = _ENDS.get(str(state.get("status", "")).lower())
            if code is not None:
                _show(state, out)
                return code
            if longest_s is not None and time.monotonic() - begun > longest_s:
                raise UnavailableError(f"Snapshot {snapshot_id} is not over after {longest_s:g} s; it goes on")
            time.sleep(min(10.0, max(0.1, update_interval)))


def trigger(
    keys: tuple[str, ...],
    periodic: int | None,
    whitelist: str | None,
    blacklist: str | None,
    bucket: str | None,
    *,
    which: Which,
    out: Out,
    where: Where,
) -> None:
    """Ask for a snapshot now, or for one every `periodic` seconds."""
    if periodic is not None and periodic < 0:
        raise InvalidFieldError("--periodic", periodic, "seconds, or 0 to stop")
    name, _, prefix = (bucket or "").partition("/")
    given = {"whitelist": whitelist, "blacklist": blacklist, "bucket": name or None, "bucketPrefix": prefix or None}
    body: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    with open_api(where) as api:
        task_id = str(one(api, TASKS, keys, which)["uuid"])
        path = f"{TASKS.path(task_id)}/snapshot"
        if periodic is not None:
            api.post(f"{path}/periodic", {"interval": periodic, **body})
            said = f"uploads what it has every {periodic} s" if periodic else "has no periodic snapshots any more"
            print_json({"uuid": task_id, "interval": periodic}) if out.json else say(f"{task_id} {said}", out)
            return
        made = api.post(path, body)
    print_json(made) if out.json else print_text(str(made["id"]))


def _path(api: Api, keys: tuple[str, ...], which: Which, snapshot_id: str) -> str:
    return f"{TASKS.path(str(one(api, TASKS, keys, which)['uuid']))}/snapshot/{quote(snapshot_id, safe='')}"


def _show(state: dict[str, Any], out: Out) -> None:
    if out.json:
        print_json(state)
        return
    done, all_ = state.get("transferredSize"), state.get("sizeToUpload")
    print_pairs(
        [
            ("id", state.get("id")),
            ("status", state.get("status")),
            ("begun", clock(state.get("triggerDate"))),
            ("looked at", clock(state.get("lastUpdateDate"))),
            ("uploaded", f"{size(done)} of {size(all_)}" if done is not None or all_ is not None else ""),
        ],
        out,
    )
