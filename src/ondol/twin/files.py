"""Stand-ins for files in a simulation, where jobs have neither inputs nor results, and the hands that use them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, TypeVar

from ondol.control.groups import Groups
from ondol.control.hands import Hands
from ondol.control.transfers import Transfers
from ondol.control.works import Works
from ondol.engine.ports import Engine
from ondol.model.compute import Attempt, Task
from ondol.model.fleet import Fleet
from ondol.model.ids import TaskId

T = TypeVar("T")
_NOWHERE = Path("/nonexistent")


class NoFiles:
    """A stager with nothing to stage."""

    def job_dir(self, attempt: Attempt) -> Path:
        """A path that nobody opens."""
        return _NOWHERE / attempt.id

    def checkpoint_dir(self, attempt: Attempt) -> Path:
        """A path that nobody opens."""
        return _NOWHERE / attempt.instance_id

    def bring_in(self, task: Task, attempt: Attempt, *, wanted: Callable[[], bool]) -> None:
        """There are no inputs."""

    def bring_out(
        self,
        task: Task,  # noqa: ARG002  # there are no results
        attempt: Attempt,  # noqa: ARG002
        *,
        wanted: Callable[[], bool],  # noqa: ARG002
    ) -> tuple[str, ...]:
        """There are no results."""
        return ()

    def refresh(
        self,
        task: Task,  # noqa: ARG002  # there are no inputs
        attempt: Attempt,  # noqa: ARG002
        *,
        wanted: Callable[[], bool],  # noqa: ARG002
    ) -> int:
        """There are no inputs."""
        return 0

    def clear(self, attempt: Attempt, *, instance_over: bool) -> None:
        """There is nothing to clear."""


class NoOutputs:
    """Keeps nothing of what simulated jobs say."""

    def keep(self, attempt: Attempt) -> None:
        """Nothing is said."""

    def forget(self, task_id: TaskId) -> None:
        """Nothing was kept."""


class AtOnce(Executor):
    """Runs what it is given before it returns, so that a simulation has one thread and one order of events."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # as in `Executor`
        """Run `fn` now."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # handed to whoever asks for the result, as an executor does
            future.set_exception(error)
        return future


def hands_without_files(
    fleet: Fleet,
    engine: Engine,
    works: Works,
    groups: Groups,
    now: Callable[[], dt.datetime],
    wake: Callable[[], None] = lambda: None,
) -> Hands:
    """Give the platform's hands, which move nothing, keep nothing and have done at once.

    Parameters
    ----------
    now, wake : as of `Hands`
    """
    return Hands(
        fleet,
        engine,
        NoFiles(),
        NoOutputs(),
        inherit=groups.pools.at_launch,
        find=works.find,
        now=now,
        wake=wake,
        inside=lambda order: (str(order.job_dir), str(order.checkpoint_dir)),
        transfers=Transfers(pool=AtOnce()),
    )
