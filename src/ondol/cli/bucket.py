"""`ondol bucket`: files for jobs, and what jobs leave."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ondol.cli.bucket_moves import fetch_files, send_files, sync_from, sync_to
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import AsJson, field, print_json, print_rows, print_text
from ondol.cli.objects import files_below, open_objects, place_of
from ondol.cli.wording import clock, size
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError

app = App(name="bucket", help="Move files to and from buckets.")


@app.command
def create(name: str, /, *, where: Where = HERE) -> None:
    """Make a bucket; nothing happens where you have it already."""
    with open_api(where) as api:
        open_objects(api).create(name)
    print_text(name)


@app.command(name="list")
def list_(name: str | None = None, /, *, prefix: str = "", as_json: AsJson = False, where: Where = HERE) -> None:
    """List your buckets, or what is in one.

    Parameters
    ----------
    name:
        The bucket to look into.
    prefix:
        Only keys that begin with it.
    """
    with open_api(where) as api:
        objects = open_objects(api)
        if name is None:
            rows = [{"name": bucket, "created": created} for bucket, created in objects.names()]
            columns = (field("NAME", "name"), field("CREATED (UTC)", "created", clock))
            print_rows(rows, columns, as_json=as_json, empty="No buckets yet: 'ondol bucket create' makes one.")
            return
        found = objects.listing(name, prefix)
    print_rows(
        [{"key": one.key, "size": one.size, "etag": one.etag, "modified": one.modified} for one in found],
        (field("KEY", "key"), field("SIZE", "size", size, right=True), field("MODIFIED (UTC)", "modified", clock)),
        as_json=as_json,
        empty=f"{name} is empty.",
    )


@app.command
def get(
    name: str,
    key: str | None = None,
    /,
    *,
    to: Annotated[Path, Parameter(allow_leading_hyphen=True)] = Path(),
    prefix: str = "",
    where: Where = HERE,
) -> None:
    """Fetch one object, or all of a bucket.

    Parameters
    ----------
    name:
        The bucket.
    key:
        The object; without it, all of them.
    to:
        Folder or, for one object, file to write; "-" writes one object to standard output.
    prefix:
        Only keys that begin with it; it is cut off from the names of the files.
    """
    with open_api(where) as api:
        objects = open_objects(api)
        if key is not None and str(to) == "-":
            sys.stdout.buffer.write(objects.read(name, key))
            return
        if key is None:
            found = [one for one in objects.listing(name, prefix) if not one.key.endswith("/")]
            wanted = [(one.key, one.size, place_of(to, one.key.removeprefix(prefix))) for one in found]
        else:
            one = next((one for one in objects.listing(name, key) if one.key == key), None)
            if one is None:
                raise NotFoundError("object", f"{name}/{key}")
            wanted = [(key, one.size, place_of(to, key.rpartition("/")[2]) if to.is_dir() else to)]
        total = fetch_files(objects, name, wanted)
    print_text(f"{len(wanted)} files, {size(total)}, from {name}")


@app.command
def put(name: str, /, *paths: Path, prefix: str = "", where: Where = HERE) -> None:
    """Send files, and folders with all below them.

    Parameters
    ----------
    name:
        The bucket.
    paths:
        Files keep their name; of a folder, the names below it are kept.
    prefix:
        Put before every key, e.g. "scene/".
    """
    if not paths:
        raise InvalidFieldError("paths", "", "at least one file or folder")
    files: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            files += [(prefix + below, file) for below, file in files_below(path)]
        elif path.is_file():
            files.append((prefix + path.name, path))
        else:
            raise NotFoundError("file", str(path))
    with open_api(where) as api:
        total = send_files(open_objects(api), name, files)
    print_text(f"{len(files)} files, {size(total)}, to {name}")


Delete = Annotated[bool, Parameter(name="--delete", negative="--no-delete")]


@app.command(name="sync-to")
def sync_to_(
    folder: Path, name: str, /, *, prefix: str = "", delete: Delete = True, as_json: AsJson = False, where: Where = HERE
) -> None:
    """Make a bucket like a folder: send what differs, remove what the folder does not have.

    Parameters
    ----------
    folder:
        The folder to copy.
    name:
        The bucket.
    prefix:
        Only the part of the bucket below this, e.g. "scene/".
    delete:
        Remove objects that the folder does not have.
    """
    with open_api(where) as api:
        _tell(sync_to(open_objects(api), folder, name, prefix, delete=delete), "sent", as_json=as_json)


@app.command(name="sync-from")
def sync_from_(
    name: str,
    folder: Path,
    /,
    *,
    prefix: str = "",
    delete: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    where: Where = HERE,
) -> None:
    """Make a folder like a bucket: fetch what differs.

    Parameters
    ----------
    name:
        The bucket to copy.
    folder:
        The folder, made where it is missing.
    prefix:
        Only the part of the bucket below this, e.g. "scene/".
    delete:
        Remove files that the bucket does not have; files stay without it.
    """
    with open_api(where) as api:
        _tell(sync_from(open_objects(api), name, prefix, folder, delete=delete), "fetched", as_json=as_json)


@app.command
def delete(
    name: str, /, *keys: str, force: Annotated[bool, Parameter(negative="")] = False, where: Where = HERE
) -> None:
    """Remove objects, or a bucket.

    Parameters
    ----------
    name:
        The bucket.
    keys:
        Objects in it; without any, the bucket itself goes.
    force:
        Remove a bucket although there is something in it.
    """
    with open_api(where) as api:
        objects = open_objects(api)
        found = [one.key for one in objects.listing(name)]
        if keys:
            missing = sorted(set(keys) - set(found))
            if missing:
                raise NotFoundError("object", ", ".join(f"{name}/{key}" for key in missing))
            objects.remove(name, list(keys))
            print_text(f"{len(keys)} objects removed from {name}")
            return
        if found and not force:
            raise ConflictError(f"{name} holds {len(found)} objects: add --force to remove them with it")
        objects.remove(name, found)
        objects.remove_bucket(name)
    print_text(f"{name} is removed")


def _tell(counts: tuple[int, int, int], verb: str, *, as_json: bool) -> None:
    moved, gone, same = counts
    if as_json:
        print_json({verb: moved, "removed": gone, "same": same})
    else:
        print_text(f"{moved} {verb}, {gone} removed, {same} as they were")
