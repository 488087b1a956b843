"""What an image says of itself, and an image that is ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The part of an image's configuration that matters for running it (OCI image specification, config.md).

    Parameters
    ----------
    entrypoint, command : program and arguments; both may be empty
    environment : its variables
    user : name or number, perhaps with a group after a colon; empty for root
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""

    @staticmethod
    def read(config: Mapping[str, object]) -> ImageConfig:
        """Read the object ``Config`` of `podman image inspect`."""
        pairs = [text.partition("=") for text in _texts(config.get("Env"))]
        return ImageConfig(
            entrypoint=_texts(config.get("Entrypoint")),
            command=_texts(config.get("Cmd")),
            environment={name: value for name, _, value in pairs if name},
            user=str(config.get("User") or ""),
        )

    def to_json(self) -> dict[str, object]:
        """Give it in the form that `read` takes."""
        return {
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "User": self.user,
        }


@dataclass(frozen=True, slots=True)
class Image:
    """An image with its tree unpacked.

    Parameters
    ----------
    id : digest of its configuration, 64 hexadecimal digits; the same content has the same id everywhere
    rootfs : folder with its tree, only to be read
    size_bytes : of the tree
    pulled : whether we fetched it from a registry; what an operator imported is never removed from podman's store
    """

    id: str
    rootfs: Path
    config: ImageConfig
    size_bytes: int
    pulled: bool


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
