"""Building SimGrid's driver, `simgrid/fcfs.cpp`, and the words for where that cannot be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.peers.workload import FULL_W, IDLE_W

SOURCE = Path(__file__).with_name("simgrid") / "fcfs.cpp"
RUNGS = ("energy", "power", "schedule")
HOW = "apt-get install libsimgrid-dev g++ (Debian 12: SimGrid 3.32, 25 MB to fetch, 208 MB on disk)"


def missing() -> str:
    """Say what is missing to build the driver; empty where nothing is."""
    if shutil.which("g++") is None:
        return "g++ is not installed"
    asked = ["g++", "-E", "-x", "c++", "-include", "simgrid/s4u.hpp", "/dev/null"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        return "libsimgrid-dev is not installed"
    return ""


def build(folder: Path) -> Path:
    """Compile the driver into a folder and give its path.

    Raises
    ------
    RuntimeError : something is missing, or the compiler failed; with the end of what it said
    """
    if lack := missing():
        raise RuntimeError(lack)
    program = folder / "simgrid-fcfs"
    command = ["g++", "-O2", "-std=c++17", str(SOURCE), "-o", str(program), "-lsimgrid"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"g++ could not build {SOURCE.name}: {done.stderr[-2000:]}")
    return program


def command(program: Path, jobs: Path, hosts: int, step_s: float, rung: str) -> list[str]:
    """Give the command that runs the driver, which reads energies, powers or, for schedule, nothing."""
    return [str(program), str(jobs), str(hosts), f"{step_s:g}", f"{IDLE_W:g}", f"{FULL_W:g}", rung]
