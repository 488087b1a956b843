"""What one tick of the live loop costs, and how that grows with the queue: the demonstration's fleet, simulated jobs.

Prints medians and maxima over the ticks of a span in which the queue stays full (a tick holds the lock that the HTTP
side waits for), the cost of the tick that takes all tasks in, and how long a start with the same queue in SQLite takes.

Run: python tests/benchmarks/bench_tick.py [queued tasks …]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ondol.control.works import Works
from ondol.demo.fleet import demo_fleet
from ondol.model.view import ServiceClass
from ondol.storage.ports import Changes
from ondol.storage.sql.store import SqlStore
from ondol.twin.rehearsal import Arrival, Rehearsal
from scenario.twin.morning import BEGIN, arrival

TICKS = 60
CLASSES = (ServiceClass.FLEX, ServiceClass.FLEX, ServiceClass.HARVEST, ServiceClass.ON_DEMAND)


def work_of(queued: int) -> list[Arrival]:
    """So many tasks of one instance; half are flex, and every second of these has a deadline."""
    return [
        arrival(n + 1, CLASSES[n % 4], 1, 60.0, after_s=10, deadline_s=86_400 if n % 4 == 0 else None)
        for n in range(queued)
    ]


def clocked_ms(rehearsal: Rehearsal) -> float:
    """Let one tick pass and give what it took [ms]."""
    rehearsal.clock.leap(15.0)
    begun = time.perf_counter()
    rehearsal.loop.tick()
    return (time.perf_counter() - begun) * 1e3


def start_s(work: list[Arrival]) -> float:
    """Time that it takes to load such a queue from SQLite [s]."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{folder}/bench.db")
        works = Works(store)
        for first in range(0, len(work), 5000):
            works.admit([one.task for one in work[first : first + 5000]], BEGIN)
        store.commit(Changes())
        begun = time.perf_counter()
        Works(store)
        took_s = time.perf_counter() - begun
        store.close()
    return took_s


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or [10, 1_000, 10_000, 100_000]
    print(f"{'queued':>8} {'median ms':>10} {'max ms':>8} {'ratio':>6} {'first ms':>9} {'start s':>8}")
    least = 0.0
    for queued in sizes:
        work = work_of(queued)
        rehearsal = Rehearsal(demo_fleet(), "follow", [], begin=BEGIN)
        rehearsal.run(60)
        rehearsal.works.admit([one.task for one in work], rehearsal.clock.now())
        rehearsal._cpu_s.update({one.task.id: one.cpu_s for one in work})  # as arrivals would have
        rehearsal.loop.stir()
        first = clocked_ms(rehearsal)
        took = [clocked_ms(rehearsal) for _ in range(TICKS)]
        median = statistics.median(took)
        least = least or median
        ratio, again_s = median / least, start_s(work)
        print(f"{queued:>8,} {median:>10.2f} {max(took):>8.1f} {ratio:>6.1f} {first:>9.1f} {again_s:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
