"""Running peers in interleaved rounds, one process at a time on one core, and what each run took."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.verdict import Expected
from benchmarks.peers.workload import Said

TESTS = Path(__file__).resolve().parents[2]
LIMIT_S = 900.0
# One core, so that no peer is helped by threads that another does not have; and none waits for the other core's noise.
ENVIRONMENT = {"PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Run:
    """One process: wall time, CPU time in user and kernel mode, load of the machine before it, what it said."""

    wall_s: float
    user_s: float
    sys_s: float
    load: float
    said: Said | None
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class Peer:
    """A program at one rung (what it is asked to give), the reference's word on it, and its runs."""

    name: str
    rung: str
    command: list[str]
    expected: Expected
    runs: list[Run] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Say why this peer does not count; empty where every run does."""
        return sorted({fault for run in self.runs for fault in run.faults})

    def each(self, figure: Callable[[Run, Said], float]) -> list[float]:
        """Give one figure of every run that counts."""
        return [figure(run, run.said) for run in self.runs if run.said is not None and not run.faults]


def pin() -> list[str]:
    """Give the words before a command that hold it on the last core; none where taskset is missing."""
    return ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if shutil.which("taskset") else []


def run_once(peer: Peer, limit_s: float = LIMIT_S) -> Run:
    """Run a peer's process and measure it. A process that fails, or says nothing of use, is a run with faults."""
    load = os.getloadavg()[0]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun_s = time.perf_counter()
    fault, output = "", ""
    try:
        done = subprocess.run(
            [*pin(), *peer.command],
            capture_output=True,
            check=False,
            text=True,
            env={**os.environ, **ENVIRONMENT},
            timeout=limit_s,
        )
        output = done.stdout
        if done.returncode:
            fault = f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"
    except subprocess.TimeoutExpired:
        fault = f"not done after {limit_s:g} s"
    wall_s = time.perf_counter() - begun_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = None
    if not fault:
        try:
            said = Said.of_output(output)
        except ValueError as error:
            fault = str(error)
    faults = (fault,) if said is None else tuple(peer.expected.faults(said))
    return Run(wall_s, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime, load, said, faults)


def interleave(peers: Sequence[Peer], rounds: int, tell: Callable[[str], None], *, warm: bool = True) -> None:
    """Run all peers so many times in turn (A B C A B C). A peer with faults is left out of what follows.

    Parameters
    ----------
    peers, rounds : at least one round
    tell : is told of every run in a line
    warm : before that, one turn that is thrown away; it fills the page cache and compiles what is compiled once
        (bytecode, Numba's cache)

    Raises
    ------
    ValueError : no round
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; at least 1 is allowed")
    for number in range(0 if warm else 1, rounds + 1):
        for peer in peers:
            if peer.faults():
                continue
            run = run_once(peer)
            if number or run.faults:
                peer.runs.append(run)
            taken = f"{run.wall_s:.2f} s" if not run.faults else "; ".join(run.faults)
            tell(f"{f'round {number}' if number else 'warming'}  {peer.name}, {peer.rung}: {taken}")


def spread(values: Sequence[float], digits: int) -> str:
    """Write median (least to most)."""
    if not values:
        return "–"
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({least:,.{digits}f}–{most:,.{digits}f})"
