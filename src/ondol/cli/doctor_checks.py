"""What `ondol doctor` looks at: each check gives findings, none of them changes anything that stays."""

from __future__ import annotations

import enum
import importlib.util
import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ondol.cli.wording import size
from ondol.model.errors import OndolError

LEAST_FREE_BYTES = 1 << 30  # SeaweedFS wants volumes of 64 MiB each, jobs their folders
LEAST_MEMORY_BYTES = 2 << 30  # SeaweedFS takes about 0.5 GiB, the platform 0.2, each job its own
LEAST_PYTHON = (3, 11)


class Mark(enum.Enum):
    """How a finding is to be read."""

    OK = "ok"
    LESS = "less"  # works without; something is less good
    MISSING = "missing"  # the platform does not run


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Parameters
    ----------
    what : the part of the machine
    found : what was found, in words
    advice : what to install or do for more, empty where all is well
    """

    what: str
    mark: Mark
    found: str
    advice: str = ""


def check_system() -> Finding:
    """Linux is needed: processes are followed through /proc."""
    found = f"{platform.system()} {platform.release()} {platform.machine()}"
    if platform.system() == "Linux":
        return Finding("system", Mark.OK, found)
    return Finding("system", Mark.MISSING, found, "Ondol runs on Linux: use a machine or a virtual machine with it")


def check_python() -> Finding:
    """The interpreter."""
    found = f"Python {platform.python_version()}"
    old = tuple(map(int, platform.python_version_tuple()[:2])) < LEAST_PYTHON
    advice = "Python 3.11 or later: apt install python3" if old else ""
    return Finding("python", Mark.MISSING if old else Mark.OK, found, advice)


def check_cores() -> Finding:
    """Cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    if cores >= 2:
        return Finding("cores", Mark.OK, f"{cores} cores")
    return Finding(
        "cores", Mark.LESS, "1 core", "virtual nodes share it with the platform: the demonstration is slower"
    )


def check_memory() -> Finding:
    """Memory that is free for the platform and its jobs."""
    import psutil

    memory = psutil.virtual_memory()
    found = f"{size(memory.available)} free of {size(memory.total)}"
    if memory.available >= LEAST_MEMORY_BYTES:
        return Finding("memory", Mark.OK, found)
    return Finding("memory", Mark.LESS, found, "2 GiB free are wanted: end other programs, or run fewer jobs at once")


def check_disk(folder: Path) -> Finding:
    """Room where the data folder is, or will be."""
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    found = f"{size(free)} free at {folder}"
    if not os.access(existing, os.W_OK):
        return Finding("disk", Mark.MISSING, f"{existing} cannot be written", "name another folder with --data")
    if free >= LEAST_FREE_BYTES:
        return Finding("disk", Mark.OK, found)
    return Finding("disk", Mark.LESS, found, "1 GiB is wanted: free some, or name another folder with --data")


def check_sandbox() -> Finding:
    """Bubblewrap, and whether it may make its namespaces."""
    from ondol.engine.local.sandbox import find_bubblewrap

    program, reason = find_bubblewrap()
    if program:
        return Finding("sandbox", Mark.OK, f"bubblewrap works ({program})")
    advice = "apt install bubblewrap" if shutil.which("bwrap") is None else "permit user namespaces to your user"
    return Finding("sandbox", Mark.LESS, reason, f"{advice}; until then jobs are plain processes of your user")


def check_cgroups() -> Finding:
    """Whether control groups can be made, by trying it."""
    from ondol.engine.local.cgroups import find_home

    home = find_home(f"ondol-doctor-{os.getpid()}")
    if home is not None:
        home.remove()
        return Finding("cpu and memory limits", Mark.OK, f"cgroup v{home.version}, writable")
    version = "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1"
    advice = (
        "start it with 'systemd-run --user --scope -p Delegate=yes' or as root; "
        "until then CPU is shared by stopping and continuing, memory is limited per process"
    )
    return Finding("cpu and memory limits", Mark.LESS, f"cgroup {version}, not writable by you", advice)


def check_power() -> Finding:
    """Processor energy counters."""
    from ondol.drivers.power.rapl import RaplMeter

    try:
        RaplMeter().read(0.0)
    except OndolError as error:
        return Finding("power meter", Mark.LESS, "power curve on CPU time (tier T4)", str(error))
    return Finding("power meter", Mark.OK, "RAPL energy counters (tier T3)")


def check_containers() -> list[Finding]:
    """Whether tasks run in containers here, by running one, and which images are at hand."""
    from ondol.engine.images.podman import find_podman
    from ondol.engine.local.cgroups import find_home
    from ondol.engine.local.containers import find_containers

    program, reason = find_podman()
    home = find_home(f"ondol-doctor-{os.getpid()}", one_path=True) if os.geteuid() == 0 else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            found, why = find_containers(Path(folder), home)
    finally:
        if home is not None:
            home.remove()
    if found is None or not program:
        advice = "as root: apt install podman runc slirp4netns catatonit"
        without = "until then docker-batch runs general images on this host's own system, and no others"
        return [Finding("containers", Mark.LESS, why or reason, f"{advice}; {without}")]
    lacks = [name for name, path in (("slirp4netns", found.slirp), ("catatonit", found.init)) if not path]
    words = "work (podman, runc)" + (f", without {' and '.join(lacks)}" if lacks else "")
    lacking = "no profile docker-network" if "slirp4netns" in lacks else "jobs are process 1 of their container"
    advice = f"apt install {' '.join(lacks)}; until then: {lacking}" if lacks else ""
    return [Finding("containers", Mark.LESS if lacks else Mark.OK, words, advice), _images(program)]


def _images(program: str) -> Finding:
    from ondol.control.container_house import named_store
    from ondol.control.profiles import GENERAL_IMAGES
    from ondol.engine.images.podman import Podman
    from ondol.engine.images.reference import parse

    try:
        names = {name for stored in Podman(store_root=named_store(), program=program).images() for name in stored.names}
    except OndolError as error:
        return Finding(
            "images", Mark.LESS, f"podman's store cannot be read: {error}", "try again; 'podman images' tells more"
        )
    general = sorted(name for name in GENERAL_IMAGES if "/" not in name)
    absent = [name for name in general if not names.intersection(parse(name).local_names)]
    found = f"{len(names)} images at hand"
    if not absent:
        return Finding("images", Mark.OK, found)
    return Finding(
        "images",
        Mark.OK,
        f"{found}; {', '.join(absent)} would be pulled",
        "where no registry answers, this host's own system stands in for these ('ondol image import' gives them to "
        "this machine, 'ondol up --no-host-images' forbids it)",
    )


def check_object_store() -> Finding:
    """The program of SeaweedFS."""
    from ondol.storage.objects.weed_command import find_weed

    try:
        return Finding("object store", Mark.OK, f"SeaweedFS ({find_weed()})")
    except OndolError as error:
        return Finding("object store", Mark.MISSING, "no SeaweedFS", str(error))


def check_client() -> Finding:
    """The client library that the demonstration uses."""
    if importlib.util.find_spec("qarnot") is None:
        return Finding(
            "python client", Mark.LESS, "package qarnot is not there", "for 'ondol demo': pip install 'ondol[demo]'"
        )
    from importlib.metadata import version

    return Finding("python client", Mark.OK, f"qarnot {version('qarnot')}")


def check_ports() -> Finding:
    """Whether a port can be had on loopback."""
    try:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
    except OSError as error:
        return Finding("ports", Mark.MISSING, f"no port on 127.0.0.1: {error.strerror}", "permit loopback networking")
    return Finding("ports", Mark.OK, "free ports on 127.0.0.1")


def examine(folder: Path) -> list[Finding]:
    """Run every check.

    Parameters
    ----------
    folder : the data folder, which need not exist
    """
    checks: list[Callable[[], Finding | list[Finding]]] = [
        check_system,
        check_python,
        check_cores,
        check_memory,
        lambda: check_disk(folder),
        check_sandbox,
        check_cgroups,
        check_power,
        check_containers,
        check_object_store,
        check_client,
        check_ports,
    ]
    findings: list[Finding] = []
    for check in checks:
        found = check()
        findings += found if isinstance(found, list) else [found]
    return findings
