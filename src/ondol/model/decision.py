"""What a policy answers: frozen values, each with a reason a person can read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecidedRows:
    """What is started and which units hold what power, as rows of the View that was decided on.

    Parameters
    ----------
    started : of instances, in the order of their Start
    node : of the node of each
    unit : of the units with a SetPower, in its order
    power_w : of each [W]
    """

    started: npt.NDArray[np.int64]
    node: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    power_w: npt.NDArray[np.float64]


class RowedDecision(tuple[Action, ...]):  # noqa: SLOT001  # tuples of any length have no slots
    """A decision of Start, SetPower and Wait alone that says them in rows of its View, too.

    It is the plain tuple of its actions to everybody who records, compares or applies those; who applies thousands at
    once takes the rows and need not look up names.
    """

    rows: DecidedRows

    def __new__(cls, actions: Iterable[Action], rows: DecidedRows) -> RowedDecision:
        """Give the actions as a tuple that knows their rows."""
        decision = super().__new__(cls, actions)
        decision.rows = rows
        return decision
