"""Unpacked trees of images on the disk, which attempts use them, and which has to go when room is short."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from ondol.engine.images.image import Image, ImageConfig
from ondol.engine.images.podman import Stored
from ondol.model.errors import ConflictError, UnavailableError

_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Trees:
    """``trees/<id>/{rootfs,image.json,used}`` and ``pins/<attempt>`` below one folder.

    A tree appears whole or not at all. A pin is a file, so that what runs keeps its image over a restart.

    Parameters
    ----------
    folder : made where it is missing
    limit_bytes : sum of the trees; what is pinned stays even above it
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._trees = folder / "trees"
        self._pins = folder / "pins"
        for each in (self._trees, self._pins):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._limit_bytes = limit_bytes
        self._inner = threading.RLock()
        self._lock_file = folder / "lock"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads and other processes on this folder out; pins and removals happen inside."""
        with self._inner:
            fd = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                yield
            finally:
                os.close(fd)

    def sweep(self) -> None:
        """Remove what a killed unpacking or removing left; to be called before there are others."""
        for path in self._trees.glob(".*"):
            shutil.rmtree(path, ignore_errors=True)

    def get(self, image_id: str) -> Image | None:
        """An image by its id, None where its tree is not here."""
        path = self._trees / image_id
        try:
            said = json.loads((path / "image.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return Image(
            id=image_id,
            rootfs=path / "rootfs",
            config=ImageConfig.read(said["config"]),
            size_bytes=int(said["size_bytes"]),
            pulled=bool(said["pulled"]),
        )

    def all(self) -> list[Image]:
        """Every tree that is here, least lately used first."""
        paths = [path for path in self._trees.iterdir() if not path.name.startswith(".")]
        paths.sort(key=lambda path: (_used_s(path), path.name))
        return [image for path in paths if (image := self.get(path.name))]

    def used_at_s(self, image_id: str) -> float:
        """When an attempt took it last [s since the epoch], 0 where unknown."""
        return _used_s(self._trees / image_id)

    def make(self, stored: Stored, fill: Callable[[Path], None], *, pulled: bool) -> Image:
        """Unpack an image that is not here yet; raises what `fill` raises, UnavailableError where it is too large.

        Parameters
        ----------
        fill : writes the tree into the folder that it is given
        """
        if stored.size_bytes > self._limit_bytes:
            raise UnavailableError(
                f"It needs {stored.size_bytes / 1e9:.1f} GB, the image cache holds {self._limit_bytes / 1e9:.1f} GB: "
                "the operator can raise that with --image-cache"
            )
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=self._trees))
        try:
            (fresh / "rootfs").mkdir(mode=0o755)
            fill(fresh / "rootfs")
            (fresh / "rootfs").chmod(0o755)  # 0700 of an image made by a careful umask would lock its own user out
            said = {"config": stored.config.to_json(), "size_bytes": _size_of(fresh), "pulled": pulled}
            (fresh / "image.json").write_text(json.dumps(said), encoding="utf-8")
            (fresh / "used").touch()
            # A power cut after the renaming must not leave files whose bytes were never written.
            subprocess.run(["sync", "--file-system", str(fresh)], check=True, capture_output=True, timeout=600.0)
            with contextlib.suppress(OSError):  # where another thread was faster, its tree is as good
                fresh.rename(self._trees / stored.id)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        image = self.get(stored.id)
        if image is None:
            raise UnavailableError(
                f"The tree of {stored.id[:12]} vanished while it was made; the task can be tried again"
            )
        return image

    def pin(self, pin: str, image: Image | None) -> None:
        """Note that an attempt uses an image, None for the host's tree; call inside `locked`.

        Raises UnavailableError where the tree was removed meanwhile.
        """
        if not _PIN.fullmatch(pin):
            raise ConflictError(f"{pin!r} is no name of an attempt")
        if image is not None:
            try:
                (self._trees / image.id / "used").touch()
                os.utime(self._trees / image.id / "used")
            except OSError as error:
                raise UnavailableError("The image was removed while it was got ready; try again") from error
        partial = self._pins / f".{pin}"
        partial.write_text("" if image is None else image.id, encoding="utf-8")
        partial.replace(self._pins / pin)

    def pinned(self, pin: str) -> str | None:
        """Id of the image that an attempt uses, empty for the host's tree, None where nothing is noted."""
        try:
            return (self._pins / pin).read_text(encoding="utf-8") if _PIN.fullmatch(pin) else None
        except FileNotFoundError:
            return None

    def unpin(self, pin: str) -> None:
        """Forget what an attempt uses."""
        if _PIN.fullmatch(pin):
            (self._pins / pin).unlink(missing_ok=True)

    def keep_pins(self, wanted: Collection[str]) -> None:
        """Forget all pins but these: an earlier life may have left some."""
        for path in self._pins.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def in_use(self) -> set[str]:
        """Ids of images that attempts use now."""
        return {found for path in self._pins.iterdir() if (found := self.pinned(path.name))}

    def remove(self, image_id: str) -> None:
        """Take one tree away, for `discard` to free; raises ConflictError while it is in use. Call inside `locked`."""
        if image_id in self.in_use():
            raise ConflictError(f"The image {image_id[:12]} is in use by a task: wait for its end, or abort it")
        old = Path(tempfile.mkdtemp(prefix=".old-", dir=self._trees))
        with contextlib.suppress(FileNotFoundError):
            (self._trees / image_id).rename(old / "tree")

    def discard(self) -> None:
        """Free the room of trees that were taken away; it may take a while, so nobody is kept out meanwhile."""
        for path in self._trees.glob(".old-*"):
            shutil.rmtree(path, ignore_errors=True)

    def make_room(self) -> list[Image]:
        """Take the least lately used trees away until the limit holds; gives those. Call inside `locked`."""
        images, busy = self.all(), self.in_use()
        excess = sum(image.size_bytes for image in images) - self._limit_bytes
        removed = []
        for image in images:
            if excess <= 0:
                break
            if image.id not in busy:
                self.remove(image.id)
                excess -= image.size_bytes
                removed.append(image)
        return removed


def _used_s(path: Path) -> float:
    try:
        return (path / "used").stat().st_mtime
    except OSError:
        return 0.0


def _size_of(folder: Path) -> int:
    """Bytes that a tree takes on the disk; a file with several names counts once."""
    total, seen = 0, set()
    for _, _, names, at in os.fwalk(folder):
        for name in names:
            found = os.stat(name, dir_fd=at, follow_symlinks=False)
            if found.st_nlink == 1 or (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
    return total
