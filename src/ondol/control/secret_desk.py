"""Secrets of accounts: sealed at rest, given to their owner and to tasks that were granted them, to nobody else."""

from __future__ import annotations

import re
import threading

from ondol.model.account import Secret
from ondol.model.compute import Task
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId
from ondol.storage.ports import Store
from ondol.storage.tokens import Keyring

LONGEST_KEY, LARGEST_VALUE, MOST = 512, 65_536, 10_000
_KEY = re.compile(r"[^/\x00-\x1f\x7f]+(?:/[^/\x00-\x1f\x7f]+)*")
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PREFIX = "ONDOL_SECRET__"


class PlatformSecrets:
    """The secret desk over a store; values are sealed with the installation's key (ADR 3)."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store, self._keyring = store, keyring
        self._writing = threading.Lock()  # between the look and the write nobody else writes

    def get(self, account_id: AccountId, key: str) -> str:
        """Value of a secret."""
        return self._keyring.unseal(self._found(account_id, key).sealed)

    def create(self, account_id: AccountId, key: str, value: str) -> None:
        """Add a secret."""
        _check(key, value)
        with self._writing:
            if self._store.secret(account_id, key) is not None:
                raise ConflictError(f"There is already a secret {key}: update it, or choose another key")
            if len(self._store.secret_keys(account_id)) >= MOST:
                raise InvalidFieldError("key", key, f"at most {MOST} secrets; delete some first")
            self._store.put_secret(Secret(account_id=account_id, key=key, sealed=self._keyring.seal(value)))

    def update(self, account_id: AccountId, key: str, value: str) -> None:
        """Give a secret another value; tasks that run keep the old one."""
        _check(key, value)
        with self._writing:
            self._found(account_id, key)
            self._store.put_secret(Secret(account_id=account_id, key=key, sealed=self._keyring.seal(value)))

    def delete(self, account_id: AccountId, key: str) -> None:
        """Remove a secret."""
        with self._writing:
            deleted = self._store.delete_secret(account_id, key)
        if not deleted:
            raise NotFoundError("secret", key)

    def search(self, account_id: AccountId, prefix: str) -> tuple[str, ...]:
        """What lies directly below a folder: names, folders with "/" at their end."""
        folder = prefix.strip("/")
        start = f"{folder}/" if folder else ""
        found = set()
        for key in self._store.secret_keys(account_id, start):
            first, slash, _ = key[len(start) :].partition("/")
            found.add(first + slash)
        return tuple(sorted(found))

    def check_rights(self, task: Task) -> None:
        """Refuse a task that names a secret which its account does not have."""
        for key in task.secrets_by_key:
            if self._store.secret(task.account_id, key) is None:
                raise InvalidFieldError("secretsAccessRights.bySecret", key, "the key of a secret of yours")

    def environment(self, task: Task) -> dict[str, str]:
        """Secrets that a task is granted, as variables of its jobs.

        `a/b-c` becomes ONDOL_SECRET__a__b_c; a key that is the name of a variable is given under that name too. A
        secret that was deleted meanwhile is left out.
        """
        keys = set(task.secrets_by_key)
        for prefix in task.secrets_by_prefix:
            keys.update(self._store.secret_keys(task.account_id, prefix))
        variables: dict[str, str] = {}
        for key in sorted(keys):
            secret = self._store.secret(task.account_id, key)
            if secret is None:
                continue
            value = self._keyring.unseal(secret.sealed)
            variables[PREFIX + _NO_NAME.sub("_", key.replace("/", "__"))] = value
            if _NAME.fullmatch(key):
                variables.setdefault(key, value)
        return variables

    def _found(self, account_id: AccountId, key: str) -> Secret:
        secret = self._store.secret(account_id, key)
        if secret is None:
            raise NotFoundError("secret", key)
        return secret


def _check(key: str, value: str) -> None:
    if len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        allowed = f"1 to {LONGEST_KEY} printable characters, parts separated by single /"
        raise InvalidFieldError("key", key[:80], allowed)
    if len(value.encode("utf-8", "surrogatepass")) > LARGEST_VALUE or "\0" in value or not _encodable(value):
        raise InvalidFieldError("value", "…", f"text without NUL of at most {LARGEST_VALUE} bytes")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
