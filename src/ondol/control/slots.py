"""The slots of one compute pool at work: as many as it should hold, each with the instances that it may run."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable

from ondol.control.pool_line import PoolLine
from ondol.control.profiles import ALL
from ondol.control.works import Works
from ondol.lifecycle.dispatch import ReadySlot, dispatch
from ondol.lifecycle.events import CancelAsked, PauseDecided, ResumeDecided, StartDecided, StopDecided
from ondol.lifecycle.inherit import holder_of
from ondol.lifecycle.scaling import given_up, scaled
from ondol.model.compute import AttemptState, Task, TaskError
from ondol.model.ids import AttemptId, NodeId, TaskId, task_of
from ondol.model.pool import ComputePool

NO_GROWTH = "BudgetUsedUp"
A_TURN = 500  # slots of a pool begun per turn: each is a task to make and to write, while heat and others wait
HOLDS = (AttemptState.RUNNING, AttemptState.PAUSED)


class Slots:
    """Scales pools, gives waiting instances their slots, and lets work follow its slot.

    Parameters
    ----------
    put : changes a pool's row

    `keeps_from_growing` says why an account may hold no more slots than it does, asked with a holder's task; "" for no.
    """

    def __init__(self, works: Works, put: Callable[[ComputePool], None]) -> None:
        self._works, self._put = works, put
        self.keeps_from_growing: Callable[[Task, dt.datetime], str] = lambda _holder, _at: ""

    def scaled(self, pool: ComputePool, line: PoolLine, at: dt.datetime) -> ComputePool:
        """Give a pool with the slots of this moment; with as many as it had, and why, where it may not have more.

        It is asked again at every turn; once it may grow, or need not any more, the pool tells of it no longer.
        """
        after = scaled(pool, line.uses(self._works), len(line.queue), at)
        why = ""
        if after.target_slots > pool.target_slots:
            why = self.keeps_from_growing(_holder(pool, pool.next_holder, at), at)
        after = pool if why else after
        errors = tuple(error for error in pool.errors if error.code != NO_GROWTH)
        if why:
            errors = (*errors, TaskError(code=NO_GROWTH, message=why))
        return after if errors == after.errors else dataclasses.replace(after, errors=errors)

    def scale(self, line: PoolLine, at: dt.datetime) -> None:
        """Bring a pool to the number of slots that it should hold now; busy ones are given up later."""
        uses = line.uses(self._works)
        self._put(self.scaled(line.pool, line, at))
        for task_id in given_up(line.pool, uses, at):
            self._works.apply(task_id, CancelAsked(at=at, task_id=task_id))
        if len(uses) < line.pool.target_slots:
            self._hold_more(line, min(line.pool.target_slots - len(uses), A_TURN), at)

    def follow(self, line: PoolLine, at: dt.datetime) -> None:
        """Put instances back into the queue whose slot is gone, hold those still whose slot is held still."""
        for slot, attempts in list(line.inside.items()):
            found = self._works.find(slot)
            state = None if found is None else found[1].state
            for attempt_id in sorted(attempts):
                self._follow(attempt_id, state, at)

    def dispatch(self, line: PoolLine, at: dt.datetime, accepts: Callable[[NodeId], bool]) -> None:
        """Give waiting instances the slots that have room.

        Parameters
        ----------
        accepts : whether a node takes new work; idle slots on one that does not are held elsewhere
        """
        slots = []
        for slot in line.ready(self._works):
            if accepts(slot.node_id):
                slots.append(slot)
            elif slot.free == line.pool.slots_per_node:
                self._hold_elsewhere(slot, at)
        free = sum(max(0, slot.free) for slot in slots)
        if not free or not len(line.queue):
            return
        for instance_id, slot in dispatch(slots, line.queue.first(free)):
            event = StartDecided(
                at=at,
                instance_id=instance_id,
                node_id=slot.node_id,
                reason=f"slot {slot.number} of pool {line.pool.name or line.pool.id} has room",
                held_by=slot.attempt_id,
            )
            self._works.apply(task_of(instance_id), event)

    def _hold_more(self, line: PoolLine, number: int, at: dt.datetime) -> None:
        pool = line.pool
        numbers = range(pool.next_holder, pool.next_holder + number)
        self._put(dataclasses.replace(pool, next_holder=numbers.stop))
        self._works.begin([_holder(pool, slot, at) for slot in numbers], at)

    def _hold_elsewhere(self, slot: ReadySlot, at: dt.datetime) -> None:
        found = self._works.find(slot.attempt_id)
        if found is not None:
            reason = "The node takes no new work."
            event = StopDecided(at=at, instance_id=found[1].instance_id, reason=reason)
            self._works.apply(task_of(slot.attempt_id), event)

    def _follow(self, attempt_id: AttemptId, slot: AttemptState | None, at: dt.datetime) -> None:
        """Do with an attempt in a slot what was done with the slot, whose holder's attempt is in state `slot`."""
        found = self._works.find(attempt_id)
        if found is None or found[1].state.final:
            return
        _, attempt = found
        key, task_id = attempt.instance_id, attempt.task_id
        if slot not in HOLDS:
            if attempt.state is not AttemptState.UPLOADING and not attempt.stop_wanted:
                self._works.apply(task_id, StopDecided(at=at, instance_id=key, reason="The slot of its pool is gone."))
        elif slot is AttemptState.PAUSED and attempt.state is AttemptState.RUNNING:
            self._works.apply(task_id, PauseDecided(at=at, instance_id=key, reason="The slot of its pool is paused."))
        elif slot is AttemptState.RUNNING and attempt.state is AttemptState.PAUSED:
            self._works.apply(task_id, ResumeDecided(at=at, instance_id=key, reason="The slot of its pool goes on."))


def _holder(pool: ComputePool, number: int, at: dt.datetime) -> Task:
    return holder_of(pool, number, _holder_id(pool, number), at, ALL[pool.profile].commands)


def _holder_id(pool: ComputePool, number: int) -> TaskId:
    """The same again after a crash, so that no slot is held twice."""
    return TaskId(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{pool.id}/{number}")))
