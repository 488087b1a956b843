"""Accounts and their buckets: what the S3 front, staging and the API ask of storage."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import threading
from collections.abc import Sequence

from ondol.model.account import Account, Bucket
from ondol.model.checks import check_text
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId
from ondol.storage.ports import Store
from ondol.storage.tokens import Keyring, hash_token, new_token

_CACHE = 1024
OPERATOR = "me@localhost.localdomain"  # e-mail of whoever runs the installation; its account is made at the first start


class Directory:
    """Looks accounts and buckets up; every method is thread-safe."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._lock = threading.Lock()
        self._secrets: dict[bytes, str] = {}

    def add_account(self, email: str) -> tuple[Account, str]:
        """Make an account and its token, which is shown this once only."""
        check_text("email", email, 320)
        if "@" not in email or any(c.isspace() or c in '/"\\' for c in email):
            raise InvalidFieldError("email", email, "an e-mail address, e.g. me@example.org")
        token = new_token()
        account = Account(
            id=AccountId(f"a{hashlib.sha256(email.encode()).hexdigest()[:12]}"),
            email=email,
            token_hash=hash_token(token),
            token_sealed=self._keyring.seal(token),
            created_at=dt.datetime.now(dt.UTC),
        )
        self._store.add_account(account)
        return account, token

    def renew_token(self, email: str) -> str:
        """Give an account a new token; the old one is no longer valid."""
        account = self._store.account_by_email(email)
        if account is None:
            raise NotFoundError("account", email)
        token = new_token()
        self._store.replace_token(account.id, hash_token(token), self._keyring.seal(token))
        return token

    def account_of_token(self, token: str) -> Account | None:
        """Whose token it is."""
        return self._store.account_by_token_hash(hash_token(token)) if token else None

    def secret_of(self, email: str) -> str | None:
        """The S3 secret of an access key (which is an e-mail): the account's token."""
        account = self._store.account_by_email(email)
        if account is None:
            return None
        with self._lock:
            if account.token_sealed not in self._secrets:
                if len(self._secrets) >= _CACHE:
                    self._secrets.clear()
                self._secrets[account.token_sealed] = self._keyring.unseal(account.token_sealed)
            return self._secrets[account.token_sealed]

    def account_of(self, email: str) -> str | None:
        """Account id of an access key."""
        account = self._store.account_by_email(email)
        return None if account is None else account.id

    def buckets(self, account: str) -> Sequence[tuple[str, dt.datetime]]:
        """(name, creation time) of an account's buckets."""
        return [(bucket.name, bucket.created_at) for bucket in self._store.buckets(AccountId(account))]

    def backend_name(self, account: str, bucket: str) -> str | None:
        """Name of a bucket in the store behind, None where the account has no such bucket."""
        found = self._store.bucket(AccountId(account), bucket)
        return None if found is None else found.backend_name

    def backends(self, account: str) -> Sequence[tuple[str, str]]:
        """(name, name in the store behind) of an account's buckets."""
        return [(bucket.name, bucket.backend_name) for bucket in self._store.buckets(AccountId(account))]

    def register(self, account: str, bucket: str) -> str:
        """Give a bucket its name in the store behind; the same one each time."""
        fresh = Bucket(
            account_id=AccountId(account),
            name=bucket,
            backend_name=f"ondol-{secrets.token_hex(12)}",
            created_at=dt.datetime.now(dt.UTC),
        )
        return self._store.add_bucket(fresh).backend_name

    def forget(self, account: str, bucket: str) -> None:
        """Forget a bucket that was removed."""
        self._store.delete_bucket(AccountId(account), bucket)
