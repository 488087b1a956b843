"""From the watts that a site's agent allows a node to the CPU share that its attempts get."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence

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
    sharers: Callable[[Attempt], int] = lambda _attempt: 1,
) -> None:
    """Tell the engine every running attempt's share of the host, where it changed.

    Parameters
    ----------
    accepted : shares told before, by attempt [cores]; updated here
    sharers : how many instances share the slot that an attempt runs in, each with the same part of it
    """
    for site in orders:
        for order in site.nodes:
            node = nodes[order.node_id]
            busy = running.get(node.id, ())
            # A slot never gets more than its own part of the node, so a cap binds only below full load.
            slots = len({attempt.held_by or attempt.id for attempt in busy})
            load = min(node.curve.load_at(order.cap_w), slots / node.slots)
            for attempt in busy:
                part = sharers(attempt)
                cores = max(LEAST_CORES, node.host_cores * load / slots / part)
                if abs(cores - accepted.get(attempt.id, node.host_cores / node.slots / part)) > _WORTH_TELLING * cores:
                    try:
                        engine.limit_cpu(attempt.id, cores)
                    except OSError as error:  # a full disk: told again at the next sample
                        _log.error("the share of %s could not be changed: %s", attempt.id, error)
                    else:
                        accepted[attempt.id] = cores
