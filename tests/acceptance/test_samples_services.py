"""Given scripts of plug-ins and solvers in the shape of the public ones, when they run unchanged, then they are served.

Rendering by ranges, snapshots, pools and tasks in them, scaling, hardware and scheduling, what runs now, conversations
of plug-ins, bulks and lists.
"""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pytest
from qarnot.exceptions import QarnotGenericException
from qarnot.forced_network_rule import ForcedNetworkRule
from qarnot.hardware_constraint import SpecificHardware
from qarnot.scaling import FixedScalingPolicy, ManagedTasksQueueScalingPolicy, Scaling, TimePeriodAlways
from qarnot.scheduling_type import FlexScheduling, OnDemandScheduling

from acceptance.asking import connection_of, end_of, keys, messages, says, until
from acceptance.platform import Up

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated as of:DeprecationWarning")  # samples are older


def container(connection: Any, name: str, command: str, where: Any = "docker-batch", instances: int | str = 1) -> Any:
    task = connection.create_task(name, where, instances)
    task.constants["DOCKER_CMD"] = command
    return task


def test_frames_are_rendered_by_their_numbers(cluster: Any) -> None:
    """Given frames 115 to 120 and an int constant, when each is rendered, then progress goes to 100 for six frames."""
    task = container(cluster, "render", "sh -c 'echo $RENDER_SIZE > frame-$FRAME_ID.png'", instances="115-120")
    task.constants["RENDER_SIZE"] = 320
    task.results = cluster.create_bucket("frames")
    assert (task.advanced_range, task.instancecount) == ("115-120", 0)
    task.submit()
    progress = []
    while not task.wait(0.3):
        progress.append(task.status.execution_progress if task.status else 0.0)
    assert task.state == "Success", messages(task)
    assert progress == sorted(progress)
    assert task.status.execution_progress == 100.0
    assert keys(task.results) == [f"frame-{number}.png" for number in range(115, 121)]
    task.delete(purge_results=True)


def test_a_long_solver_is_watched_by_snapshots(cluster: Any, tmp_path: Path) -> None:
    """Given snapshots asked for before the start, then into another bucket, then both have the files meanwhile."""
    task = container(cluster, "solver", "sh ${RUN_SCRIPT}")
    case = cluster.create_bucket("solver-case")
    case.add_string("for n in $(seq 600); do echo $n > log.txt; echo step $n; sleep 1; done\n", "run.sh")
    task.resources.append(case)
    task.results, apart = cluster.create_bucket("solver-out"), cluster.create_bucket("solver-apart")
    task.constants["RUN_SCRIPT"] = "run.sh"
    task.constants["SETUP_CLUSTER_NB_SLOTS"] = 4
    task.scheduling_type = OnDemandScheduling()
    task.hardware_constraints = [SpecificHardware("virtual")]
    task.snapshot(1)
    task.submit()
    until(lambda: "log.txt" in keys(task.results), "the first snapshot")
    task.download_results(str(tmp_path / "so-far"))
    assert int((tmp_path / "so-far" / "log.txt").read_text()) >= 1
    task.snapshot(1, bucket=apart.uuid, bucket_prefix="later/")  # a Bucket cannot be sent by this SDK
    until(lambda: "later/log.txt" in keys(apart), "a snapshot in the other bucket")
    task.update(True)
    assert task.snapshot_interval == 1
    task.abort()
    assert end_of(task) == "Cancelled"
    task.delete(purge_resources=True, purge_results=True)
    apart.delete()


def test_hardware_that_is_not_here_is_said_at_once(cluster: Any) -> None:
    """Given a machine of the commercial service's, when a script asks for it, then it is told what there is."""
    task = container(cluster, "solver", "true")
    task.hardware_constraints = [SpecificHardware("28c-128g-intel-dual-xeon2680v4-ssd")]
    with pytest.raises(QarnotGenericException, match=r"28c-128g.*virtual"):
        task.submit()


def test_tasks_run_in_containers_of_a_pool_that_was_prepared(cluster: Any) -> None:
    """Given a pool whose slots are prepared, when tasks with a number of slots are sent, then they find it prepared."""
    pool = cluster.create_pool("multislots", "docker-batch", instancecount=2)
    pool.scheduling_type = OnDemandScheduling()
    pool.preparation_command_line = "sh -c 'echo licence > /job/licence.txt; echo prepared'"
    pool.submit()
    until(lambda: pool.state == "FullyExecuting" or pool.update(True), "a pool that is ready")
    tasks = []
    for number in range(3):
        task = container(cluster, f"crash-{number}", "sh -c 'echo $SLOTS; cat /job/licence.txt'", where=pool)
        task.constants["SLOTS"] = 2
        task.submit()
        tasks.append(task)
    assert [end_of(task) for task in tasks] == ["Success"] * 3, [messages(task) for task in tasks]
    assert {task.stdout() for task in tasks} == {"2\nlicence\n"}
    assert pool.stdout().count("prepared") == 2
    assert {task.pool.uuid for task in tasks} == {pool.uuid}
    pool.close()
    until(lambda: pool.state == "Closed" or pool.update(True), "its close")
    pool.delete()


def test_the_policy_that_is_followed_can_be_watched(cluster: Any) -> None:
    """Given two policies, when a script polls the pool, then the one that holds now is named, with the first look."""
    pool = cluster.create_pool("scaled", "docker-network", instancecount=1)
    queue = ManagedTasksQueueScalingPolicy(0, 2, 0, 90, 1.0, name="queue", enabled_periods=[TimePeriodAlways("always")])
    pool.scaling = Scaling([queue, FixedScalingPolicy(512, name="rest", enabled_periods=[TimePeriodAlways("ever")])])
    pool.submit()
    assert pool.scaling.active_policy_name == "queue"
    pool.scaling = Scaling([FixedScalingPolicy(0, name="nights", enabled_periods=[TimePeriodAlways("always")])])
    pool.commit()
    pool.update(True)
    assert pool.scaling.active_policy_name == "nights"
    pool.delete()


def test_a_script_that_connects_to_its_job_finds_where(cluster: Any) -> None:
    """Given a port that is to be open, when all executes, then the status tells where, and what the job takes."""
    task = container(cluster, "server", "sh -c 'echo up; exec sleep 600'", where="docker-network")
    task.forced_network_rules = [ForcedNetworkRule(True, "tcp", port="22", name="ssh", application_type="ssh")]
    task.submit()
    until(lambda: task.state == "FullyExecuting" or task.update(True), "FullyExecuting")

    def measured() -> Any:
        task.update(True)
        info = task.status.running_instances_info
        seen = info.per_running_instance_info if info else []
        return seen and seen[0].active_forward and seen[0].current_memory_mb and info

    info = until(measured, "figures of what runs")
    one = info.per_running_instance_info[0]
    assert (one.instance_id, one.phase, one.cpu_model) == (0, "execution", "virtual")
    forward = one.active_forward[0]
    assert forward.application_port == 22
    assert forward.forwarder_port > 1023
    assert forward.forwarder_host
    assert 0 <= one.cpu_usage <= 100
    assert 0 < one.memory_usage < 1
    assert 0 < one.current_memory_mb <= one.max_memory_mb
    assert (info.average_cpu_usage, info.average_memory_usage) == (one.cpu_usage, one.memory_usage)
    assert task.status.last_update_timestamp
    assert task.running_core_count == task.running_instance_count == 1
    task.abort()
    assert end_of(task) == "Cancelled"
    task.delete()


def test_a_plug_in_that_keeps_a_farm_of_workers(cluster: Any) -> None:
    """Given the way a render farm's plug-in talks, when workers are started and ended, then no call surprises it."""
    assert "@" in cluster.user_info.email
    profiles = {profile.name: profile.constants for profile in cluster.profiles()}
    assert "docker-batch" in profiles
    workers = []
    for number in range(2):
        for _ in range(2):
            logs = cluster.create_bucket("farm-logs")
        worker = container(cluster, f"worker-{number}", "sh -c 'echo ready; exec sleep 600'")
        worker.results, worker.tags = logs, ["farm", f"worker-{number}"]
        worker.labels = {"farm": "one"}
        worker.submit()
        workers.append(worker)
    for worker in workers:
        says(worker, "ready")

    def farm() -> list[Any]:
        return [task for task in cluster.tasks() if "farm" in (task.tags or [])]

    assert {task.uuid for task in farm()} == {worker.uuid for worker in workers}
    until(lambda: all(task.state == "FullyExecuting" for task in farm()), "the start of all workers")
    for worker in workers:
        worker.delete(False, False)
    until(lambda: not farm(), "the end of the farm")
    assert "farm-logs" in [bucket.uuid for bucket in cluster.buckets()]
    logs.delete()


def test_many_tasks_are_sent_listed_and_found(house: Up) -> None:
    """Given 120 tasks sent in one go, when they are read by pages and tags, then each way gives what it should."""
    connection = connection_of(house, "many@example.org")
    tasks = []
    for number in range(120):
        task = container(connection, f"many-{number}", "true")
        task.tags = ["many", "even" if number % 2 == 0 else "odd", f"tens-{number // 10}"]
        task.shortname = f"many-{number}"
        task.completion_ttl = dt.timedelta(hours=1)
        tasks.append(task)
    connection.submit_tasks(tasks)
    pages, token = [], None
    while token is not None or not pages:
        page = connection.tasks_page(token=token, maximum=50)
        pages.append([task.name for task in page.page_data])
        token = page.next_token if page.is_truncated else None
    assert [len(page) for page in pages] == [50, 50, 20]
    assert sorted(name for page in pages for name in page) == sorted(task.name for task in tasks)
    assert len(connection.tasks()) == len(list(connection.all_tasks(summary=False))) == 120

    def names(**tags: list[str]) -> set[str]:
        return {task.name for task in connection.all_tasks(**tags)}

    assert len(names(tags=["tens-0", "tens-1"])) == 20, "any of them"
    assert names(tags_intersect=["even", "tens-11"]) == {f"many-{number}" for number in range(110, 120, 2)}, "all"
    assert names(tags_intersect=["even", "odd"]) == set()
    assert connection.retrieve_task("many-17").uuid == tasks[17].uuid
    tasks[17].update(True)
    assert (tasks[17].shortname, tasks[17].completion_ttl) == ("many-17", "01:00:00")
    for task in connection.all_tasks():
        task.delete()
    until(lambda: not list(connection.all_tasks()), "the end of all")


def test_properties_are_as_fresh_as_the_script_wants(cluster: Any) -> None:
    """Given a cache of 5 s, when it is made short, long or switched off, then the state is as old as that says."""
    task = container(cluster, "watched", "sh -c 'exec sleep 600'")
    task.scheduling_type = FlexScheduling()
    task.submit()
    task.auto_update = False
    other = cluster.retrieve_task(task.uuid)
    other.abort()
    assert end_of(other) == "Cancelled"
    before = task.state
    assert before != "Cancelled"
    task.auto_update, task.update_cache_time = True, 3600
    assert task.state == before, "the cache is still good"
    task.update_cache_time = 0.05
    time.sleep(0.1)  # what the cache counts is time
    assert task.state == "Cancelled"
    assert task.carbon_facts().energy_consumption_Wh >= 0.0
    task.delete()
