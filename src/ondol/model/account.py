"""Accounts and their buckets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.model.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may submit work.

    Parameters
    ----------
    email : also the S3 access key
    token_hash : SHA-256 of the token, by which it is looked up
    token_sealed : the token encrypted with the installation's key: checking an S3 signature needs the secret itself
    """

    id: AccountId
    email: str
    token_hash: str
    token_sealed: bytes
    created_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket as its owner names it, and as the store behind names it."""

    account_id: AccountId
    name: str
    backend_name: str
    created_at: dt.datetime
