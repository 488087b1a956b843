"""How long the statement of a large fleet takes over HTTP, and how late decisions are meanwhile.

A platform with its API and loop runs in this process, over a ledger in SQLite in which each server has a row a minute.
Printed are the time of a statement as JSON and as PDF, its processor time (other things may run on the machine), the
memory of the process that made it, and the longest time between two ticks of the loop (four a second where nothing is
late): with nothing under way, while a statement is made, and, where asked for, while it is made inside of the
platform's own process, as it once was.

Run: python tests/benchmarks/bench_statements.py [sites, 100] [days, 30] [inside]
"""

from __future__ import annotations

import datetime as dt
import itertools
import resource
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "statements"))

from big_ledger import T0, fleet_of, write_ledger

from ondol.cli.up import Doors, Serving
from ondol.control.layout import DataFolder
from ondol.control.platform import Platform
from ondol.control.settings import Settings

REST_S = 10.0


class Ticks:
    """When the loop of a platform ticked."""

    def __init__(self, platform: Platform) -> None:
        self._times: list[float] = []
        tick = platform.loop.tick

        def noted() -> None:
            self._times.append(time.perf_counter())
            tick()

        platform.loop.tick = noted  # type: ignore[method-assign]

    def told(self, begun: float) -> str:
        """The longest pause since a time, in words."""
        times = [begun, *(at for at in self._times if at > begun), time.perf_counter()]
        pauses = sorted(after - before for before, after in itertools.pairwise(times))
        median_ms, worst_ms = 1e3 * pauses[len(pauses) // 2], 1e3 * pauses[-1]
        return f"{len(pauses) - 1} ticks, pauses {median_ms:.0f} ms (median), {worst_ms:.0f} ms (longest)"


def asked(url: str, token: str, path: str) -> bytes:
    """Body of an answer."""
    request = urllib.request.Request(url + path, headers={"Authorization": token})  # noqa: S310 - our own platform
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
        return bytes(answer.read())


def cpu_of_children_s() -> float:
    """Processor time of the processes that have ended [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(sites: int, days: float, *, inside: bool) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        data, fleet = DataFolder(Path(folder)), fleet_of(sites)
        rows = write_ledger(data.database_file, fleet, days)
        print(f"{sites} sites, {days:g} days: {rows:,} energy rows, {data.database_file.stat().st_size / 1e6:.0f} MB")
        settings = Settings(data=data.path, fleet=fleet, sandbox="none", containers="none")
        with Serving(settings, Doors()) as serving:
            ticks, token = Ticks(serving.platform), serving.owner_token()
            begun = time.perf_counter()
            time.sleep(REST_S)
            print(f"nothing under way: {ticks.told(begun)}")
            span = f"from={T0:%Y-%m-%dT%H:%M:%SZ}&to={T0 + dt.timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
            path = f"/ledger/v1/statements/fleet?{span}&format="
            for form in ("json", "pdf"):
                begun, spent_s = time.perf_counter(), cpu_of_children_s()
                size = len(asked(serving.url, token, path + form))
                took_s, spent_s = time.perf_counter() - begun, cpu_of_children_s() - spent_s
                told = f"{form}: {took_s:.1f} s ({spent_s:.1f} s of processor time), {size / 1e3:.0f} kB"
                print(f"{told}; meanwhile {ticks.told(begun)}", flush=True)
            held_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
            print(f"its process held {held_mb:.0f} MB at most")
            if inside:
                serving.platform.desk.statements._workshop = None
                begun = time.perf_counter()
                asked(serving.url, token, path + "json")
                took_s = time.perf_counter() - begun
                print(f"json, inside of the platform's process: {took_s:.1f} s; meanwhile {ticks.told(begun)}")


if __name__ == "__main__":
    numbers = [float(one) for one in sys.argv[1:] if one != "inside"]
    main(int(numbers[0]) if numbers else 100, numbers[1] if len(numbers) > 1 else 30.0, inside="inside" in sys.argv)
