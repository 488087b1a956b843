"""Names of images, as the constants of a task have them, and the full names under which they are looked for."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError

DEFAULT_REGISTRY = "docker.io"
LOCAL_REGISTRY = "localhost"  # under which podman keeps what was built or imported under a short name
# The grammar of github.com/distribution/reference: what does not fit it is no name of an image anywhere.
_REGISTRY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_DOTTED = re.compile(r"[.:]")  # without one, what stands before the first slash is no registry but part of the path
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_GENERAL = frozenset(("ubuntu", "debian", "python", "busybox", "alpine"))
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """One image by name.

    Parameters
    ----------
    registry : host, perhaps with a port
    repository : path at the registry; official images have ``library/`` in front
    tag : a tag, or a digest ``sha256:…``
    """

    registry: str
    repository: str
    tag: str

    @property
    def name(self) -> str:
        """The full name, as podman takes it."""
        return f"{self.registry}/{self.repository}{'@' if ':' in self.tag else ':'}{self.tag}"

    @property
    def short(self) -> str:
        """The name as people write it."""
        return self.name.removeprefix(f"{DEFAULT_REGISTRY}/").removeprefix("library/")

    @property
    def general(self) -> bool:
        """Whether it is a general system, for which another general system can stand in."""
        return self.registry == DEFAULT_REGISTRY and self.repository.removeprefix("library/") in _GENERAL

    @property
    def local_names(self) -> tuple[str, ...]:
        """Names under which a copy on this machine is looked for, first found wins."""
        if self.registry != DEFAULT_REGISTRY:
            return (self.name,)
        plain = self.repository.removeprefix("library/")
        paths = dict.fromkeys((plain, self.repository))
        return (self.name, *(Reference(LOCAL_REGISTRY, path, self.tag).name for path in paths))

    @property
    def pullable(self) -> bool:
        """Whether a registry may be asked for it: never one on this machine itself, whose services are nobody's."""
        host = self.registry.rpartition(":")[0] or self.registry
        if host == LOCAL_REGISTRY or host.endswith(".localhost"):
            return False
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return True
        return not (address.is_loopback or address.is_link_local or address.is_unspecified)


def parse(repository: str, tag: str = "", registry: str = "") -> Reference:
    """Read a name in the ways that Docker takes it.

    Parameters
    ----------
    repository : ``ubuntu``, ``library/ubuntu``, ``owner/name``, ``host:port/path``; a tag or digest in it goes before
        `tag`
    tag : ``latest`` where neither gives one
    registry : host for a repository that names none

    Raises InvalidFieldError, which names the constant.
    """
    text = repository.strip()
    text, _, digest = text.partition("@")
    path, colon, inner_tag = text.rpartition(":")
    if colon and "/" not in inner_tag:
        text, tag = path, inner_tag
    tag = digest or tag.strip() or "latest"
    host, _, rest = text.partition("/")
    if rest and ("." in host or ":" in host or host == LOCAL_REGISTRY):
        registry, text = host, rest
    registry = registry.strip() or DEFAULT_REGISTRY
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in text:
        text = f"library/{text}"
    if not _REGISTRY.fullmatch(registry) or not (_DOTTED.search(registry) or registry == LOCAL_REGISTRY):
        raise InvalidFieldError("constants.DOCKER_REGISTRY", registry[:80], "a host with a dot or a port in it")
    if not _REPOSITORY.fullmatch(text) or len(text) > _LONGEST:
        raise InvalidFieldError(
            "constants.DOCKER_REPO", repository[:80], "the name of an image in lower case, e.g. library/ubuntu"
        )
    if not (_DIGEST if digest else _TAG).fullmatch(tag):
        raise InvalidFieldError("constants.DOCKER_TAG", tag[:80], "a tag such as latest, or 22.04")
    return Reference(registry, text, tag)
