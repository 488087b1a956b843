"""The process that makes one order of the ledger: ``python -m ondol.control.workshop_process``, asked by `Workshop`."""

from __future__ import annotations

import os
import pickle
import sys
import threading

from ondol.control.workbench import Workbench
from ondol.control.workshop import Job, Outcome
from ondol.model.errors import OndolError
from ondol.storage.sql.store import SqlStore

_NICE = 10  # decisions, jobs and heat come first


def main() -> None:
    """Read a job from standard input, make what it asks for, and write the outcome to standard output."""
    os.nice(_NICE)
    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    job: Job = pickle.loads(sys.stdin.buffer.read(size))  # noqa: S301 - of the platform, over its own pipe
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.buffer.write(pickle.dumps(outcome_of(job)))
    sys.stdout.buffer.flush()


def outcome_of(job: Job) -> Outcome:
    """Do a job."""
    store = None
    try:
        store = SqlStore(job.url)
        bench = Workbench(fleet=job.fleet, store=store, ground=job.ground, clock_rate=job.clock_rate)
        return Outcome(made=job.order.made(bench))
    except OndolError as error:
        return Outcome(error=error)
    finally:
        if store is not None:
            store.close()


def _end_with_parent() -> None:
    """End at once when nobody waits any more."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
