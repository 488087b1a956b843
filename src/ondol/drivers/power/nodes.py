"""All node meters of a fleet together: RAPL where a node asks for it and the kernel lets us, the curve elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ondol.drivers.power.curve import CurveMeter, MeteredNode, NodeEnergy
from ondol.drivers.power.rapl import RaplMeter
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId
from ondol.model.ledger import Tier


class NodeMeters:
    """Meters every node from one sample to the next.

    Parameters
    ----------
    time_scale : platform seconds per second of the host
    rapl : the host's counters; they stand for the one node whose `meter` is "rapl"
    """

    def __init__(self, fleet: Fleet, *, time_scale: float, rapl: RaplMeter | None = None) -> None:
        nodes = {node.id: MeteredNode(curve=node.curve, host_cores=node.host_cores) for node in fleet.nodes}
        self._curve = CurveMeter(nodes, time_scale=time_scale)
        self._rapl = rapl
        self._at_s = self._counted_j = 0.0
        self._measured = next((node.id for node in fleet.nodes if node.meter == "rapl"), None)

    def sample(self, at_s: float, cpu_s: Mapping[NodeId, float]) -> tuple[NodeEnergy, ...]:
        """Give each node's power since the last sample; nothing on the first.

        Parameters
        ----------
        at_s : time of the host [s]
        cpu_s : cumulative CPU seconds of every node
        """
        closed = self._curve.sample(at_s, cpu_s)
        if self._rapl is None or self._measured is None:
            return closed
        reading = self._rapl.read(at_s)
        before_j, self._counted_j = self._counted_j, reading.package_j + (reading.dram_j or 0.0)
        span_s, self._at_s = at_s - self._at_s, at_s
        if not closed or not reading.complete or span_s <= 0:
            return closed
        power_w = (self._counted_j - before_j) / span_s
        return tuple(
            dataclasses.replace(energy, power_w=power_w, energy_j=power_w * energy.duration_s, tier=Tier.T3_RAPL)
            if energy.node_id == self._measured
            else energy
            for energy in closed
        )
