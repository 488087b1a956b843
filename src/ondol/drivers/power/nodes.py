"""All node meters of a fleet together: RAPL where a node asks for it and the kernel lets us, the curve elsewhere."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping

from ondol.drivers.power.curve import CurveMeter, MeteredNode, NodeEnergy
from ondol.drivers.power.rapl import RaplMeter, RaplReading
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId
from ondol.model.ledger import Tier

_log = logging.getLogger(__name__)


class NodeMeters:
    """Meters every node from one sample to the next.

    Where the counters cannot be read, the curve stands in (tier T4); they count again from their next two readings on.

    Parameters
    ----------
    time_scale : platform seconds per second of the host
    rapl : the host's counters; they stand for the one node whose `meter` is "rapl"
    """

    def __init__(self, fleet: Fleet, *, time_scale: float, rapl: RaplMeter | None = None) -> None:
        nodes = {node.id: MeteredNode(curve=node.curve, host_cores=node.host_cores) for node in fleet.nodes}
        self._curve = CurveMeter(nodes, time_scale=time_scale)
        self._rapl = rapl
        self._last: tuple[float, RaplReading] | None = None  # host time [s] and the last good reading
        self._failed = False
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
        powers_w = self._rapl_powers_w(self._rapl, at_s)
        if powers_w is None:
            return closed
        package_w, dram_w = powers_w
        power_w = package_w + (dram_w or 0.0)
        return tuple(
            dataclasses.replace(
                energy,
                power_w=power_w,
                energy_j=power_w * energy.duration_s,
                tier=Tier.T3_RAPL,
                package_j=package_w * energy.duration_s,
                dram_j=None if dram_w is None else dram_w * energy.duration_s,
            )
            if energy.node_id == self._measured
            else energy
            for energy in closed
        )

    def _rapl_powers_w(self, rapl: RaplMeter, at_s: float) -> tuple[float, float | None] | None:
        """Mean power of processors and of memory since the sample before [W]; None where the counters cannot tell."""
        before = self._last
        self._last = None
        try:
            reading = rapl.read(at_s)
        except (UnavailableError, OSError) as error:
            if not self._failed:
                _log.warning("%s; the power curve is used meanwhile (tier T4)", error)
            self._failed = True
            return None
        self._failed = False
        self._last = (at_s, reading)
        if before is None or not reading.complete or at_s <= before[0]:
            return None
        span_s, earlier = at_s - before[0], before[1]
        memory = None if reading.dram_j is None or earlier.dram_j is None else reading.dram_j - earlier.dram_j
        return (reading.package_j - earlier.package_j) / span_s, None if memory is None else memory / span_s
