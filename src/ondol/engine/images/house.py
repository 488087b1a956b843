"""The house of images: gets an image ready once for all attempts that want it, and keeps the cache within bounds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ondol.engine.images.image import Image
from ondol.engine.images.login import Login, Private, auth_file, forget_auth_files
from ondol.engine.images.podman import Podman, PodmanError, Stored
from ondol.engine.images.reference import Reference
from ondol.engine.images.trees import Trees
from ondol.model.errors import NotFoundError, OndolError, UnavailableError

_log = logging.getLogger(__name__)
CACHE_BYTES = 20 << 30
_PULL_S = 900.0
_FRESH_S = 5.0  # how long a name is trusted to mean what it meant: an operator may import another image under it
_SULK_S = 20.0  # how long a failed pull is not tried again: 2,000 instances shall not each ask the registry
_SILENT_S = 600.0  # how long a silent registry is not asked again where the host's tree does: asking may take minutes
_LOOKS = 2  # look-ups at a time: quick
_FETCHES = 4  # pulls and unpackings at a time: minutes, and no reason for an image that is here to wait


class ImageError(OndolError):
    """An image cannot be had; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An image that an attempt needs.

    Parameters
    ----------
    stand_in : whether the host's own tree would do where the image is nowhere and no registry answers
    """

    reference: Reference
    login: Login | None = None
    stand_in: bool = False


Ready = Callable[[Image | None, OndolError | None], None]


@dataclass(slots=True)
class _Effort:
    """One try to get an image ready, with all who wait for it."""

    waiting: list[tuple[str, Ready]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a try went, and until when it is not repeated."""

    image: Image | None
    error: OndolError | None
    until_s: float


class ImageHouse:
    """Images by name, ready to run.

    Parameters
    ----------
    folder : for trees and pins, made where it is missing
    podman : looks up, fetches and unpacks
    limit_bytes : of all trees together; those in use stay even above it
    host_images : whether the host's tree may stand in for general images
    """

    def __init__(
        self, folder: Path, podman: Podman, *, limit_bytes: int = CACHE_BYTES, host_images: bool = True
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._podman, self._folder = podman, folder
        self._trees = Trees(folder, limit_bytes)
        self._private = Private(folder)
        self._host_images = host_images
        self._lock = threading.Lock()
        self._efforts: dict[tuple[str, str, bool], _Effort] = {}
        self._outcomes: dict[tuple[str, str, bool], _Outcome] = {}
        self._said: set[str] = set()
        self._silent: dict[str, float] = {}
        self._looks = ThreadPoolExecutor(_LOOKS, "image-look")
        self._fetches = ThreadPoolExecutor(_FETCHES, "image-fetch")

    def begin(self, live: Collection[str]) -> None:
        """Clear away what an earlier life left; to be called before the first `prepare`.

        Parameters
        ----------
        live : attempts that may still need their image
        """
        with self._trees.locked():
            self._trees.sweep()
            self._trees.keep_pins(live)
        forget_auth_files(self._folder)
        for name in self._private.unclaimed():
            self._turn_away(name, None)
        try:
            self._podman.forget_unpacking()
        except PodmanError as error:
            _log.warning("podman: %s", error)

    def prepare(self, wish: Wish, pin: str, ready: Ready) -> None:
        """Get an image ready for an attempt; tells by calling `ready`, perhaps at once, perhaps from another thread.

        Many who want the same wait for one try. `ready` gets the image, None for the host's own tree, or an error.
        """
        key = (wish.reference.name, self._private.fingerprint(wish.login), wish.stand_in)
        with self._lock:
            known = self._outcomes.get(key)
            if known is not None and not self._holds(known):
                known = None
            if known is None:
                effort = self._efforts.get(key)
                if effort is None:
                    effort = self._efforts[key] = _Effort()
                    self._looks.submit(self._try, key, wish, self._look)
                effort.waiting.append((pin, ready))
                return
        self._tell(known, pin, ready)

    def pinned(self, pin: str) -> Image | None:
        """Image that was got ready for an attempt, None for the host's tree; raises NotFoundError where none was."""
        image_id = self._trees.pinned(pin)
        if image_id is None:
            raise NotFoundError("image of attempt", pin)
        if not image_id:
            return None
        image = self._trees.get(image_id)
        if image is None:
            raise NotFoundError("tree of image", image_id[:12])
        return image

    def release(self, pin: str) -> None:
        """Say that an attempt needs its image no longer."""
        self._trees.unpin(pin)

    def close(self) -> None:
        """End what is under way and wait for it."""
        self._podman.close()
        for pool in (self._looks, self._fetches):
            pool.shutdown(wait=True, cancel_futures=True)

    def _holds(self, outcome: _Outcome) -> bool:
        image = outcome.image
        return time.monotonic() < outcome.until_s and (image is None or self._trees.get(image.id) is not None)

    def _try(self, key: tuple[str, str, bool], wish: Wish, way: Callable[[Wish], Image | None]) -> None:
        image, error = None, None
        try:
            image = way(wish)
            if image is None and way == self._look:
                self._fetches.submit(self._try, key, wish, self._obtain)
                return
        except OndolError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001  # who waits must hear of it, whatever it was
            _log.exception("an image met what nobody foresaw: %s", wish.reference.name)
            error = ImageError(f"The image {wish.reference.short} could not be got ready: {caught}")
        outcome = _Outcome(image, error, time.monotonic() + (_FRESH_S if error is None else _SULK_S))
        with self._lock:
            self._outcomes[key] = outcome
            effort = self._efforts.pop(key)
            for old in [known for known, past in self._outcomes.items() if past.until_s < time.monotonic()]:
                del self._outcomes[old]
        for pin, ready in effort.waiting:
            self._tell(outcome, pin, ready)
        self._make_room()

    def _tell(self, outcome: _Outcome, pin: str, ready: Ready) -> None:
        error = outcome.error
        if error is None:
            try:
                with self._trees.locked():
                    self._trees.pin(pin, outcome.image)
            except (OndolError, OSError) as caught:
                error = ImageError(str(caught))
        try:
            ready(outcome.image, error)
        except Exception:  # noqa: BLE001  # the others that wait must be told too
            _log.exception("an image was ready and its taker failed")

    def _look(self, wish: Wish) -> Image | None:
        """The image where it is ready already, None where there is more to do."""
        stored = self._podman.find(wish.reference.local_names)
        if stored is None or not self._may(stored, wish):
            return None
        return self._trees.get(stored.id)

    def _obtain(self, wish: Wish) -> Image | None:
        """The image at any cost, None for the host's own tree."""
        stored = self._podman.find(wish.reference.local_names)
        pulled = False
        if stored is None or not self._may(stored, wish):
            stand_in = wish.stand_in and self._host_images and stored is None
            if stand_in and self._silent.get(wish.reference.registry, 0.0) > time.monotonic():
                self._say_stand_in(wish.reference)
                return None
            try:
                stored, pulled = self._pull(wish, before=stored), True
            except PodmanError as error:
                if stand_in and error.unreachable:
                    self._silent[wish.reference.registry] = time.monotonic() + _SILENT_S
                    self._say_stand_in(wish.reference)
                    return None
                raise ImageError(_not_pulled(wish.reference, error)) from error
        tree = self._trees.get(stored.id)
        if tree is not None:
            return tree
        try:
            return self._trees.make(stored, lambda folder: self._podman.export(stored.id, folder), pulled=pulled)
        except (PodmanError, UnavailableError) as error:
            raise ImageError(f"The image {wish.reference.short} cannot be unpacked: {error}") from error

    def _may(self, stored: Stored, wish: Wish) -> bool:
        return self._private.may(stored.id, wish.login, {*stored.names, *wish.reference.local_names})

    def _pull(self, wish: Wish, *, before: Stored | None) -> Stored:
        reference, login = wish.reference, wish.login
        if not reference.pullable:
            raise PodmanError("it is not in this machine's store, and registries on this machine are not asked")
        _log.info("pulling the image %s", reference.name)
        self._private.coming(reference.name, login)
        try:
            with auth_file(reference, login, self._folder) as path:
                self._podman.pull(reference.name, timeout_s=_PULL_S, authfile=path)
            stored = self._podman.find([reference.name])
            if stored is None:
                raise PodmanError("podman pulled it and does not know it")
        except OndolError:
            if login is not None:
                self._turn_away(reference.name, login)
            raise
        self._private.came(stored.id, login, was_here=before is not None and before.id == stored.id)
        if login is not None:
            self._private.arrived(reference.name, login)
        return stored

    def _turn_away(self, name: str, login: Login | None) -> None:
        """Remove what came under a name without being noted for whom; where podman cannot say, nobody gets it."""
        try:
            stored = self._podman.find([name])
            if stored is not None and not self._private.knows(stored.id):
                self._podman.remove(name)
        except OndolError as error:
            _log.warning("podman: %s", error)
        else:
            self._private.arrived(name, login)

    def _make_room(self) -> None:
        try:
            with self._trees.locked():
                removed = self._trees.make_room()
            self._trees.discard()
            for image in removed:
                _log.info("the image %s was removed from the cache to make room", image.id[:12])
                if image.pulled:
                    self._podman.remove(image.id)
        except (OndolError, OSError) as error:
            _log.warning("room in the image cache: %s", error)

    def _say_stand_in(self, reference: Reference) -> None:
        if reference.name not in self._said:
            self._said.add(reference.name)
            _log.warning(
                "the image %s is in no store and no registry can be reached: this host's own system stands in for it; "
                "'ondol image import' gives it to this machine",
                reference.short,
            )


def _not_pulled(reference: Reference, error: PodmanError) -> str:
    asked = "no registry could be reached" if error.unreachable else "it could not be pulled"
    return (
        f"The image {reference.short} is not on this machine and {asked}: {error}. Check DOCKER_REPO and DOCKER_TAG "
        f"(and login), or ask the operator to run: ondol image import FILE {reference.short}"
    )
