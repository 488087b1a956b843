"""A compute user of the demonstration: the PyPI package `qarnot`, unchanged, pointed at this platform.

Runs as a process of its own: ``python -m ondol.demo.client --url URL --out FOLDER``, with its token where the SDK looks
for one, in $QARNOT_CLIENT_TOKEN: every user of a machine can read the arguments of a process. It knows nothing of heat;
it labels its tasks with how urgent they are, and that is all.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import qarnot

from ondol.demo.jobs.inputs import DemoJob, harvest_job, price_job, render_job, sweep

FRAMES = 24
PRICE_INSTANCES = 2
HARVEST_INSTANCES = 12
HARVEST_CHUNKS = 8
PRICE_AFTER_S = 8.0  # wall time after which the work that cannot wait comes
RENDER_AFTER_S = 13.0
_POLL_S = 1.0
_OVER = ("Success", "Failure", "Cancelled")


def main(arguments: list[str] | None = None) -> int:
    """Submit the three kinds of work, wait for them, fetch their results; 0 where all succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--frames", type=int, default=FRAMES)
    options = parser.parse_args(arguments)
    connection = qarnot.Connection(cluster_url=options.url)
    begun_s = time.monotonic()

    harvest = _submit(
        connection,
        harvest_job(sweep(chunks=HARVEST_CHUNKS)),
        "building study",
        HARVEST_INSTANCES,
        {"ondol.service": "harvest", "ondol.resumable": "true"},
    )
    _pause_until(begun_s + PRICE_AFTER_S)
    price = _submit(
        connection, price_job(), "option prices", PRICE_INSTANCES, {"ondol.service": "on_demand"}, on_demand=True
    )
    _say(f"on-demand work runs {_until_it_runs(price):.1f} s after its submission")
    _pause_until(begun_s + RENDER_AFTER_S)
    render = _submit(
        connection, render_job(), "animation", options.frames, {"ondol.service": "flex", "ondol.deadline": "+3h"}
    )
    folders = {render: "frames", price: "prices", harvest: "study"}
    waiting = dict(folders)
    while waiting:
        for task in list(waiting):
            task.update(flushcache=True)
            if task.state in _OVER:
                _say(f"{task.name}: {task.state}")
                task.download_results(str(options.out / waiting.pop(task)), progress=None)
        time.sleep(_POLL_S)
    return 0 if all(task.state == "Success" for task in folders) else 1


def _until_it_runs(task: Any) -> float:  # qarnot.task.Task
    """Wall seconds from now until an instance of the task runs, or has run."""
    begun_s = time.monotonic()
    while True:
        task.update(flushcache=True)
        if task.running_instance_count or task.completed_instances or task.state in _OVER:
            return time.monotonic() - begun_s
        time.sleep(0.1)


def _pause_until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.monotonic()))


def _submit(
    connection: Any,  # qarnot.Connection, a package without types
    job: DemoJob,
    name: str,
    instances: int,
    labels: dict[str, str],
    *,
    on_demand: bool = False,
) -> Any:  # qarnot.task.Task
    inputs = connection.create_bucket(f"{job.key}-in")
    inputs.add_file(str(job.script), job.script.name)
    inputs.add_string(job.input_bytes.decode(), job.input_name)
    task = connection.create_task(name, "process", instances)
    task.resources.append(inputs)
    task.results = connection.create_bucket(f"{job.key}-out")
    task.results_whitelist = r"^(frame_\d+\.png|prices_\d+\.json|result_\d+\.json)$"
    task.constants["CMD"] = job.command()
    task.labels = labels
    if on_demand:
        task.scheduling_type = qarnot.scheduling_type.OnDemandScheduling()
    task.submit()
    _say(f"{name}: {instances} instances submitted")
    return task


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
