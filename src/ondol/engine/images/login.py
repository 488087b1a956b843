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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ondol.engine.images.reference import Reference


@dataclass(frozen=True, slots=True)
class Login:
    """A user at a registry; never printed whole."""

    user: str
    password: str = field(repr=False)


@contextlib.contextmanager
def auth_file(reference: Reference, login: Login | None) -> Iterator[Path | None]:
    """Give a file as containers-auth.json(5) has it, for as long as the context lasts; None without login."""
    if login is None:
        yield None
        return
    secret = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    fd, name = tempfile.mkstemp(prefix="ondol-login-")
    path = Path(name)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump({"auths": {reference.registry: {"auth": secret}}}, file)
        yield path
    finally:
        path.unlink(missing_ok=True)


class Private:
    """Which images came with a login, and with which: nobody else may run them for being on the same machine.

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
        self._salt = str(said.get("salt") or secrets.token_hex(16))
        self._allowed: dict[str, list[str]] = dict(said.get("allowed") or {})

    def may(self, image_id: str, login: Login | None) -> bool:
        """Whether an image that is here may be used with this login, or without one."""
        allowed = self._allowed.get(image_id)
        return allowed is None or self.fingerprint(login) in allowed

    def came(self, image_id: str, login: Login | None, *, was_here: bool) -> None:
        """Note that a registry gave an image for this login.

        Parameters
        ----------
        was_here : the store had it before, for everybody unless something else is noted
        """
        if login is None:
            changed = self._allowed.pop(image_id, None) is not None  # the registry gives it to everybody
        elif image_id in self._allowed or not was_here:
            known = self._allowed.setdefault(image_id, [])
            changed = self.fingerprint(login) not in known
            if changed:
                known.append(self.fingerprint(login))
        else:
            changed = False
        if changed:
            partial = self._file.with_suffix(".partial")
            fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                json.dump({"salt": self._salt, "allowed": self._allowed}, file)
            partial.replace(self._file)

    def fingerprint(self, login: Login | None) -> str:
        """What tells logins apart without naming them; empty for none."""
        if login is None:
            return ""
        text = json.dumps([login.user, login.password]).encode()
        return hmac.new(self._salt.encode(), text, hashlib.sha256).hexdigest()
