"""Which of an account's quotas a task counts against, and which machines are kept for it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ondol.model.account import AccountLimits, ReservedQuota
from ondol.model.compute import Task
from ondol.model.conditions import Scheduling
from ondol.model.view import ServiceClass


class QuotaKind(enum.Enum):
    """Types of quotas, as `Desk.accounts.use` tells them apart."""

    FLEX = "flex"  # also harvest and filler
    ON_DEMAND = "on-demand"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What an account may run at once of one type; None for no limit.

    Parameters
    ----------
    reservation : which one, "" for the other types
    """

    kind: QuotaKind
    reservation: str = ""
    max_instances: int | None = None
    max_cores: int | None = None

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.max_instances is not None or self.max_cores is not None


def reserved_for(task: Task, limits: AccountLimits) -> ReservedQuota | None:
    """Give the reservation that a reserved task runs on, the first that fits; None where it has no such."""
    if task.scheduling is not Scheduling.RESERVED:
        return None
    return next(
        (
            quota
            for quota in limits.reserved
            if task.reservation in ("", quota.reservation) and task.machine_key in ("", quota.machine_key)
        ),
        None,
    )


def quota_for(task: Task, limits: AccountLimits) -> Quota:
    """Give the quota that a task's instances count against while they hold slots."""
    if task.scheduling is Scheduling.RESERVED:
        kept = reserved_for(task, limits)
        if kept is None:
            return Quota(kind=QuotaKind.RESERVED, reservation=task.reservation)
        return Quota(
            kind=QuotaKind.RESERVED,
            reservation=kept.reservation,
            max_instances=kept.max_instances,
            max_cores=kept.max_cores,
        )
    if task.service is ServiceClass.ON_DEMAND:
        return Quota(
            kind=QuotaKind.ON_DEMAND,
            max_instances=limits.on_demand_instances,
            max_cores=limits.on_demand_cores,
        )
    return Quota(kind=QuotaKind.FLEX, max_instances=limits.flex_instances, max_cores=limits.flex_cores)
