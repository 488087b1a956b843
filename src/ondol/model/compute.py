"""Tasks, instances and attempts: the compute side in the words of the Qarnot API."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field

from ondol.model.admission import AdmissionNote
from ondol.model.conditions import (
    OWN_SNAPSHOT,
    Dependency,
    ForcedConstant,
    HardwareConstraint,
    NetworkRule,
    Scheduling,
    Snapshot,
    SnapshotConfig,
)
from ondol.model.ids import (
    NO_ATTEMPT,
    NO_JOB,
    NO_POOL,
    NO_PROJECT,
    AccountId,
    AttemptId,
    InstanceId,
    JobId,
    NodeId,
    PoolId,
    ProjectId,
    TaskId,
)
from ondol.model.view import ServiceClass

SPEED_CAP_LEAST = 0.1
"""Lowest cap of a task: below it a quota of a small slot cannot be kept evenly (`engine.local.cgroup_v1`)."""

CACHE_TTL_S = 7_776_000  # the compute API's default (`reference/qarnot-api.md` §3) [s]
UNHEARD = dt.timedelta(minutes=5)
"""A job's end that is heard of later than this was not waited for: nobody was there to hear it."""
NEVER = dt.datetime(1, 1, 1, tzinfo=dt.UTC)  # how the wire says "no date"


class TaskState(enum.Enum):
    """States of a task as the Qarnot API names and orders them."""

    SUBMITTED = "Submitted"
    PARTIALLY_DISPATCHED = "PartiallyDispatched"
    FULLY_DISPATCHED = "FullyDispatched"
    PARTIALLY_EXECUTING = "PartiallyExecuting"
    FULLY_EXECUTING = "FullyExecuting"
    UPLOADING_RESULTS = "UploadingResults"
    SUCCESS = "Success"
    FAILURE = "Failure"
    CANCELLED = "Cancelled"
    PENDING_CANCEL = "PendingCancel"
    PENDING_DELETE = "PendingDelete"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (TaskState.SUCCESS, TaskState.FAILURE, TaskState.CANCELLED)


class InstanceState(enum.Enum):
    """States of an instance."""

    QUEUED = "queued"
    ACTIVE = "active"  # an attempt of it is under way
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether no further attempt will be made."""
        return self not in (InstanceState.QUEUED, InstanceState.ACTIVE)


class AttemptState(enum.Enum):
    """States of one try to run one instance on one node."""

    PLACED = "placed"  # the decision is taken, nothing done yet
    STAGING = "staging"  # inputs are being fetched
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    UPLOADING = "uploading"  # the process has ended, results are on their way
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # exited non-zero, broke a limit, could not be staged or launched
    STOPPED = "stopped"  # we ended it; the instance goes back into the queue or is cancelled
    LOST = "lost"  # the engine knows nothing of it any more

    @property
    def final(self) -> bool:
        """Whether this attempt is over and its slot free."""
        return self in (AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.STOPPED, AttemptState.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceBucket:
    """A bucket whose objects are put into the job's folder.

    Parameters
    ----------
    prefix : only objects whose key starts with it
    strip_prefix : cut from the front of keys
    cache_ttl_s : how long a site may keep them after their last use, 0 for not at all [s, wall]
    """

    bucket: str
    prefix: str = ""
    strip_prefix: str = ""
    cache_ttl_s: int = CACHE_TTL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskError:
    """What went wrong, told to the user."""

    code: str
    message: str
    debug: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a task stands still although it could run, until that is over.

    Parameters
    ----------
    since : platform time
    snapshot_id : of what it had made by then, "" where there was nothing to keep
    """

    reason: str
    since: dt.datetime
    snapshot_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """N instances of one command.

    Parameters
    ----------
    instance_numbers : the numbers of its instances, rising; 0..N-1 or as given by `advanced_ranges`
    constants : become environment variables of the job
    deadline : by when a flex task wants to be done; None for no wish
    expected_s : run time of an instance at full speed, as the user expects it [s, platform]
    speed_cap : share of its slot's full speed that an attempt may take at most, `SPEED_CAP_LEAST` to 1
    time_limit_s : wall seconds after which an attempt is ended, 0 for no limit
    max_retries_total, max_retries_per_instance : further attempts after a failure (a stop by us is no failure)
    results_whitelist, results_blacklist : regular expressions on result paths, "" for none
    job_id, pool_id, project_id : what it belongs to, "" for none; never a job and a pool of its own at once
    holds_pool : the pool whose slot this hidden task holds, "" for a user's task
    dependencies : tasks of the same job whose ends it waits for
    scheduling, machine_key, reservation : as asked; `service` is what follows from it
    secrets_by_key, secrets_by_prefix : secrets of the account given to the job
    max_queue_s : ends as a failure where none of its instances was placed for so long, 0 for no limit [s, platform]
    auto_delete : gone once it is over and the account's quota of tasks is reached
    ttl_s : gone so long after its end, 0 for never [s, platform]
    wait_for_resources : whether it waits for its pool's resources, None for the pool's default
    snapshot : of its periodic snapshots, and the default of single ones
    snapshots : those taken lately, oldest first
    state, previous_state, state_since, previous_state_since : as the API shows them
    held : it neither starts nor goes on as long as this is there
    results_count : how often results were uploaded; clients download when it grew
    admission : what was said of it when it was accepted, None where nothing was
    wire : fields of the request that have no meaning here but are shown again as they came (JSON text)
    """

    id: TaskId
    account_id: AccountId
    name: str
    profile: str
    shortname: str = ""
    instance_numbers: tuple[int, ...] = (0,)
    advanced_ranges: str = ""
    constants: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    resources: tuple[ResourceBucket, ...] = ()
    result_bucket: str = ""
    result_prefix: str = ""
    results_whitelist: str = ""
    results_blacklist: str = ""
    service: ServiceClass = ServiceClass.FLEX
    deadline: dt.datetime | None = None
    expected_s: float | None = None
    speed_cap: float = 1.0
    time_limit_s: float = 0.0
    resumable: bool = False
    max_retries_total: int = 0
    max_retries_per_instance: int = 0
    upload_results_on_cancellation: bool = False
    job_id: JobId = NO_JOB
    pool_id: PoolId = NO_POOL
    project_id: ProjectId = NO_PROJECT
    holds_pool: PoolId = NO_POOL
    dependencies: tuple[Dependency, ...] = ()
    scheduling: Scheduling = Scheduling.FLEX
    machine_key: str = ""
    reservation: str = ""
    hardware: tuple[HardwareConstraint, ...] = ()
    forced_constants: tuple[ForcedConstant, ...] = ()
    network_rules: tuple[NetworkRule, ...] = ()
    secrets_by_key: tuple[str, ...] = ()
    secrets_by_prefix: tuple[str, ...] = ()
    export_credentials: bool = False
    max_queue_s: float = 0.0
    auto_delete: bool = False
    ttl_s: float = 0.0
    wait_for_resources: bool | None = None
    snapshot: SnapshotConfig = OWN_SNAPSHOT
    snapshots: tuple[Snapshot, ...] = ()
    created_at: dt.datetime
    modified_at: dt.datetime
    ended_at: dt.datetime = NEVER
    state: TaskState = TaskState.SUBMITTED
    state_since: dt.datetime
    previous_state: TaskState | None = None
    previous_state_since: dt.datetime = NEVER
    errors: tuple[TaskError, ...] = ()
    results_count: int = 0
    cancel_wanted: bool = False
    delete_wanted: bool = False
    held: Hold | None = None
    admission: AdmissionNote | None = None
    wire: str = "{}"

    @property
    def blocked(self) -> bool:
        """Whether it still waits for another task's end."""
        return any(not one.fulfilled for one in self.dependencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One of the N of a task."""

    id: InstanceId
    task_id: TaskId
    number: int
    state: InstanceState = InstanceState.QUEUED
    since: dt.datetime
    attempts: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to run one instance on one node.

    Parameters
    ----------
    exited_at : when its job ended, by the engine's word; results are uploaded after it, until `ended_at`
    heard_at : when that was heard of, None where it was not
    stop_wanted : why it is to end: "" (it is not), "requeue", "cancel"
    cpu_s : CPU seconds metered so far
    exit_code : of the job where it ended by itself
    reason : why the policy put it here
    results : keys of the uploaded results
    held_by : attempt of the holder whose slot of a compute pool it runs in, "" where it holds a slot of its own
    """

    id: AttemptId
    instance_id: InstanceId
    task_id: TaskId
    node_id: NodeId
    number: int
    state: AttemptState = AttemptState.PLACED
    created_at: dt.datetime
    since: dt.datetime
    started_at: dt.datetime | None = None
    exited_at: dt.datetime | None = None
    heard_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    stop_wanted: str = ""
    exit_code: int | None = None
    cpu_s: float = 0.0
    memory_peak_bytes: int = 0
    paused_s: float = 0.0
    message: str = ""
    reason: str = ""
    results: tuple[str, ...] = ()
    held_by: AttemptId = NO_ATTEMPT

    @property
    def held_until(self) -> dt.datetime | None:
        """Until when its slot counts as its own in the account, None as long as it does.

        That is its end, with the upload. Where its job's end was heard of only after `UNHEARD`, since the platform was
        dead or the site silent, it is that of the job: nobody used the slot after it, and its user could not help it.
        """
        if self.exited_at is not None and self.heard_at is not None and self.heard_at - self.exited_at > UNHEARD:
            return self.exited_at
        return self.ended_at
