"""How long the quote of a task of 1,000 instances takes while 10,000 instances are queued.

A desk of quotes over a store in memory, with the loop and the lifecycle of the platform; all queued tasks are followed
by the estimates. Printed is the time of a quote with its five options: right after a decision, when lines and
calibration are looked at anew, and again between two decisions.

Run: python tests/benchmarks/bench_quotes.py [tasks, 1000] [instances of each, 10]
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ondol.model.view import ServiceClass
from scenario.control.test_quotes_of_work import QuoteStage, stage

CLASSES = (ServiceClass.FLEX, ServiceClass.HARVEST, ServiceClass.ON_DEMAND)


def quote_ms(here: QuoteStage) -> float:
    """Time of one quote [ms]."""
    task = here.asked(1000, name="large")
    begun = time.perf_counter()
    here.give(task)
    return 1e3 * (time.perf_counter() - begun)


def main(tasks: int, instances: int) -> None:
    """Fill the lines, then quote."""
    here = stage()
    for number in range(tasks):
        task = here.asked(instances, name=f"job-{number}", service=CLASSES[number % len(CLASSES)], expected_s=3600.0)
        here._cpu_s[task.id] = 3600.0
        here.desk.submit([task])
    here.run(60)
    fresh: list[float] = []
    again: list[float] = []
    for _ in range(10):
        here.run(31)
        fresh.append(quote_ms(here))
        again.append(quote_ms(here))
    for words, times in (("after a decision", fresh), ("between two", again)):
        print(f"{tasks * instances} queued, {words}: {statistics.median(times):.0f} ms, at most {max(times):.0f} ms")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:3]]
    main(*given, *(1000, 10)[len(given) :])
