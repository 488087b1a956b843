"""From a task to its image: got ready while inputs are staged, and put into the launch order."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

from ondol.control.command import (
    argv_of,
    container_argv,
    environment_of,
    has_command,
    login_of,
    read_only,
    reference_of,
    resources_path,
    work_dir,
)
from ondol.control.forwards import forwards_of
from ondol.control.profiles import ALL
from ondol.engine.images.house import ImageHouse, Wish
from ondol.engine.images.image import Image
from ondol.engine.ports import ContainerOrder, LaunchOrder
from ondol.model.compute import Task
from ondol.model.errors import OndolError
from ondol.model.ids import AttemptId

_JOB_DIR = "/job"
Inside = Callable[[LaunchOrder], tuple[str, str]]


class TaskImages:
    """Images of tasks.

    Parameters
    ----------
    house : None where this machine runs no containers; every task then runs on the host's own system
    forward_host : address at which ports of containers are opened to others
    """

    def __init__(self, house: ImageHouse | None = None, *, forward_host: str = "127.0.0.1") -> None:
        self._house = house
        self._forward_host = forward_host
        self._lock = threading.Lock()
        self._under_way: set[AttemptId] = set()

    def prepare(self, task: Task, attempt_id: AttemptId, then: Callable[[str], None]) -> None:
        """Get the image of an attempt ready; `then` is called with an empty text, or with why there is none.

        That may be at once or from another thread. Asked again while it is under way, it does nothing.
        """
        if not ALL[task.profile].container:
            then("")
            return
        if self._house is None:
            then(_not_here(task))
            return
        with self._lock:
            if attempt_id in self._under_way:
                return
            self._under_way.add(attempt_id)

        def ready(image: Image | None, error: OndolError | None) -> None:
            with self._lock:
                self._under_way.discard(attempt_id)
            then(str(error) if error is not None else _no_command(task, image))

        try:
            wish = Wish(reference_of(task), login_of(task), stand_in=_may_stand_in(task))
            self._house.prepare(wish, attempt_id, ready)
        except OndolError as error:
            ready(None, error)

    def completed(self, blank: LaunchOrder, task: Task, number: int, inside: Inside) -> LaunchOrder:
        """Fill in what to run, and in which image; raises NotFoundError where the image was not got ready.

        Parameters
        ----------
        blank : has folders and limits
        inside : gives job and checkpoint folder as the job sees them
        """
        image = self._image(task, blank.attempt_id)
        if image is None:
            environment = environment_of(task, number, *inside(blank))
            return dataclasses.replace(blank, argv=argv_of(task, number, environment), environment=environment)
        path = resources_path(task)
        container = ContainerOrder(
            image=reference_of(task).short,
            rootfs=image.rootfs,
            user=image.config.user,
            work_dir=work_dir(task),
            job_mounts=tuple(dict.fromkeys((path, _JOB_DIR))),
            read_only=read_only(task),
            forwards=forwards_of(task, self._forward_host),
        )
        order = dataclasses.replace(blank, container=container, network=wants_network(task))
        own = environment_of(task, number, *inside(order)) | {"ONDOL_JOB_DIR": path}
        argv = container_argv(task, number, own, image.config)
        defaults = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        return dataclasses.replace(order, argv=argv, environment={**defaults, **image.config.environment, **own})

    def release(self, attempt_id: AttemptId) -> None:
        """Say that an attempt needs its image no longer."""
        if self._house is not None:
            self._house.release(attempt_id)

    def _image(self, task: Task, attempt_id: AttemptId) -> Image | None:
        if self._house is None or not ALL[task.profile].container:
            return None
        return self._house.pinned(attempt_id)


def wants_network(task: Task) -> bool:
    """Whether a task's jobs are to have a network."""
    return ALL[task.profile].network or bool(task.network_rules)


def _may_stand_in(task: Task) -> bool:
    """Whether the host's tree can do: a general image, no network, and a command of the task's own."""
    return (
        reference_of(task).general
        and not wants_network(task)
        and (has_command(task) or bool(task.holds_pool))
        and not task.constants.get("DOCKER_ENTRYPOINT", "").strip()
    )


def _not_here(task: Task) -> str:
    """Why a machine without containers cannot run a task, perhaps of a time when it had them; empty where it can."""
    if _may_stand_in(task):
        return ""
    return f"The image {reference_of(task).short} needs containers, and this machine runs none: 'ondol doctor' says why"


def _no_command(task: Task, image: Image | None) -> str:
    """Why the task has nothing to run, empty where it has."""
    if image is None or (task.holds_pool and not has_command(task)):
        return ""
    try:
        number = task.instance_numbers[0]
        container_argv(task, number, environment_of(task, number, _JOB_DIR, "/checkpoint"), image.config)
    except OndolError as error:
        return str(error)
    return ""
