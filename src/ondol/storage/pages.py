"""What lists are asked for by, and how they come back: page by page, newest first unless asked otherwise."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Generic, TypeVar

from ondol.model.ids import JobId, PoolId

Noun = TypeVar("Noun")


@dataclass(frozen=True, slots=True)
class Page(Generic[Noun]):
    """Some rows of a list; `next_token` is empty on the last page."""

    rows: tuple[Noun, ...]
    next_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows of an account, in which order. Every condition that is given must hold; storage decides them by index.

    Parameters
    ----------
    tags : any of them
    states : any of them, as the wire names them
    name, name_prefix : the whole name, or how it begins; "" for any
    created_from, created_before : [from, before)
    order : "created", "name" (by code points) or "state" (by name); ties by creation, then id, in the same direction
    holders : whether the hidden tasks that hold pools' slots are meant (only those), or everything else
    """

    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    name: str = ""
    name_prefix: str = ""
    created_from: dt.datetime | None = None
    created_before: dt.datetime | None = None
    job_id: JobId | None = None
    pool_id: PoolId | None = None
    order: str = "created"
    rising: bool = False
    holders: bool = False


EVERY = Query()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much of each an account has: stored, and not over."""

    tasks: int = 0
    open_tasks: int = 0
    jobs: int = 0
    pools: int = 0
    open_pools: int = 0
    buckets: int = 0
