"""Accounts and what belongs to them, in dictionaries."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Iterable

from ondol.model.account import Account, AccountLimits, Bucket, Project, Secret
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import AccountId, ProjectId
from ondol.storage.ports import Reply


class MemoryAccounts:
    """The accounts' part of the store."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[AccountId, Account] = {}
        self._buckets: dict[tuple[AccountId, str], Bucket] = {}
        self._replies: dict[tuple[AccountId, str], Reply] = {}
        self._secrets: dict[tuple[AccountId, str], Secret] = {}
        self._projects: dict[ProjectId, Project] = {}

    def add_account(self, account: Account) -> None:
        with self._lock:
            if any(a.email == account.email for a in self._accounts.values()):
                raise ConflictError(f"There is already an account {account.email}; choose another e-mail")
            self._accounts[account.id] = account

    def account(self, account_id: AccountId) -> Account | None:
        return self._accounts.get(account_id)

    def account_by_email(self, email: str) -> Account | None:
        return next((a for a in self.accounts() if a.email == email), None)

    def account_by_token_hash(self, token_hash: str) -> Account | None:
        return next((a for a in self.accounts() if a.token_hash == token_hash), None)

    def replace_token(self, account_id: AccountId, token_hash: str, token_sealed: bytes) -> None:
        with self._lock:
            account = self._known(account_id)
            self._accounts[account_id] = dataclasses.replace(account, token_hash=token_hash, token_sealed=token_sealed)

    def set_terms(self, account_id: AccountId, *, organization: str, limits: AccountLimits) -> None:
        with self._lock:
            account = self._known(account_id)
            self._accounts[account_id] = dataclasses.replace(account, organization=organization, limits=limits)

    def accounts(self) -> tuple[Account, ...]:
        with self._lock:
            return tuple(sorted(self._accounts.values(), key=lambda a: a.email))

    def _known(self, account_id: AccountId) -> Account:
        if account_id not in self._accounts:
            raise NotFoundError("account", account_id)
        return self._accounts[account_id]

    def buckets(self, account_id: AccountId) -> tuple[Bucket, ...]:
        with self._lock:
            return tuple(b for (owner, _), b in sorted(self._buckets.items()) if owner == account_id)

    def bucket(self, account_id: AccountId, name: str) -> Bucket | None:
        return self._buckets.get((account_id, name))

    def add_bucket(self, bucket: Bucket) -> Bucket:
        with self._lock:
            return self._buckets.setdefault((bucket.account_id, bucket.name), bucket)

    def delete_bucket(self, account_id: AccountId, name: str) -> None:
        with self._lock:
            self._buckets.pop((account_id, name), None)

    def reply(self, account_id: AccountId, key: str) -> Reply | None:
        return self._replies.get((account_id, key))

    def keep_replies(self, replies: Iterable[Reply]) -> None:
        """Keep answers to creations."""
        with self._lock:
            self._replies |= {(reply.account_id, reply.key): reply for reply in replies}

    def forget_replies(self, before: dt.datetime) -> None:
        with self._lock:
            self._replies = {key: reply for key, reply in self._replies.items() if reply.created_at >= before}

    def secret(self, account_id: AccountId, key: str) -> Secret | None:
        return self._secrets.get((account_id, key))

    def secret_keys(self, account_id: AccountId, prefix: str = "") -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted(key for owner, key in self._secrets if owner == account_id and key.startswith(prefix)))

    def put_secret(self, secret: Secret) -> None:
        with self._lock:
            self._secrets[secret.account_id, secret.key] = secret

    def delete_secret(self, account_id: AccountId, key: str) -> bool:
        with self._lock:
            return self._secrets.pop((account_id, key), None) is not None

    def projects(self) -> tuple[Project, ...]:
        with self._lock:
            return tuple(sorted(self._projects.values(), key=lambda project: project.slug))

    def project(self, project_id: ProjectId) -> Project | None:
        return self._projects.get(project_id)

    def put_project(self, project: Project) -> None:
        with self._lock:
            if any(other.slug == project.slug and other.id != project.id for other in self._projects.values()):
                raise ConflictError(f"There is already a project with the short name {project.slug}; choose another")
            self._projects[project.id] = project

    def delete_project(self, project_id: ProjectId) -> bool:
        with self._lock:
            return self._projects.pop(project_id, None) is not None
