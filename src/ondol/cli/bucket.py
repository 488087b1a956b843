"""`ondol bucket`: make buckets, look into them, remove them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ondol.cli.bucket_moves import send_files
from ondol.cli.bucket_names import BucketName, found_files, named, trimmed
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import field, print_json, print_rows, print_text, say
from ondol.cli.objects import open_objects
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import WrongUsageError, Yes, agreed
from ondol.cli.wording import clock, size
from ondol.model.errors import ConflictError, NotFoundError

app = App(name="bucket", help="Move files to and from buckets.")
app.command("ondol.cli.bucket_files:get", name="get")
app.command("ondol.cli.bucket_files:put", name="put")
app.command("ondol.cli.bucket_sync:sync_from", name="sync-from")
app.command("ondol.cli.bucket_sync:sync_to", name="sync-to")

Paths = Annotated[list[Path] | None, Parameter(negative="", consume_multiple=True)]


@app.command
def create(
    *names: str,
    name: BucketName = None,
    files: Paths = None,
    folder: Paths = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a bucket; nothing happens where you have it already.

    Parameters
    ----------
    names:
        Its name, or --name.
    files:
        Files to send there.
    folder:
        Folders whose content to send there.
    """
    bucket, more = named(name, names)
    if more:
        raise WrongUsageError(f"One bucket at a time: {bucket}, or {more[0]}?")
    sent = found_files(files or (), folder or (), "")
    with open_api(where) as api:
        objects = open_objects(api)
        objects.create(bucket)
        total = send_files(objects, bucket, sent, out) if sent else 0
    if out.json:
        print_json({"name": bucket, "sent": len(sent), "bytes": total})
        return
    print_text(bucket)
    if sent:
        say(f"{len(sent)} files, {size(total)}, to {bucket}", out)


@app.command(name="list")
def list_(
    *names: str,
    name: BucketName = None,
    prefix: Annotated[str, Parameter(name=("--prefix", "--folder", "-f"))] = "",
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List your buckets, or what is in one.

    Parameters
    ----------
    names:
        The bucket to look into, or --name.
    prefix:
        Only keys that begin with it.
    """
    bucket, more = named(name, names, needed=False)
    if more:
        raise WrongUsageError(f"One bucket at a time: {bucket}, or {more[0]}?")
    with open_api(where) as api:
        objects = open_objects(api)
        if not bucket:
            rows = [{"name": one, "created": created} for one, created in objects.names()]
            columns = (field("NAME", "name"), field("CREATED (UTC)", "created", clock))
            print_rows(rows, columns, out=out, empty="No buckets: 'ondol bucket create' makes one.", key="name")
            return
        found = objects.listing(bucket, trimmed(prefix))
    print_rows(
        [{"key": one.key, "size": one.size, "etag": one.etag, "modified": one.modified} for one in found],
        (field("KEY", "key"), field("SIZE", "size", size, right=True), field("MODIFIED (UTC)", "modified", clock)),
        out=out,
        empty=f"{bucket} is empty." if not prefix else f"Nothing in {bucket} begins with {prefix}.",
        key="key",
    )


@app.command
def delete(
    *names: str,
    name: BucketName = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    yes: Yes = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Remove objects, or a bucket.

    Parameters
    ----------
    names:
        The bucket, or --name; then objects in it, and folders, which end with a slash. Without any, the bucket goes.
    force:
        Remove a bucket although there is something in it.
    """
    bucket, keys = named(name, names)
    with open_api(where) as api:
        objects = open_objects(api)
        found = [one.key for one in objects.listing(bucket)]
        if keys:
            wanted = [trimmed(key) for key in keys]
            gone = sorted({key for key in found if any(_meant(key, one) for one in wanted)})
            missing = [one for one in wanted if not any(_meant(key, one) for key in gone)]
            if missing:
                raise NotFoundError("object", ", ".join(f"{bucket}/{key}" for key in missing))
            if not agreed(f"Remove from {bucket} objects:", len(gone), yes=yes or len(gone) <= len(keys)):
                return 1
            objects.remove(bucket, gone)
            print_json({"bucket": bucket, "removed": gone}) if out.json else say(
                f"{len(gone)} objects removed from {bucket}", out
            )
            return 0
        if found and not force:
            raise ConflictError(f"{bucket} holds {len(found)} objects: add --force to remove them with it")
        if not agreed(f"Remove {bucket} with objects:", len(found), yes=yes):
            return 1
        objects.remove(bucket, found)
        objects.remove_bucket(bucket)
    print_json({"bucket": bucket, "removed": found}) if out.json else say(f"{bucket} is removed", out)
    return 0


def _meant(key: str, wanted: str) -> bool:
    return key.startswith(wanted) if wanted.endswith("/") else key == wanted
