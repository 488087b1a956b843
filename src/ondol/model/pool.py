"""Compute pools: slots kept ready for tasks to come; the water kind is `model.sink.SwimmingPool`."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field

from ondol.model.compute import NEVER, ResourceBucket, TaskError
from ondol.model.conditions import ForcedConstant, HardwareConstraint, NetworkRule, Scheduling
from ondol.model.ids import NO_PROJECT, AccountId, PoolId, ProjectId
from ondol.model.view import ServiceClass

ALWAYS: tuple[Period, ...] = ()
_DAY_S = 86_400.0


class PoolState(enum.Enum):
    """States of a pool as the compute API names them."""

    SUBMITTED = "Submitted"
    PARTIALLY_DISPATCHED = "PartiallyDispatched"
    FULLY_DISPATCHED = "FullyDispatched"
    PARTIALLY_EXECUTING = "PartiallyExecuting"
    FULLY_EXECUTING = "FullyExecuting"
    CLOSING = "Closing"  # takes no tasks any more; those it has go on
    CLOSED = "Closed"
    FAILURE = "Failure"  # its preparation failed on every slot
    PENDING_DELETE = "PendingDelete"

    @property
    def final(self) -> bool:
        """Whether no slot is held or wanted any more."""
        return self in (PoolState.CLOSED, PoolState.FAILURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Part of the week in which a scaling policy holds, in UTC.

    Parameters
    ----------
    days : 0 (Monday) to 6; empty for always
    start_s, end_s : seconds of the day; an end before the start reaches into the next day [s]
    """

    name: str
    days: tuple[int, ...] = ()
    start_s: float = 0.0
    end_s: float = _DAY_S

    def holds(self, at: dt.datetime) -> bool:
        """Whether `at` (aware UTC) lies in it."""
        if not self.days:
            return True
        second = at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6
        if self.start_s <= self.end_s:
            return at.weekday() in self.days and self.start_s <= second < self.end_s
        return (at.weekday() in self.days and second >= self.start_s) or (
            (at.weekday() - 1) % 7 in self.days and second < self.end_s
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How many slots a pool holds while a policy of it is the active one.

    Parameters
    ----------
    queue_driven : follows the tasks' queue between `least` and `most`; otherwise the number is `least` (== `most`)
    idle_least : slots kept ready beyond what is in use
    idle_least_s : a slot must have been idle so long before it is given up [s, platform]
    factor : share of the missing slots added per step, in (0, 1]
    periods : when it may be active; empty for always
    """

    name: str
    queue_driven: bool
    least: int
    most: int
    idle_least: int = 0
    idle_least_s: float = 0.0
    factor: float = 1.0
    periods: tuple[Period, ...] = ()

    def active_at(self, at: dt.datetime) -> bool:
        """Whether one of its periods holds."""
        return not self.periods or any(period.holds(at) for period in self.periods)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePool:
    """Slots on nodes, prepared and held for the tasks of one account.

    Every slot is held by a *holder*: a hidden task of one instance (`Task.holds_pool`), placed by the policy like any
    other, which runs the preparation and then keeps its slot until it is cancelled.

    Parameters
    ----------
    slots : wanted where there is no scaling
    slots_per_node : task instances that one held slot runs at once
    preparation : command line run once in each slot before tasks, "" for none
    elastic : the older way of scaling, as one queue-driven policy; None for none
    elastic_period_s : least time between steps of elastic scaling [s, platform]
    scaling : the first active policy decides; none active: `slots`
    target_slots, active_policy : what scaling says now
    next_holder : number of the next holder
    failed_in_row : holders that failed since a slot was ready the last time
    closing_wanted, delete_wanted : as asked by the user
    wire : fields of the request shown again as they came (JSON text)
    """

    id: PoolId
    account_id: AccountId
    name: str
    profile: str
    shortname: str = ""
    project_id: ProjectId = NO_PROJECT
    slots: int = 0
    slots_per_node: int = 1
    preparation: str = ""
    constants: dict[str, str] = field(default_factory=dict)
    forced_constants: tuple[ForcedConstant, ...] = ()
    network_rules: tuple[NetworkRule, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    resources: tuple[ResourceBucket, ...] = ()
    hardware: tuple[HardwareConstraint, ...] = ()
    scheduling: Scheduling = Scheduling.FLEX
    service: ServiceClass = ServiceClass.FLEX
    machine_key: str = ""
    reservation: str = ""
    secrets_by_key: tuple[str, ...] = ()
    secrets_by_prefix: tuple[str, ...] = ()
    export_credentials: bool = False
    elastic: Scaling | None = None
    elastic_period_s: float = 90.0
    scaling: tuple[Scaling, ...] = ()
    wait_for_resources: bool | None = None
    max_retries_total: int = 0
    max_retries_per_instance: int = 0
    max_queue_s: float = 0.0
    auto_delete: bool = False
    ttl_s: float = 0.0
    target_slots: int = 0
    active_policy: str = ""
    scaled_at: dt.datetime = NEVER
    next_holder: int = 0
    failed_in_row: int = 0
    created_at: dt.datetime
    modified_at: dt.datetime
    ended_at: dt.datetime = NEVER
    state: PoolState = PoolState.SUBMITTED
    state_since: dt.datetime
    previous_state: PoolState | None = None
    previous_state_since: dt.datetime = NEVER
    errors: tuple[TaskError, ...] = ()
    closing_wanted: bool = False
    delete_wanted: bool = False
    wire: str = "{}"

    @property
    def takes_tasks(self) -> bool:
        """Whether new tasks may come."""
        return not (self.state.final or self.closing_wanted or self.delete_wanted)
