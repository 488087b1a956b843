"""Given each public method and property of a task in the SDK, when a script uses it, then its answer makes sense.

A member that a new version of the SDK brings fails here by name: somebody has to look at it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from qarnot.dependency import AdvancedDependency, TaskFinalStateSuccess
from qarnot.exceptions import MissingPoolException
from qarnot.retry_settings import RetrySettings
from qarnot.scheduling_type import OnDemandScheduling
from qarnot.task import Task

from acceptance.asking import end_of, keys, messages, says, until
from acceptance.sdk_surface import (
    COMMON,
    DATE,
    SPAN,
    calls_of,
    check_properties,
    equals,
    is_text,
    methods,
    with_everything,
)

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated as of:DeprecationWarning")  # all are to be called


def test_every_property_of_a_task_comes_back_as_it_was_set(connection: Any) -> None:
    """Given a task with everything set, when it is over and read anew, then each property is what it should be."""
    task = with_everything(connection.create_task("surface", "process", 2, shortname="surface-task"))
    task.constants["CMD"] = "sh -c 'echo $FORCED $LEVEL > out-${INSTANCE_ID}.txt; echo $QARNOT_CLUSTER_URL'"
    task.allow_credentials_to_be_exported_to_task_environment()
    task.results = connection.create_bucket("surface-out")
    task.resources = [connection.create_bucket("surface-in").with_cache_ttl(60)]
    task.results_whitelist, task.results_blacklist = "out", r"\.log$"
    task.snapshot_whitelist, task.snapshot_blacklist = "snap", r"\.tmp$"
    task.retry_settings = RetrySettings(4, 2)
    task.upload_results_on_cancellation = True
    task.wait_for_pool_resources_synchronization = False
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert task.stdout(instanceId=0).startswith("http://"), "the job may call the API"
    read = connection.retrieve_task("surface-task")
    assert read.credits().amount_in_euros == 0, "found by id, though it has a shortname"
    read.forced_constants = task.forced_constants
    check_properties(read, COMMON | {
        "advanced_range": equals(None),
        "completed_instances": lambda found: sorted(one.instance_id for one in found) == [0, 1],
        "dependencies": lambda found: not found or not found.depends_on,
        "end_date": is_text(DATE),
        "instancecount": equals(2),
        "name": equals("surface"),
        "pool": lambda found: isinstance(found, MissingPoolException),  # where it has none, the SDK asks for "None"
        "previous_state": lambda found: found in ("FullyExecuting", "UploadingResults"),
        "progress": equals(100.0),
        "resources": lambda found: [one.to_json()["cacheTTLSec"] for one in found] == [60],
        "results": lambda found: keys(found) == ["out-0.txt", "out-1.txt"],
        "results_blacklist": equals(r"\.log$"),
        "results_whitelist": equals("out"),
        "retry_settings": equals(RetrySettings(4, 2)),
        "running_core_count": equals(0),
        "running_instance_count": equals(0),
        "shortname": equals("surface-task"),
        "snapshot_blacklist": equals(r"\.tmp$"),
        "snapshot_interval": equals(0),
        "snapshot_whitelist": equals("snap"),
        "state": equals("Success"),
        "upload_results_on_cancellation": equals(True),
        "wait_for_pool_resources_synchronization": lambda found: found in (None, False),
        "wall_time": is_text(SPAN),
    })  # fmt: skip
    read.delete(purge_resources=True, purge_results=True)


def test_every_method_of_a_task_does_what_it_says(
    connection: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a script that calls each method once, when it ends, then each did what it says, and none is left out."""
    out = str(tmp_path / "out")
    with calls_of(Task) as called, caplog.at_level(logging.INFO):
        first = connection.create_task("first", "process", 1)
        first.constants["CMD"] = "sh -c 'echo one > one; echo said; echo warned >&2; while :; do sleep 0.2; done'"
        first.allow_credentials_to_be_exported_to_task_environment()
        first.scheduling_type, first.results = OnDemandScheduling(), connection.create_bucket("methods-out")
        first.resources = [connection.create_bucket("methods-in")]
        first.submit()
        assert not first.wait(timeout=0.1, follow_state=True, follow_stdout=True, follow_stderr=True)
        says(first, "said")
        assert first.print_progress(True, None, True, True) == first.state
        assert until(first.stderr, "stderr") == "warned\n"
        snapshot = first.instant()
        until(lambda: first.wait_snapshot(snapshot, timeout=0.1, follow_status=True), "the snapshot")
        assert str(first.snapshot_status(snapshot)._status) == "snapshot status Success."
        first.snapshot(1)
        first.update_resources()
        first.constants["LATER"] = "1"
        first.commit()
        first.update(True)
        assert first.constants["LATER"] == "1"
        first.abort()
        assert end_of(first) == "Cancelled"
        first.download_results(out)
        assert (tmp_path / "out" / "one").read_text() == "one\n"
        assert first.fresh_stdout() + first.fresh_stderr() == "", "all was printed before"
        first.resume(out)
        assert Task.from_json(connection, connection._get(f"/tasks/{first.uuid}").json()).name == "first"
        assert first.carbon_facts("hyperscale").equivalent_datacenter_name.startswith("Hyperscale")
        assert first.credits().amount_in_euros == 0

        job = connection.create_job("methods", useDependencies=True)
        job.submit()
        root, leaf = (connection.create_task(name, "process", 1, job=job) for name in ("root", "leaf"))
        leaf.results = first.results  # without, this SDK's download_results fails
        root.constants["CMD"] = leaf.constants["CMD"] = "sleep 60"
        root.submit()
        leaf.set_task_dependencies_from_uuids([root.uuid])
        leaf.remove_task_dependency(root.uuid)
        leaf.set_task_dependencies_from_tasks([root])
        with pytest.raises(ValueError, match="dependencies"):
            leaf.set_task_advanced_dependencies([AdvancedDependency(root.uuid, [TaskFinalStateSuccess()])])
        leaf.clear_task_dependencies()
        leaf.set_task_advanced_dependencies([AdvancedDependency(root.uuid, [TaskFinalStateSuccess()])])
        leaf.run(output_dir=out, job_timeout=0.2)
        assert end_of(leaf) == "Cancelled"
        job.delete(forceAbort=True)
        first.delete(purge_resources=True, purge_results=True)
        assert first.state == "Deleted"
    assert set(methods(Task)) - called == set()
    assert {"** Stdout| said\n", "** Stderr| warned\n"} <= set(caplog.messages)
