"""`ondol bucket sync-to` and `sync-from`: make one side like the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ondol.cli.bucket_moves import sync_from as fetch_all
from ondol.cli.bucket_moves import sync_to as send_all
from ondol.cli.bucket_names import BucketName, as_folder
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import print_json, say
from ondol.cli.objects import open_objects
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import WrongUsageError

LocalPath = Annotated[Path | None, Parameter(name=("--local-path", "-l"), help="The folder.")]
BucketFolder = Annotated[str | None, Parameter(name=("--bucket-folder", "-b"), help="Only this folder of the bucket.")]


def sync_to(
    *names: str,
    name: BucketName = None,
    local_path: LocalPath = None,
    bucket_folder: BucketFolder = None,
    prefix: str = "",
    delete: Annotated[bool, Parameter(name="--delete", negative="--no-delete")] = True,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a bucket like a folder: send what differs, remove what the folder does not have.

    Parameters
    ----------
    names:
        FOLDER BUCKET, or --local-path and --name.
    prefix:
        Only the part of the bucket below this, e.g. "scene/".
    delete:
        Remove objects that the folder does not have.
    """
    folder, bucket = _both(names, local_path, name, "FOLDER BUCKET")
    below = as_folder(bucket_folder) if bucket_folder is not None else prefix
    with open_api(where) as api:
        _tell(send_all(open_objects(api), Path(folder), bucket, below, delete=delete, out=out), "sent", out)


def sync_from(
    *names: str,
    name: BucketName = None,
    local_path: LocalPath = None,
    bucket_folder: BucketFolder = None,
    prefix: str = "",
    delete: Annotated[bool, Parameter(name="--delete", negative="--no-delete")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a folder like a bucket: fetch what differs.

    Parameters
    ----------
    names:
        BUCKET FOLDER, or --name and --local-path. The folder is made where it is missing.
    prefix:
        Only the part of the bucket below this, e.g. "scene/".
    delete:
        Remove files that the bucket does not have; files stay without it.
    """
    bucket, folder = _both(names, name, local_path, "BUCKET FOLDER")
    below = as_folder(bucket_folder) if bucket_folder is not None else prefix
    with open_api(where) as api:
        _tell(fetch_all(open_objects(api), bucket, below, Path(folder), delete=delete, out=out), "fetched", out)


def _both(names: Sequence[str], first: object, second: object, order: str) -> tuple[str, str]:
    """Two places, each from its option or from what stands on the command line in order."""
    left = list(names)
    one = str(first) if first is not None else (left.pop(0) if left else "")
    other = str(second) if second is not None else (left.pop(0) if left else "")
    if left or not one or not other:
        raise WrongUsageError(f"Name both: {order}, or --name and --local-path")
    return one, other


def _tell(counts: tuple[int, int, int], verb: str, out: Out) -> None:
    moved, gone, same = counts
    if out.json:
        print_json({verb: moved, "removed": gone, "same": same})
    else:
        say(f"{moved} {verb}, {gone} removed, {same} as they were", out)
