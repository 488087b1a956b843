"""Ondol's own twin among its peers: the command, and the words for where it is not there yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOW = "make setup, in a version of Ondol that has `ondol twin bench-greco`"
ASK_S = 60.0


def program() -> Path:
    """Give the `ondol` that belongs to the interpreter which runs the benchmark."""
    return Path(sys.executable).with_name("ondol")


def missing() -> str:
    """Say what is missing to run the twin; empty where nothing is."""
    if not program().exists():
        return f"{program()} is not there"
    asked = [str(program()), "twin", "bench-greco", "--help"]
    if subprocess.run(asked, capture_output=True, check=False, timeout=ASK_S).returncode:
        return "this version has no `ondol twin bench-greco`"
    return ""


def command(jobs: Path, hosts: int, step_s: float) -> list[str]:
    """Give the command that runs the jobs first come, first served in the twin; the last line it prints is a `Said`."""
    asked = ["twin", "bench-greco", "--jobs", str(jobs), "--hosts", str(hosts), "--step-s", f"{step_s:g}", "--json"]
    return [str(program()), *asked]
