"""From the watts that a site's agent allows a node to the CPU share that its attempts get."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, MutableMapping, Sequence

from ondol.agent.orders import SiteOrders
from ondol.engine.ports import Engine
from ondol.model.compute import Attempt
from ondol.model.ids import AttemptId, NodeId
from ondol.model.site import Node

_log = logging.getLogger(__name__)
LEAST_CORES = 0.001  # what the engine port can still express; as good as nothing
_WORTH_TELLING = 0.02  # relative change of a share below which the engine is left alone


def apply_caps(
    engine: Engine,
    nodes: Mapping[NodeId, Node],
    orders: Iterable[SiteOrders],
    running: Mapping[NodeId, Sequence[Attempt]],
    accepted: MutableMapping[AttemptId, float],
) -> None:
    """Tell the engine every running attempt's share of the host, where it changed.

    Parameters
    ----------
    accepted : shares told before, by attempt [cores]; updated here
    """
    for site in orders:
        for order in site.nodes:
            node = nodes[order.node_id]
            busy = running.get(node.id, ())
            # A slot never gets more than its own part of the node, so a cap binds only below full load.
            load = min(node.curve.load_at(order.cap_w), len(busy) / node.slots)
            for attempt in busy:
                cores = max(LEAST_CORES, node.host_cores * load / len(busy))
                if abs(cores - accepted.get(attempt.id, node.host_cores / node.slots)) > _WORTH_TELLING * cores:
                    try:
                        engine.limit_cpu(attempt.id, cores)
                    except OSError as error:  # a full disk: told again at the next sample
                        _log.error("the share of %s could not be changed: %s", attempt.id, error)
                    else:
                        accepted[attempt.id] = cores
