"""`ondol bucket get` and `put`: files and texts from and to buckets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ondol.cli.bucket_moves import fetch_files, send_files
from ondol.cli.bucket_names import BucketName, as_folder, found_files, named, trimmed
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import print_json, say
from ondol.cli.objects import Objects, open_objects, place_of
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import Several, WrongUsageError, several
from ondol.cli.wording import size
from ondol.model.errors import NotFoundError

Paths = list[Path] | None


def get(
    *names: str,
    name: BucketName = None,
    to: Annotated[Path, Parameter(name=("--to", "--local-path", "-l"), allow_leading_hyphen=True)] = Path(),
    prefix: str = "",
    bucket_folder: Annotated[
        Several, several("Folders of it to fetch; their names are kept.", "--bucket-folder", "-b")
    ] = None,
    bucket_file: Annotated[
        Several, several("Objects to fetch; the folders in their keys are kept.", "--bucket-file", "-f")
    ] = None,
    string: Annotated[str | None, Parameter(name=("--string", "-s"))] = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Fetch objects, or all of a bucket.

    Parameters
    ----------
    names:
        The bucket, or --name; then one object. Without any, all of them.
    to:
        Folder or, for one object, file to write; "-" writes one object to standard output.
    prefix:
        Only keys that begin with it; it is cut off from the names of the files.
    string:
        An object to print.
    """
    bucket, keys = named(name, names)
    if len(keys) > 1:
        raise WrongUsageError("One object at a time; several with --bucket-file KEY KEY …")
    with open_api(where) as api:
        objects = open_objects(api)
        shown = string if string is not None else (keys[0] if keys and str(to) == "-" else None)
        if shown is not None:
            sys.stdout.flush()
            objects.pour(bucket, trimmed(shown), sys.stdout.buffer.write)
            sys.stdout.buffer.flush()
            return
        if bucket_folder or bucket_file:
            wanted = _chosen(objects, bucket, bucket_file or (), bucket_folder or (), to)
        elif keys:
            key = trimmed(keys[0])
            place = place_of(to, key.rpartition("/")[2]) if to.is_dir() else to
            wanted = [(key, objects.size_of(bucket, key), place)]
        else:
            found = [one for one in objects.listing(bucket, prefix) if not one.key.endswith("/")]
            wanted = [(one.key, one.size, place_of(to, one.key.removeprefix(prefix))) for one in found]
        total = fetch_files(objects, bucket, wanted, out)
    if out.json:
        print_json([{"key": key, "size": count, "file": str(path)} for key, count, path in wanted])
    else:
        say(f"{len(wanted)} files, {size(total)}, from {bucket}", out)


def put(
    *names: str,
    name: BucketName = None,
    local_folder: Annotated[
        Paths,
        Parameter(name=("--local-folder", "-l"), negative="", consume_multiple=True, help="Folders to send."),
    ] = None,
    local_file: Annotated[
        Paths, Parameter(name=("--local-file", "-f"), negative="", consume_multiple=True, help="Files to send.")
    ] = None,
    prefix: str = "",
    bucket_path: Annotated[str | None, Parameter(name=("--bucket-path", "-b"))] = None,
    string: Annotated[str | None, Parameter(name=("--string", "-s"), allow_leading_hyphen=True)] = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Send files, and folders with all below them.

    Parameters
    ----------
    names:
        The bucket, or --name; then files and folders. Files keep their name; of a folder, the names below are kept.
    prefix:
        Put before every key, e.g. "scene/".
    bucket_path:
        Folder to put it into; with --string, the key of the object.
    string:
        A text to send.
    """
    bucket, paths = named(name, names)
    if string is not None:
        key = trimmed(bucket_path or "")
        if not key or key.endswith("/") or paths or local_file or local_folder:
            raise WrongUsageError("--string goes alone, and needs --bucket-path: the key of the object")
        with open_api(where) as api:
            open_objects(api).put_text(bucket, prefix + key, string)
        count = len(string.encode())
        print_json([{"key": prefix + key, "size": count}]) if out.json else say(
            f"{prefix + key}, {size(count)}, to {bucket}", out
        )
        return
    given = [Path(path) for path in paths]
    folders = [*(path for path in given if path.is_dir()), *(local_folder or ())]
    loose = [*(path for path in given if not path.is_dir()), *(local_file or ())]
    if not folders and not loose:
        raise WrongUsageError("What is to be sent? Name files or folders")
    files = found_files(loose, folders, as_folder(bucket_path or "") + prefix)
    with open_api(where) as api:
        total = send_files(open_objects(api), bucket, files, out)
    if out.json:
        print_json([{"key": key, "size": path.stat().st_size, "file": str(path)} for key, path in files])
    else:
        say(f"{len(files)} files, {size(total)}, to {bucket}", out)


def _chosen(
    objects: Objects, bucket: str, files: Sequence[str], folders: Sequence[str], to: Path
) -> list[tuple[str, int, Path]]:
    """Objects and folders by name, with the place of each."""
    wanted = [(key, objects.size_of(bucket, key), place_of(to, key)) for key in map(trimmed, files)]
    for folder in map(as_folder, folders):
        found = [one for one in objects.listing(bucket, folder) if not one.key.endswith("/")]
        if not found:
            raise NotFoundError("folder", f"{bucket}/{folder}")
        wanted += [(one.key, one.size, place_of(to, one.key)) for one in found]
    return wanted
