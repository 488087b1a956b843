"""Whether this installation runs containers, and the house of images that it then has."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection
from pathlib import Path

from ondol.control.profiles import Profiles, profiles_of
from ondol.control.task_images import TaskImages
from ondol.engine.images.house import CACHE_BYTES, ImageHouse
from ondol.engine.images.podman import Podman, find_podman
from ondol.engine.ports import Capabilities
from ondol.model.checks import check_range

STORE_VARIABLE = "ONDOL_IMAGE_STORE"


def named_store() -> Path | None:
    """Podman store that $ONDOL_IMAGE_STORE names, None for that of this machine."""
    text = os.environ.get(STORE_VARIABLE, "")
    return Path(text).resolve() if text else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """How containers get their images and their ports.

    Parameters
    ----------
    host_images : whether this host's own system may stand in for a general image that is nowhere to be had
    cache_bytes : most that unpacked images take, those in use aside, ≥ 1 MiB [bytes]
    forward_host : address at which ports of containers are opened to others
    store : folder of a podman store of our own, None for that of this machine; by default what $ONDOL_IMAGE_STORE names
    """

    host_images: bool = True
    cache_bytes: int = CACHE_BYTES
    forward_host: str = "127.0.0.1"
    store: Path | None = dataclasses.field(default_factory=named_store)

    def __post_init__(self) -> None:
        check_range("--image-cache", self.cache_bytes, 1 << 20, 1 << 60, "bytes")


class ContainerHouse:
    """Images and profiles of one installation.

    Parameters
    ----------
    folder : for unpacked images
    said : what the engine can do here
    live : attempts that may still need their image
    """

    def __init__(self, folder: Path, settings: ImageSettings, said: Capabilities, live: Collection[str]) -> None:
        program, _ = find_podman()
        self._house: ImageHouse | None = None
        if said.containers and program:
            self._house = ImageHouse(
                folder,
                Podman(store_root=settings.store, program=program),
                limit_bytes=settings.cache_bytes,
                host_images=settings.host_images,
            )
            self._house.begin(live)
        self.images = TaskImages(self._house, forward_host=settings.forward_host)
        self.profiles: Profiles = profiles_of(
            containers=self._house is not None, network=self._house is not None and said.container_network
        )

    def close(self) -> None:
        """End what is under way."""
        if self._house is not None:
            self._house.close()
