"""A workload as columns: one row an instance, in the order in which the twin takes them in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ondol.model.compute import SPEED_CAP_LEAST
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Bools, Floats, Ints, ServiceClass

ROUNDING_S = 1e-6
"""Slack of comparisons of times, for sums of floats: far above the rounding of years in seconds (4e-9 s)."""

JOBS_MAX = 20_000_000
"""Most jobs that are made up or copied: more than 70 bytes each and several times that while they are sorted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jobs:
    """Instances by (submitted_s, task, number in the task). Arrays (n,).

    Parameters
    ----------
    submitted_s : from the scenario's begin, finite, ≥ 0 [s]
    run_s : at full speed on one slot of the reference node, finite, > 0 [s]
    slots : slots that it takes at once, ≥ 1
    task : instances of one task share it; 0, 1 … by first submission
    user : row of a user, 0, 1 … by first submission; -1 unknown
    service : ServiceClass
    deadline_s : from the scenario's begin, not before it could end; inf for none [s]
    resumable : a stopped attempt loses no work
    data : row of `DataSets`, -1 none
    speed_cap : share of full speed that it takes at most, `SPEED_CAP_LEAST` to 1; empty where no job has a cap

    Raises
    ------
    InvalidFieldError : names the column and the row of the first value that is not allowed
    """

    submitted_s: Floats
    run_s: Floats
    slots: Ints
    task: Ints
    user: Ints
    service: Ints
    deadline_s: Floats
    resumable: Bools
    data: Ints
    speed_cap: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for name, kinds in (("submitted_s", "f"), ("run_s", "f"), ("deadline_s", "f"), ("resumable", "b")):
            _check_column(name, getattr(self, name), kinds, len(self.submitted_s))
        if len(self.speed_cap):
            _check_column("speed_cap", self.speed_cap, "f", len(self.submitted_s))
            wrong = ~((self.speed_cap >= SPEED_CAP_LEAST) & (self.speed_cap <= 1.0))
            _refuse("speed_cap", self.speed_cap, wrong, f"{SPEED_CAP_LEAST:g} to 1")
        for name in ("slots", "task", "user", "service", "data"):
            _check_column(name, getattr(self, name), "i", len(self.submitted_s))
        _refuse(
            "submitted_s", self.submitted_s, ~(np.isfinite(self.submitted_s) & (self.submitted_s >= 0)), "0 s or more"
        )
        early = np.diff(self.submitted_s, prepend=0.0) < 0
        _refuse("submitted_s", self.submitted_s, early, "not before the row above")
        _refuse("run_s", self.run_s, ~(np.isfinite(self.run_s) & (self.run_s > 0)), "above 0 s and finite")
        _refuse("slots", self.slots, self.slots < 1, "1 or more")
        _refuse("task", self.task, self.task < 0, "0 or more")
        _refuse("user", self.user, self.user < -1, "a row of a user, or -1")
        _refuse("data", self.data, self.data < -1, "a row of a data set, or -1")
        known = (self.service >= 0) & (self.service < len(ServiceClass))
        _refuse("service", self.service, ~known, "0 to 3, a ServiceClass")
        reached = self.deadline_s >= self.submitted_s + self.least_run_s - ROUNDING_S
        _refuse("deadline_s", self.deadline_s, ~reached, "submitted_s + run_s / speed_cap or later; inf for none")

    def __len__(self) -> int:
        return len(self.submitted_s)

    @property
    def least_run_s(self) -> Floats:
        """How long each runs on the reference node where nothing but its own cap slows it down [s]."""
        return self.run_s / self.speed_cap if len(self.speed_cap) else self.run_s

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return int(self.task.max()) + 1 if len(self) else 0

    @property
    def work_s(self) -> float:
        """Slot-seconds of all at full speed: Σ run_s · slots [s]."""
        return float((self.run_s * self.slots).sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataSets:
    """Inputs that jobs read, by first use.

    Parameters
    ----------
    bytes : size, finite, ≥ 0; shape (n,)

    Raises
    ------
    InvalidFieldError : a size that is not allowed
    """

    bytes: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        _check_column("bytes", self.bytes, "f", len(self.bytes))
        _refuse("bytes", self.bytes, ~(np.isfinite(self.bytes) & (self.bytes >= 0)), "0 or more and finite")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """A workload with what must be said about it.

    Parameters
    ----------
    jobs, data : the rows
    source : attribution line: where it is from, by whom, under which licence
    notes : what was dropped, changed or assumed, with counts

    Raises
    ------
    InvalidFieldError : a job whose data set is not in `data`
    """

    jobs: Jobs
    data: DataSets = field(default_factory=DataSets)
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        beyond = self.jobs.data >= len(self.data.bytes)
        _refuse("data", self.jobs.data, beyond, f"a row of the {len(self.data.bytes)} data sets, or -1")


def _check_column(name: str, column: npt.NDArray[np.generic], kind: str, rows: int) -> None:
    if column.shape != (rows,) or column.dtype.kind != kind:
        words = {"f": "floats", "i": "whole numbers", "b": "booleans"}[kind]
        raise InvalidFieldError(
            f"jobs.{name}", f"{column.dtype} of shape {column.shape}", f"{words} of shape ({rows},)"
        )


def _refuse(name: str, column: npt.NDArray[np.generic], bad: Bools, allowed: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidFieldError(f"jobs.{name}[{row}]", column[row].item(), allowed)
