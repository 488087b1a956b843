"""From the watts that a site's agent allows a node, and the caps of tasks, to the CPU share that attempts get."""

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
_ROUNDING = 1e-9
_WORTH_TELLING = 0.02  # relative change of a share below which the engine is left alone


def apply_caps(
    engine: Engine,
    nodes: Mapping[NodeId, Node],
    orders: Iterable[SiteOrders],
    running: Mapping[NodeId, Sequence[Attempt]],
    accepted: MutableMapping[AttemptId, float],
    sharers: Callable[[Attempt], int] = lambda _attempt: 1,
    speed_cap: Callable[[Attempt], float] = lambda _attempt: 1.0,
) -> None:
    """Tell the engine every running attempt's share of the host, where it changed.

    The lower of both caps holds: the node's, spread evenly over its slots at work, and the task's own. What a capped
    task leaves of its even part goes to the others.

    Parameters
    ----------
    accepted : shares told before, by attempt [cores]; updated here
    sharers : how many instances share the slot that an attempt runs in, each with the same part of it
    speed_cap : share of its slot's full speed that an attempt's task takes at most, above 0 to 1
    """
    for site in orders:
        for order in site.nodes:
            node = nodes[order.node_id]
            busy = running.get(node.id, ())
            caps = {attempt.held_by or attempt.id: speed_cap(attempt) for attempt in busy}
            # A slot never gets more than its own part of the node, so a cap binds only below full load.
            load = min(node.curve.load_at(order.cap_w), len(caps) / node.slots)
            full = node.host_cores / node.slots
            even = even_part(node.host_cores * load, [full * cap for cap in caps.values()])
            for attempt in busy:
                part, cap = sharers(attempt), caps[attempt.held_by or attempt.id]
                cores = max(LEAST_CORES, min(even, full * cap) / part if cap < 1.0 else even / part)
                if abs(cores - accepted.get(attempt.id, full * cap / part)) > _WORTH_TELLING * cores:
                    try:
                        engine.limit_cpu(attempt.id, cores)
                    except OSError as error:  # a full disk: told again at the next sample
                        _log.error("the share of %s could not be changed: %s", attempt.id, error)
                    else:
                        accepted[attempt.id] = cores


def even_part(total: float, most: Sequence[float]) -> float:
    """Give the part x with ``Σ min(x, most_i) = total``: all alike, but nobody more than it can take.

    Parameters
    ----------
    total : to be shared, ≥ 0
    most : what each takes at most, > 0

    Returns
    -------
    x; where there is more than all can take, the most that any takes
    """
    left = total
    for taken, one in enumerate(sorted(most)):
        part = left / (len(most) - taken)
        if part <= one * (1.0 + _ROUNDING):
            return part
        left -= one
    return max(most, default=0.0)
