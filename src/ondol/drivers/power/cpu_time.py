"""Turns the CPU seconds of attempts, which come and go, into counters of nodes, which only rise."""

from __future__ import annotations

from collections.abc import Iterable

from ondol.engine.ports import AttemptReport
from ondol.model.ids import AttemptId, NodeId


class NodeCpuTime:
    """Cumulative CPU seconds per node.

    A released attempt's seconds stay with its node. An attempt that is unknown when it first appears counts whole,
    so a platform that restarts should prime the counters with one `add` whose result it drops.

    Parameters
    ----------
    nodes : the nodes to count for; reports of others are refused with KeyError
    """

    def __init__(self, nodes: Iterable[NodeId]) -> None:
        self._node_s = dict.fromkeys(sorted(nodes), 0.0)
        self._attempt_s: dict[AttemptId, float] = {}

    def add(self, reports: Iterable[AttemptReport]) -> dict[NodeId, float]:
        """Take the reports of one poll; gives the CPU seconds of every node so far."""
        seen: dict[AttemptId, float] = {}
        for report in reports:
            before = self._attempt_s.get(report.attempt_id, 0.0)
            seen[report.attempt_id] = max(before, report.cpu_s)
            self._node_s[report.node_id] += seen[report.attempt_id] - before
        self._attempt_s = seen
        return dict(self._node_s)
