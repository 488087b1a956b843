"""Builds small Views from rows in any order; everything has a plain default."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ondol.model.decision import Action, Pause, Resume, SetPower, Start, Stop, Wait
from ondol.model.ids import InstanceId, NodeId, SinkId, SiteId, UnitId
from ondol.model.view import (
    InstanceColumns,
    NodeColumns,
    Phase,
    ServiceClass,
    SinkColumns,
    SiteColumns,
    UnitColumns,
    View,
)

NOW_S = 1_768_200_000.0  # 2026-01-12 06:40 UTC
STEP_S = 900.0
HORIZON = 8
FORECASTS = ("demand_w", "demand_high_w", "backup_g_per_kwh", "backup_eur_per_kwh")


@dataclass
class UnitRow:
    id: str
    site: str = "home"
    heats: bool = True
    wanted_w: float = 0.0
    ahead_w: float | None = None
    temp_c: float = 19.0
    setpoint_c: float = 19.0
    room_j: float | None = None  # None for plenty where sinks are known as stores, else none
    slots: tuple[int, ...] = (1,)  # per node
    idle_w: float = 50.0
    max_w: float = 450.0
    accepts: bool = True
    sink: str | None = None  # None for one of its own
    store_j: float = 0.0
    capacity_j: float = 0.0  # 0 for a sink that stores nothing
    demand_w: float | list[float] | None = None  # over the steps ahead; None where nobody forecasts
    demand_high_w: float | None = None  # None for the mean
    backup_g: float = 230.0
    capture: float = 1.0
    loss_per_s: float = 0.0
    up: bool | None = None  # have its nodes power? None where nodes are never switched off


@dataclass
class WorkRow:
    id: str
    service: ServiceClass = ServiceClass.FLEX
    phase: Phase = Phase.QUEUED
    node: str = ""
    submitted_s: float = NOW_S - 60.0
    deadline_s: float = math.inf
    since_s: float = NOW_S - 60.0
    expected_s: float = 600.0
    done_s: float = 0.0
    resumable: bool = False
    task: int = 0
    only_on: tuple[str, ...] | None = None  # units; None for everywhere
    missing: dict[str, float] = field(default_factory=dict)  # bytes per site


@dataclass
class World:
    units: list[UnitRow] = field(default_factory=list)
    work: list[WorkRow] = field(default_factory=list)
    grid: dict[str, float | list[float]] = field(default_factory=dict)  # now, or now and in the next steps
    pue: dict[str, float] = field(default_factory=dict)
    now_s: float = NOW_S
    stores: bool = False  # are sinks known as stores of heat?
    ahead_s: list[float] = field(default_factory=list)
    ahead_grid: dict[str, list[float]] = field(default_factory=dict)

    def view(self) -> View:
        """Rows sorted by id; nodes are called <unit>-n<number>."""
        units = sorted(self.units, key=lambda u: u.id)
        work = sorted(self.work, key=lambda w: w.id)
        sites = sorted({u.site for u in units})
        nodes = [(f"{u.id}-n{n}", row, u, slots) for row, u in enumerate(units) for n, slots in enumerate(u.slots)]
        nodes.sort(key=lambda n: n[0])
        node_row = {name: row for row, (name, *_) in enumerate(nodes)}
        taken = np.bincount(
            [node_row[w.node] for w in work if w.phase is not Phase.QUEUED], minlength=len(nodes)
        ).astype(np.int64)

        def floats(values: object) -> np.ndarray:
            return np.array(list(values), dtype=np.float64)

        def ints(values: object) -> np.ndarray:
            return np.array(list(values), dtype=np.int64)

        def steps(value: float | list[float]) -> list[float]:
            return value if isinstance(value, list) else [value] * HORIZON

        sinks = {u.sink or u.id: u for u in reversed(units) if u.heats}
        sink_ids = sorted(sinks)
        ahead = [self.ahead(sinks[s]) for s in sink_ids]
        forecast = self.stores and any(sinks[s].demand_w is not None for s in sink_ids)
        slots = ints(n[3] for n in nodes)
        allowed: dict[tuple[str, ...] | None, int] = {None: 0}
        data: dict[tuple[float, ...], int] = {tuple(0.0 for _ in sites): 0}
        for w in work:
            allowed.setdefault(w.only_on, len(allowed))
            data.setdefault(tuple(w.missing.get(s, 0.0) for s in sites), len(data))
        return View(
            now_s=self.now_s,
            step_s=STEP_S,
            seed=1,
            sites=SiteColumns(
                ids=tuple(SiteId(s) for s in sites),
                pue=floats(self.pue.get(s, 1.0) for s in sites),
                grid_g_per_kwh=np.array([steps(self.grid.get(s, 50.0)) for s in sites], dtype=float).reshape(
                    len(sites), -1
                )
                if sites
                else np.zeros((0, HORIZON)),
                electrical_limit_w=floats(1e6 for _ in sites),
            ),
            units=UnitColumns(
                ids=tuple(UnitId(u.id) for u in units),
                site=ints(sites.index(u.site) for u in units),
                heats=np.array([u.heats for u in units], dtype=bool),
                sink=ints(sink_ids.index(u.sink or u.id) if u.heats else -1 for u in units),
                power_max_w=floats(u.max_w * len(u.slots) for u in units),
                power_w=floats(u.idle_w * len(u.slots) for u in units),
                wanted_w=floats(u.wanted_w if u.heats else 0.0 for u in units),
                wanted_ahead_w=np.array(
                    [[u.wanted_w if u.ahead_w is None else u.ahead_w] * HORIZON for u in units], dtype=np.float64
                ).reshape(-1, HORIZON),
                temp_c=floats(u.temp_c if u.heats else math.nan for u in units),
                setpoint_c=floats(u.setpoint_c if u.heats else math.nan for u in units),
                lower_c=floats(u.setpoint_c - 0.5 if u.heats else math.nan for u in units),
                upper_c=floats(u.setpoint_c + 2.0 if u.heats else math.nan for u in units),
                room_j=floats((1e9 if self.stores else 0.0) if u.room_j is None else u.room_j for u in units),
            ),
            nodes=NodeColumns(
                ids=tuple(NodeId(n[0]) for n in nodes),
                unit=ints(n[1] for n in nodes),
                slots=slots,
                slots_free=np.maximum(slots - taken, 0),
                idle_w=floats(n[2].idle_w for n in nodes),
                max_w=floats(n[2].max_w for n in nodes),
                cap_w=floats(n[2].max_w for n in nodes),
                accepts=np.array([n[2].accepts for n in nodes], dtype=bool),
                up=np.array(
                    [n[2].up is not False for n in nodes] if any(n[2].up is not None for n in nodes) else [],
                    dtype=bool,
                ),
            ),
            instances=InstanceColumns(
                ids=tuple(InstanceId(w.id) for w in work),
                task=ints(w.task for w in work),
                phase=ints(w.phase for w in work),
                service=ints(w.service for w in work),
                node=ints(node_row[w.node] if w.phase is not Phase.QUEUED else -1 for w in work),
                submitted_s=floats(w.submitted_s for w in work),
                deadline_s=floats(w.deadline_s for w in work),
                since_s=floats(w.since_s for w in work),
                expected_s=floats(w.expected_s for w in work),
                done_s=floats(w.done_s for w in work),
                attempts=ints(0 if w.phase is Phase.QUEUED else 1 for w in work),
                resumable=np.array([w.resumable for w in work], dtype=bool),
                allowed=ints(allowed[w.only_on] for w in work),
                data=ints(data[tuple(w.missing.get(s, 0.0) for s in sites)] for w in work),
            ),
            allowances=np.array(
                [[key is None or n[2].id in key for n in nodes] for key in allowed], dtype=bool
            ).reshape(len(allowed), len(nodes)),
            missing_bytes=np.array(list(data), dtype=np.float64).reshape(len(data), len(sites)),
            sinks=SinkColumns(
                ids=tuple(SinkId(s) for s in sink_ids),
                site=ints(sites.index(sinks[s].site) for s in sink_ids),
                store_j=floats(sinks[s].store_j for s in sink_ids),
                capacity_j=floats(sinks[s].capacity_j for s in sink_ids),
                loss_per_s=floats(sinks[s].loss_per_s for s in sink_ids),
                capture=floats(sinks[s].capture for s in sink_ids),
                **({name: np.array([one[name] for one in ahead]) for name in FORECASTS} if forecast else {}),
            )
            if self.stores
            else SinkColumns(),
            ahead_s=floats(self.ahead_s),
            ahead_grid_g_per_kwh=np.array(
                [self.ahead_grid.get(s, [math.nan] * len(self.ahead_s)) for s in sites], dtype=np.float64
            ).reshape(len(sites), len(self.ahead_s)),
        )

    def ahead(self, unit: UnitRow) -> dict[str, list[float]]:
        """What is forecast of the sink of a unit."""
        count = len(self.ahead_s)
        mean = unit.demand_w if isinstance(unit.demand_w, list) else [unit.demand_w or 0.0] * count
        high = mean if unit.demand_high_w is None else [unit.demand_high_w] * count
        backup = [unit.backup_g] * count
        return dict(zip(FORECASTS, (mean, high, backup, [0.1] * count), strict=True))


def apply(world: World, decision: tuple[Action, ...]) -> None:
    """Carry a decision out on the rows, refusing what the platform would refuse."""
    work = {w.id: w for w in world.work}
    view = world.view()
    free = {key: int(n) for key, n in zip(view.nodes.ids, view.nodes.slots_free, strict=True)}
    accepts = dict(zip(view.nodes.ids, view.nodes.accepts, strict=True))
    touched: set[str] = set()
    for action in decision:
        assert action.reason.strip()
        if isinstance(action, SetPower):
            row = view.units.ids.index(action.unit_id)
            assert 0.0 < action.power_w <= view.units.power_max_w[row] + 1e-6
            assert action.unit_id not in touched
            touched.add(action.unit_id)
            continue
        if isinstance(action, Wait):
            assert all(work[i].phase is Phase.QUEUED for i in action.instance_ids)
            assert action.instance_ids
            continue
        one = work[action.instance_id]
        assert one.id not in touched, f"{one.id} is named twice"
        touched.add(one.id)
        one.since_s = world.now_s
        if isinstance(action, Start):
            assert one.phase is Phase.QUEUED
            assert free[action.node_id] > 0
            assert accepts[action.node_id]
            free[action.node_id] -= 1
            one.phase, one.node = Phase.RUNNING, action.node_id
        elif isinstance(action, Stop):
            assert one.phase in (Phase.PLACED, Phase.RUNNING, Phase.PAUSED)
            one.phase, one.node = Phase.QUEUED, ""
        elif isinstance(action, Pause):
            assert one.phase is Phase.RUNNING
            one.phase = Phase.PAUSED
        elif isinstance(action, Resume):
            assert one.phase is Phase.PAUSED
            one.phase = Phase.RUNNING


def started(decision: tuple[Action, ...]) -> dict[str, str]:
    """Where each started instance goes."""
    return {a.instance_id: a.node_id for a in decision if isinstance(a, Start)}


def of_kind(decision: tuple[Action, ...], kind: type) -> list:
    """The actions of one kind."""
    return [a for a in decision if isinstance(a, kind)]
