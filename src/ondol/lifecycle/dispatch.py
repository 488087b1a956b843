"""Which waiting instance goes onto which slot of its compute pool: first come, first served."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.model.ids import AttemptId, InstanceId, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadySlot:
    """A slot that is prepared.

    Parameters
    ----------
    attempt_id : of the holder
    free : instances that it can take beside those in it
    syncing : whether the pool's resources are being fetched anew into it
    """

    attempt_id: AttemptId
    number: int
    node_id: NodeId
    free: int
    syncing: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """An instance that waits for a slot; `for_resources`: not for one whose resources are being fetched anew."""

    instance_id: InstanceId
    for_resources: bool


def dispatch(slots: Sequence[ReadySlot], line: Iterable[Waiting]) -> list[tuple[InstanceId, ReadySlot]]:
    """Give each instance in its turn the first slot with room, slots by number: late slots stay free to be given up.

    One that waits for resources keeps those behind it waiting: nobody is overtaken.

    Parameters
    ----------
    line : in the order of their submission
    """
    room = {slot.attempt_id: slot.free for slot in slots if slot.free > 0}
    by_number = sorted((slot for slot in slots if slot.attempt_id in room), key=lambda slot: slot.number)
    starts: list[tuple[InstanceId, ReadySlot]] = []
    for waiting in line:
        slot = next(
            (one for one in by_number if room[one.attempt_id] and not (waiting.for_resources and one.syncing)), None
        )
        if slot is None:
            break
        room[slot.attempt_id] -= 1
        starts.append((waiting.instance_id, slot))
    return starts
