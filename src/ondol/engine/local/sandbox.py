"""The sandbox: what a job sees of the machine, as options of bubblewrap (bwrap(1))."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

JOB_DIR = "/job"
CHECKPOINT_DIR = "/checkpoint"
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ssl/certs",
    "ssl/openssl.cnf",
    "alternatives",
    "passwd",
    "group",
    "nsswitch.conf",
    "localtime",
    "fonts",
)
_ETC_NETWORK = ("resolv.conf", "hosts", "services", "protocols")
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def python_paths() -> tuple[Path, ...]:
    """Folders a job needs to run this very Python with its packages: the prefixes and Ondol's own package."""
    package = Path(__file__).resolve().parents[2]
    paths = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, package]
    kept: list[Path] = []
    for path in paths:
        inside = any(path.is_relative_to(other) for other in kept)
        if not inside and not path.is_relative_to("/usr") and path != Path("/"):
            kept.append(path)
    return tuple(kept)


def job_environment(given: dict[str, str], *, job_dir: str, checkpoint_dir: str, temp_dir: str) -> dict[str, str]:
    """Give the variables of a job: those it was given, and the ones every job can rely on.

    PATH starts with the folder of this Python; HOME and TMPDIR are set where not given; ONDOL_JOB_DIR and
    ONDOL_CHECKPOINT_DIR (only with a checkpoint folder) are paths as the job sees them.
    """
    first = str(Path(sys.executable).parent)
    env = {"HOME": job_dir, "TMPDIR": temp_dir, "LANG": "C.UTF-8", **given}
    env["PATH"] = f"{first}:{given.get('PATH', _DEFAULT_PATH)}"
    env["ONDOL_JOB_DIR"] = job_dir
    if checkpoint_dir:
        env["ONDOL_CHECKPOINT_DIR"] = checkpoint_dir
    return env


def bubblewrap_options(
    *,
    environment: dict[str, str],
    job_dir: Path | None,
    checkpoint_dir: Path | None,
    network: bool,
    read_only: tuple[Path, ...],
    hidden: tuple[Path, ...],
) -> list[str]:
    """Give the options of one sandbox, without the program itself.

    Parameters
    ----------
    environment : all variables of the job
    job_dir, checkpoint_dir : folders on the host, seen as /job and /checkpoint, read-write
    network : whether the host's network is kept
    read_only : folders beside the system's own that are seen at their place
    hidden : folders of the host never to be seen, even where one of `read_only` holds them
    """
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "ondol"]
    options += ["--share-net"] if network else []
    options += ["--ro-bind", "/usr", "/usr", *_system_folders(), "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"]  # noqa: S108 - the sandbox's own /tmp
    # Root owns the kernel's settings even without any capability, and bubblewrap leaves them open to its jobs.
    options += ["--ro-bind-try", "/proc/sys", "/proc/sys"]
    for name in _ETC + (_ETC_NETWORK if network else ()):
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path in read_only:
        options += ["--ro-bind-try", str(path), str(path)]
    for path in hidden:
        if any(path.is_relative_to(seen) for seen in (*read_only, Path("/usr"), *map(Path, _SYSTEM))):
            options += ["--tmpfs", str(path)]
    for source, target in ((job_dir, JOB_DIR), (checkpoint_dir, CHECKPOINT_DIR)):
        if source is not None:
            options += ["--bind", str(source), target]
    options += ["--chdir", JOB_DIR if job_dir is not None else "/", "--clearenv"]
    for name, value in environment.items():
        options += ["--setenv", name, value]
    return options


def find_bubblewrap() -> tuple[str, str]:
    """Find bubblewrap and prove that it works here: its path (empty where not) and the reason where not."""
    program = shutil.which("bwrap")
    if program is None:
        return "", "bubblewrap is not installed"
    options = bubblewrap_options(
        environment={}, job_dir=None, checkpoint_dir=None, network=False, read_only=python_paths(), hidden=()
    )
    try:
        run = subprocess.run(
            [program, *options, "--", "true"], check=False, timeout=10.0, capture_output=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"bubblewrap does not work here: {error}"
    if run.returncode != 0:
        return "", f"bubblewrap does not work here: {run.stderr.decode(errors='replace').strip()}"
    return program, ""


def _system_folders() -> list[str]:
    options: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            options += ["--ro-bind", name, name]
    return options
