"""How fast the compute API accepts tasks and answers about them, beside Slurm's sbatch on the same machine.

Part 1, in interleaved rounds, medians: tasks accepted per second through HTTP, one by one over 8 connections, in lists
of 100 and as tasks of 100 instances (counted by instances), on SQLite and on PostgreSQL; and jobs submitted to a
slurmctld of its own by `sbatch` and `sbatch --array`. Nothing runs meanwhile on any of them. Then each is killed with
signal 9 and asked what it still has of that for which it gave an answer.

Part 2: latency of GET of a task and of pages, with 1,000, 10,000 and 100,000 tasks stored.

Run: python tests/benchmarks/bench_compute_api.py [rounds, 3 by default]
What is not installed (PostgreSQL, Slurm) is left out, and said.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from compute_api import slurm
from compute_api.client import Drive, drive, request
from compute_api.platform_process import PlatformProcess

from integration.storage import postgres
from integration.storage.samples import NOON, make_task
from ondol.model.compute import TaskState
from ondol.model.ids import AccountId, TaskId
from ondol.storage.ports import Changes
from ondol.storage.sql.store import SqlStore

SINGLES, LISTS, ARRAYS, SIZE = 200, 20, 40, 100  # a round: so many tasks one by one, lists of 100, arrays of 100
CONNECTIONS, LIST_CONNECTIONS = 8, 2
SINGLE, AT_ONCE, ARRAY = "single", f"list of {SIZE}", f"array of {SIZE}"
# What of ours is set against what of sbatch: it knows no lists, as many distinct jobs are as many calls.
AGAINST = {SINGLE: SINGLE, AT_ONCE: SINGLE, ARRAY: ARRAY}
STORED = (1_000, 10_000, 100_000)
GETS, PAGES, PAGE_SIZE = 500, 100, 50
_FILL = 1_000  # tasks written at once


@dataclass
class Figures:
    """Rates of one subject, a list for each kind of submission, with CPU per task."""

    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    server_us: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    client_us: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    accepted: list[str] = field(default_factory=list)

    def add(self, kind: str, number: int, wall_s: float, server_s: float, client_s: float) -> None:
        """Note one round."""
        self.rates[kind].append(number / wall_s)
        self.server_us[kind].append(1e6 * server_s / number)
        self.client_us[kind].append(1e6 * client_s / number)

    def forget_rates(self) -> None:
        """Begin anew; what was accepted stays accepted."""
        for figures in (self.rates, self.server_us, self.client_us):
            figures.clear()

    def line(self, name: str, kind: str) -> str:
        """One line of the table."""
        rates = self.rates[kind]
        return (
            f"{name:12} {kind:14} {statistics.median(rates):9,.0f} /s  ({min(rates):,.0f} to {max(rates):,.0f})  "
            f"CPU per task: server {statistics.median(self.server_us[kind]):6.0f} µs, "
            f"client {statistics.median(self.client_us[kind]):6.0f} µs"
        )


def body(number: int, instances: int = 1) -> dict[str, object]:
    """A task as an SDK sends it."""
    return {
        "name": f"bench {number}",
        "profile": "process",
        "instanceCount": instances,
        "constants": [{"key": "CMD", "value": "sleep 1"}, {"key": "SEED", "value": str(uuid.uuid4())}],
        "tags": ["bench", f"lot {number % 10}"],
        "labels": {"purpose": "benchmark"},
        "resourceBuckets": [],
        "autoDeleteOnCompletion": False,
        "completionTimeToLive": "00:00:00",
    }


def submit_to_platform(platform: PlatformProcess, figures: Figures) -> None:
    """One round."""
    singles = [request("POST", "/tasks", platform.token, body(n)) for n in range(SINGLES)]
    lists = [request("POST", "/tasks", platform.token, [body(n) for n in range(SIZE)]) for _ in range(LISTS)]
    arrays = [request("POST", "/tasks", platform.token, body(n, SIZE)) for n in range(ARRAYS)]
    for kind, requests, number, connections in (
        (SINGLE, singles, SINGLES, CONNECTIONS),
        (AT_ONCE, lists, LISTS * SIZE, LIST_CONNECTIONS),
        (ARRAY, arrays, ARRAYS * SIZE, CONNECTIONS),
    ):
        before_s = platform.cpu_s()
        done = drive(platform.port, requests, connections)
        figures.add(kind, number, done.wall_s, platform.cpu_s() - before_s, done.client_cpu_s)
        for answer in done.answers:
            told = json.loads(answer)
            figures.accepted += [one["uuid"] for one in told] if isinstance(told, list) else [told["uuid"]]


def submit_to_slurm(controller: slurm.Slurm, figures: Figures) -> None:
    """One round."""
    for kind, number, submit in (
        (SINGLE, SINGLES, lambda: controller.single(SINGLES, CONNECTIONS)),
        (ARRAY, ARRAYS * SIZE, lambda: controller.arrays(ARRAYS, SIZE, CONNECTIONS)),
    ):
        server_s, client_s = controller.cpu_s(), slurm.children_cpu_s()
        wall_s = submit()
        figures.add(kind, number, wall_s, controller.cpu_s() - server_s, slurm.children_cpu_s() - client_s)


def accepting(rounds: int, folder: Path, postgres_url: str) -> None:
    """Part 1."""
    with ExitStack() as stack:
        platforms = {"SQLite": PlatformProcess(folder / "sqlite")}
        stack.callback(platforms["SQLite"].stop)
        if postgres_url:
            platforms["PostgreSQL"] = PlatformProcess(folder / "postgresql", postgres_url)
            stack.callback(platforms["PostgreSQL"].stop)
        controller = None
        if reason := slurm.missing():
            print(f"Slurm is left out: {reason}")
        else:
            controller = slurm.Slurm(folder / "slurm")
            stack.callback(controller.stop)
        figures = {name: Figures() for name in (*platforms, *(["sbatch"] if controller else []))}
        one_round(platforms, controller, figures)  # to warm up
        for figure in figures.values():
            figure.forget_rates()
        for _ in range(rounds):
            one_round(platforms, controller, figures)
        tell_rates(figures, rounds)
        kill(platforms, controller, figures)


def one_round(
    platforms: dict[str, PlatformProcess], controller: slurm.Slurm | None, figures: dict[str, Figures]
) -> None:
    """Every subject once, one after another."""
    for name, platform in platforms.items():
        submit_to_platform(platform, figures[name])
    if controller is not None:
        submit_to_slurm(controller, figures["sbatch"])


def tell_rates(figures: dict[str, Figures], rounds: int) -> None:
    """Print medians, and ratios round by round."""
    print(f"\nAccepted, medians of {rounds} interleaved rounds after one to warm up (least to most):")
    for kind, other in AGAINST.items():
        for name, figure in figures.items():
            if kind in figure.rates:
                print("  " + figure.line(name, kind))
        for name, figure in figures.items():
            if name != "sbatch" and "sbatch" in figures:
                pairs = zip(figure.rates[kind], figures["sbatch"].rates[other], strict=True)
                ratio = statistics.median(ours / theirs for ours, theirs in pairs)
                print(f"  {name} : sbatch = {ratio:.2f} ({kind} : {other}, median of the rounds' ratios)")


def kill(platforms: dict[str, PlatformProcess], controller: slurm.Slurm | None, figures: dict[str, Figures]) -> None:
    """Kill each right after an answer, and look what it has lost."""
    print("\nKilled with signal 9 right after the last answer:")
    for name, platform in platforms.items():
        submit_to_platform(platform, figures[name])
        platform.kill()
        accepted = figures[name].accepted
        print(f"  {name}: {platform.lost(accepted)} of {len(accepted):,} accepted tasks lost")
    if controller is not None:
        submit_to_slurm(controller, figures["sbatch"])
        before = controller.queued()
        controller.kill_and_start()
        print(f"  slurmctld: {before - controller.queued():,} of {before:,} accepted jobs lost")


def answering(folder: Path, name: str, database_url: str) -> None:
    """Part 2 on one database; the tasks stored are over, of two names, ten tags and three states."""
    platform = PlatformProcess(folder, database_url)  # makes the folder and the account
    account = AccountId(platform.account)
    platform.stop()
    stored: list[str] = []
    print(f"\nAnswering on {name} [ms], p50 / p99:")
    print("  stored     GET a task    first page    with a tag   with a state  by name       last page")
    for number in STORED:
        fill(database_url or f"sqlite:///{folder}/ondol.db", account, stored, number)
        platform = PlatformProcess(folder, database_url)
        try:
            print(f"  {number:8,} " + "  ".join(f"{told:>12}" for told in latencies(platform, stored)))
        finally:
            platform.stop()


def latencies(platform: PlatformProcess, stored: list[str]) -> list[str]:
    """One connection, one request after another."""
    chance = random.Random(1)
    page = {"maximumResults": PAGE_SIZE}

    def pages(**more: object) -> Drive:
        data = request("POST", "/tasks/summaries/paginate", platform.token, page | more)
        return drive(platform.port, [data] * PAGES, 1)

    def leaf(name: str, value: str) -> dict[str, object]:
        return {"operator": "Equal", "field": name, "value": value}

    gets = [request("GET", f"/tasks/{key}", platform.token) for key in chance.choices(stored, k=GETS)]
    drive(platform.port, gets[:50], 1)
    done: list[Callable[[], Drive]] = [
        lambda: drive(platform.port, gets, 1),
        pages,
        lambda: pages(filter=leaf("Tags", "lot 3")),
        lambda: pages(filter=leaf("State", "Failure")),
        lambda: pages(orderBy="Name"),
        lambda: drive(platform.port, [last_page(platform)] * PAGES, 1),
    ]
    drives = [run() for run in done]
    return [f"{one.quantile_ms(0.5):.1f} / {one.quantile_ms(0.99):.1f}" for one in drives]


def last_page(platform: PlatformProcess) -> bytes:
    """Walk to the last page but one, as a client does, and give the request for the last."""
    token, before = "", ""
    while True:
        data = {"maximumResults": 1000, "token": token}
        told = drive(platform.port, [request("POST", "/tasks/summaries/paginate", platform.token, data)], 1)
        following = json.loads(told.answers[0]).get("nextToken") or ""
        if not following:
            last = {"maximumResults": PAGE_SIZE, "token": token or before}
            return request("POST", "/tasks/summaries/paginate", platform.token, last)
        before, token = token, following


def fill(url: str, account: AccountId, stored: list[str], number: int) -> None:
    """Store tasks that are over, until there are so many."""
    store = SqlStore(url)
    states = (TaskState.SUCCESS, TaskState.SUCCESS, TaskState.FAILURE, TaskState.CANCELLED)
    begun, first = time.perf_counter(), len(stored)
    while len(stored) < number:
        tasks = []
        for _ in range(min(_FILL, number - len(stored))):
            rank = len(stored)
            key = TaskId(str(uuid.uuid4()))
            stored.append(key)
            tasks.append(
                make_task(
                    rank, account, id=key, name=f"job {rank % 2}", tags=("bench", f"lot {rank % 10}"),
                    state=states[rank % 4], ended_at=NOON, instance_numbers=(0,), errors=(), resources=(),
                )
            )  # fmt: skip
        store.commit(Changes(tasks=tuple(tasks)))
    store.close()
    took_s = time.perf_counter() - begun
    print(f"    ({number - first:,} tasks stored in lots of {_FILL:,}: {(number - first) / took_s:,.0f} /s)")


def main(rounds: int) -> None:
    """Print both parts."""
    with tempfile.TemporaryDirectory(prefix="ondol-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        server = None
        if reason := postgres.missing():
            print(f"PostgreSQL is left out: {reason}")
        else:
            server = stack.enter_context(postgres.running())
            server.execute("CREATE DATABASE accepting")
            server.execute("CREATE DATABASE answering")
        accepting(rounds, folder, server.url("accepting") if server else "")
        answering(folder / "stored-sqlite", "SQLite", "")
        if server is not None:
            answering(folder / "stored-postgresql", "PostgreSQL", server.url("answering"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
