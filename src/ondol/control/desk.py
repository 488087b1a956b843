"""The desk: what the HTTP side may ask of the platform, tenant by tenant."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import math
from collections.abc import Callable, Iterable, Sequence

from ondol.agent.orders import SinkOrder, SiteOrders
from ondol.control.account_desk import PlatformAccounts
from ondol.control.admission_notes import AdmissionNotes
from ondol.control.budget_desk import PlatformBudgets
from ondol.control.budget_guard import BudgetGuard
from ondol.control.carbon_ground import CarbonGround, carbon_ground
from ondol.control.claim_book import claims_of
from ondol.control.command import check_command
from ondol.control.directory import OPERATOR, Directory
from ondol.control.estimates import Estimator
from ondol.control.file_desk import FileDesk
from ondol.control.filler_rights import FillerRights
from ondol.control.forwards import open_ports
from ondol.control.hands import Hands
from ondol.control.host_desk import PlatformHosts
from ondol.control.intake import Intake
from ondol.control.job_desk import PlatformJobs
from ondol.control.kpi_desk import KpiDesk
from ondol.control.loop import Loop
from ondol.control.outputs import Outputs
from ondol.control.pool_desk import PlatformPools
from ondol.control.ports import (
    NodeNow,
    Now,
    RequestNow,
    RunningInfo,
    SinkNow,
    SnapshotState,
    TaskDetail,
    Transfer,
    UnitNow,
)
from ondol.control.profiles import PROFILES, Profiles
from ondol.control.progress import IN, OUT, ProgressBook
from ondol.control.quote_desk import quote_book
from ondol.control.secret_desk import PlatformSecrets
from ondol.control.sites import Sites
from ondol.control.statement_desk import StatementDesk
from ondol.control.task_images import wants_network
from ondol.control.works import Works
from ondol.control.workshop import Workshop
from ondol.lifecycle.events import CancelAsked, DeleteAsked
from ondol.model.account import Account
from ondol.model.compute import Attempt, AttemptState, Instance, Task
from ondol.model.conditions import SnapshotConfig
from ondol.model.errors import ConflictError, ForbiddenError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, NodeId, SiteId, TaskId
from ondol.model.ledger import EnergyRow, HeatRow, MeterRow
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Changes, Reply, Store

_log = logging.getLogger(__name__)
_STALE = dt.timedelta(minutes=10)


class PlatformDesk:
    """Answers from memory where the task is open, from storage where it is over.

    Parameters
    ----------
    clock_rate : platform seconds per wall second
    profiles : ways to run a task here
    progress : of transfers, by attempt
    hosts : the heat side's desk; one of its own where left out
    ground : what carbon is counted with; made from the fleet where left out
    workshop : makes large statements in processes of their own; they are made in this one where left out
    budgets : holds work to its budgets; without it there are none
    estimator : foretells tasks; one that knows nothing yet where left out
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        directory: Directory,
        works: Works,
        loop: Loop,
        sites: Sites,
        outputs: Outputs,
        files: FileDesk,
        now: Callable[[], dt.datetime],
        clock_rate: float,
        policy: str,
        accounts: PlatformAccounts,
        secrets: PlatformSecrets,
        hands: Hands,
        profiles: Profiles = PROFILES,
        progress: ProgressBook | None = None,
        hosts: PlatformHosts | None = None,
        ground: CarbonGround | None = None,
        workshop: Workshop | None = None,
        budgets: BudgetGuard | None = None,
        estimator: Estimator | None = None,
        admissions: AdmissionNotes | None = None,
        filler: FillerRights | None = None,
    ) -> None:
        self.ground = ground or carbon_ground(fleet)
        self._profiles, self._progress = profiles, progress or ProgressBook()
        self.accounts, self.secrets = accounts, secrets
        self.hosts = hosts or PlatformHosts(fleet, store, now)
        self.claims = claims_of(fleet, store, self.hosts.rights, self.ground, now)
        self.statements = StatementDesk(
            fleet, store, self.hosts, self.ground, now, self.claims, clock_rate=clock_rate, workshop=workshop
        )
        self.kpis = KpiDesk(
            fleet, store, self.hosts.rights, self.ground, now=now, clock_rate=clock_rate, workshop=workshop
        )
        self._fleet, self._store, self._directory = fleet, store, directory
        self._works, self._loop, self._sites = works, loop, sites
        self._outputs, self._files = outputs, files
        self._now, self._rate, self._policy = now, clock_rate, policy
        self._nodes = {node.id: node for node in fleet.nodes}
        site_of_unit = {unit.id: unit.site_id for unit in fleet.units}
        self._site_of_node = {node.id: site_of_unit[node.unit_id] for node in fleet.nodes}
        # What every answer about a task shows of nodes: made once, a fleet has many.
        self._site_names: dict[str, str] = dict(self._site_of_node.items())
        self._cpu_models: dict[str, str] = {node.id: node.cpu_model for node in fleet.nodes}
        self._clocks_ghz: dict[str, float] = {node.id: node.clock_ghz for node in fleet.nodes}
        self._cores: dict[str, int] = {node.id: node.cores_per_slot for node in fleet.nodes}
        self._specifications: dict[str, str] = {node.id: node.specification for node in fleet.nodes}
        self._intake = Intake(
            store=store,
            directory=directory,
            works=works,
            loop=loop,
            accounts=accounts,
            secrets=secrets,
            profiles=profiles,
            now=now,
            budgets=budgets,
            admissions=admissions,
            filler=filler,
        )
        self.budgets = PlatformBudgets(store, budgets, now, self.hosts.books.alarms)
        self.quotes = quote_book(
            fleet,
            store,
            works,
            ground=self.ground,
            check=self._intake.check_but_budgets,
            as_run=self._intake.as_run,
            now=now,
            estimator=estimator,
            view=lambda: loop.view,
            guard=budgets,
        )
        if budgets is not None:
            loop.groups.pools.grow_unless(budgets.keeps_from_growing)
        self.jobs = PlatformJobs(store, works, loop, now)
        self.pools = PlatformPools(
            store,
            works,
            loop,
            hands=hands,
            outputs=outputs,
            check=self._intake.look_at,
            pay=self._pay,
            task_detail=self._detail_of,
            now=now,
        )

    def _pay(self, task: Task) -> None:
        """Refuse slots of a pool that nobody can pay for, in money or out of a budget."""
        self.accounts.check_money(task)
        self.budgets.check_open(task)

    def account_of_token(self, token: str) -> Account | None:
        return self._directory.account_of_token(token)

    def profiles(self) -> tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]:
        return tuple((name, self._profiles[name].constants) for name in sorted(self._profiles))

    def check(self, task: Task) -> None:
        self._intake.check_but_budgets(task)

    def submit(self, tasks: Iterable[Task], reply: Reply | None = None) -> None:
        self._intake.submit(tasks, reply)

    def detail(self, account_id: AccountId, key: str) -> TaskDetail:
        with self._works.lock:
            parts = self._parts(account_id, key)
        return self._shown(*parts)

    def details(self, tasks: Sequence[Task]) -> list[TaskDetail]:
        with self._works.lock:
            stored = self._store.parts([task for task in tasks if self._works.get(task.id) is None])
            parts = [(task, *stored[task.id]) if task.id in stored else self._parts_of(task) for task in tasks]
        return [self._shown(*part) for part in parts if not part[0].delete_wanted]

    def _detail_of(self, task: Task) -> TaskDetail:
        """A task that is at hand, hidden ones too."""
        with self._works.lock:
            parts = self._parts_of(task)
        return self._shown(*parts)

    def _shown(self, task: Task, instances: tuple[Instance, ...], attempts: tuple[Attempt, ...]) -> TaskDetail:
        with self._works.lock:
            running = tuple(
                self._running(attempt)
                for attempt in attempts
                if attempt.state in (AttemptState.RUNNING, AttemptState.PAUSED, AttemptState.STOPPING)
            )
        # Reading what jobs said takes a while with many of them: the loop does not wait for that.
        running = tuple(dataclasses.replace(info, progress=self._outputs.progress(info.attempt)) for info in running)
        return TaskDetail(
            task=task,
            instances=instances,
            attempts=attempts,
            running=running,
            site_of_node=self._site_names,
            cpu_model_of_node=self._cpu_models,
            clock_ghz_of_node=self._clocks_ghz,
            cores_of_node=self._cores,
            specification_of_node=self._specifications,
            fetched=self._transfers(attempts, IN),
            uploaded=self._transfers(attempts, OUT),
        )

    def _transfers(self, attempts: Iterable[Attempt], way: str) -> dict[str, Transfer]:
        """Transfers of one way of some attempts, as far as this life of the platform knows them."""
        known: dict[str, Transfer] = {}
        for attempt in attempts:
            so_far, duration_s = self._progress.of(attempt.id, way), self._progress.duration_s(attempt.id, way)
            if so_far is not None and duration_s is not None:
                known[attempt.id] = Transfer(share=so_far.share, duration_s=duration_s)
        return known

    def _parts(self, account_id: AccountId, key: str) -> tuple[Task, tuple[Instance, ...], tuple[Attempt, ...]]:
        work = self._works.get(TaskId(key))
        task = work.task if work else self._store.task(TaskId(key)) or self._store.task_by_shortname(account_id, key)
        if task is None or task.account_id != account_id or task.delete_wanted or task.holds_pool:
            raise NotFoundError("task", key)
        return self._parts_of(task)

    def _parts_of(self, task: Task) -> tuple[Task, tuple[Instance, ...], tuple[Attempt, ...]]:
        work = self._works.get(task.id)
        if work is None:
            return task, self._store.instances(task.id), self._store.attempts(task.id)
        attempts = tuple(attempt for tries in work.attempts.values() for attempt in tries)
        return work.task, tuple(work.instances.values()), attempts

    def _running(self, attempt: Attempt) -> RunningInfo:
        node = self._nodes[attempt.node_id]
        report = self._loop.watch.reports.get(attempt.id)
        power_w = self._loop.power_w.get(node.id, node.curve.idle_w)
        begun = attempt.started_at or attempt.created_at
        work = self._works.get(attempt.task_id)
        networked = work is None or wants_network(work.task)  # who has no network moves nothing over one
        return RunningInfo(
            instance_id=attempt.instance_id,
            attempt=attempt,
            cpu_model=node.cpu_model,
            clock_ghz=node.clock_ghz,
            site_id=self._site_of_node[node.id],
            load=node.curve.load_at(power_w),
            power_w=power_w / node.slots,
            memory_bytes=0 if report is None else report.memory_bytes,
            memory_limit_bytes=node.memory_bytes // node.slots,
            run_s=max(0.0, (self._now() - begun).total_seconds() - attempt.paused_s),
            progress=None,
            clock_ratio=self._loop.speed(attempt),
            network_in_kbps=None if networked else 0.0,
            network_out_kbps=None if networked else 0.0,
            ports=() if report is None else open_ports(report.forwards),
        )

    def tasks(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Task]:
        page = self._store.tasks(account_id, query, token=token, limit=limit)
        return Page(tuple(task for task in page.rows if not task.delete_wanted), page.next_token)

    def reply(self, account_id: AccountId, key: str) -> Reply | None:
        return self._store.reply(account_id, key)

    def update(
        self,
        account_id: AccountId,
        key: str,
        *,
        constants: dict[str, str] | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> None:
        with self._works.lock:
            task, _, _ = self._parts(account_id, key)
            changed = dataclasses.replace(
                task,
                constants=task.constants if constants is None else constants,
                tags=task.tags if tags is None else tags,
                modified_at=self._now(),
            )
            check_command(changed, self._profiles)
            self._works.replace_task(changed)
            self._loop.flush()

    def abort(self, account_id: AccountId, key: str) -> None:
        with self._works.lock:
            task, _, _ = self._parts(account_id, key)
            if task.state.final:
                raise ConflictError(f"Can't abort: task {key} is over ({task.state.value}).")
            self._works.ask(task.id, CancelAsked(at=self._now(), task_id=task.id))
            self._loop.flush()
            self._loop.stir()

    def delete(self, account_id: AccountId, key: str) -> None:
        with self._works.lock:
            task, _, _ = self._parts(account_id, key)
            self._works.revive(task)
            self._works.ask(task.id, DeleteAsked(at=self._now(), task_id=task.id))
            self._loop.flush()
            self._loop.stir()

    def output(self, account_id: AccountId, key: str, stream: str, *, number: int | None = None, fresh: bool) -> str:
        task, instances, attempts = self._parts(account_id, key)
        if number is not None:
            if number not in task.instance_numbers:
                raise NotFoundError("task instance", f"{key}/{number}")
            wanted = {instance.id for instance in instances if instance.number == number}
            attempts = tuple(attempt for attempt in attempts if attempt.instance_id in wanted)
        if fresh:
            return self._outputs.fresh(task.id, attempts, stream, number=number)
        return self._outputs.whole(attempts, stream)

    def refresh(self, account_id: AccountId, key: str) -> None:
        self._files.refresh(self._parts(account_id, key)[0])

    def snapshot(self, account_id: AccountId, key: str, config: SnapshotConfig | None = None) -> str:
        return self._files.snapshot(self._parts(account_id, key)[0], config)

    def set_periodic_snapshot(self, account_id: AccountId, key: str, config: SnapshotConfig) -> None:
        self._files.set_periodic(self._parts(account_id, key)[0], config)

    def snapshot_state(self, account_id: AccountId, key: str, snapshot_id: str) -> SnapshotState:
        return self._files.state(self._parts(account_id, key)[0], snapshot_id)

    def set_node(self, account_id: AccountId, node_id: NodeId, state: str) -> str:
        account = self._store.account(account_id)
        if account is None or account.email != OPERATOR:
            raise ForbiddenError(f"Only the operator of this installation ({OPERATOR}) may drain nodes")
        with self._works.lock:
            after = self._loop.nodes.ask(node_id, state)
            self._store.commit(Changes(documents={"nodes": self._loop.nodes.pack()}))
            self._loop.stir()
        return after.value

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Iterable[EnergyRow]:
        return self._store.energy(task_id=task_id, site_id=site_id, start=start, end=end)

    def heat(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterable[HeatRow]:
        return self._store.heat(site_id=site_id, start=start, end=end)

    def meters(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterable[MeterRow]:
        return self._store.meters(site_id=site_id, start=start, end=end)

    def fleet(self) -> Fleet:
        return self._fleet

    def platform_time(self) -> dt.datetime:
        return self._now()

    def now(self) -> Now:
        with self._works.lock:
            at = self._now()
            orders = self._sites.orders
            units = [order for site in orders for order in site.units]
            sinks = tuple(self._sink_now(order, at) for site in orders for order in site.sinks)
            meters = self._sites.units
            return Now(
                at=at,
                clock_rate=self._rate,
                policy=self._policy,
                sinks=sinks,
                units=tuple(
                    UnitNow(
                        unit_id=order.unit_id,
                        wanted_w=order.wanted_w,
                        target_w=order.target_w,
                        measured_w=order.measured_w,
                        heat_j=meters[order.unit_id].heat_j if order.unit_id in meters else 0.0,
                        loop_temp_c=meters[order.unit_id].loop_temp_c if order.unit_id in meters else None,
                        reason=order.reason,
                    )
                    for order in units
                ),
                requests=tuple(
                    RequestNow(request_id=key, state=status.state.value, since=status.since, reason=status.reason)
                    for key, status in self._loop.requests.statuses.items()
                ),
                nodes=tuple(self._nodes_now(orders)),
                decisions=self._loop.placing.lines,
            )

    def _nodes_now(self, orders: Iterable[SiteOrders]) -> Iterable[NodeNow]:
        caps = {order.node_id: order.cap_w for site in orders for order in site.nodes}
        busy = {status.node_id: status.busy_slots for status in self._loop.node_status()}
        for node in self._fleet.nodes:
            yield NodeNow(
                node_id=node.id,
                state=self._loop.nodes.state(node.id).value,
                power_w=self._loop.power_w.get(node.id, node.curve.idle_w),
                cap_w=caps.get(node.id, node.curve.max_w),
                busy_slots=busy.get(node.id, 0),
            )

    def _sink_now(self, order: SinkOrder, at: dt.datetime) -> SinkNow:
        reading, request = self._sites.sinks.get(order.sink_id), self.hosts.effective(order.sink_id)
        asked = request is not None and request.kind == "temperature"
        return SinkNow(
            sink_id=order.sink_id,
            measured_temp_c=None if reading is None or math.isnan(reading.temp_c) else reading.temp_c,
            layers_c=() if reading is None else reading.layers_c,
            setpoint_c=request.schedule.at(at) if request is not None and asked else math.nan,
            lower_c=order.comfort_lower_c,
            upper_c=order.comfort_upper_c,
            measured_at=None if reading is None else reading.measured_at,
            stale=reading is None or at - reading.measured_at > _STALE,
        )
