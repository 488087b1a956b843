"""From a task's constants to the program, arguments and environment of one instance."""

from __future__ import annotations

import re
import shlex

from ondol.control.profiles import ALL, KEPT_BACK, PROFILES, Profiles
from ondol.engine.images.image import ImageConfig
from ondol.engine.images.login import Login
from ondol.engine.images.reference import Reference, parse
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_command(task: Task, profiles: Profiles = PROFILES) -> None:
    """Refuse a task that could never start: no such profile, image or command, unbalanced quotes, no text.

    Constants are filled in as they will be at launch; instances differ in digits only, so the first speaks for all.

    Parameters
    ----------
    profiles : those of this installation
    """
    profile = profiles.get(task.profile)
    if profile is None:
        raise InvalidFieldError("profile", task.profile, "one of " + ", ".join(sorted(profiles)))
    image = task.constants.get("DOCKER_REPO", "")
    if profile.images is not None and image and image not in profile.images:
        raise InvalidFieldError(
            "constants.DOCKER_REPO",
            image,
            "this installation runs no containers yet; one of " + ", ".join(sorted(profile.images)),
        )
    for name, value in task.constants.items():
        if not _is_text(name) or not _is_text(value):
            raise InvalidFieldError(f"constants.{name[:80]}", value[:80], "a text of Unicode characters without NUL")
    number = task.instance_numbers[0]
    environment = environment_of(task, number, resources_path(task), "/checkpoint")
    if profile.container:
        reference_of(task)
        read_only(task)
        work_dir(task)
        container_argv(task, number, environment, ImageConfig(command=("true",)))
    else:
        argv_of(task, number, environment)


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can say it, no program can be given it
        return False


def argv_of(task: Task, number: int, environment: dict[str, str]) -> tuple[str, ...]:
    """Program and arguments of instance `number`; `${NAME}` of the environment is filled in, other names stay."""
    profile = ALL[task.profile]
    name = _command_constant(task)
    if name is None:
        raise InvalidFieldError(f"constants.{profile.commands[0]}", "", "the command to run, e.g. python3 work.py")
    argv = _split(task, number, environment, name)
    if not argv or not argv[0]:
        raise InvalidFieldError(
            f"constants.{name}", task.constants[name], "a command that begins with the program to run"
        )
    return argv


def container_argv(task: Task, number: int, environment: dict[str, str], image: ImageConfig) -> tuple[str, ...]:
    """Program and arguments of an instance in a container: entry point, then command, each the task's or the image's.

    As with Docker, a task that replaces the entry point does not get the image's command.
    """
    name, entrypoint, command = _command_constant(task), image.entrypoint, image.command
    if "DOCKER_ENTRYPOINT" in task.constants:
        entrypoint, command = _split(task, number, environment, "DOCKER_ENTRYPOINT"), ()
    if name is not None:
        command = _split(task, number, environment, name)
    argv = (*entrypoint, *command)
    if not argv or not argv[0]:
        raise InvalidFieldError("constants.DOCKER_CMD", "", "the command to run: the image has none of its own")
    return argv


def has_command(task: Task) -> bool:
    """Whether a task says itself what to run."""
    return _command_constant(task) is not None


def _command_constant(task: Task) -> str | None:
    return next((name for name in ALL[task.profile].commands if task.constants.get(name, "").strip()), None)


def _split(task: Task, number: int, environment: dict[str, str], name: str) -> tuple[str, ...]:
    known = {"INSTANCE_ID": str(number), **environment}
    text = _NAME.sub(lambda found: known.get(found[1], found[0]), task.constants[name])
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidFieldError(f"constants.{name}", text, f"a command with balanced quotes ({error})") from error


def reference_of(task: Task) -> Reference:
    """Name of the image that a task wants."""
    given = task.constants
    return parse(
        given.get("DOCKER_REPO", "").strip() or "library/ubuntu",
        given.get("DOCKER_TAG", ""),
        given.get("DOCKER_REGISTRY", ""),
    )


def login_of(task: Task) -> Login | None:
    """Login at the registry that a task brings."""
    user, password = (task.constants.get(f"DOCKER_REGISTRY_{part}", "") for part in ("LOGIN", "PASSWORD"))
    return Login(user, password) if user or password else None


def resources_path(task: Task) -> str:
    """Where a task's files are seen in its container."""
    return _folder(task, "RESOURCES_PATH") or "/job"


def work_dir(task: Task) -> str:
    """Folder that a task's command starts in."""
    return _folder(task, "DOCKER_WORKDIR") or resources_path(task)


def read_only(task: Task) -> bool:
    """Whether a task wants its image's tree to be read-only."""
    text = task.constants.get("DOCKER_READ_ONLY", "").strip().lower()
    if text not in ("", "0", "1", "false", "true", "no", "yes"):
        raise InvalidFieldError("constants.DOCKER_READ_ONLY", text[:80], "true or false")
    return text in ("1", "true", "yes")


def _folder(task: Task, name: str) -> str:
    if not ALL[task.profile].container:
        return ""
    text = task.constants.get(name, "").strip()
    if text == f"${{{name}}}":  # how some clients say "the profile's own"
        return ""
    parts = text.split("/")
    if text and (parts[0] or ".." in parts or "\0" in text):
        raise InvalidFieldError(f"constants.{name}", text[:80], "an absolute path without ..")
    clean = "/" + "/".join(part for part in parts if part not in ("", "."))
    if name == "RESOURCES_PATH" and text and (clean == "/" or clean.split("/")[1] in ("dev", "proc", "sys")):
        raise InvalidFieldError(f"constants.{name}", text[:80], "a folder that is not the system's own")
    return clean if text else ""


def environment_of(task: Task, number: int, job_dir: str, checkpoint_dir: str) -> dict[str, str]:
    """Environment of instance `number`: its constants, who it is, and where its files are.

    Parameters
    ----------
    job_dir, checkpoint_dir : as the job sees them
    """
    hidden = KEPT_BACK | {constant.name for constant in task.forced_constants if constant.export is False}
    environment = {
        key: value for key, value in task.constants.items() if _ENVIRONMENT_NAME.fullmatch(key) and key not in hidden
    }
    count = str(len(task.instance_numbers))
    environment |= {
        "INSTANCE_ID": str(number),
        "INSTANCE_COUNT": count,
        "FRAME_ID": str(number),
        "QRANK": str(number),
        "QSIZE": count,
        "TASK_ID": task.id,
        "TASK_PATH": job_dir,
        "RESOURCES_PATH": job_dir,
        "QARNOT_RESOURCES_DIRECTORY": job_dir,
        "QARNOT_RESULTS_DIRECTORY": job_dir,
        "TMP_PATH": "/tmp",  # noqa: S108  # the job's own, inside its sandbox
        "ONDOL_CHECKPOINT_DIR": checkpoint_dir,
    }
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, "1")  # a slot is one core: more threads would only queue for it
    return environment
