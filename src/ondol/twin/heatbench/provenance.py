"""How a benchmark was made, so that anyone can repeat it: command, versions, machine, seeds, digests of the data."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ondol.signals.attribution import attributions
from ondol.twin.heatbench.cases import Case, World
from ondol.twin.located import located
from ondol.twin.scenario import Scenario

_PACKAGES = ("ondol", "numpy", "scipy", "numba", "highspy", "pyarrow")


def about(command: str, cases: Sequence[Case], world: World, base: Path | None) -> list[str]:
    """Give sentences that tell how results came about.

    Parameters
    ----------
    command : that was asked, as it was written
    cases : that were run; base : folder of the data
    """
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    seeds = ", ".join(map(str, dict.fromkeys(case.seed for case in cases)))
    lines = [
        f"Command: `{command}`; asked for again in a clean clone it gives the same results.",
        f"Python {platform.python_version()}, {versions}.",
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors.",
        f"Seeds: {seeds}.",
    ]
    files: dict[str, None] = {}
    for case in cases:
        files.update(dict.fromkeys(_files(located(case.scenario(world), case.folder(world), base))))
    for path in sorted(files):
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
        lines.append(f"{Path(path).name}: SHA-256 {digest}….")
    return [*lines, *attributions()]


def _files(scenario: Scenario) -> list[str]:
    work, grid = scenario.work, scenario.grid
    paths = [work.path if work.source != "generator" else "", grid.path, grid.price_path]
    paths += [path for site in scenario.site for path in (site.climate, site.mains)]
    return [path for path in paths if path and Path(path).is_file()]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
