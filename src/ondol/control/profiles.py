"""Profiles: the ways to run a task, with the constants that each understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GENERAL_IMAGES = frozenset(
    prefix + name for prefix in ("", "library/") for name in ("ubuntu", "debian", "python", "busybox", "alpine")
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A way to run a task.

    Parameters
    ----------
    constants : (name, default value, description) that it understands
    commands : names of the constants that may hold the command, first found wins
    images : container images that may be named; None where there is no such bound
    container : whether the task runs in the image that it names
    network : whether it may reach the network
    """

    name: str
    constants: tuple[tuple[str, str, str], ...]
    commands: tuple[str, ...]
    images: frozenset[str] | None = None
    container: bool = False
    network: bool = False


PROCESS = Profile(
    name="process",
    constants=(("CMD", "", "command with arguments, split like a shell would; no shell runs it"),),
    commands=("CMD", "DOCKER_CMD"),
)

_COMMAND = "command with arguments, split like a shell would; no shell runs it"

# Without containers (ADR 5) the profile that scripts name runs the command on this host's own system tree, read-only,
# in the sandbox. It says so, and takes only images that such a tree can stand for.
DOCKER_BATCH_ON_HOST = Profile(
    name="docker-batch",
    constants=(
        ("DOCKER_REPO", "library/ubuntu", "runs on this host's system in a sandbox; general images only"),
        ("DOCKER_TAG", "latest", "not looked at: there is no image"),
        ("DOCKER_CMD", "", _COMMAND),
    ),
    commands=("DOCKER_CMD", "CMD"),
    images=GENERAL_IMAGES,
)

_CONTAINER_CONSTANTS = (
    ("DOCKER_REPO", "library/ubuntu", "image, as Docker names it"),
    ("DOCKER_TAG", "latest", "tag of the image"),
    ("DOCKER_CMD", "", f"{_COMMAND}; arguments of the image's entry point where it has one; empty: the image's own"),
    ("DOCKER_ENTRYPOINT", "", "in place of the image's entry point, and of its command too; given but empty: none"),
    ("DOCKER_WORKDIR", "", "folder that the command starts in; empty: where the resources are"),
    ("RESOURCES_PATH", "/job", "where resources are found and results are left"),
    ("DOCKER_READ_ONLY", "false", "true: only resources, checkpoint and /tmp can be written"),
    ("DOCKER_REGISTRY", "docker.io", "registry of an image whose name has none"),
    ("DOCKER_REGISTRY_LOGIN", "", "user at the registry; not given to the command"),
    ("DOCKER_REGISTRY_PASSWORD", "", "password or token of that user; not given to the command"),
)
DOCKER_BATCH = Profile(
    name="docker-batch", constants=_CONTAINER_CONSTANTS, commands=("DOCKER_CMD", "CMD"), container=True
)
DOCKER_NETWORK = Profile(
    name="docker-network", constants=_CONTAINER_CONSTANTS, commands=("DOCKER_CMD", "CMD"), container=True, network=True
)
KEPT_BACK = frozenset(
    prefix + name
    for prefix in ("", "QARNOT_SECRET__")
    for name in ("DOCKER_REGISTRY_LOGIN", "DOCKER_REGISTRY_PASSWORD")
)

Profiles = Mapping[str, Profile]


def profiles_of(*, containers: bool, network: bool) -> Profiles:
    """Give the profiles of a machine by name.

    Parameters
    ----------
    containers : whether it runs containers
    network : whether these may have a network
    """
    found = [DOCKER_BATCH if containers else DOCKER_BATCH_ON_HOST, PROCESS]
    if containers and network:
        found.append(DOCKER_NETWORK)
    return {profile.name: profile for profile in sorted(found, key=lambda profile: profile.name)}


PROFILES = profiles_of(containers=False, network=False)
ALL = {profile.name: profile for profile in (DOCKER_BATCH, DOCKER_NETWORK, PROCESS)}
