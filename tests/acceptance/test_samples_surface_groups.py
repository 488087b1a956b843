"""Given each public method and property of pools, jobs, buckets and connections, when used, then its answer is sound.

As `test_samples_surface.py` for tasks: a member that a new version of the SDK brings fails here by name.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from qarnot.advanced_bucket import BucketPrefixFiltering, PrefixResourcesTransformation
from qarnot.bucket import Bucket
from qarnot.connection import Connection
from qarnot.exceptions import MissingPoolInstanceException, QarnotGenericException, UnauthorizedException
from qarnot.job import Job
from qarnot.multi_slots_settings import MultiSlotsSettings
from qarnot.pool import Pool
from qarnot.retry_settings import RetrySettings

from acceptance.asking import end_of, messages, until, work
from acceptance.sdk_surface import (
    COMMON,
    DATE,
    calls_of,
    check_properties,
    equals,
    is_text,
    methods,
    with_everything,
)

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated as of:DeprecationWarning")  # all are to be called


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
        assert pool.stdout(instanceId=0) in ("", "out\n"), "a slot that is still to come is silent, not missing"
        with pytest.raises(MissingPoolInstanceException):
            pool.stdout(instanceId=1)
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
