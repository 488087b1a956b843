"""How many slots a compute pool should hold, and which it gives up: pure, from what its slots and its queue are now."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ondol.model.compute import NEVER
from ondol.model.ids import TaskId
from ondol.model.pool import ComputePool, Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotUse:
    """One holder that is not over.

    Parameters
    ----------
    number : of the slot; later ones are higher
    running : instances in it
    idle_since : when it was last given up by an instance, or began to be held
    """

    holder: TaskId
    number: int
    running: int
    idle_since: dt.datetime


def active_policy(pool: ComputePool, now: dt.datetime) -> Scaling | None:
    """The policy that decides now: the first active one, else the elastic property where there are no policies."""
    if pool.scaling:
        return next((policy for policy in pool.scaling if policy.active_at(now)), None)
    return pool.elastic


def target_slots(pool: ComputePool, slots: Sequence[SlotUse], queued: int, now: dt.datetime) -> tuple[int, str]:
    """Give the slots wanted and the name of the policy that says so.

    A queue-driven policy wants room for every instance queued and running and `idle_least` more, within its bounds.
    It adds `factor` of what is missing per step, and gives up only slots idle for `idle_least_s`; what a policy's
    bounds demand happens at once. Elastic pools, and policies that grow by parts, take one step per `elastic_period_s`.

    Parameters
    ----------
    queued : instances that wait for a slot
    """
    policy = active_policy(pool, now)
    if policy is None:
        return pool.slots, ""
    if not policy.queue_driven:
        return policy.least, policy.name
    current = min(max(pool.target_slots, policy.least), policy.most)
    same = policy.name == pool.active_policy and pool.scaled_at != NEVER
    stepwise = policy is pool.elastic or policy.factor < 1.0
    if same and stepwise and (now - pool.scaled_at).total_seconds() < pool.elastic_period_s:
        return current, policy.name
    running = sum(slot.running for slot in slots)
    need = math.ceil((queued + running) / pool.slots_per_node) + policy.idle_least
    wanted = min(max(need, policy.least), policy.most)
    if wanted > current:
        return current + math.ceil((wanted - current) * policy.factor), policy.name
    idle = sum(_idle_enough(slot, policy, now) for slot in slots)
    surplus = max(0, len(slots) - current)  # given up already, if only they were idle
    return max(wanted, current - max(0, idle - surplus)), policy.name


def scaled(pool: ComputePool, slots: Sequence[SlotUse], queued: int, now: dt.datetime) -> ComputePool:
    """Give the pool with the slots and the policy of this moment; itself where they are what they were."""
    target, policy = target_slots(pool, slots, queued, now)
    if pool.closing_wanted and queued and not target and not _most_ever(pool):
        target = 1  # it would never close: what waits in it never had a slot to hope for
    if (target, policy) == (pool.target_slots, pool.active_policy):
        return pool
    return dataclasses.replace(pool, target_slots=target, active_policy=policy, scaled_at=now, modified_at=now)


def given_up(pool: ComputePool, slots: Sequence[SlotUse], now: dt.datetime) -> tuple[TaskId, ...]:
    """Holders to let go of: as many as there are too many, idle ones only, the newest first."""
    policy = active_policy(pool, now)
    idle = [slot for slot in slots if slot.running == 0 and (policy is None or _idle_enough(slot, policy, now))]
    idle.sort(key=lambda slot: slot.number, reverse=True)
    return tuple(slot.holder for slot in idle[: max(0, len(slots) - pool.target_slots)])


def _idle_enough(slot: SlotUse, policy: Scaling, now: dt.datetime) -> bool:
    return slot.running == 0 and (now - slot.idle_since).total_seconds() >= policy.idle_least_s


def _most_ever(pool: ComputePool) -> int:
    """Most slots that its rules may ever want."""
    if not pool.scaling:
        return pool.slots if pool.elastic is None else pool.elastic.most
    return max(pool.slots, *(policy.most for policy in pool.scaling))
