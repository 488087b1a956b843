"""The table of nodes: whether new work may be placed on them."""

from __future__ import annotations

import enum

from ondol.model.errors import ConflictError


class NodeState(enum.Enum):
    """States of a node."""

    READY = "ready"
    DRAINING = "draining"  # what runs may end, nothing new comes
    FAILED = "failed"  # broken until somebody repairs it
    OFFLINE = "offline"  # not heard of; comes back by itself

    @property
    def accepts(self) -> bool:
        """Whether new work may be placed."""
        return self is NodeState.READY


class NodeEvent(enum.Enum):
    """What can happen to a node."""

    HEARD = "heard of"
    SILENT = "not heard of"
    DRAIN_ASKED = "drain asked"
    DRAIN_ENDED = "drain ended"
    BROKE = "broke"
    REPAIRED = "repaired"


_N, _E = NodeState, NodeEvent

NODE_TABLE: dict[tuple[NodeState, NodeEvent], NodeState] = {
    (_N.READY, _E.HEARD): _N.READY,
    (_N.READY, _E.SILENT): _N.OFFLINE,
    (_N.READY, _E.DRAIN_ASKED): _N.DRAINING,
    (_N.READY, _E.DRAIN_ENDED): _N.READY,
    (_N.READY, _E.BROKE): _N.FAILED,
    (_N.DRAINING, _E.HEARD): _N.DRAINING,
    (_N.DRAINING, _E.SILENT): _N.DRAINING,
    (_N.DRAINING, _E.DRAIN_ASKED): _N.DRAINING,
    (_N.DRAINING, _E.DRAIN_ENDED): _N.READY,
    (_N.DRAINING, _E.BROKE): _N.FAILED,
    (_N.FAILED, _E.HEARD): _N.FAILED,
    (_N.FAILED, _E.SILENT): _N.FAILED,
    (_N.FAILED, _E.BROKE): _N.FAILED,
    (_N.FAILED, _E.REPAIRED): _N.OFFLINE,
    (_N.OFFLINE, _E.HEARD): _N.READY,
    (_N.OFFLINE, _E.SILENT): _N.OFFLINE,
    (_N.OFFLINE, _E.DRAIN_ASKED): _N.DRAINING,
    (_N.OFFLINE, _E.BROKE): _N.FAILED,
    (_N.OFFLINE, _E.REPAIRED): _N.OFFLINE,
}


def next_node_state(state: NodeState, event: NodeEvent) -> NodeState:
    """Look up where an event leads.

    Raises
    ------
    ConflictError : it cannot happen in this state
    """
    after = NODE_TABLE.get((state, event))
    if after is None:
        raise ConflictError(f"A node that is {state.value} cannot take '{event.value}'.")
    return after
