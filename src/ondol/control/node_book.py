"""Which nodes take new work: what the operator asked for, kept over restarts."""

from __future__ import annotations

import json

from ondol.lifecycle.node import NodeEvent, NodeState, next_node_state
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId


class NodeBook:
    """States of a fleet's nodes.

    Parameters
    ----------
    kept : what `pack` gave in an earlier life, None for a fresh start; the embedded engine is heard of at once
    """

    def __init__(self, fleet: Fleet, kept: bytes | None = None) -> None:
        before: dict[str, str] = {} if kept is None else json.loads(kept)
        self._states = {node.id: NodeState(before.get(node.id, NodeState.OFFLINE.value)) for node in fleet.nodes}
        for node_id in self._states:
            self._take(node_id, NodeEvent.HEARD)

    def state(self, node_id: NodeId) -> NodeState:
        """Give a node's state; raises NotFoundError."""
        if node_id not in self._states:
            raise NotFoundError("node", node_id)
        return self._states[node_id]

    def accepts(self, node_id: NodeId) -> bool:
        """Whether new work may be placed on it."""
        return self.state(node_id).accepts

    def works(self, node_id: NodeId) -> bool:
        """Whether work that is there can go on."""
        return self.state(node_id) in (NodeState.READY, NodeState.DRAINING)

    def ask(self, node_id: NodeId, wanted: str) -> NodeState:
        """Take the operator's wish: "draining" lets running work end and takes no more, "ready" takes work again.

        Raises NotFoundError for an unknown node, InvalidFieldError for another wish.
        """
        events = {NodeState.DRAINING.value: NodeEvent.DRAIN_ASKED, NodeState.READY.value: NodeEvent.DRAIN_ENDED}
        if wanted not in events:
            raise InvalidFieldError("state", wanted, "one of " + ", ".join(events))
        if self.state(node_id).value != wanted:
            self._take(node_id, events[wanted])
        return self.state(node_id)

    def pack(self) -> bytes:
        """What must outlive the platform."""
        return json.dumps({node_id: state.value for node_id, state in sorted(self._states.items())}).encode()

    def _take(self, node_id: NodeId, event: NodeEvent) -> None:
        self._states[node_id] = next_node_state(self._states[node_id], event)
