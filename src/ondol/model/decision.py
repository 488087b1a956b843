"""What a policy answers: frozen values, each with a reason a person can read."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.ids import InstanceId, NodeId, UnitId


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an attempt of a queued instance on a node."""

    instance_id: InstanceId
    node_id: NodeId
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End the running attempt and put the instance back into the queue."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Freeze the running attempt where it is; it keeps its slot."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a frozen attempt go on."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class SetPower:
    """Let a unit draw at least `power_w` although its thermostat asks for less: work that cannot wait.

    The site's safety layer stands above it. A unit that a decision does not name follows its thermostat.
    """

    unit_id: UnitId
    power_w: float
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Leave these queued instances where they are; nothing happens, but the user is told why."""

    instance_ids: tuple[InstanceId, ...]
    reason: str


Action = Start | Stop | Pause | Resume | SetPower | Wait
Decision = tuple[Action, ...]
