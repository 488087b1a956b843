"""Sets of nodes on which work may run: by hardware, and by machines that are kept for accounts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np

from ondol.model.account import AccountLimits, ReservedQuota
from ondol.model.compute import Task
from ondol.model.conditions import HardwareConstraint, Scheduling
from ondol.model.fleet import Fleet
from ondol.model.hardware import fulfils
from ondol.model.ids import AccountId, NodeId
from ondol.model.quota import reserved_for
from ondol.model.view import Bools, Ints, ServiceClass

Reserved = Mapping[AccountId, tuple[ReservedQuota, ...]]
_Asked = tuple[tuple[HardwareConstraint, ...], str, tuple[NodeId, ...] | None]
# Users choose the constraints, so what is remembered of them is bounded; what was unused longest is computed anew.
_MOST_MET = 1_000
_MOST_ASKED = 10_000
_MOST_SETS = 10_000


class Allowances:
    """Numbers for sets of nodes; equal sets have one number, 0 is every node.

    Parameters
    ----------
    limits_of, reserved : what accounts may have, and every reservation by account; asked again by `renew`
    """

    def __init__(
        self, fleet: Fleet, limits_of: Callable[[AccountId], AccountLimits], reserved: Callable[[], Reserved]
    ) -> None:
        self._fleet, self._limits_of, self._ask = fleet, limits_of, reserved
        self._ids = [node.id for node in fleet.nodes]
        self._cores = np.array([node.cores_per_slot for node in fleet.nodes], dtype=np.int64)
        self._met: OrderedDict[HardwareConstraint, Bools] = OrderedDict()
        self._reserved: dict[AccountId, tuple[ReservedQuota, ...]] = {}
        self._forget()

    def renew(self) -> bool:
        """Look at the reservations again; whether they changed (or sets are too many), so that all numbers are new."""
        now = {account: kept for account, kept in self._ask().items() if kept}
        if now == self._reserved and len(self._sets) <= _MOST_SETS:
            return False
        self._reserved = now
        self._forget()
        return True

    def number(self, task: Task) -> int:
        """Number of the set of nodes on which a task's instances may run."""
        only: tuple[NodeId, ...] | None = None
        but_for = ""  # the account whose own reserved nodes it may use; "" where reservations do not matter
        if task.scheduling is Scheduling.RESERVED:
            quota = reserved_for(task, self._limits_of(task.account_id))
            only = () if quota is None else quota.nodes
        elif self._reserved and task.service <= ServiceClass.FLEX:
            but_for = task.account_id
        asked: _Asked = (task.hardware, but_for, only)
        number = self._numbers.get(asked)
        if number is None:
            number = self._numbers[asked] = self._number(self._nodes(asked))
            if len(self._numbers) > _MOST_ASKED:
                self._numbers.popitem(last=False)
        else:
            self._numbers.move_to_end(asked)
        return number

    def most_cores(self, number: int) -> int:
        """Cores that a slot in a set has at most, 1 for an empty set."""
        return self._most_cores[number]

    def rows(self, numbers: Ints) -> tuple[Bools, Ints]:
        """For the View: the sets that are in use, every node first, and the row of each of `numbers`.

        The order is that of their nodes, so that a view does not depend on what was asked before.
        """
        used = sorted(set(numbers.tolist()) - {0}, key=lambda number: self._sets[number].tobytes())
        rows = np.zeros(len(self._sets), dtype=np.int64)
        rows[used] = np.arange(1, len(used) + 1)
        return np.stack([self._sets[number] for number in (0, *used)]), rows[numbers]

    def _forget(self) -> None:
        self._sets: list[Bools] = []
        self._most_cores: list[int] = []
        self._by_content: dict[bytes, int] = {}
        self._numbers: OrderedDict[_Asked, int] = OrderedDict()
        self._number(np.ones(len(self._ids), dtype=np.bool_))

    def _number(self, nodes: Bools) -> int:
        number = self._by_content.setdefault(nodes.tobytes(), len(self._sets))
        if number == len(self._sets):
            self._sets.append(nodes)
            self._most_cores.append(int(self._cores[nodes].max(initial=1)))
        return number

    def _nodes(self, asked: _Asked) -> Bools:
        hardware, account, only = asked
        nodes = np.ones(len(self._ids), dtype=np.bool_)
        for constraint in hardware:
            met = self._met.get(constraint)
            if met is None:
                met = np.array([fulfils(node, constraint) for node in self._fleet.nodes], dtype=bool)
                self._met[constraint] = met
                if len(self._met) > _MOST_MET:
                    self._met.popitem(last=False)
            else:
                self._met.move_to_end(constraint)
            nodes &= met
        if only is not None:
            nodes &= self._among(only)
        elif account:
            own = self._among(self._nodes_of(AccountId(account)))
            others = [node for owner in self._reserved if owner != account for node in self._nodes_of(owner)]
            nodes &= own | ~self._among(tuple(others))
        return nodes

    def _nodes_of(self, account_id: AccountId) -> tuple[NodeId, ...]:
        return tuple(node for quota in self._reserved.get(account_id, ()) for node in quota.nodes)

    def _among(self, ids: tuple[NodeId, ...]) -> Bools:
        wanted = set(ids)
        return np.array([node in wanted for node in self._ids], dtype=np.bool_)
