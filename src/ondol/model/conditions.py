"""What a task asks for before and while it runs: other tasks' ends, hardware, ports, snapshots, forced constants."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.ids import TaskId


class Scheduling(enum.Enum):
    """How the compute API says how soon work must run; `ServiceClass` is what policies decide on."""

    FLEX = "Flex"
    ON_DEMAND = "OnDemand"
    RESERVED = "Reserved"  # on machines that are kept for the account


class FinalState(enum.Enum):
    """How a task that another depends on may have ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A task that must have ended before the dependent one starts.

    Parameters
    ----------
    accepts : ends that let the dependent start; any other end cancels it
    ended : how it ended, None while it has not
    simple : asked for by `dependsOn`, so shown again as such
    """

    task_id: TaskId
    accepts: tuple[FinalState, ...] = (FinalState.SUCCESS,)
    ended: FinalState | None = None
    simple: bool = True

    @property
    def fulfilled(self) -> bool:
        """Whether it ended in an accepted way."""
        return self.ended in self.accepts

    @property
    def broken(self) -> bool:
        """Whether it ended in a way that is not accepted."""
        return self.ended is not None and self.ended not in self.accepts


class HardwareKind(enum.Enum):
    """Kinds of hardware constraints, named as their discriminators on the wire."""

    MINIMUM_CORE = "MinimumCoreHardwareConstraint"
    MAXIMUM_CORE = "MaximumCoreHardwareConstraint"
    MINIMUM_RAM_CORE_RATIO = "MinimumRamCoreRatioHardwareConstraint"
    MAXIMUM_RAM_CORE_RATIO = "MaximumRamCoreRatioHardwareConstraint"
    MINIMUM_RAM = "MinimumRamHardwareConstraint"
    MAXIMUM_RAM = "MaximumRamHardwareConstraint"
    SPECIFIC = "SpecificHardwareConstraint"
    GPU = "GpuHardwareConstraint"
    NO_GPU = "NoGpuHardwareConstraint"
    SSD = "SSDHardwareConstraint"
    NO_SSD = "NoSSDHardwareConstraint"
    CPU_MODEL = "CpuModelHardwareConstraint"


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareConstraint:
    """Something that a node must have.

    Parameters
    ----------
    amount : cores, MB (10^6 bytes as the API counts: see `fulfils`), or GB per core; 0 where the kind has none
    key : CPU model or specification key; "" where the kind has none
    """

    kind: HardwareKind
    amount: float = 0.0
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedConstant:
    """A constant whose value the submitter fixes over the profile's.

    Parameters
    ----------
    export : whether it is given to the job as an environment variable, None for the profile's own habit
    read_only : whether the task's own constants may not change it
    """

    name: str
    value: str
    export: bool | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRule:
    """A port that a job opens or may reach; fields as on the wire (`reference/qarnot-api.md` §2.3)."""

    inbound: bool
    proto: str = "tcp"
    port: str = ""
    to: str = ""
    name: str = ""
    application_type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotConfig:
    """Which files a snapshot takes, and where to; empty fields mean the task's own.

    Parameters
    ----------
    interval_s : between periodic snapshots, 0 for none [s, wall]
    """

    whitelist: str = ""
    blacklist: str = ""
    bucket: str = ""
    prefix: str = ""
    interval_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One upload of the results so far, asked for or periodic.

    It is a part of its task's row, so that it is known to be done in the very moment in which results are counted.

    Parameters
    ----------
    status : "Triggered", "InProgress", "Success" or "Failure", as the compute API names them
    size_bytes, transferred_bytes : of the files it takes, known once it has ended
    periodic : nobody was told its id
    """

    id: str
    trigger_at: dt.datetime
    updated_at: dt.datetime
    config: SnapshotConfig
    status: str = "Triggered"
    size_bytes: int = 0
    transferred_bytes: int = 0
    periodic: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ("Success", "Failure")


OWN_SNAPSHOT = SnapshotConfig()
"""What the task's own filters and bucket say, never periodic."""
