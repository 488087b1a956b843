"""Virtual environments for the peers of PyPI, outside the repository, so that they touch nothing of Ondol's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PACKAGES = {"leaf": "leafsim==0.4.2", "vessim": "vessim==0.16.0"}
INSTALL_S = 600.0


def cache() -> Path:
    """Give the folder that holds the environments; XDG_CACHE_HOME moves it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ondol-bench"


def python_of(peer: str) -> Path:
    """Give the interpreter of a peer's environment, whether it is there or not."""
    return cache() / PACKAGES[peer].replace("==", "-") / "bin" / "python"


def missing(peer: str) -> str:
    """Say what is missing to run a peer; empty where nothing is."""
    python = python_of(peer)
    package, _, version = PACKAGES[peer].partition("==")
    if python.exists():
        asked = [str(python), "-c", f"from importlib.metadata import version; print(version({package!r}))"]
        if subprocess.run(asked, capture_output=True, check=False, text=True).stdout.strip() == version:
            return ""
    return f"{package} {version} is not installed in {python.parent.parent}"


def install(peer: str) -> None:
    """Make the environment of a peer where it is missing, with pip, from the package index that pip is set to.

    Raises
    ------
    RuntimeError : it could not be made; with the end of what was said
    """
    if not missing(peer):
        return
    python = python_of(peer)
    for command in (
        [sys.executable, "-m", "venv", str(python.parent.parent)],
        [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", PACKAGES[peer]],
    ):
        words = " ".join(command)
        try:
            done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=INSTALL_S)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{words}: not done after {INSTALL_S:.0f} s") from error
        if done.returncode:
            raise RuntimeError(f"{words}: {(done.stdout + done.stderr)[-1000:]}")
