"""A platform as users of public samples know it: the images that scripts name are there, and more than a few slots."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import image_trees
from acceptance.asking import abort_all, ondol
from acceptance.platform import SMALL_FLEET, Up
from ondol.engine.images.podman import Podman

FLEET = SMALL_FLEET.replace("host_cores = 0.3", "host_cores = 2.0\nslots = 4\nmemory_mib = 1024")
SHELL_IMAGE = "house/solver"  # its entry point is a shell, as that of images for one program often is
_DEBIAN = {"ubuntu:latest": "Ubuntu of the tests\n", "debian:12": "Debian of the tests\n"}


def containers_work() -> str:
    """Empty where containers run here, else why they do not."""
    rows = json.loads(ondol("doctor", "--json").stdout)["findings"]
    found = str(next(row["found"] for row in rows if row["what"] == "containers"))
    return "" if found.startswith("work") else found


def import_images(folder: Path, store: Path) -> None:
    """Put the images of the samples into a store, made of this machine's Debian packages.

    Parameters
    ----------
    folder : room for their trees
    """
    podman = Podman(store_root=store)
    for name, issue in _DEBIAN.items():
        tree = image_trees.debian_tree(folder / name.replace(":", "-"), issue)
        image_trees.image(podman, tree, f"docker.io/library/{name}")
        if name == "ubuntu:latest":
            image_trees.image(podman, tree, f"docker.io/{SHELL_IMAGE}:2020.2", 'ENTRYPOINT ["/bin/sh","-c"]')
        shutil.rmtree(tree)
    tree = image_trees.busybox_tree(folder / "busybox")
    (tree / "etc" / "issue").write_text("busybox of the tests\n")
    image_trees.image(podman, tree, "docker.io/library/busybox:1.36")
    shutil.rmtree(tree)


def open_house(folder: Path) -> Iterator[Up]:
    """Run the platform, with a store of images of its own; skips where containers cannot run."""
    why = containers_work()
    if why:
        pytest.skip(f"containers cannot run here: {why}")
    store = folder / "images"
    store.mkdir()
    up = Up(folder, fleet=FLEET)
    try:
        import_images(folder, store)
        with pytest.MonkeyPatch.context() as env:
            env.setenv("ONDOL_IMAGE_STORE", str(store))
            up.start()
        yield up
        abort_all(up.connection())
    finally:
        up.stop()
        image_trees.forget_store(store)
