"""`ondol image`: container images on this machine, for who operates it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ondol.cli.listing import AsJson, field, print_rows, print_text
from ondol.cli.wording import size
from ondol.control.layout import data_folder
from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from ondol.engine.images.podman import Podman
    from ondol.engine.images.trees import Trees

app = App(name="image", help="Container images on this machine: list, import, remove.")

_COLUMNS = (
    field("NAME", "name"),
    field("ID", "short_id"),
    field("SIZE", "size_bytes", size, right=True),
    field("UNPACKED", "unpacked_bytes", size, right=True),
    field("IN USE", "in_use", lambda used: "yes" if used else "no"),
    field("FROM", "origin"),
)
Data = Annotated[Path | None, Parameter(help="Data folder of the platform [env: ONDOL_DATA, default: ./var/ondol].")]


@app.command(name="list")
def list_images(*, data: Data = None, as_json: AsJson = False) -> None:
    """List the images that tasks can use without a registry, and which of them are unpacked."""
    podman, trees = _podman(), _trees(data)
    unpacked = {image.id: image for image in trees.all()} if trees is not None else {}
    busy = trees.in_use() if trees is not None else set()
    rows = []
    for stored in podman.images():
        tree = unpacked.get(stored.id)
        rows += [
            {
                "name": name,
                "id": stored.id,
                "short_id": stored.id[:12],
                "size_bytes": stored.size_bytes,
                "unpacked_bytes": tree.size_bytes if tree is not None else None,
                "in_use": stored.id in busy,
                "origin": "a registry" if tree is not None and tree.pulled else "this machine",
            }
            for name in stored.names
        ]
    print_rows(rows, _COLUMNS, as_json=as_json, empty="No images: 'ondol image import FILE NAME' brings one here.")


@app.command(name="import")
def import_(file: Path, name: str, *, command: str = "", entrypoint: str = "", user: str = "") -> None:
    """Give an image to this machine, so that tasks can use it with no registry.

    Parameters
    ----------
    file:
        What 'podman save' or 'docker save' wrote, or a tar of a plain tree, e.g. of debootstrap.
    name:
        The name that tasks give it: ubuntu, ubuntu:22.04, owner/name:tag.
    command:
        For a plain tree: its command, e.g. 'bash -l'.
    entrypoint:
        For a plain tree: its entry point.
    user:
        For a plain tree: the user that runs it, root where left out.
    """
    import json
    import shlex

    from ondol.engine.images.reference import parse

    if not file.is_file():
        raise NotFoundError("file", str(file))
    changes = [
        f"{word} {json.dumps(shlex.split(text))}"
        for word, text in (("CMD", command), ("ENTRYPOINT", entrypoint))
        if text
    ]
    stored = _podman().load(file, parse(name).name, [*changes, *([f"USER {user}"] if user else [])])
    print_text(f"{parse(name).short} is here: {stored.id[:12]}, {size(stored.size_bytes)}")


@app.command
def remove(name: str, *, data: Data = None) -> None:
    """Remove an image and its unpacked tree; refused while a task uses it.

    Parameters
    ----------
    name:
        As 'ondol image list' shows it, or as tasks give it.
    """
    from ondol.engine.images.reference import parse

    podman, trees, reference = _podman(), _trees(data), parse(name)
    stored = podman.find(reference.local_names)
    if stored is None:
        raise NotFoundError("image", name)
    if trees is not None and trees.get(stored.id) is not None:
        with trees.locked():
            trees.remove(stored.id)
        trees.discard()
    podman.remove(next((known for known in reference.local_names if known in stored.names), reference.name))
    print_text(f"{reference.short} is removed")


def _podman() -> Podman:
    from ondol.control.container_house import named_store
    from ondol.engine.images.podman import Podman, find_podman

    program, reason = find_podman()
    if not program:
        raise UnavailableError(f"No images: {reason}. Install it: apt install podman runc")
    if os.geteuid() != 0:
        raise InvalidFieldError("user", os.geteuid(), "root, as the platform that uses these images: try sudo")
    return Podman(store_root=named_store(), program=program)


def _trees(data: Path | None) -> Trees | None:
    from ondol.engine.images.house import CACHE_BYTES
    from ondol.engine.images.trees import Trees

    folder = data_folder(data).images_dir
    return Trees(folder, CACHE_BYTES) if folder.is_dir() else None
