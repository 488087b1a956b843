"""What one tick of the live loop costs, and how that grows with the queue: the demonstration's fleet, simulated jobs.

Prints medians over the ticks of a span in which the queue stays full, with the ratio to the smallest queue.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ondol.demo.fleet import demo_fleet
from ondol.model.view import ServiceClass
from ondol.twin.rehearsal import Arrival, Rehearsal
from scenario.twin.morning import BEGIN, arrival

TICKS = 60
PER_TASK = 1000


def main() -> None:
    print(f"{'queued':>8} {'median ms':>10} {'max ms':>8} {'ratio':>6}")
    least = 0.0
    for queued in (100, 1_000, 10_000):
        work: list[Arrival] = [
            arrival(number + 1, ServiceClass.FLEX, min(PER_TASK, queued), 60.0, after_s=10, deadline_s=86_400)
            for number in range(max(1, queued // PER_TASK))
        ]
        rehearsal = Rehearsal(demo_fleet(), "follow", work, begin=BEGIN)
        rehearsal.run(60)
        took = []
        for _ in range(TICKS):
            rehearsal.clock.leap(15.0)
            begun = time.perf_counter()
            rehearsal.loop.tick()
            took.append((time.perf_counter() - begun) * 1e3)
        median = statistics.median(took)
        least = least or median
        print(f"{queued:>8,} {median:>10.2f} {max(took):>8.1f} {median / least:>6.1f}")


if __name__ == "__main__":
    main()
