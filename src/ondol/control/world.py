"""Builds the View: what sensors, agents, works and signals say, as columns in id order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from ondol.agent.orders import NodeOrder, SiteOrders, UnitOrder
from ondol.control.allowances import Reserved
from ondol.control.columns import LEAST_SHOWN, Columns, Inputs
from ondol.control.grids import Grids
from ondol.control.limit_book import NO_LIMITS
from ondol.control.lines import Withheld
from ondol.control.outlook import Outlook
from ondol.control.works import Works
from ondol.model.account import AccountLimits
from ondol.model.decision import Wait
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, AttemptId, NodeId, UnitId, instance_id
from ondol.model.site import UnitKind
from ondol.model.view import Ints, NodeColumns, ServiceClass, SiteColumns, UnitColumns, View
from ondol.policy.urgency import UNKNOWN_RUN_S, work_left_s

STEP_S = 900.0
HORIZON = 8


class World:
    """Turns the platform's state into a View.

    Parameters
    ----------
    clock_rate : platform seconds per wall second
    limits_of, reserved : what accounts may have at once, and every machine that is kept for one; without them nobody
        is limited (`control.limit_book` has both)
    least_shown : instances of each class and order that policies see at least (`control.lines`)
    inputs : bytes that sites lack of tasks' inputs (`MissingInputs.columns`); without it nothing is missing
    outlook : sinks as stores, and the hours ahead; without it policies go by what thermostats want now

    `withheld` is what the last view left out because of quotas, in words.
    """

    def __init__(
        self,
        fleet: Fleet,
        grids: Grids,
        *,
        clock_rate: float,
        seed: int = 0,
        limits_of: Callable[[AccountId], AccountLimits] = lambda _account: NO_LIMITS,
        reserved: Callable[[], Reserved] = dict,
        inputs: Inputs | None = None,
        least_shown: int = LEAST_SHOWN,
        outlook: Outlook | None = None,
    ) -> None:
        self._fleet = fleet
        self._outlook = outlook
        self._grids = grids
        self._seed = seed
        self._columns = Columns(
            fleet,
            clock_rate=clock_rate,
            limits_of=limits_of,
            reserved=reserved,
            inputs=inputs,
            least_shown=least_shown,
        )
        site_row = {site.id: row for row, site in enumerate(fleet.sites)}
        unit_row = {unit.id: row for row, unit in enumerate(fleet.units)}
        sink_row = {sink.id: row for row, sink in enumerate(fleet.sinks)}
        sinks = [fleet.sink_of(unit) for unit in fleet.units]
        self._unit_site = np.array([site_row[unit.site_id] for unit in fleet.units], dtype=np.int64)
        self._unit_sink = np.array([-1 if sink is None else sink_row[sink.id] for sink in sinks], dtype=np.int64)
        self._node_unit = np.array([unit_row[node.unit_id] for node in fleet.nodes], dtype=np.int64)
        self._node_max_w = np.array([node.curve.max_w for node in fleet.nodes])
        self._unit_max_w = np.bincount(self._node_unit, weights=self._node_max_w, minlength=len(fleet.units)).astype(
            float
        )
        self.withheld: tuple[Wait, ...] = ()

    def view(
        self,
        now_s: float,
        orders: Iterable[SiteOrders],
        works: Works,
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
        instances = self._columns.instances(works, cpu_s)
        self.withheld = tuple(map(_in_words, instances.withheld))
        node = instances.columns.node
        taken = np.bincount(node[node >= 0], minlength=len(self._fleet.nodes))
        view = View(
            now_s=now_s,
            step_s=STEP_S,
            seed=self._seed,
            sites=self._sites(now_s),
            units=self._units(unit_orders),
            nodes=self._nodes(node_orders, taken, accepts),
            instances=instances.columns,
            allowances=instances.allowances,
            missing_bytes=instances.missing_bytes,
            beyond=instances.beyond,
        )
        ahead = None if self._outlook is None else self._outlook.ahead(now_s, orders, _known_work_s(view))
        if ahead is None:
            return view
        return dataclasses.replace(
            view,
            sinks=ahead.sinks,
            ahead_s=ahead.ahead_s,
            ahead_grid_g_per_kwh=ahead.ahead_grid_g_per_kwh,
            ahead_work_s=ahead.ahead_work_s,
        )

    def note(self, now_s: float, orders: Iterable[SiteOrders]) -> None:
        """Take in a sample of all sites, for forecasts to learn from."""
        if self._outlook is not None:
            self._outlook.note(now_s, orders)

    def documents(self, now_s: float) -> dict[str, bytes]:
        """What of it must outlive the platform."""
        return {} if self._outlook is None else self._outlook.documents(now_s)

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
        return UnitColumns(
            ids=tuple(unit.id for unit in units),
            site=self._unit_site,
            heats=np.array([unit.kind is not UnitKind.SERVER_RACK for unit in units], dtype=np.bool_),
            sink=self._unit_sink,
            power_max_w=self._unit_max_w,
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
            unit=self._node_unit,
            slots=slots,
            slots_free=np.maximum(slots - taken, 0),
            idle_w=np.array([node.curve.idle_w for node in nodes]),
            max_w=self._node_max_w,
            cap_w=np.array([orders[node.id].cap_w for node in nodes]),
            accepts=np.array([orders[node.id].accepts and accepts(node.id) for node in nodes], dtype=np.bool_),
        )


def _known_work_s(view: View) -> float:
    """Full-speed seconds of useful work that is there, as far as anybody knows them [slot-s]."""
    useful = view.instances.service != ServiceClass.FILLER
    return float(work_left_s(view)[useful].sum()) + UNKNOWN_RUN_S * float(view.beyond[: ServiceClass.FILLER].sum())


def _padded(ahead_w: tuple[float, ...]) -> list[float]:
    """Give exactly HORIZON steps, the last one repeated."""
    steps = list(ahead_w[:HORIZON]) or [0.0]
    return steps + [steps[-1]] * (HORIZON - len(steps))


def _in_words(one: Withheld) -> Wait:
    """Tell the first who waits, and with it those behind, what it waits for."""
    quota = one.quota
    kind = f"{quota.kind.value} work" + (f" of reservation {quota.reservation}" if quota.reservation else "")
    limits = [
        f"{most} {noun}, and {used} are in use"
        for most, noun, used in (
            (quota.max_instances, "instances", one.instances),
            (quota.max_cores, "cores", one.cores),
        )
        if most is not None
    ]
    reason = f"the account may have {' and '.join(limits)}, for {kind} at once; who came first goes first"
    return Wait((instance_id(one.task_id, one.number),), reason)
