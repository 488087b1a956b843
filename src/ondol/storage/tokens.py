"""Tokens: made, hashed for look-up, and sealed so that S3 signatures can be checked.

A REST call carries the token itself, so its SHA-256 is enough. An S3 signature is an HMAC under the token: checking it
needs the token again: it is kept sealed (Fernet) under a key that lies in a file of its own, readable by the platform's
user only. ADR 3 tells why.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from ondol.model.errors import ConflictError
from ondol.storage.whole_files import write_private


def new_token() -> str:
    """Give a fresh token: 48 hexadecimal digits, valid as an HTTP scheme word (`reference/qarnot-api.md` rule 10)."""
    return secrets.token_hex(24)


def hash_token(token: str) -> str:
    """SHA-256 in hexadecimal; tokens are random, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Keyring:
    """Seals tokens with the installation's key, made at first use.

    Parameters
    ----------
    path : file of the key, created with mode 0600
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            write_private(path, Fernet.generate_key())
        self._fernet = Fernet(path.read_bytes())

    def seal(self, token: str) -> bytes:
        """Encrypt a token."""
        return self._fernet.encrypt(token.encode())

    def unseal(self, sealed: bytes) -> str:
        """Decrypt a token; raises ConflictError where it was sealed under another key."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise ConflictError(
                "A token was sealed with another key: restore the key file or issue new tokens"
            ) from error
