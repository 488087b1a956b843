"""Logins at registries: handed to podman through a file, and kept as a fingerprint of who may use what."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ondol.engine.images.reference import Reference


@dataclass(frozen=True, slots=True)
class Login:
    """A user at a registry; never printed whole."""

    user: str
    password: str = field(repr=False)


_AUTH = "login-"  # begins the names of files for podman


@contextlib.contextmanager
def auth_file(reference: Reference, login: Login | None, folder: Path) -> Iterator[Path | None]:
    """Give a file as containers-auth.json(5) has it, for as long as the context lasts; None without login.

    Parameters
    ----------
    folder : where it lies, for nobody else to read; what a kill leaves there goes with `forget_auth_files`
    """
    if login is None:
        yield None
        return
    secret = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    fd, name = tempfile.mkstemp(prefix=_AUTH, dir=folder)  # with mode 0600
    path = Path(name)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump({"auths": {reference.registry: {"auth": secret}}}, file)
        yield path
    finally:
        path.unlink(missing_ok=True)


def forget_auth_files(folder: Path) -> None:
    """Remove the logins that a killed process left; to be called before there are others."""
    for path in folder.glob(f"{_AUTH}*"):
        path.unlink(missing_ok=True)


class Private:
    """Which images came with a login, and with which: nobody else may run them for being on the same machine.

    An image is noted as coming before it is fetched, since a kill may come between its arrival and `came`. Every method
    is thread-safe.

    Parameters
    ----------
    folder : holds ``private.json`` and the salt of its fingerprints
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "private.json"
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = {}
        self._lock = threading.Lock()
        self._salt = str(said.get("salt") or secrets.token_hex(16))
        self._allowed: dict[str, list[str]] = dict(said.get("allowed") or {})
        self._coming: dict[str, list[str]] = dict(said.get("coming") or {})

    def may(self, image_id: str, login: Login | None, names: Collection[str] = ()) -> bool:
        """Whether an image that is here may be used with this login, or without one.

        Parameters
        ----------
        names : those under which it was found; while one of them is coming for others, nothing tells it from theirs
        """
        mine = self.fingerprint(login)
        with self._lock:
            allowed = self._allowed.get(image_id)
            if allowed is not None:
                return mine in allowed
            return all(mine in self._coming[name] for name in names if name in self._coming)

    def coming(self, name: str, login: Login | None) -> None:
        """Note that an image is about to be fetched with a login; to be called before."""
        if login is not None:
            with self._lock:
                self._coming.setdefault(name, []).append(self.fingerprint(login))
                self._keep()

    def came(self, image_id: str, login: Login | None, *, was_here: bool) -> None:
        """Note that a registry gave an image for this login.

        Parameters
        ----------
        was_here : the store had it before, for everybody unless something else is noted
        """
        mine = self.fingerprint(login)
        with self._lock:
            if login is None:
                changed = self._allowed.pop(image_id, None) is not None  # the registry gives it to everybody
            elif image_id in self._allowed or not was_here:
                known = self._allowed.setdefault(image_id, [])
                changed = mine not in known
                if changed:
                    known.append(mine)
            else:
                changed = False
            if changed:
                self._keep()

    def unclaimed(self) -> tuple[str, ...]:
        """Names that were coming when the process was killed, or whose fetching failed."""
        with self._lock:
            return tuple(self._coming)

    def knows(self, image_id: str) -> bool:
        """Whether it is noted for whom an image is."""
        with self._lock:
            return image_id in self._allowed

    def arrived(self, name: str, login: Login | None = None) -> None:
        """Forget that an image was coming with this login; without one, with any."""
        with self._lock:
            waiting = self._coming.get(name)
            if waiting is None:
                return
            mine = self.fingerprint(login)
            if mine in waiting:
                waiting.remove(mine)
            if login is None or not waiting:
                del self._coming[name]
            self._keep()

    def _keep(self) -> None:
        partial = self._file.with_suffix(".partial")
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump({"salt": self._salt, "allowed": self._allowed, "coming": self._coming}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._file)

    def fingerprint(self, login: Login | None) -> str:
        """What tells logins apart without naming them; empty for none."""
        if login is None:
            return ""
        text = json.dumps([login.user, login.password]).encode()
        return hmac.new(self._salt.encode(), text, hashlib.sha256).hexdigest()
