"""From a task's constants to the program, arguments and environment of one instance."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_PREFIX = "QARNOT_SECRET__"  # noqa: S105  # a prefix of names, no secret


@dataclass(frozen=True, slots=True)
class Profile:
    """A way to run a task.

    Parameters
    ----------
    constants : (name, default value, description) that it understands
    commands : names of the constants that may hold the command, first found wins
    images : container images that may be named; None where the profile has none
    """

    name: str
    constants: tuple[tuple[str, str, str], ...]
    commands: tuple[str, ...]
    images: frozenset[str] | None = None


PROCESS = Profile(
    name="process",
    constants=(("CMD", "", "command with arguments, split like a shell would; no shell runs it"),),
    commands=("CMD", "DOCKER_CMD"),
)

# Containers come with the compute API at full; until then the profile that scripts name runs the command on this
# host's own system tree, read-only, in the sandbox. It says so, and takes only images that such a tree can stand for.
DOCKER_BATCH = Profile(
    name="docker-batch",
    constants=(
        ("DOCKER_REPO", "library/ubuntu", "runs on this host's system in a sandbox; general images only"),
        ("DOCKER_TAG", "latest", "not looked at: there is no image"),
        ("DOCKER_CMD", "", "command with arguments, split like a shell would; no shell runs it"),
    ),
    commands=("DOCKER_CMD", "CMD"),
    images=frozenset(
        prefix + name for prefix in ("", "library/") for name in ("ubuntu", "debian", "python", "busybox", "alpine")
    ),
)

PROFILES = {profile.name: profile for profile in (DOCKER_BATCH, PROCESS)}


def check_command(task: Task) -> None:
    """Refuse a task that could never start: no such profile, image or command, unbalanced quotes, no text.

    Constants are filled in as they will be at launch; instances differ in digits only, so the first speaks for all.
    """
    profile = PROFILES.get(task.profile)
    if profile is None:
        raise InvalidFieldError("profile", task.profile, "one of " + ", ".join(sorted(PROFILES)))
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
    argv_of(task, number, environment_of(task, number, "/job", "/checkpoint"))


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can say it, no program can be given it
        return False


def argv_of(task: Task, number: int, environment: dict[str, str]) -> tuple[str, ...]:
    """Program and arguments of instance `number`; `${NAME}` of the environment is filled in, other names stay."""
    profile = PROFILES[task.profile]
    name = next((name for name in profile.commands if task.constants.get(name, "").strip()), None)
    if name is None:
        raise InvalidFieldError(f"constants.{profile.commands[0]}", "", "the command to run, e.g. python3 work.py")
    known = {"INSTANCE_ID": str(number), **environment}
    text = _NAME.sub(lambda found: known.get(found[1], found[0]), task.constants[name])
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidFieldError(f"constants.{name}", text, f"a command with balanced quotes ({error})") from error
    if not argv or not argv[0]:
        raise InvalidFieldError(f"constants.{name}", text, "a command that begins with the program to run")
    return argv


def environment_of(task: Task, number: int, job_dir: str, checkpoint_dir: str) -> dict[str, str]:
    """Environment of instance `number`: its constants, who it is, and where its files are.

    Parameters
    ----------
    job_dir, checkpoint_dir : as the job sees them
    """
    environment = {key: value for key, value in task.constants.items() if _ENVIRONMENT_NAME.fullmatch(key)}
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
