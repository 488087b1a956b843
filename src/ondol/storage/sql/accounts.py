"""Accounts and buckets in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ondol.model.account import Account, AccountLimits, Bucket
from ondol.model.errors import NotFoundError
from ondol.model.ids import AccountId
from ondol.storage.rows import decode, encode
from ondol.storage.sql import account_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.sql.recent import Recent
from ondol.storage.times import from_us, to_us


class SqlAccounts:
    """The accounts' part of the store."""

    _database: Database
    _recent_accounts: Recent[Account | None]

    def add_account(self, account: Account) -> None:
        taken = f"There is already an account {account.email}; choose another e-mail"
        with self._database.writing(taken) as connection:
            connection.execute(
                tables.account.insert().values(
                    id=account.id,
                    email=account.email,
                    token_hash=account.token_hash,
                    token_sealed=account.token_sealed,
                    created_us=to_us(account.created_at),
                    organization=account.organization,
                    limits=encode(account.limits),
                )
            )
        self._recent_accounts.forget()

    def account(self, account_id: AccountId) -> Account | None:
        return self._account(id=account_id)

    def account_by_email(self, email: str) -> Account | None:
        return self._account(email=email)

    def account_by_token_hash(self, token_hash: str) -> Account | None:
        return self._account(token_hash=token_hash)

    def replace_token(self, account_id: AccountId, token_hash: str, token_sealed: bytes) -> None:
        self._change(account_id, token_hash=token_hash, token_sealed=token_sealed)

    def set_terms(self, account_id: AccountId, *, organization: str, limits: AccountLimits) -> None:
        self._change(account_id, organization=organization, limits=encode(limits))

    def accounts(self) -> tuple[Account, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(tables.account).order_by(tables.account.c.email)).mappings().all()
        return tuple(_account(dict(row)) for row in rows)

    def _account(self, **key: str) -> Account | None:
        def read() -> Account | None:
            row = self._database.row(tables.account, **key)
            return None if row is None else _account(row)

        return self._recent_accounts.get((*key, *key.values()), read)

    def _change(self, account_id: AccountId, **columns: str | bytes) -> None:
        with self._database.writing() as connection:
            change = tables.account.update().where(tables.account.c.id == account_id).values(**columns)
            done = connection.execute(change).rowcount
        self._recent_accounts.forget()
        if done == 0:
            raise NotFoundError("account", account_id)

    def buckets(self, account_id: AccountId) -> tuple[Bucket, ...]:
        t = tables.bucket.c
        with self._database.reading() as connection:
            rows = (
                connection.execute(sa.select(tables.bucket).where(t.account_id == account_id).order_by(t.name))
                .mappings()
                .all()
            )
        return tuple(_bucket(dict(row)) for row in rows)

    def bucket(self, account_id: AccountId, name: str) -> Bucket | None:
        row = self._database.row(tables.bucket, account_id=account_id, name=name)
        return None if row is None else _bucket(row)

    def add_bucket(self, bucket: Bucket) -> Bucket:
        with self._database.alone():
            known = self.bucket(bucket.account_id, bucket.name)
            if known is not None:
                return known
            with self._database.writing() as connection:
                connection.execute(
                    tables.bucket.insert().values(
                        account_id=bucket.account_id,
                        name=bucket.name,
                        backend_name=bucket.backend_name,
                        created_us=to_us(bucket.created_at),
                    )
                )
        return bucket

    def delete_bucket(self, account_id: AccountId, name: str) -> None:
        t = tables.bucket.c
        with self._database.writing() as connection:
            connection.execute(tables.bucket.delete().where(t.account_id == account_id, t.name == name))


def _account(row: Mapping[str, Any]) -> Account:  # a row of `tables.account`
    return Account(
        id=row["id"],
        email=row["email"],
        token_hash=row["token_hash"],
        token_sealed=bytes(row["token_sealed"]),
        created_at=from_us(row["created_us"]),
        organization=row["organization"],
        limits=decode(bytes(row["limits"]), AccountLimits),
    )


def _bucket(row: Mapping[str, Any]) -> Bucket:  # a row of `tables.bucket`
    return Bucket(
        account_id=row["account_id"],
        name=row["name"],
        backend_name=row["backend_name"],
        created_at=from_us(row["created_us"]),
    )
