"""The unchanged PyPI SDK against the API: what a script does from connecting to deleting."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
import qarnot
from qarnot.carbon_facts import CarbonClient
from qarnot.exceptions import (
    MissingBucketException,
    MissingProfileException,
    MissingTaskException,
    MissingTaskInstanceException,
    QarnotGenericException,
    UnauthorizedException,
)
from qarnot.hardware_constraint import MinimumCoreHardware, SSDHardware
from qarnot.scheduling_type import OnDemandScheduling

from ondol.model.ids import TaskId
from ondol.model.view import ServiceClass

Connect = Callable[..., qarnot.Connection]


def new_task(connection: qarnot.Connection, name: str = "work", instances: int | str = 1) -> Any:
    task = connection.create_task(name, "docker-batch", instances)
    task.constants["DOCKER_CMD"] = "echo ${INSTANCE_ID}"
    return task


def test_task_from_submission_to_deletion(connect: Connect, desk: Any):
    task = new_task(connect(), instances=3)
    task.constants["LEVEL"] = 7
    task.constants["QARNOT_SECRET__KEY"] = "hush"
    task.labels = {"ondol.service": "harvest", "ondol.deadline": "+2h", "ondol.expected": "90"}
    task.tags = ["demo"]
    task.scheduling_type = OnDemandScheduling()
    task.submit()
    kept = desk.store.task(TaskId(task.uuid))
    assert task.state == "Submitted"
    assert kept.constants["LEVEL"] == "7"
    assert kept.constants["QARNOT_SECRET__KEY"] == "hush"
    assert (kept.service, kept.resumable, kept.expected_s) == (ServiceClass.HARVEST, True, 90.0)
    assert abs(kept.deadline - kept.created_at - dt.timedelta(hours=2)) < dt.timedelta(seconds=1)
    assert task.constants["QARNOT_SECRET__KEY"] == "[SECRET]"

    desk.start(task.uuid)
    desk.at += dt.timedelta(seconds=90)
    desk.say(task.uuid, "hello\n", number=1)
    task.update(flushcache=True)
    assert task.state == "FullyExecuting"
    assert task.progress == 25.0
    running = task.status.running_instances_info.per_running_instance_info
    assert [one.instance_id for one in running] == [0, 1, 2]
    assert running[0].cpu_model == "virtual"
    assert task.running_instance_count == 3
    assert task.fresh_stdout() == "hello\n"
    assert task.fresh_stdout() == ""
    desk.say(task.uuid, "again\n", number=1)
    assert task.fresh_stdout(instanceId=1) == "hello\nagain\n"
    assert task.stdout() == "hello\nagain\n"
    assert task.stderr() == ""

    threading.Timer(0.3, desk.finish, [task.uuid]).start()
    assert any(task.wait(timeout=0.5) for _ in range(20))
    assert task.state == "Success"
    assert [one.state for one in task.completed_instances] == ["Success"] * 3
    assert task.completed_instances[0].exec_time_sec == 90.0
    assert task.status.succeeded_range == "0-2"
    assert task.execution_time == "00:04:30"
    assert task.errors == []
    with pytest.raises(UnauthorizedException, match="Can't abort"):
        task.abort()
    task.delete()
    with pytest.raises(MissingTaskException, match="No such task"):
        connect().retrieve_task(task.uuid)


def test_failure_tells_its_error(connect: Connect, desk: Any):
    task = new_task(connect())
    task.submit()
    desk.start(task.uuid)
    desk.finish(task.uuid, exit_code=3)
    task.update(flushcache=True)
    assert task.state == "Failure"
    assert "code 3" in task.errors[0].message
    assert task.status.failed_range == "0"


def test_abort_snapshot_and_update(connect: Connect, desk: Any):
    connection = connect()
    task = new_task(connection, instances="0-2,5")
    task._shortname = "my-work"
    task.constants["QARNOT_SECRET__KEY"] = "hush"
    task.snapshot(30)
    task.submit()
    assert task.snapshot_interval == 30
    assert task.advanced_range == "0-2,5"
    assert task.instant().startswith(f"snap_{task.uuid}")
    task.tags = ["later"]
    task.constants["LEVEL"] = "8"
    task.commit()
    again = connection.retrieve_task("my-work")
    assert (again.uuid, again.tags, again.constants["LEVEL"]) == (task.uuid, ["later"], "8")
    assert desk.store.task(TaskId(task.uuid)).constants["QARNOT_SECRET__KEY"] == "hush"
    task.abort()
    task.update(flushcache=True)
    assert task.state == "Cancelled"
    assert task.end_date is not None


def test_bulk_submission_names_what_failed(connect: Connect):
    connection = connect()
    tasks = [new_task(connection, f"t{row}") for row in range(5)]
    connection.submit_tasks(tasks)
    assert len({task.uuid for task in tasks}) == 5
    bad = connection.create_task("bad", "no-such-profile", 1)
    good = new_task(connection, "good")
    with pytest.raises(QarnotGenericException, match="no-such-profile"):
        connection.submit_tasks([bad, good])
    assert good.uuid is not None


def test_errors_are_the_sdks_own(connect: Connect, desk: Any):
    with pytest.raises(UnauthorizedException):
        connect(token="f" * 48).user_info  # noqa: B018
    connection = connect()
    unprofiled = connection.create_task("t", "unheard-of", 1)
    with pytest.raises(QarnotGenericException, match="docker-batch"):
        unprofiled.submit()
    with pytest.raises(MissingProfileException):
        connection.retrieve_profile("unheard-of")
    with pytest.raises(MissingTaskException):
        connection.retrieve_task("00000000-0000-0000-0000-00000000dead")
    lost = new_task(connection)
    lost._result_object = type("Gone", (), {"uuid": "gone", "_cache_ttl_sec": None})()
    with pytest.raises(MissingBucketException, match="No such bucket: gone"):
        lost.submit()
    task = new_task(connection)
    task.submit()
    with pytest.raises(MissingTaskInstanceException):
        task.stdout(instanceId=9)
    stranger = connect(token="b0" * 24)
    with pytest.raises(MissingTaskException):
        stranger.retrieve_task(task.uuid)


def test_hardware_constraints_are_obeyed_or_refused(connect: Connect):
    connection = connect()
    every = list(connection.all_hardware_constraints())
    assert any(one.to_json() == MinimumCoreHardware(1).to_json() for one in every)
    task = new_task(connection)
    task.hardware_constraints = [one for one in every if one is not None]
    task.submit()
    picky = new_task(connection)
    picky.hardware_constraints = [SSDHardware()]
    with pytest.raises(QarnotGenericException, match="hardwareConstraints"):
        picky.submit()
    assert [one.to_json()["cpuModel"] for one in connection.search_cpu_model_constraints("virt")] == ["virtual"]


def test_pages_and_tags(connect: Connect):
    connection = connect()
    tasks = [new_task(connection, f"t{row:02d}") for row in range(23)]
    for row, task in enumerate(tasks):
        task.tags = ["even" if row % 2 == 0 else "odd", "all"]
    connection.submit_tasks(tasks)
    names = [task.name for task in connection.all_tasks()]
    assert names == [f"t{row:02d}" for row in reversed(range(23))]
    assert len(list(connection.all_tasks(summary=False))) == 23
    first = connection.tasks_page(maximum=10)
    second = connection.tasks_page(maximum=10, token=first.next_token)
    assert [len(page.page_data) for page in (first, second)] == [10, 10]
    assert second.page_data[0].name == "t12"
    assert len(list(connection.all_tasks(tags=["even"]))) == 12
    assert len(list(connection.all_tasks(tags_intersect=["all", "odd"]))) == 11
    filtered = connection.tasks_page(maximum=5, tags=["even"])
    assert filtered.is_truncated
    rest = connection.tasks_page(maximum=50, tags=["even"], token=filtered.next_token)
    assert [t.name for t in (*filtered.page_data, *rest.page_data)] == [f"t{row:02d}" for row in range(22, -1, -2)]
    assert list(connection.all_pools()) == list(connection.all_jobs()) == []


def test_account_profiles_and_quotas(connect: Connect):
    connection = connect()
    info = connection.user_info
    assert info.email == "alice@example.org"
    assert info.max_flex_cores == 6
    assert info.projects == []
    assert connection.get_user_computing_quotas().flex.max_instances == 6
    assert connection.profiles_names() == ["docker-batch", "process"]
    assert ("DOCKER_REPO", "library/ubuntu") in connection.retrieve_profile("docker-batch").constants


def test_carbon_facts(connect: Connect, desk: Any):
    connection = connect()
    task = new_task(connection)
    task.submit()
    assert task.carbon_facts().energy_consumption_Wh == 0.0
    desk.start(task.uuid)
    desk.burn(task.uuid, kwh=0.05, heat_kwh=0.045)
    counted = desk.ground.basis.g_per_kwh("home", 50.0)  # as statements, budgets and quotes count
    assert counted > 70.0
    facts = task.carbon_facts()
    assert facts.energy_it_Wh == pytest.approx(50.0)
    assert facts.energy_consumption_Wh == pytest.approx(51.0)
    assert facts.energy_reuse_Wh == pytest.approx(45.0)
    assert facts.carbon_footprint_gC02eq == pytest.approx(0.051 * counted)
    assert facts.equivalent_dc_carbon_footprint_gC02eq == pytest.approx(0.05 * 1.36 * counted)
    assert facts.saved_carbon_footprint_compute_gC02eq == pytest.approx(0.05 * 1.36 * counted - 0.051 * counted)
    assert facts.saved_carbon_footprint_heat_gC02eq == pytest.approx(0.045 / 2.78 * counted)
    assert pytest.approx(1.02) == facts.PUE
    assert pytest.approx(45 / 51) == facts.ERF
    assert pytest.approx(6 / 50) == facts.ERE
    against = CarbonClient(connection, "hyperscale").get_task_carbon_facts(task.uuid)
    assert against.equivalent_dc_carbon_footprint_gC02eq == pytest.approx(0.05 * 1.10 * counted)
    with pytest.raises(QarnotGenericException, match="european_dc"):
        CarbonClient(connection, "nowhere").get_task_carbon_facts(task.uuid)
    with pytest.raises(MissingTaskException):
        CarbonClient(connect(token="b0" * 24)).get_task_carbon_facts(task.uuid)
