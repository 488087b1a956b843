"""The twin beside its peers on the same jobs: SimGrid, LEAF, Vessim and plain heapq, in interleaved rounds.

The jobs are those of greco14d, 15,922 submitted to Qarnot in 14 days, run first come, first served on 1,000 hosts of
100 W idle and 200 W busy; every 150 s every host is read. A run counts only if its mean wait is the reference's
(45.62 s) within 0.005 s and its energy, whole and above idle, agrees within 0.5 % from 0 to the last end.

Rungs: "schedule", nothing is read; "power", the power of each host at the moment; "energy", what each host consumed
until the moment; "given power", Vessim is told what each host draws; "heat", the twin, which also has temperatures.

Run: python tests/benchmarks/bench_peers.py [--rounds 5] [--quick] [--install] [--out FILE.json]
What is not installed is left out, and said; --install makes environments for LEAF and Vessim in ~/.cache/ondol-bench.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.table import Table

from benchmarks.peers import environments, simgrid_fcfs, twin
from benchmarks.peers.rounds import Peer, Run, interleave, pin, spread
from benchmarks.peers.verdict import WAIT_TOLERANCE_S, Expected, expect, expect_steps
from benchmarks.peers.workload import FULL_W, HOSTS, IDLE_W, STEP_S, Said

TRACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "workloads" / "greco14d_jobs.csv"
GRECO_WAIT_S = 45.62  # by SimGrid in C++ and in Python, LEAF and a plain script, in an earlier study of others' code
VESSIM_STEPS = 576  # a day
INSTALL = "python tests/benchmarks/bench_peers.py --install, where pip finds a package index"
NOTES = (
    "Loop: the simulation alone. Process: from start to end. CPU: user and kernel mode of the process.",
    "Medians of rounds (least to most); × reference: the ratio to its loop in the same round, by CPU time where told.",
    "Energy: deviation of what is above idle. SimGrid also solves how work shares a host, and could do a network; the",
    "meter of LEAF keeps the sum of all hosts, not each; Vessim has no jobs: it is not equivalent in schedule, and its",
    f"times are those of {VESSIM_STEPS} steps, a day.",
)


def module(python: Path | str, name: str, *words: object) -> list[str]:
    """Give the command that runs a peer written in Python."""
    return [str(python), "-m", f"benchmarks.peers.{name}", *map(str, words)]


def found(jobs: Path, folder: Path, missing: dict[str, str], *, install: bool) -> Iterator[Peer]:
    """Give the peers that can run here, the reference first; say in `missing` why others cannot, and how they could."""
    whole = expect(jobs, HOSTS, STEP_S)
    if jobs == TRACE and not abs(whole.mean_wait_s - GRECO_WAIT_S) <= WAIT_TOLERANCE_S:
        raise SystemExit(f"the reference's mean wait is {whole.mean_wait_s:.3f} s on {jobs}, not {GRECO_WAIT_S} s")
    unread = Expected(whole.energy_kwh, whole.idle_kwh, whole.end_s, whole.mean_wait_s)
    yield Peer("reference", "schedule", module(sys.executable, "reference", jobs, HOSTS, STEP_S), unread)
    if lack := twin.missing():
        missing["twin"] = f"{lack}; {twin.HOW}"
    else:
        yield Peer("twin", "heat", twin.command(jobs, HOSTS, STEP_S), whole)
    try:
        program = simgrid_fcfs.build(folder)
    except RuntimeError as error:
        missing["SimGrid"] = f"{error}; {simgrid_fcfs.HOW}"
    else:
        for rung in simgrid_fcfs.RUNGS:
            command = simgrid_fcfs.command(program, jobs, HOSTS, STEP_S, rung)
            yield Peer("SimGrid", rung, command, unread if rung == "schedule" else whole)
    yield from found_in_environments(jobs, whole, unread, missing, install=install)


def found_in_environments(
    jobs: Path, whole: Expected, unread: Expected, missing: dict[str, str], *, install: bool
) -> Iterator[Peer]:
    """Give those of the peers that live in environments of their own."""
    for name in environments.PACKAGES:
        try:
            if install:
                environments.install(name)
            if lack := environments.missing(name):
                missing[name] = f"{lack}; {INSTALL}"
        except RuntimeError as error:
            missing[name] = str(error)
    if "leaf" not in missing:
        python = environments.python_of("leaf")
        for rung, expected in (("power", whole), ("schedule", unread)):
            yield Peer("LEAF", rung, module(python, "leaf_fcfs", jobs, HOSTS, STEP_S, rung), expected)
    if "vessim" not in missing:
        python = environments.python_of("vessim")
        day = expect_steps(jobs, HOSTS, STEP_S, VESSIM_STEPS)
        yield Peer(
            "Vessim", "given power, a day", module(python, "vessim_steps", jobs, HOSTS, STEP_S, VESSIM_STEPS), day
        )


def loops(peer: Peer) -> list[float]:
    """Give the times of a peer's loop [s]."""
    return peer.each(lambda _, said: said.loop_s)


def ratios(peer: Peer, other: Peer) -> list[float]:
    """Give a peer's loop over another's, round by round, by CPU time where both tell it, else by wall time.

    Both count, so that both ran in every round.
    """
    ours, theirs = (one.each(lambda _, said: said.loop_cpu_s) for one in (peer, other))
    if any(map(math.isnan, (*ours, *theirs))):
        ours, theirs = loops(peer), loops(other)
    return [one / another for one, another in zip(ours, theirs, strict=True)]


def table(peers: list[Peer]) -> Table:
    """Lay out the peers that count, by the time of their loops."""
    laid = Table()
    for head in (
        "peer",
        "rung",
        "loop s",
        "loop CPU s",
        "process s",
        "CPU s",
        "× reference",
        "M readings/s",
        "MiB",
        "energy",
    ):
        laid.add_column(head, justify="left" if head in ("peer", "rung") else "right")
    counted = [peer for peer in peers if peer.runs and not peer.faults()]
    for peer in sorted(counted, key=lambda peer: statistics.median(loops(peer))):
        said = peer.runs[0].said or Said(loop_s=math.nan)
        deviation = peer.expected.load_deviation(said)
        laid.add_row(
            f"{peer.name} {said.version}",
            peer.rung,
            spread(loops(peer), 3),
            spread([] if math.isnan(said.loop_cpu_s) else peer.each(lambda _, said: said.loop_cpu_s), 3),
            spread(peer.each(lambda run, _: run.wall_s), 2),
            spread(peer.each(lambda run, _: run.user_s + run.sys_s), 2),
            spread(ratios(peer, peers[0]), 1),
            f"{said.samples / statistics.median(loops(peer)) / 1e6:.2f}" if said.samples else "–",
            "–" if math.isnan(said.peak_rss_mib) else f"{said.peak_rss_mib:.0f}",
            "–" if math.isnan(deviation) else f"{round(deviation, 4) + 0.0:+.2%}",  # + 0.0: no minus before zero
        )
    return laid


def machine() -> dict[str, object]:
    """Say what these figures were measured on."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cpu = models[0] if models else platform.machine()
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.platform(), "pinned": pin()}


def record(peer: Peer) -> dict[str, object]:
    """Give a peer as JSON."""

    def one(run: Run) -> dict[str, object]:
        return {**asdict(run), "said": json.loads(run.said.line()) if run.said else None}

    return {"name": peer.name, "rung": peer.rung, "counts": not peer.faults(), "runs": [one(run) for run in peer.runs]}


def write(out: Path, jobs: Path, peers: list[Peer], missing: dict[str, str]) -> None:
    """Write every run, and on what it was measured, as JSON."""
    told = {
        "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "workload": {"jobs": str(jobs), "hosts": HOSTS, "step_s": STEP_S, "idle_w": IDLE_W, "full_w": FULL_W},
        "peers": [record(peer) for peer in peers],
        "missing": missing,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def comparisons(peers: list[Peer]) -> Iterator[str]:
    """Say how the twin's loop stands to each of SimGrid's, where both count."""
    for own in peers:
        for other in peers:
            if own.name == "twin" and other.name == "SimGrid" and not own.faults() and not other.faults():
                yield f"twin, {own.rung}: {spread(ratios(own, other), 2)} of the loop of SimGrid, {other.rung}"


def parser() -> argparse.ArgumentParser:
    """Give the options."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=Path, default=TRACE, help="the trace (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=5, help="rounds that count, after one to warm up")
    options.add_argument("--quick", action="store_true", help="one round, not warmed up: a trial, no figure")
    options.add_argument("--install", action="store_true", help="install LEAF and Vessim, each in its own environment")
    options.add_argument("--out", type=Path, help="write every run to this file as JSON")
    return options


def main() -> int:
    options = parser()
    asked = options.parse_args()
    if asked.rounds < 1:
        options.error(f"--rounds is {asked.rounds}; at least 1 is allowed")
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)

    def say(words: str) -> None:
        console.print(words, markup=False, soft_wrap=True)

    if not asked.jobs.is_file():
        say(f"{asked.jobs} is not here: nothing to run. --jobs names another trace.")
        return 0 if asked.jobs == TRACE else 2
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="ondol-peers-") as folder:
        peers = list(found(asked.jobs.resolve(), Path(folder), missing, install=asked.install))
        interleave(peers, 1 if asked.quick else asked.rounds, say, warm=not asked.quick)
    if asked.out:
        write(asked.out, asked.jobs, peers, missing)
    if not peers[0].faults():
        console.print(table(peers))
    here = machine()
    lines = [f"{here['cpu']}, {here['cores']} cores, {' '.join(pin()) or 'not pinned'}", *NOTES, *comparisons(peers)]
    lines += [f"missing: {absent}: {why}" for absent, why in missing.items()]
    lines += [f"does not count: {peer.name}, {peer.rung}: {fault}" for peer in peers for fault in peer.faults()]
    for line in lines:
        say(line)
    return int(any(peer.faults() for peer in peers))


if __name__ == "__main__":
    sys.exit(main())
