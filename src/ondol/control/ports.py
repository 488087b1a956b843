"""What the HTTP side asks of the platform; `control.desk` answers. Every call blocks briefly and is thread-safe."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ondol.control.statement_desk import StatementDesk
from ondol.model.account import Account
from ondol.model.compute import Attempt, Instance, Task
from ondol.model.conditions import SnapshotConfig
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, InstanceId, NodeId, RequestId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, MeterRow
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Reply

if TYPE_CHECKING:
    from ondol.control.account_ports import AccountDesk, SecretDesk
    from ondol.control.budget_ports import BudgetDesk
    from ondol.control.carbon_ground import CarbonGround
    from ondol.control.claim_book import ClaimBook
    from ondol.control.group_ports import JobDesk, PoolDesk
    from ondol.control.host_ports import HostDesk
    from ondol.control.kpi_desk import KpiDesk
    from ondol.control.quote_book import QuoteBook

REPLY_LIFE = dt.timedelta(hours=24)  # how long `Desk.reply` knows an answer, wall time: it is the client's day


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPort:
    """A port of a running instance that others may reach.

    Parameters
    ----------
    name, application_type : of the network rule that opens it
    port : inside of the job
    host, public_port : where it is reached
    """

    name: str
    port: int
    host: str
    public_port: int
    proto: str = "tcp"
    application_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How far the inputs or results of an attempt are.

    Parameters
    ----------
    share : that is done, 0 to 1
    duration_s : it took, or takes so far [s, wall]
    """

    share: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningInfo:
    """What is measured of a running instance.

    Parameters
    ----------
    load : share of its slot's full speed used lately, 0 to 1
    power_w : electricity lately [W]
    run_s : platform seconds since the attempt began to run, without pauses
    progress : 0 to 1, from the last `progress NN %` line of its output, None where there is none
    clock_ratio : share of full speed that its power cap leaves it, 0 to 1, None where nothing tells
    network_in_kbps, network_out_kbps : lately, None where it is not measured [kbit/s]
    ports : open to others
    """

    instance_id: InstanceId
    attempt: Attempt
    cpu_model: str
    clock_ghz: float
    site_id: SiteId
    load: float
    power_w: float
    memory_bytes: int
    memory_limit_bytes: int
    run_s: float
    progress: float | None
    clock_ratio: float | None = None
    network_in_kbps: float | None = None
    network_out_kbps: float | None = None
    ports: tuple[OpenPort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetail:
    """A task with all that the API shows of it, from one moment.

    Parameters
    ----------
    cores_of_node, specification_of_node : where they are not 1 and the CPU model
    fetched, uploaded : transfers of inputs and results by attempt, those that are known
    """

    task: Task
    instances: tuple[Instance, ...]
    attempts: tuple[Attempt, ...]
    running: tuple[RunningInfo, ...]
    site_of_node: dict[str, str]
    cpu_model_of_node: dict[str, str]
    clock_ghz_of_node: dict[str, float]
    cores_of_node: dict[str, int] = field(default_factory=dict)
    specification_of_node: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, Transfer] = field(default_factory=dict)
    uploaded: dict[str, Transfer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotState:
    """How far a snapshot is.

    Parameters
    ----------
    status : "Triggered", "InProgress", "Success" or "Failure"
    """

    id: str
    task_id: TaskId
    trigger_at: dt.datetime
    updated_at: dt.datetime
    config: SnapshotConfig
    status: str
    size_bytes: int = 0
    transferred_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkNow:
    """A sink now: requested, accepted and measured kept apart."""

    sink_id: SinkId
    measured_temp_c: float | None
    layers_c: tuple[float, ...]
    setpoint_c: float
    lower_c: float
    upper_c: float
    measured_at: dt.datetime | None
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitNow:
    """A unit now: wanted by the thermostat, accepted by safety, measured."""

    unit_id: UnitId
    wanted_w: float
    target_w: float
    measured_w: float
    heat_j: float
    loop_temp_c: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLine:
    """One line of what the policy decided lately."""

    at: dt.datetime
    action: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNow:
    """A heat request now: accepted, active, limited (and by what), done, refused or cancelled."""

    request_id: RequestId
    state: str
    since: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNow:
    """A node now: whether it takes work, what it draws and what it may draw."""

    node_id: NodeId
    state: str
    power_w: float
    cap_w: float
    busy_slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The platform at one moment, for the screen and the heat API."""

    at: dt.datetime
    clock_rate: float
    policy: str
    sinks: tuple[SinkNow, ...] = ()
    units: tuple[UnitNow, ...] = ()
    requests: tuple[RequestNow, ...] = ()
    nodes: tuple[NodeNow, ...] = ()
    decisions: tuple[DecisionLine, ...] = field(default=())


class Desk(Protocol):
    """Where the outside world meets the platform. Tenants never see each other: every call names the account."""

    def account_of_token(self, token: str) -> Account | None: ...

    def profiles(self) -> tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]:
        """(name, ((constant, default, description), …)) of every profile."""
        ...

    @property
    def jobs(self) -> JobDesk: ...

    @property
    def pools(self) -> PoolDesk: ...

    @property
    def accounts(self) -> AccountDesk: ...

    @property
    def secrets(self) -> SecretDesk: ...

    @property
    def hosts(self) -> HostDesk: ...

    @property
    def statements(self) -> StatementDesk:
        """Whole statements, of everything and by everybody who may see it."""
        ...

    @property
    def claims(self) -> ClaimBook:
        """Registers of claims of useful heat."""
        ...

    @property
    def kpis(self) -> KpiDesk:
        """Key figures by site, legal entity and fleet."""
        ...

    @property
    def ground(self) -> CarbonGround:
        """Factors, carbon basis and hardware that statements, budgets and quotes count with."""
        ...

    @property
    def quotes(self) -> QuoteBook:
        """Quotes of tasks, and how good they were."""
        ...

    @property
    def budgets(self) -> BudgetDesk:
        """Budgets in carbon and energy."""
        ...

    def submit(self, tasks: Iterable[Task], reply: Reply | None = None) -> None:
        """Accept checked tasks, all or none, durably, together with the answer that their request will be given.

        Raises NotFoundError("bucket", name) for a missing bucket, InvalidFieldError for what cannot run.
        """
        ...

    def check(self, task: Task) -> None:
        """Raise what `submit` would raise for this task, were there room for it in every budget."""
        ...

    def details(self, tasks: Sequence[Task]) -> list[TaskDetail]:
        """What `detail` gives for each of some tasks that `tasks` gave, in one go; those on their way out left out."""
        ...

    def detail(self, account_id: AccountId, key: str) -> TaskDetail:
        """Task by id or shortname; raises NotFoundError("task", key)."""
        ...

    def tasks(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[Task]: ...

    def reply(self, account_id: AccountId, key: str) -> Reply | None:
        """The answer that was given to a creation with this key, None where there was none."""
        ...

    def update(
        self,
        account_id: AccountId,
        key: str,
        *,
        constants: dict[str, str] | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> None: ...

    def abort(self, account_id: AccountId, key: str) -> None:
        """Cancel; raises ConflictError where the task is over."""
        ...

    def delete(self, account_id: AccountId, key: str) -> None: ...

    def output(self, account_id: AccountId, key: str, stream: str, *, number: int | None = None, fresh: bool) -> str:
        """Text of "stdout" or "stderr" of one or all instances; `fresh`: only what came since the last fresh call."""
        ...

    def refresh(self, account_id: AccountId, key: str) -> None:
        """Fetch new and changed resources into the folders of its running instances; ConflictError where none runs."""
        ...

    def snapshot(self, account_id: AccountId, key: str, config: SnapshotConfig | None = None) -> str:
        """Upload the results so far of every running instance; gives the snapshot's id. None: as the last time."""
        ...

    def set_periodic_snapshot(self, account_id: AccountId, key: str, config: SnapshotConfig) -> None:
        """Take snapshots every `config.interval_s` from now on, 0 for no more."""
        ...

    def snapshot_state(self, account_id: AccountId, key: str, snapshot_id: str) -> SnapshotState:
        """How far a snapshot is; raises NotFoundError("snapshot", id)."""
        ...

    def set_node(self, account_id: AccountId, node_id: NodeId, state: str) -> str:
        """Drain a node ("draining") or let it take work again ("ready"); gives its state.

        Raises ForbiddenError unless the account is that of the installation's operator.
        """
        ...

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Iterable[EnergyRow]: ...

    def heat(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterable[HeatRow]: ...

    def meters(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterable[MeterRow]: ...

    def fleet(self) -> Fleet: ...

    def now(self) -> Now: ...

    def platform_time(self) -> dt.datetime: ...
