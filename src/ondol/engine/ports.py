"""The port that every engine implements; `tests/integration/engine/contract.py` holds them to it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ondol.model.errors import ConflictError
from ondol.model.ids import AttemptId, NodeId


class RunState(enum.Enum):
    """What an engine says of an attempt; measured, never assumed."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    ENDED = "ended"


def check_ended(attempt_id: AttemptId, state: RunState) -> None:
    """Raise ConflictError unless an attempt that is to be forgotten has ended."""
    if state is not RunState.ENDED:
        raise ConflictError(f"Attempt {attempt_id} has not ended: stop it and wait for its end before releasing it")


class EndCause(enum.Enum):
    """Why an attempt ended."""

    EXITED = "exited"  # by itself, with an exit code
    STOPPED = "stopped"  # because we asked
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    LAUNCH_FAILED = "launch_failed"
    LOST = "lost"  # nothing of it can be found any more


@dataclass(frozen=True, slots=True, kw_only=True)
class PortForward:
    """A port of a container that others may reach.

    Parameters
    ----------
    protocol : "tcp" or "udp"
    port : inside of the container, 1 to 65535
    host_address : address of this machine that listens
    host_port : its port there, chosen free by who gives the order
    name, application_type : of the rule that opens it, for who asks
    """

    protocol: str
    port: int
    host_address: str
    host_port: int
    name: str = ""
    application_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOrder:
    """What makes an attempt a container; the rest of its order holds as for any other.

    `LaunchOrder.argv` and `.environment` are then whole: nothing of the host is added. `LaunchOrder.network` gives
    a network of the container's own, outbound only, and never the host's.

    Parameters
    ----------
    image : its name, for messages
    rootfs : unpacked tree of the image, shared by all its containers and only read
    user : as the image names it, resolved in its own passwd and group; empty for root
    work_dir : absolute, made where it is missing
    job_mounts : where the job folder is seen, at least one; absolute
    read_only : whether everything but the job folder, the checkpoint and /tmp can only be read
    forwards : ports that others may reach; only with `LaunchOrder.network`
    """

    image: str
    rootfs: Path
    user: str = ""
    work_dir: str = "/job"
    job_mounts: tuple[str, ...] = ("/job",)
    read_only: bool = False
    forwards: tuple[PortForward, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """Everything an engine needs to run one attempt.

    Parameters
    ----------
    attempt_id : unique; launching the same id twice starts it once
    node_id : the (virtual) node it runs on
    argv : program and arguments, at least one; none only with `hold`
    environment : variables of the job, without those of the platform
    job_dir : folder with the inputs, made by the caller; the job's working directory, read-write
    checkpoint_dir : folder that outlives the attempt, read-write; given as ONDOL_CHECKPOINT_DIR
    host_cores : share of this host's cores the attempt may use, > 0 (0.1 = a tenth of one core)
    memory_limit_bytes : most memory, 0 for no limit
    output_limit_bytes : most bytes kept of stdout and of stderr, each; the rest is dropped and said
    time_limit_s : wall seconds after which it is stopped, 0 for no limit
    pids_limit : most processes and threads
    network : whether the job may reach the network
    hold : after the program ended with 0, or where there is none, it stays RUNNING without a process until it is
        stopped: so a slot is kept ready
    container : the image that it runs in, None for the host's own system
    """

    attempt_id: AttemptId
    node_id: NodeId
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    job_dir: Path
    checkpoint_dir: Path | None = None
    host_cores: float = 1.0
    memory_limit_bytes: int = 0
    output_limit_bytes: int = 16 * 1024 * 1024
    time_limit_s: float = 0.0
    pids_limit: int = 256
    network: bool = False
    hold: bool = False
    container: ContainerOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """What an engine knows of one attempt now.

    Parameters
    ----------
    cpu_s : CPU seconds of all its processes since it started; never falls
    memory_bytes, memory_peak_bytes : resident memory now and at most
    exit_code : of the job where it ended by itself; 128 + signal where a signal ended it; else None
    started_at_s, ended_at_s : wall clock of the host [s since the epoch], None while unknown
    message : one sentence for the user where something went wrong, else empty
    forwards : ports of its container that others may reach
    held : whether it is kept without a process, its program over: see `LaunchOrder.hold`
    """

    attempt_id: AttemptId
    node_id: NodeId
    state: RunState
    cpu_s: float
    memory_bytes: int = 0
    memory_peak_bytes: int = 0
    exit_code: int | None = None
    cause: EndCause | None = None
    started_at_s: float | None = None
    ended_at_s: float | None = None
    message: str = ""
    forwards: tuple[PortForward, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine can do on this machine, for `ondol doctor` and the first lines on the screen.

    Parameters
    ----------
    sandbox : of jobs without a container, "bubblewrap" or "none"
    cpu_limit : "cgroup-v1", "cgroup-v2" or "duty-cycle" (stop and continue signals)
    memory_limit : "cgroup-v1", "cgroup-v2" or "rlimit"
    containers : whether orders with a container can be carried out
    container_network : whether those may have a network
    warnings : sentences to be said on the screen
    """

    engine: str
    sandbox: str
    cpu_limit: str
    memory_limit: str
    containers: bool = False
    container_network: bool = False
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    """Runs attempts. Every call is quick (no waiting for the job) and may be repeated without harm."""

    def capabilities(self) -> Capabilities: ...

    def launch(self, order: LaunchOrder) -> None:
        """Start an attempt; does nothing where that id is already known."""
        ...

    def pause(self, attempt_id: AttemptId) -> None: ...

    def resume(self, attempt_id: AttemptId) -> None: ...

    def stop(self, attempt_id: AttemptId, grace_s: float) -> None:
        """Ask it to end (SIGTERM, thawed first), kill all of it after `grace_s`."""
        ...

    def limit_cpu(self, attempt_id: AttemptId, host_cores: float) -> None:
        """Change the share of the host's cores it may use, ≥ 0.001."""
        ...

    def poll(self) -> tuple[AttemptReport, ...]:
        """Report every attempt that was launched and not released, also those of an earlier life, by id."""
        ...

    def output(self, attempt_id: AttemptId, stream: str, offset: int = 0) -> bytes:
        """Bytes of "stdout" or "stderr" from `offset` on; a negative one counts from the end of what is there."""
        ...

    def release(self, attempt_id: AttemptId) -> None:
        """Forget an ended attempt and remove what the engine keeps of it (not `job_dir`)."""
        ...

    def keep_alive(self) -> None:
        """Tell the attempts that the platform lives; to be called at least every few seconds."""
        ...

    def close(self) -> None:
        """Let go of the engine's own resources; running attempts stay until their lease ends."""
        ...
