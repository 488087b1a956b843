"""A site's drivers opened for a command, with its agent's folder held so that the agent cannot run beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ondol.agent.commission.bench import DriverBench
    from ondol.control.clock import PlatformClock
    from ondol.model.fleet import Fleet

_FIRST_VALUES_S = 15.0


@contextmanager
def site_bench(fleet: Fleet, clock: PlatformClock, data: Path | None) -> Iterator[DriverBench]:
    """Open all drivers of a site, wait for their first values, and close them in the end.

    Parameters
    ----------
    fleet : the site's part
    data : folder of its agent, which must not run meanwhile; None where it has none on this machine

    Raises
    ------
    ConflictError : the agent runs
    UnavailableError : no driver said anything, or the site has no connection
    """
    from ondol.agent.commission.bench import DriverBench, opened
    from ondol.agent.site_folder import SiteFolder
    from ondol.drivers.registry import drivers_of
    from ondol.model.errors import UnavailableError

    site_id = fleet.sites[0].id
    if not fleet.connections:
        raise UnavailableError(f"Site {site_id} has no [[connection]]: there is nothing to look at.")
    lock = None if data is None else SiteFolder(data).lock()
    try:
        drivers = drivers_of(fleet, site_id, now=clock.now)
        with opened(drivers):
            bench = DriverBench(fleet, drivers, now=clock.now, sleep=lambda left_s: time.sleep(left_s / clock.rate))
            until = time.monotonic() + _FIRST_VALUES_S
            while not _all_spoke(bench, fleet) and time.monotonic() < until:
                time.sleep(0.1)
            if not bench.read():
                said = "; ".join(f"{one.connection_id}: {one.status().detail or 'no answer'}" for one in drivers)
                raise UnavailableError(f"No instrument of {site_id} answers ({said}).")
            yield bench
    finally:
        if lock is not None:
            lock.close()


def _all_spoke(bench: DriverBench, fleet: Fleet) -> bool:
    spoke = bench.read()
    return all(binding.key in spoke for binding in fleet.bindings if binding.connection_id)
