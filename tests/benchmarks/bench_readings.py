"""How many readings a second one server takes over HTTP into SQLite, each durable when it is answered.

The load of 500 sites with 20 points every 10 s is 1,000 readings a second in 50 requests. The server (the API before a
SQLite store in WAL mode, synchronous FULL) is a process of its own; clients are this one. Measured: what it takes as
fast as it can, in rounds, with 8 and 32 connections; latency at the aimed load and at three times it, paced; bytes of
the database per reading; and the same rate again with ten million rows in the table.

Run: python tests/benchmarks/bench_readings.py [rounds, 3 by default] [rows before the last part, 10,000,000]
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "readings"))

import sqlite3

from compute_api.client import Connection, drive, request
from readings_fleet import POINTS, points_of

from integration.api.memory_desk import BOSS, T0

SITES, EVERY_S = 500, 10.0
AIM_PER_S = SITES * POINTS / EVERY_S
ROUND = 1000  # requests of a round: two reports of every site


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """Run the server; gives its port."""
    command = [sys.executable, str(Path(__file__).parent / "readings" / "serve.py"), str(folder), str(SITES)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def reports(first: int, count: int) -> list[bytes]:
    """Prepare requests: one of a site after the other, each time ten seconds later."""
    return [report(f"s{number % SITES:04d}", number // SITES) for number in range(first, first + count)]


def report(site: str, turn: int, token: str = BOSS) -> bytes:
    at = (T0 - dt.timedelta(days=30) + dt.timedelta(seconds=EVERY_S * turn)).isoformat()
    rows = [
        {"entity": entity, "point": point, "index": index, "value": 20.0 + (turn + place) % 50, "time": at}
        for place, (entity, point, index) in enumerate(points_of(site))
    ]
    return request("PUT", "/heat/v1/readings", token, rows)


def paced(port: int, requests: list[bytes], per_s: float) -> tuple[float, float, float]:
    """Send at a steady pace over 16 connections in turn; gives seconds late at the end, median and p99 latency [ms]."""
    import threading

    connections = [Connection(port) for _ in range(16)]
    latencies: list[float] = []
    begun = time.perf_counter()

    def work(number: int) -> None:
        for place in range(number, len(requests), len(connections)):
            due = begun + place / per_s
            time.sleep(max(0.0, due - time.perf_counter()))
            status, body = connections[number].ask(requests[place])
            assert status == 200, body
            latencies.append(time.perf_counter() - due)  # from when it was due: waiting in line counts

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    late = time.perf_counter() - begun - len(requests) / per_s
    for connection in connections:
        connection.close()
    latencies.sort()
    return late, 1e3 * statistics.median(latencies), 1e3 * latencies[int(0.99 * len(latencies))]


def fill(folder: Path, rows: int) -> None:
    """Put rows of the year before under the points that are known, as a server of a year has them."""
    with sqlite3.connect(folder / "ondol.db") as database:
        numbers = [number for (number,) in database.execute("SELECT number FROM point ORDER BY number")]
        each = rows // len(numbers)
        first = int((T0 - dt.timedelta(days=390)).timestamp() * 1e6)
        for number in numbers:
            database.executemany(
                "INSERT INTO point_reading VALUES (?, ?, ?, 0)",
                ((number, first + place * 10_000_000, 20.0 + place % 50) for place in range(each)),
            )


def main(rounds: int, rows: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        turn = 0
        with server(folder) as port:
            drive(port, reports(turn, ROUND), 8)  # points get their numbers
            turn += ROUND
            for connections in (8, 32):
                rates = []
                for _ in range(rounds):
                    driven = drive(port, reports(turn, ROUND), connections)
                    turn += ROUND
                    assert all(json.loads(answer)["accepted"] == POINTS for answer in driven.answers)
                    rates.append(ROUND * POINTS / driven.wall_s)
                shown = ", ".join(f"{rate:,.0f}" for rate in rates)
                median = statistics.median(rates)
                print(f"{connections} connections: {median:,.0f} readings/s (median of {shown}), ", end="")
                print(f"{median / AIM_PER_S:.1f} × the aim; p99 {driven.quantile_ms(0.99):.0f} ms", flush=True)
            for factor in (1, 3):
                per_s = factor * AIM_PER_S / POINTS
                late, median_ms, p99_ms = paced(port, reports(turn, round(per_s * 10)), per_s)
                turn += round(per_s * 10)
                print(f"{factor} × the load, paced for 10 s: median {median_ms:.1f} ms, ", end="")
                print(f"p99 {p99_ms:.1f} ms, {max(0.0, late):.2f} s late at the end", flush=True)
        with sqlite3.connect(folder / "ondol.db") as database:
            (count,) = database.execute("SELECT count(*) FROM point_reading").fetchone()
        size = sum(file.stat().st_size for file in folder.glob("ondol.db*"))
        print(f"{count:,} readings, {size / count:.0f} bytes each with everything")
        if rows:
            fill(folder, rows)
            with server(folder) as port:
                driven = drive(port, reports(turn, ROUND), 32)
                print(f"with {rows:,} rows more: {ROUND * POINTS / driven.wall_s:,.0f} readings/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000)
