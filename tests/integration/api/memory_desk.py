"""A desk that keeps everything in a MemoryStore; tests play the engine's part."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from integration.api.memory_groups import MemoryAccounts, MemoryJobs, MemoryPools
from ondol.control.budget_desk import PlatformBudgets
from ondol.control.carbon_ground import carbon_ground
from ondol.control.claim_book import claims_of
from ondol.control.command import check_command
from ondol.control.directory import OPERATOR
from ondol.control.host_desk import PlatformHosts
from ondol.control.kpi_desk import KpiDesk
from ondol.control.ports import (
    DecisionLine,
    Now,
    OpenPort,
    RunningInfo,
    SinkNow,
    SnapshotState,
    TaskDetail,
    UnitNow,
)
from ondol.control.profiles import PROFILES
from ondol.control.quote_desk import quote_book
from ondol.control.secret_desk import PlatformSecrets
from ondol.control.statement_desk import StatementDesk
from ondol.control.works import Works
from ondol.model.account import Account, Bucket
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task, TaskError, TaskState
from ondol.model.conditions import SnapshotConfig
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import AccountId, CircuitId, NodeId, RequestId, SinkId, SiteId, TaskId, UnitId, instance_number
from ondol.model.ids import attempt_id as make_attempt_id
from ondol.model.ids import instance_id as make_instance_id
from ondol.model.ledger import EnergyRow, HeatRow, MeterRow, Share, Tier
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.storage.memory.store import MemoryStore
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Changes, Reply, Store
from ondol.storage.tokens import Keyring

ALICE, BOB, BOSS = "a1" * 24, "b0" * 24, "c0" * 24
T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
NODE = NodeId("heater-1")


def small_fleet() -> Fleet:
    site, curve = SiteId("home"), PowerCurve(20.0, 220.0)
    return Fleet(
        name="small",
        sites=(Site(id=site, name="Home", pue=1.02),),
        units=(
            Unit(id=UnitId("boiler"), site_id=site, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId("loop")),
            Unit(id=UnitId("heater"), site_id=site, kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("room")),
        ),
        nodes=(
            Node(id=NodeId("boiler-1"), unit_id=UnitId("boiler"), curve=curve, slots=4, cpu_model="virtual"),
            Node(id=NODE, unit_id=UnitId("heater"), curve=curve, slots=2, cpu_model="virtual"),
        ),
        sinks=(
            Zone(id=SinkId("room"), site_id=site, name="Room"),
            Tank(id=SinkId("tank"), site_id=site, name="Tank"),
            SwimmingPool(id=SinkId("pool"), site_id=site, name="Pool"),
        ),
        circuits=(HeatCircuit(id=CircuitId("loop"), site_id=site, kind="dhw", sink_id=SinkId("tank")),),
        requests=(HeatRequest(id=RequestId("warm"), site_id=site, target_id=SinkId("room"), schedule=constant(20.0)),),
    )


class MemoryDesk:
    """The Desk port over a MemoryStore; `start`, `say`, `finish` and `burn` are what an engine would report."""

    def __init__(self, folder: Path, store: Store | None = None, fleet: Fleet | None = None) -> None:
        self.store = store or MemoryStore()
        self.jobs, self.pools = MemoryJobs(self), MemoryPools(self)
        self.accounts, self.secrets = MemoryAccounts(self), PlatformSecrets(self.store, Keyring(folder / "key"))
        self.before_commit: Callable[[], None] = lambda: None  # a test may wait here, or fail
        self.after_commit: Callable[[], None] = lambda: None
        self.refreshed: list[TaskId] = []
        self.snapshots: dict[str, SnapshotState] = {}
        self.ports: dict[int, tuple[OpenPort, ...]] = {}
        self.at = T0
        self.lock = threading.RLock()
        self.said: dict[tuple[str, int, str], str] = {}
        self.cursors: dict[tuple[str, int | None, str], dict[int, int]] = {}
        self.asked: list[tuple[TaskId | None, dt.datetime | None, dt.datetime | None]] = []  # of the ledger
        self._fleet = small_fleet() if fleet is None else fleet
        self._ticks = itertools.count()
        for name, token in (("alice", ALICE), ("bob", BOB), ("operator", BOSS)):
            if self.store.account(AccountId(name)) is not None:
                continue  # of an earlier life
            self.store.add_account(
                Account(
                    id=AccountId(name),
                    email=OPERATOR if name == "operator" else f"{name}@example.org",
                    token_hash=hashlib.sha256(token.encode()).hexdigest(),
                    token_sealed=b"",
                    created_at=T0,
                )
            )
        self.hosts = PlatformHosts(self._fleet, self.store, lambda: self.at)
        self.ground = carbon_ground(self._fleet)
        self.quotes = quote_book(
            self._fleet, self.store, Works(self.store), ground=self.ground, check=self.check, now=lambda: self.at
        )
        self.budgets = PlatformBudgets(self.store, None, lambda: self.at)
        self.claims = claims_of(self._fleet, self.store, self.hosts.rights, self.ground, lambda: self.at)
        self.kpis = KpiDesk(self._fleet, self.store, self.hosts.rights, self.ground, now=lambda: self.at)
        self.statements = StatementDesk(self._fleet, self.store, self.hosts, self.ground, lambda: self.at, self.claims)
        self.add_bucket("alice", "results")

    # the port

    def account_of_token(self, token: str) -> Account | None:
        return self.store.account_by_token_hash(hashlib.sha256(token.encode()).hexdigest())

    def profiles(self) -> tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]:
        return tuple((name, PROFILES[name].constants) for name in sorted(PROFILES))

    def check(self, task: Task) -> None:
        check_command(task)
        for bucket in (*(one.bucket for one in task.resources), *filter(None, [task.result_bucket])):
            if self.store.bucket(task.account_id, bucket) is None:
                raise NotFoundError("bucket", bucket)
        if task.shortname and self.store.task_by_shortname(task.account_id, task.shortname) is not None:
            raise InvalidFieldError("shortname-uniqueness", task.shortname, "a shortname that no other task has")

    def submit(self, tasks: Iterable[Task], reply: Reply | None = None) -> None:
        tasks = tuple(tasks)
        for task in tasks:
            self.check(task)
        most = self.store.account(tasks[0].account_id).limits.max_tasks
        if most is not None and self.store.counts(tasks[0].account_id).tasks + len(tasks) > most:
            raise ForbiddenError("Maximum number of tasks reached: delete some")
        self.before_commit()
        instances = tuple(
            Instance(id=make_instance_id(t.id, n), task_id=t.id, number=n, since=t.created_at)
            for t in tasks
            for n in t.instance_numbers
        )
        self.store.commit(Changes(tasks=tasks, instances=instances, replies=() if reply is None else (reply,)))
        self.after_commit()

    def reply(self, account_id: AccountId, key: str) -> Reply | None:
        return self.store.reply(account_id, key)

    def details(self, tasks: Sequence[Task]) -> list[TaskDetail]:
        return [self.detail(task.account_id, task.id) for task in tasks]

    def detail(self, account_id: AccountId, key: str) -> TaskDetail:
        task = self._task(account_id, key)
        attempts = self.store.attempts(task.id)
        running = tuple(
            RunningInfo(
                instance_id=attempt.instance_id,
                attempt=attempt,
                cpu_model="virtual",
                clock_ghz=3.0,
                site_id=SiteId("home"),
                load=0.5,
                power_w=80.0,
                memory_bytes=100 << 20,
                memory_limit_bytes=400 << 20,
                run_s=(self.at - (attempt.started_at or self.at)).total_seconds(),
                progress=0.25,
                ports=self.ports.get(instance_number(attempt.instance_id), ()),
            )
            for attempt in attempts
            if attempt.state is AttemptState.RUNNING
        )
        return TaskDetail(
            task=task,
            instances=self.store.instances(task.id),
            attempts=attempts,
            running=running,
            site_of_node={node.id: "home" for node in self._fleet.nodes},
            cpu_model_of_node={node.id: node.cpu_model for node in self._fleet.nodes},
            clock_ghz_of_node={node.id: node.clock_ghz for node in self._fleet.nodes},
        )

    def tasks(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Task]:
        return self.store.tasks(account_id, query, token=token, limit=limit)

    def update(
        self,
        account_id: AccountId,
        key: str,
        *,
        constants: dict[str, str] | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> None:
        task = self._task(account_id, key)
        changed = dataclasses.replace(
            task,
            constants=task.constants if constants is None else constants,
            tags=task.tags if tags is None else tags,
        )
        self.store.commit(Changes(tasks=(changed,)))

    def abort(self, account_id: AccountId, key: str) -> None:
        task = self._task(account_id, key)
        if task.state.final:
            raise ConflictError(f"Can't abort: task {key} is over ({task.state.value})")
        self._end(task, TaskState.CANCELLED, InstanceState.CANCELLED, AttemptState.STOPPED, None)

    def delete(self, account_id: AccountId, key: str) -> None:
        self.store.commit(Changes(deleted_tasks=(self._task(account_id, key).id,)))

    def output(self, account_id: AccountId, key: str, stream: str, *, number: int | None = None, fresh: bool) -> str:
        with self.lock:
            task = self._task(account_id, key)
            seen = self.cursors.setdefault((task.id, number, stream), {}) if fresh else {}
            text = ""
            for one in task.instance_numbers if number is None else (number,):
                said = self.said.get((task.id, one, stream), "")
                text += said[seen.get(one, 0) :]
                seen[one] = len(said)
            return text

    def refresh(self, account_id: AccountId, key: str) -> None:
        task = self._task(account_id, key)
        if task.state is not TaskState.FULLY_EXECUTING:
            raise ConflictError(f"Can't refresh: no instance of task {key} runs")
        self.refreshed.append(task.id)

    def snapshot(self, account_id: AccountId, key: str, config: SnapshotConfig | None = None) -> str:
        task = self._task(account_id, key)
        if task.state.final:
            raise ConflictError(f"Can't take a snapshot: task {key} is over")
        self.store.commit(Changes(tasks=(dataclasses.replace(task, results_count=task.results_count + 1),)))
        snapshot_id = f"snap_{task.id}_{self.at:%Y%m%d%H%M%S}"
        self.snapshots[snapshot_id] = SnapshotState(
            id=snapshot_id,
            task_id=task.id,
            trigger_at=self.at,
            updated_at=self.at,
            config=config or task.snapshot,
            status="Triggered",
        )
        return snapshot_id

    def set_periodic_snapshot(self, account_id: AccountId, key: str, config: SnapshotConfig) -> None:
        task = self._task(account_id, key)
        self.store.commit(Changes(tasks=(dataclasses.replace(task, snapshot=config),)))

    def snapshot_state(self, account_id: AccountId, key: str, snapshot_id: str) -> SnapshotState:
        task = self._task(account_id, key)
        state = self.snapshots.get(snapshot_id)
        if state is None or state.task_id != task.id:
            raise NotFoundError("snapshot", snapshot_id)
        return state

    def set_node(self, account_id: AccountId, node_id: NodeId, state: str) -> str:
        raise ForbiddenError("Only the operator may drain nodes")

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> list[EnergyRow]:
        self.asked.append((task_id, start, end))
        return list(self.store.energy(task_id=task_id, site_id=site_id, start=start, end=end))

    def heat(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> list[HeatRow]:
        self.asked.append((None, start, end))
        return list(self.store.heat(site_id=site_id, start=start, end=end))

    def meters(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> list[MeterRow]:
        return list(self.store.meters(site_id=site_id, start=start, end=end))

    def fleet(self) -> Fleet:
        return self._fleet

    def now(self) -> Now:
        lines = tuple(
            DecisionLine(at=self.at, action="start", subject=make_instance_id(task.id, 0), reason=f"{task.id}: warm")
            for task in (*self.tasks(AccountId("alice")).rows, *self.tasks(AccountId("bob")).rows)
        )
        return Now(
            at=self.at,
            clock_rate=60.0,
            policy="follow",
            sinks=(
                SinkNow(
                    sink_id=SinkId("room"),
                    measured_temp_c=19.4,
                    layers_c=(),
                    setpoint_c=20.0,
                    lower_c=19.5,
                    upper_c=20.5,
                    measured_at=self.at,
                    stale=False,
                ),
                SinkNow(
                    sink_id=SinkId("tank"),
                    measured_temp_c=float("nan"),
                    layers_c=(50.0, 40.0),
                    setpoint_c=55.0,
                    lower_c=50.0,
                    upper_c=60.0,
                    measured_at=self.at,
                    stale=True,
                ),
            ),
            units=(
                UnitNow(
                    unit_id=UnitId("heater"),
                    wanted_w=300.0,
                    target_w=220.0,
                    measured_w=180.0,
                    heat_j=5e5,
                    loop_temp_c=None,
                    reason="room 0.6 K below its set-point",
                ),
            ),
            decisions=lines,
        )

    def platform_time(self) -> dt.datetime:
        """Every look is a microsecond later, so that tasks have an order."""
        return self.at + dt.timedelta(microseconds=next(self._ticks))

    # the engine's part

    def add_bucket(self, account: str, name: str) -> None:
        bucket = Bucket(account_id=AccountId(account), name=name, backend_name=f"b-{account}-{name}", created_at=T0)
        self.store.add_bucket(bucket)

    def start(self, task_id: str) -> None:
        task = self._known(task_id)
        instances = [dataclasses.replace(i, state=InstanceState.ACTIVE) for i in self.store.instances(task.id)]
        attempts = tuple(
            Attempt(
                id=make_attempt_id(i.id, 1),
                instance_id=i.id,
                task_id=task.id,
                node_id=NODE,
                number=1,
                state=AttemptState.RUNNING,
                created_at=self.at,
                since=self.at,
                started_at=self.at,
            )
            for i in instances
        )
        running = dataclasses.replace(task, state=TaskState.FULLY_EXECUTING, previous_state=task.state)
        self.store.commit(Changes(tasks=(running,), instances=tuple(instances), attempts=attempts))

    def say(self, task_id: str, text: str, *, number: int = 0, stream: str = "stdout") -> None:
        with self.lock:
            key = (task_id, number, stream)
            self.said[key] = self.said.get(key, "") + text

    def finish(self, task_id: str, *, exit_code: int = 0) -> None:
        good = exit_code == 0
        self._end(
            self._known(task_id),
            TaskState.SUCCESS if good else TaskState.FAILURE,
            InstanceState.SUCCEEDED if good else InstanceState.FAILED,
            AttemptState.SUCCEEDED if good else AttemptState.FAILED,
            exit_code,
        )

    def burn(
        self,
        task_id: str,
        *,
        kwh: float,
        heat_kwh: float,
        account: str = "alice",
        share: Share = Share.JOB,
        number: int = 0,
    ) -> None:
        """One quarter of an hour in which the task had the node for itself, with the site's overhead and its heat."""
        end = self.at + dt.timedelta(minutes=15)
        common = {"site_id": SiteId("home"), "start": self.at, "end": end, "grid_g_per_kwh": 50.0}
        job = EnergyRow(
            **common,
            unit_id=UnitId("heater"),
            node_id=NODE,
            share=share,
            energy_j=kwh * 3.6e6,
            tier=Tier.T4_CURVE,
            account_id=AccountId(account),
            task_id=TaskId(task_id),
            instance_id=make_instance_id(TaskId(task_id), number),
            attempt_id=make_attempt_id(make_instance_id(TaskId(task_id), number), 1),
        )
        overhead = EnergyRow(
            **common,
            unit_id=None,
            node_id=None,
            share=Share.OVERHEAD,
            energy_j=kwh * 3.6e6 * 0.02,
            tier=Tier.T4_CURVE,
        )
        heat = HeatRow(
            site_id=SiteId("home"),
            unit_id=UnitId("heater"),
            sink_id=SinkId("room"),
            start=self.at,
            end=end,
            electric_j=kwh * 3.6e6,
            delivered_j=heat_kwh * 3.6e6,
            demanded_j=heat_kwh * 3.6e6,
            temp_c=19.4,
            setpoint_c=20.0,
            lower_c=19.5,
            upper_c=20.5,
            discomfort_kh=0.025,
        )
        self.store.commit(Changes(ledger=(job, overhead, heat)))
        self.at = end

    def _known(self, task_id: str) -> Task:
        task = self.store.task(TaskId(task_id))
        assert task is not None
        return task

    def _task(self, account_id: AccountId, key: str) -> Task:
        task = self.store.task(TaskId(key)) or self.store.task_by_shortname(account_id, key)
        if task is None or task.account_id != account_id:
            raise NotFoundError("task", key)
        return task

    def _end(
        self, task: Task, state: TaskState, instance: InstanceState, attempt: AttemptState, exit_code: int | None
    ) -> None:
        errors = (TaskError(code="EXITED", message=f"exited with code {exit_code}"),) if exit_code else ()
        over = dataclasses.replace(
            task, state=state, previous_state=task.state, ended_at=self.at, results_count=1, errors=errors
        )
        instances = tuple(dataclasses.replace(i, state=instance) for i in self.store.instances(task.id))
        attempts = tuple(
            dataclasses.replace(a, state=attempt, ended_at=self.at, exit_code=exit_code, results=("out.txt",))
            for a in self.store.attempts(task.id)
        )
        self.store.commit(Changes(tasks=(over,), instances=instances, attempts=attempts))
