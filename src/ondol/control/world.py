"""Builds the View: what sensors, agents, works and signals say, as columns in id order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from ondol.agent.orders import NodeOrder, SiteOrders, UnitOrder
from ondol.control.grids import Grids
from ondol.lifecycle.work import Work
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId, UnitId
from ondol.model.site import UnitKind
from ondol.model.view import InstanceColumns, Ints, NodeColumns, Phase, SiteColumns, UnitColumns, View

STEP_S = 900.0
HORIZON = 8

_PHASES = {
    AttemptState.PLACED: Phase.PLACED,
    AttemptState.STAGING: Phase.PLACED,
    AttemptState.RUNNING: Phase.RUNNING,
    AttemptState.PAUSED: Phase.PAUSED,
    AttemptState.STOPPING: Phase.LEAVING,
    AttemptState.UPLOADING: Phase.LEAVING,
}


class World:
    """Turns the platform's state into a View.

    Parameters
    ----------
    clock_rate : platform seconds per wall second
    """

    def __init__(
        self,
        fleet: Fleet,
        grids: Grids,
        *,
        clock_rate: float,
        seed: int = 0,
    ) -> None:
        self._fleet = fleet
        self._grids = grids
        self._seed = seed
        self._slot_cores = {node.id: node.host_cores / node.slots for node in fleet.nodes}
        self._rate = clock_rate
        self._site_row = {site.id: row for row, site in enumerate(fleet.sites)}
        self._unit_row = {unit.id: row for row, unit in enumerate(fleet.units)}
        self._node_row = {node.id: row for row, node in enumerate(fleet.nodes)}
        self._sink_row = {sink.id: row for row, sink in enumerate(fleet.sinks)}

    def view(
        self,
        now_s: float,
        orders: Iterable[SiteOrders],
        works: Iterable[Work],
        cpu_s: Mapping[AttemptId, float],
        accepts: Callable[[NodeId], bool] = lambda _node: True,
    ) -> View:
        """Give the snapshot at `now_s`.

        Parameters
        ----------
        cpu_s : the engine's count per attempt
        accepts : whether the operator lets new work onto a node; its site's agent must let it, too
        """
        orders = tuple(orders)
        unit_orders = {order.unit_id: order for site in orders for order in site.units}
        node_orders = {order.node_id: order for site in orders for order in site.nodes}
        instances = self._instances(works, cpu_s)
        taken = np.bincount(instances.node[instances.node >= 0], minlength=len(self._fleet.nodes))
        return View(
            now_s=now_s,
            step_s=STEP_S,
            seed=self._seed,
            sites=self._sites(now_s),
            units=self._units(unit_orders),
            nodes=self._nodes(node_orders, taken, accepts),
            instances=instances,
            allowances=np.ones((1, len(self._fleet.nodes)), dtype=np.bool_),
            missing_bytes=np.zeros((1, len(self._fleet.sites))),
        )

    def _full_speed_s(self, node_id: NodeId, cpu_s: float) -> float:
        """Platform seconds of a slot at full speed that CPU seconds on a node amount to."""
        return cpu_s / self._slot_cores[node_id] * self._rate

    def _sites(self, now_s: float) -> SiteColumns:
        sites = self._fleet.sites
        by_country = {
            country: self._grids.ahead(country, now_s, STEP_S, HORIZON)
            for country in sorted({site.country for site in sites})
        }
        return SiteColumns(
            ids=tuple(site.id for site in sites),
            pue=np.array([site.pue for site in sites]),
            grid_g_per_kwh=np.array([by_country[site.country] for site in sites]).reshape(len(sites), HORIZON),
            electrical_limit_w=np.array([site.electrical_limit_w for site in sites]),
        )

    def _units(self, orders: Mapping[UnitId, UnitOrder]) -> UnitColumns:
        units = self._fleet.units
        rows = [orders[unit.id] for unit in units]
        sinks = [self._fleet.sink_of(unit) for unit in units]
        power_max = {unit.id: 0.0 for unit in units}
        for node in self._fleet.nodes:
            power_max[node.unit_id] += node.curve.max_w
        return UnitColumns(
            ids=tuple(unit.id for unit in units),
            site=np.array([self._site_row[unit.site_id] for unit in units], dtype=np.int64),
            heats=np.array([unit.kind is not UnitKind.SERVER_RACK for unit in units], dtype=np.bool_),
            sink=np.array([-1 if sink is None else self._sink_row[sink.id] for sink in sinks], dtype=np.int64),
            power_max_w=np.array([power_max[unit.id] for unit in units]),
            power_w=np.array([row.measured_w for row in rows]),
            wanted_w=np.array([row.wanted_w for row in rows]),
            wanted_ahead_w=np.array([_padded(row.wanted_ahead_w) for row in rows]).reshape(len(units), HORIZON),
            temp_c=np.array([row.temp_c for row in rows]),
            setpoint_c=np.array([row.setpoint_c for row in rows]),
            lower_c=np.array([row.lower_c for row in rows]),
            upper_c=np.array([row.upper_c for row in rows]),
            room_j=np.array([row.room_j for row in rows]),
        )

    def _nodes(self, orders: Mapping[NodeId, NodeOrder], taken: Ints, accepts: Callable[[NodeId], bool]) -> NodeColumns:
        nodes = self._fleet.nodes
        slots = np.array([node.slots for node in nodes], dtype=np.int64)
        return NodeColumns(
            ids=tuple(node.id for node in nodes),
            unit=np.array([self._unit_row[node.unit_id] for node in nodes], dtype=np.int64),
            slots=slots,
            slots_free=np.maximum(slots - taken, 0),
            idle_w=np.array([node.curve.idle_w for node in nodes]),
            max_w=np.array([node.curve.max_w for node in nodes]),
            cap_w=np.array([orders[node.id].cap_w for node in nodes]),
            accepts=np.array([orders[node.id].accepts and accepts(node.id) for node in nodes], dtype=np.bool_),
        )

    def _instances(self, works: Iterable[Work], cpu_s: Mapping[AttemptId, float]) -> InstanceColumns:
        found: list[tuple[Instance, Attempt | None, Task, int, float]] = []
        for number, work in enumerate(works):
            if work.task.pool_id:  # it runs in a slot that a holder has: the holder is in the view, as any work is
                continue
            if work.task.cancel_wanted or work.task.blocked:
                found += [(i, a, work.task, number, math.nan) for i, a in _alive(work) if a is not None]
                continue
            expected_s = self._expected_s(work)
            found += [(i, a, work.task, number, expected_s) for i, a in _alive(work)]
        found.sort(key=lambda row: row[0].id)
        attempts = [attempt for _, attempt, *_ in found]
        tasks = [task for _, _, task, *_ in found]
        return InstanceColumns(
            ids=tuple(instance.id for instance, *_ in found),
            task=np.array([row[3] for row in found], dtype=np.int64),
            phase=np.array([Phase.QUEUED if a is None else _PHASES[a.state] for a in attempts], dtype=np.int64),
            service=np.array([task.service for task in tasks], dtype=np.int64),
            node=np.array([-1 if a is None else self._node_row[a.node_id] for a in attempts], dtype=np.int64),
            submitted_s=np.array([task.created_at.timestamp() for task in tasks]),
            deadline_s=np.array([math.inf if t.deadline is None else t.deadline.timestamp() for t in tasks]),
            since_s=np.array([(i if a is None else a).since.timestamp() for i, a, *_ in found]),
            expected_s=np.array([row[4] for row in found]),
            done_s=np.array(
                [0.0 if a is None else self._full_speed_s(a.node_id, cpu_s.get(a.id, a.cpu_s)) for a in attempts]
            ),
            attempts=np.array([instance.attempts for instance, *_ in found], dtype=np.int64),
            resumable=np.array([task.resumable for task in tasks], dtype=np.bool_),
            allowed=np.zeros(len(found), dtype=np.int64),
            data=np.zeros(len(found), dtype=np.int64),
        )

    def _expected_s(self, work: Work) -> float:
        """Mean of what instances of the same task took; what the user said while none has ended; nan otherwise."""
        took = [
            self._full_speed_s(tries[-1].node_id, sum(attempt.cpu_s for attempt in tries))
            for tries in work.attempts.values()
            if tries[-1].state is AttemptState.SUCCEEDED
        ]
        if took:
            return math.fsum(took) / len(took)
        return math.nan if work.task.expected_s is None else work.task.expected_s


def _alive(work: Work) -> Iterable[tuple[Instance, Attempt | None]]:
    for instance in work.instances.values():
        if instance.state is InstanceState.QUEUED:
            yield instance, None
        elif instance.state is InstanceState.ACTIVE:
            yield instance, work.latest(instance.id)


def _padded(ahead_w: tuple[float, ...]) -> list[float]:
    """Give exactly HORIZON steps, the last one repeated."""
    steps = list(ahead_w[:HORIZON]) or [0.0]
    return steps + [steps[-1]] * (HORIZON - len(steps))
