"""Given every public method and property of the SDK, when a script uses each, then each has an answer that makes sense.

A member that a new version of the SDK brings fails here by name: somebody has to look at it.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qarnot.advanced_bucket import BucketPrefixFiltering, PrefixResourcesTransformation
from qarnot.bucket import Bucket
from qarnot.connection import Connection
from qarnot.dependency import AdvancedDependency, TaskFinalStateSuccess
from qarnot.exceptions import MissingPoolException, QarnotException, QarnotGenericException, UnauthorizedException
from qarnot.forced_constant import ForcedConstant, ForcedConstantAccess
from qarnot.hardware_constraint import MinimumCoreHardware
from qarnot.job import Job
from qarnot.multi_slots_settings import MultiSlotsSettings
from qarnot.pool import Pool
from qarnot.privileges import Privileges
from qarnot.retry_settings import RetrySettings
from qarnot.scheduling_type import OnDemandScheduling
from qarnot.secrets import SecretsAccessRights
from qarnot.task import Task

from acceptance.asking import end_of, keys, messages, says, until, work
from acceptance.sdk_surface import calls_of, methods, properties

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated as of:DeprecationWarning")  # all are to be called
SPAN = re.compile(r"(\d+\.)?\d\d:\d\d:\d\d")
DATE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
Check = Callable[[Any], Any]


def equals(value: Any) -> Check:
    return lambda found: found == value


def is_text(pattern: re.Pattern[str]) -> Check:
    return lambda found: isinstance(found, str) and pattern.fullmatch(found)


def check_properties(thing: Any, expected: dict[str, Check]) -> None:
    """Every public property is expected to be something, and is."""
    offered = properties(type(thing))
    assert set(expected) == offered, f"differs from what the SDK has: {set(expected) ^ offered}"
    found = {name: value_of(thing, name) for name in offered}
    assert not {name: found[name] for name, check in expected.items() if not check(found[name])}


def value_of(thing: Any, name: str) -> Any:
    """What a property gives, which may be an error."""
    try:
        return getattr(thing, name)
    except QarnotException as error:
        return error


COMMON: dict[str, Check] = {
    "auto_delete": equals(True),
    "auto_update": equals(True),
    "completion_ttl": equals("1.02:00:00"),
    "constants": lambda found: found["LEVEL"] == "7",
    "constraints": equals({}),
    "creation_date": lambda found: isinstance(found, dt.datetime),
    "default_resources_cache_ttl_sec": equals(3600),
    "errors": equals([]),
    "execution_time": is_text(SPAN),
    # The SDK reads constants that are forced as it sends them, not as they come back: it keeps what was set.
    "forced_constants": lambda found: found["FORCED"].forced_value == "yes",
    "forced_network_rules": equals([]),
    "hardware_constraints": lambda found: [one.to_json() for one in found] == [MinimumCoreHardware(1).to_json()],
    "labels": equals({"team": "blue"}),
    "last_modified": is_text(DATE),
    "max_time_queue_seconds": equals(3600),
    "previous_state_transition_time": is_text(DATE),
    "privileges": equals(Privileges(True)),
    "profile": equals("process"),
    "project": equals(None),
    "running_core_count": lambda found: found in (0, 1),
    "running_instance_count": lambda found: found in (0, 1),
    "scheduling_type": lambda found: found.schedulingType == "OnDemand",
    "secrets_access_rights": lambda found: found.to_json()["bySecret"] == [],
    "state_transition_time": is_text(DATE),
    "status": lambda found: found.wall_time_sec >= 0 and found.instance_count >= 1,
    "tags": equals(["surface"]),
    "targeted_reservation_name": equals(None),
    "targeted_reserved_machine_key": equals(None),
    "update_cache_time": equals(5),
    "uuid": lambda found: len(found) == 36,
}  # fmt: skip


def with_everything(thing: Any) -> Any:
    """Set what tasks and pools have in common."""
    thing.tags, thing.labels = ["surface"], {"team": "blue"}
    thing.constants["LEVEL"] = 7
    thing.forced_constants = {"FORCED": ForcedConstant("yes", True, ForcedConstantAccess.ReadOnly)}
    thing.scheduling_type = OnDemandScheduling()
    thing.hardware_constraints = [MinimumCoreHardware(1)]
    thing.secrets_access_rights = SecretsAccessRights()
    thing.default_resources_cache_ttl_sec = 3600
    thing.max_time_queue_seconds = 3600
    thing.auto_delete, thing.completion_ttl = True, dt.timedelta(days=1, hours=2)
    return thing


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


def test_every_property_and_method_of_a_pool(connection: Any) -> None:
    """Given a pool with everything set, when it is ready and every method is called, then all is as it should be."""
    with calls_of(Pool) as called:
        pool = with_everything(connection.create_pool("surface", "process", instancecount=1, shortname="surface-pool"))
        pool.allow_credentials_to_be_exported_to_pool_environment()
        pool.resources = [connection.create_bucket("surface-pool")]
        pool.preparation_command_line = "sh -c 'echo out; echo err >&2'"
        pool.multi_slots_settings = MultiSlotsSettings(2)
        pool.default_retry_settings = RetrySettings(3, 1)
        pool.tasks_default_wait_for_pool_resources_synchronization = True
        pool.submit()
        until(lambda: (pool.update(True), pool.state)[1] == "FullyExecuting", "a pool that is ready")
        read = connection.retrieve_pool("surface-pool")
        read.forced_constants = pool.forced_constants
        check_properties(read, COMMON | {
            "default_retry_settings": equals(RetrySettings(3, 1)),
            "elastic_maximum_slots": equals(0),
            "elastic_minimum_idle_slots": equals(0),
            "elastic_minimum_idle_time": equals(90),
            "elastic_minimum_slots": equals(0),
            "elastic_resize_factor": equals(0.4),
            "elastic_resize_period": equals(90),
            "end_date": equals("0001-01-01T00:00:00Z"),
            "instancecount": equals(1),
            "is_elastic": equals(False),
            "multi_slots_settings": lambda found: found == MultiSlotsSettings(2),
            "name": equals("surface"),
            "pool_usage": equals(0.0),
            "preparation_command_line": equals("sh -c 'echo out; echo err >&2'"),
            "previous_state": equals("FullyDispatched"),
            "queued_or_running_task_instances_count": equals(0),
            "resources": lambda found: [one.uuid for one in found] == ["surface-pool"],
            "running_core_count": equals(1),
            "running_instance_count": equals(1),
            "scaling": lambda found: found.policies == [] and found.active_policy_name is None,
            "shortname": equals("surface-pool"),
            "state": equals("FullyExecuting"),
            "tasks_default_wait_for_pool_resources_synchronization": equals(True),
            "total_slot_capacity": equals(2),
        })  # fmt: skip
        assert (pool.stdout(), pool.stderr()) == ("out\n", "err\n")
        assert (pool.fresh_stdout(), pool.fresh_stderr()) == ("out\n", "err\n")
        pool.update_resources()
        pool.setup_elastic(minimum_total_slots=1, maximum_total_slots=3, resize_factor=0.5, resize_period=60)
        pool.commit()
        pool.update(True)
        assert (pool.is_elastic, pool.elastic_maximum_slots, pool.elastic_resize_factor) == (True, 3, 0.5)
        assert pool.carbon_facts().equivalent_datacenter_name.startswith("Average of the Eu")
        assert pool.credits().amount_in_euros == 0
        pool.close()
        pool.delete(purge_resources=True)
    assert set(methods(Pool)) - called == set()
    assert "surface-pool" not in [bucket.uuid for bucket in connection.buckets()]


def test_every_property_and_method_of_a_job(connection: Any) -> None:
    """Given a job in a pool, when every method is called, then all is as it should be."""
    pool = connection.create_pool("for a job", "process", instancecount=0)
    pool.submit()
    with calls_of(Job) as called:
        job = connection.create_job("surface", pool=pool, shortname="surface-job", useDependencies=True)
        job.tags, job.max_wall_time = ["surface"], dt.timedelta(hours=3)
        job.auto_delete, job.completion_ttl = True, "04:00:00"
        job.submit()
        task = connection.create_task("inside", job=job)
        task.constants["CMD"] = "true"
        task.submit()
        read = connection.retrieve_job("surface-job")
        read.update(True)
        check_properties(read, {
            "auto_delete": equals(True),
            "auto_update": equals(True),
            "completion_ttl": equals("04:00:00"),
            "creation_date": lambda found: isinstance(found, dt.datetime),
            "max_wall_time": equals("03:00:00"),
            "name": equals("surface"),
            "pool": lambda found: found.uuid == pool.uuid,
            "previous_state": equals(None),
            "previous_state_transition_time": equals("0001-01-01T00:00:00Z"),
            "shortname": equals("surface-job"),
            "state": equals("Active"),
            "state_transition_time": is_text(DATE),
            "tags": equals(["surface"]),
            "tasks": lambda found: [one.name for one in found] == ["inside"],
            "update_cache_time": equals(5),
            "use_dependencies": equals(True),
            "uuid": equals(job.uuid),
        })  # fmt: skip
        job.terminate()
        assert end_of(task) == "Cancelled"
        job.delete(forceAbort=True)
    assert set(methods(Job)) - called == set()
    pool.delete()


def test_every_property_and_method_of_a_bucket(connection: Any, tmp_path: Path) -> None:
    """Given files, when every method is called, then both sides have what they should, and a task sees a part of it."""
    (tmp_path / "here" / "deep").mkdir(parents=True)
    (tmp_path / "here" / "deep" / "one").write_text("1")
    with calls_of(Bucket) as called:
        bucket = connection.create_bucket("surface-bucket")
        check_properties(bucket, {"description": equals("surface-bucket"), "uuid": equals("surface-bucket")})
        bucket.add_directory(str(tmp_path / "here"), "added/")
        bucket.add_file(str(tmp_path / "here" / "deep" / "one"), "two")
        bucket.add_string("3", "three")
        bucket.copy_file("three", "four")
        bucket.delete_file("three")
        bucket.flush()
        bucket.update()
        assert sorted(file.key for file in bucket.list_files()) == ["added/deep/one", "four", "two"]
        assert [file.key for file in bucket.directory("added")] == ["added/deep/one"]
        bucket.sync_files({"synced": str(tmp_path / "here" / "deep" / "one")}, remote="part")
        bucket.sync_directory(str(tmp_path / "here"), remote="added")
        bucket.sync_remote_to_local(str(tmp_path / "back" / "part"), "added")
        assert (tmp_path / "back" / "part" / "deep" / "one").read_text() == "1"
        bucket.get_all_files(str(tmp_path / "back"))
        assert (tmp_path / "back" / "part" / "synced").read_text() == "1"
        assert Path(bucket.get_file("four", str(tmp_path / "four"))).read_text() == "3"
        part = bucket.with_filtering(BucketPrefixFiltering("added/deep"))
        part = part.with_resource_transformation(PrefixResourcesTransformation("added/"))
        task = work(connection, "sh -c 'find . -type f'")
        task.resources = [part.with_cache_ttl(30)]
        task.submit()
        assert end_of(task) == "Success", messages(task)
        assert task.stdout() == "./deep/one\n"
        assert connection.retrieve_task(task.uuid).resources[0].to_json() == part.with_cache_ttl(30).to_json()
        bucket.delete()
    assert set(methods(Bucket)) - called == set()


def test_every_property_and_method_of_a_connection(connection: Any) -> None:
    """Given a task, a pool, a job and a bucket, when every way to list and find them is used, then all find them."""
    with calls_of(Connection) as called:
        one, two = work(connection, "true", name="one"), work(connection, "true", name="two")
        one.tags, two.tags = ["found", "left"], ["found", "right"]
        connection.submit_tasks([one, two])
        pool = connection.create_pool("found", "process", instancecount=0)
        wide = connection.create_elastic_pool("found", "process", maximum_total_slots=1)
        job, bucket = connection.create_job("found"), connection.retrieve_or_create_bucket("found-bucket")
        for group in (pool, wide, job):
            group.tags = ["found"]
            group.submit()
        both, pools, jobs = {one.uuid, two.uuid}, {pool.uuid, wide.uuid}, {job.uuid}
        for wanted, ways in (
            (both, (connection.tasks, connection.all_tasks)),
            (pools, (connection.pools, connection.all_pools)),
            (jobs, (connection.jobs, connection.all_jobs)),
        ):
            assert all({thing.uuid for thing in way(tags=["found"])} == wanted for way in ways)
        assert {task.uuid for task in connection.tasks(tags_intersect=["found", "left"])} == {one.uuid}
        assert {task.uuid for task in connection.tasks_page(tags=["found"]).page_data} == both
        assert {thing.uuid for thing in connection.pools_page(tags=["found"]).page_data} == pools
        assert {thing.uuid for thing in connection.jobs_page(tags=["found"]).page_data} == jobs
        assert connection.retrieve_task(one.uuid).uuid == one.uuid
        assert connection.retrieve_pool(pool.uuid).uuid == pool.uuid
        assert connection.retrieve_job(job.uuid).uuid == job.uuid
        assert connection.retrieve_bucket("found-bucket").uuid in {one.uuid for one in connection.buckets()}
        assert connection.create_bucket("found-bucket").uuid == bucket.uuid
        names = connection.profiles_names()
        assert sorted(profile.name for profile in connection.profiles()) == sorted(names)
        assert connection.retrieve_profile(names[0]).constants == connection.profile_details(names[0]).constants
        page = connection.hardware_constraints_page(limit=2)
        assert (page.limit, page.offset, len(page.page_data)) == (2, 0, 2)
        assert len(list(connection.all_hardware_constraints())) == page.total
        assert connection.search_cpu_model_constraints("virt")
        assert connection.get_user_computing_quotas().reserved == []
        with pytest.raises(QarnotGenericException, match="organi"):
            connection.get_organization_computing_quotas()
        assert connection.credits().amount_in_euros == 0
        check_properties(connection, {
            "s3client": lambda found: "found-bucket" in [b["Name"] for b in found.list_buckets()["Buckets"]],
            "s3resource": lambda found: found.Bucket("found-bucket").creation_date is not None,
            "user_info": lambda found: found.email and found.computing_quotas is not None,
        })  # fmt: skip
        assert [end_of(task) for task in (one, two)] == ["Success"] * 2
        with pytest.raises(UnauthorizedException):
            connection.retrieve_task(one.uuid).abort()
        for thing in (pool, wide, job, bucket, one, two):
            thing.delete()
    assert set(methods(Connection)) - called == set()
