"""How many times the load of 500 real sites one platform takes before it is late.

The platform is `ondol up` as it is, in a process of its own: API, loop, ledger, SQLite. Load 1 is 500 sites with 20
points every 10 s. Their agents come as often as the platform asks them to, every 5 s (100 exchanges a second), and tell
their readings with every other exchange, 20 at a time; each site has a connection and a token of its own. `push`: the
readings come by `PUT /heat/v1/readings` instead, 50 requests a second, and the agents come at load 1 all the while.
The load is raised step by step. Late is an answer that came more than 1 s after its request was due; printed is the
greatest load at which 99 of 100 answers are not, and the end of the step is not either.

Run: python tests/benchmarks/bench_sites.py [agents|push] [sites, 500] [seconds a step, 20] [loads, 1,2,3,4,6]
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "readings"))

from bench_readings import report
from compute_api.client import Connection
from one_platform import Running, platform
from readings_fleet import POINTS, fleet_of
from site_agents import SiteTalk

EXCHANGES_PER_S = 100.0
WORKERS = 32
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Due:
    """A prepared request, when it is due after the step's begin [s], and over whose connection it goes."""

    at_s: float
    site: int
    request: bytes


class Lines:
    """A kept connection for each site, over which some workers speak."""

    def __init__(self, port: int, sites: int) -> None:
        self._port = port
        self._connections = [Connection(port) for _ in range(sites)]

    def speak(self, dues: list[Due]) -> tuple[list[float], float]:
        """Send each request when it is due; gives how long after that each was answered, rising, and the end [s]."""
        latencies: list[float] = []
        wrong: list[str] = []
        begun = time.perf_counter() + 0.1

        def work(number: int) -> None:
            for due in dues:
                if due.site % WORKERS != number:
                    continue
                time.sleep(max(0.0, begun + due.at_s - time.perf_counter()))
                status, body = self._asked(due.site, due.request)
                latencies.append(time.perf_counter() - begun - due.at_s)
                if status != 200:
                    wrong.append(f"{status}: {body[:300]!r}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise RuntimeError(f"{len(wrong)} of {len(dues)} requests failed: {wrong[0]}")
        return sorted(latencies), time.perf_counter() - begun

    def _asked(self, site: int, request: bytes) -> tuple[int, bytes]:
        """Ask; over a fresh connection where the server has closed the idle one, as agents' clients do."""
        try:
            return self._connections[site].ask(request)
        except (ConnectionError, BrokenPipeError):
            self._connections[site].close()
            self._connections[site] = Connection(self._port)
            return self._connections[site].ask(request)

    def ask(self, site: int, request: bytes) -> bytes:
        status, body = self._asked(site, request)
        assert status == 200, body
        return body


def exchanges(talks: list[SiteTalk], load: float, span_s: float, *, readings: bool) -> list[Due]:
    """All sites in turn, at an even pace; a round has its readings or has none."""
    per_s = EXCHANGES_PER_S * load * len(talks) / 500.0
    now = dt.datetime.now(dt.UTC)
    dues = []
    for place in range(round(per_s * span_s)):
        site, at_s = place % len(talks), place / per_s
        tells = readings and (place // len(talks)) % 2 == 0
        dues.append(Due(at_s, site, talks[site].say(now + dt.timedelta(seconds=at_s), readings=tells)))
    return dues


def pushes(sites: int, token: str, load: float, span_s: float, turn: int) -> list[Due]:
    """Readings of all sites in turn over the API, each of another time."""
    per_s = sites / 10.0 * load
    return [
        Due(place / per_s, place % sites, report(f"s{place % sites:04d}", turn + place // sites, token))
        for place in range(round(per_s * span_s))
    ]


def cpu_s(pid: int) -> float:
    """CPU time of a process so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def tell(load: float, latencies: list[float], end_s: float, span_s: float, used_s: float) -> bool:
    """Print a step; gives whether the platform kept up."""
    late_s = end_s - span_s
    median_s, p99_s = statistics.median(latencies), latencies[int(0.99 * len(latencies))]
    print(
        f"{load:g} × the load: {len(latencies) / end_s:,.0f} requests/s, median {1e3 * median_s:.1f} ms, "
        f"p99 {1e3 * p99_s:.0f} ms, most {1e3 * latencies[-1]:.0f} ms, {max(0.0, late_s):.2f} s late at the end, "
        f"platform {used_s / end_s:.2f} cores",
        flush=True,
    )
    return p99_s <= 1.0 and late_s <= 1.0


def main(way: str, sites: int, span_s: float, loads: list[float]) -> None:
    fleet = fleet_of(sites, driver="push" if way == "push" else "http", agent="own")
    with tempfile.TemporaryDirectory() as name, platform(Path(name), fleet) as running:
        lines = Lines(running.port, sites)
        now = dt.datetime.now(dt.UTC)
        talks = [SiteTalk(fleet, str(site.id), running.tokens[site.id], now) for site in fleet.sites]
        for place, talk in enumerate(talks):
            talk.heard(lines.ask(place, talk.say(dt.datetime.now(dt.UTC), readings=True)))
        print(f"{way}: {sites} sites, {sites * POINTS / 10:,.0f} readings/s is load 1", flush=True)
        best, turn = 0.0, 0
        for load in loads:
            if way == "push":
                dues = pushes(sites, running.operator, load, span_s, turn) + exchanges(
                    talks, 1.0, span_s, readings=False
                )
                turn += round(load * span_s / 10.0) + 1
                dues.sort(key=lambda due: due.at_s)
            else:
                dues = exchanges(talks, load, span_s, readings=True)
            before_s = cpu_s(running.pid)
            latencies, end_s = lines.speak(dues)
            if not tell(load, latencies, end_s, span_s, cpu_s(running.pid) - before_s):
                break
            best = load
        print(f"kept up with {best:g} × the load", flush=True)
        _check(running)


def _check(running: Running) -> None:
    """Say what the platform itself complained about."""
    log = (running.folder / "ondol.log").read_text().splitlines()
    said = [line for line in log if " WARNING " in line or " ERROR " in line]
    if said:
        print(f"{len(said)} warnings, the first: {said[0]}")


if __name__ == "__main__":
    words = dict(enumerate(sys.argv))
    main(
        words.get(1, "agents"),
        int(words.get(2, "500")),
        float(words.get(3, "20")),
        [float(load) for load in words.get(4, "1,2,3,4,6").split(",")],
    )
