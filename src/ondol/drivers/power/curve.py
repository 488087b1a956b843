"""Power and energy of nodes from their CPU time, by each node's power curve (data tier T4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import NodeId
from ondol.model.ledger import Tier
from ondol.model.power import PowerCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredNode:
    """What the meter needs of one node.

    Parameters
    ----------
    curve : its power over its load
    host_cores : cores of this host that its full load uses, > 0
    """

    curve: PowerCurve
    host_cores: float

    def __post_init__(self) -> None:
        check_range("host_cores", self.host_cores, 0.001, 4096.0, "cores")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnergy:
    """One node over one window.

    Parameters
    ----------
    duration_s : of the window, in scaled seconds [s]
    load : mean load in [0, 1]
    power_w : power at that load [W]
    energy_j : power_w times duration_s [J]
    tier : always T4 here
    package_j, dram_j : of processors and memory, where counters tell them apart [J]
    """

    node_id: NodeId
    duration_s: float
    load: float
    power_w: float
    energy_j: float
    tier: Tier = Tier.T4_CURVE
    package_j: float | None = None
    dram_j: float | None = None


class CurveMeter:
    """Meters nodes from cumulative counters of CPU seconds.

    load = (ΔCPU + carry) / (Δt · host_cores); P = curve(load); E = P · Δt. Counters and clock are not read at the same
    instant, so a window may show slightly more than full load; what is above goes over to the next window, because
    clamping it away would lose work that was done. The carry is at most what has not found room yet and is readable.

    Parameters
    ----------
    nodes : the nodes by id
    time_scale : seconds of the platform's clock per second of the host, > 0; energy and durations are in the former
    """

    def __init__(self, nodes: Mapping[NodeId, MeteredNode], *, time_scale: float = 1.0) -> None:
        check_range("time_scale", time_scale, 1e-3, 1e6)
        self._nodes = {node_id: nodes[node_id] for node_id in sorted(nodes)}
        self._time_scale = time_scale
        self._at_s: float | None = None
        self._cpu_s: dict[NodeId, float] = {}
        self._carry_s = dict.fromkeys(self._nodes, 0.0)

    @property
    def carry_s(self) -> dict[NodeId, float]:
        """CPU seconds per node that were counted but have not yet found room in a window."""
        return dict(self._carry_s)

    def sample(self, at_s: float, cpu_s: Mapping[NodeId, float]) -> tuple[NodeEnergy, ...]:
        """Close the window that the last call opened and open the next; the first call gives nothing.

        Raises InvalidFieldError where time stands still or falls, a counter falls, or a node's counter is missing;
        nothing has changed then.

        Parameters
        ----------
        at_s : monotonic time of the host [s]
        cpu_s : cumulative CPU seconds of every node
        """
        for node_id in self._nodes:
            low = self._cpu_s.get(node_id, 0.0)
            if node_id not in cpu_s:
                raise InvalidFieldError(f"cpu_s[{node_id}]", None, "the CPU seconds of every node")
            check_range(f"cpu_s[{node_id}]", cpu_s[node_id], low, 1e15, "s (a counter never falls)")
        if self._at_s is not None and not at_s > self._at_s:
            raise InvalidFieldError("at_s", at_s, f"later than the sample before, {self._at_s!r}")
        closed = () if self._at_s is None else self._close(at_s - self._at_s, cpu_s)
        self._at_s = at_s
        self._cpu_s = {node_id: cpu_s[node_id] for node_id in self._nodes}
        return closed

    def _close(self, span_s: float, cpu_s: Mapping[NodeId, float]) -> tuple[NodeEnergy, ...]:
        energies = []
        for node_id, node in self._nodes.items():
            used_s = cpu_s[node_id] - self._cpu_s[node_id] + self._carry_s[node_id]
            room_s = span_s * node.host_cores
            self._carry_s[node_id] = max(0.0, used_s - room_s)
            load = min(1.0, used_s / room_s)
            power_w = node.curve.power_w(load)
            duration_s = span_s * self._time_scale
            energies.append(
                NodeEnergy(
                    node_id=node_id, duration_s=duration_s, load=load, power_w=power_w, energy_j=power_w * duration_s
                )
            )
        return tuple(energies)
