"""Accounts and their buckets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.model.ids import AccountId, NodeId, ProjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedQuota:
    """Machines kept for an account.

    Parameters
    ----------
    reservation : its name
    machine_key : specification key of the machines, as hardware constraints name them
    nodes : the machines; on-demand and flex work of others does not run on them
    max_instances, max_cores : of reserved work at once, None for as many as the machines hold
    """

    reservation: str
    machine_key: str
    nodes: tuple[NodeId, ...]
    max_instances: int | None = None
    max_cores: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """What an account may have at once; None for no limit.

    Parameters
    ----------
    max_tasks, max_jobs, max_pools : stored, whatever their state
    max_running_tasks, max_running_pools : that are not over
    flex_instances, flex_cores, on_demand_instances, on_demand_cores : running at once, by scheduling type
    credits_eur : left to spend when they were granted at `credits_since`, None where nothing is charged [EUR]
    quota_bytes, quota_bytes_bucket : stored over all buckets and in each [bytes]
    """

    max_tasks: int | None = None
    max_running_tasks: int | None = None
    max_jobs: int | None = None
    max_pools: int | None = None
    max_running_pools: int | None = None
    flex_instances: int | None = None
    flex_cores: int | None = None
    on_demand_instances: int | None = None
    on_demand_cores: int | None = None
    reserved: tuple[ReservedQuota, ...] = ()
    max_buckets: int | None = None
    quota_bytes: int | None = None
    quota_bytes_bucket: int | None = None
    credits_eur: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may submit work.

    Parameters
    ----------
    email : also the S3 access key
    token_hash : SHA-256 of the token, by which it is looked up
    token_sealed : the token encrypted with the installation's key: checking an S3 signature needs the secret itself
    organization : name of the organisation it belongs to, "" for none
    """

    id: AccountId
    email: str
    token_hash: str
    token_sealed: bytes
    created_at: dt.datetime
    organization: str = ""
    limits: AccountLimits = AccountLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Money set aside for a project over a span of time (budgets in carbon come with the service model).

    Parameters
    ----------
    total_cents : set aside [cents of EUR]
    overrun : "AlertOnly", "BlockNew" or "StopAndBlockAll"
    """

    id: str
    alias: str
    total_cents: int
    overrun: str = "AlertOnly"
    start: dt.datetime
    expires: dt.datetime
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What several accounts' tasks are booked on.

    Parameters
    ----------
    slug : its short name, unique in the installation
    members : accounts that may book on it
    default_for : accounts whose tasks are booked on it where they name none
    """

    id: ProjectId
    name: str
    slug: str
    description: str = ""
    organization: str = ""
    members: tuple[AccountId, ...] = ()
    default_for: tuple[AccountId, ...] = ()
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A value of an account that tasks with the right to it are given; sealed at rest.

    Parameters
    ----------
    key : its name, parts separated by "/"
    """

    account_id: AccountId
    key: str
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket as its owner names it, and as the store behind names it."""

    account_id: AccountId
    name: str
    backend_name: str
    created_at: dt.datetime
