"""Given the PyPI package `qarnot`, unchanged, when a script uses jobs, pools and secrets, then they do what it asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qarnot.dependency import AdvancedDependency, TaskFinalStateFailure, TaskFinalStateSuccess
from qarnot.exceptions import (
    MissingJobException,
    MissingPoolException,
    MissingProjectException,
    QarnotGenericException,
    SecretConflictException,
    SecretNotFoundException,
    UnauthorizedException,
)
from qarnot.retry_settings import RetrySettings
from qarnot.scaling import (
    FixedScalingPolicy,
    ManagedTasksQueueScalingPolicy,
    Scaling,
    TimePeriodAlways,
    TimePeriodWeeklyRecurring,
)
from qarnot.scheduling_type import OnDemandScheduling
from qarnot.secrets import SecretsAccessRights

from acceptance.asking import end_of, keys, messages, until, work


@pytest.fixture
def pool(connection: Any) -> Iterator[Any]:
    """An on-demand pool of one slot with a file prepared in it."""
    made = connection.create_pool("workshop", "process", instancecount=1)
    made.scheduling_type = OnDemandScheduling()
    made.preparation_command_line = 'sh -c "echo preparing; echo tool > tool.txt"'
    made.tags = ["workshop"]
    made.constants["CRAFT"] = "pottery"
    made.submit()
    yield made
    if made.uuid is not None:
        made.delete()


def _settled(thing: Any, *states: str) -> str:
    def look() -> str:
        thing.update(True)
        return thing.state if thing.state in states else ""

    return until(look, f"{type(thing).__name__} {thing.name} in {states}, it is {thing.state}")


def test_tasks_of_a_job_wait_for_each_other(connection: Any) -> None:
    """Given a job with dependencies, when parents end, then children start, or are cancelled where they may not."""
    job = connection.create_job("chain", useDependencies=True)
    job.tags, job.max_wall_time = ["chain"], dt.timedelta(hours=2)
    job.submit()
    assert (job.state, job.use_dependencies, job.max_wall_time) == ("Active", True, "02:00:00")

    good, bad = (connection.create_task(name, "process", 2, job=job) for name in ("good", "bad"))
    good.constants["CMD"], bad.constants["CMD"] = "true", "false"
    after_good = connection.create_task("after-good", "process", 1, job=job)
    after_bad = connection.create_task("after-bad", "process", 1, job=job)
    if_bad = connection.create_task("if-bad", "process", 1, job=job)
    for task in (good, bad, after_good, after_bad, if_bad):
        task.labels = {"ondol.service": "on_demand"}
        task.constants.setdefault("CMD", "true")
    good.submit()
    bad.submit()
    after_good.set_task_dependencies_from_tasks([good])
    after_bad.set_task_advanced_dependencies([AdvancedDependency(bad.uuid, [TaskFinalStateSuccess()])])
    if_bad.set_task_advanced_dependencies([AdvancedDependency(bad.uuid, [TaskFinalStateFailure()])])
    for task in (after_good, after_bad, if_bad):
        task.submit()

    assert [end_of(task) for task in (good, bad, after_good, after_bad, if_bad)] == [
        "Success",
        "Failure",
        "Success",
        "Cancelled",
        "Success",
    ]
    assert after_good.dependencies is not None
    assert job.uuid in [one.uuid for one in connection.all_jobs(tags=["chain"])]
    assert [one.uuid for one in connection.jobs_page(tags=["chain"]).page_data] == [job.uuid]
    assert connection.retrieve_job(job.uuid).name == "chain"
    with pytest.raises(UnauthorizedException):
        job.delete()
    key = job.uuid
    job.delete(forceAbort=True)
    with pytest.raises(MissingJobException):
        connection.retrieve_job(key)


def test_a_terminated_job_ends_its_tasks_and_takes_no_more(connection: Any) -> None:
    """Given a job whose task goes on for ever, when it is terminated, then it is cancelled and none follows."""
    job = connection.create_job("endless", shortname="endless-job")
    job.submit()
    task = connection.create_task("for-ever", "process", 1, job=job)
    task.constants["CMD"] = "sleep 600"
    task.submit()
    job.terminate()
    assert end_of(task) == "Cancelled"
    assert _settled(job, "Completed") == "Completed"
    late = connection.create_task("late", "process", 1, job=job)
    late.constants["CMD"] = "true"
    with pytest.raises(QarnotGenericException, match="jobUuid"):
        late.submit()
    job.delete(forceAbort=True)


def test_a_pool_prepares_its_slot_once_and_runs_tasks_in_it(connection: Any, pool: Any) -> None:
    """Given a pool with a preparation, when tasks are sent to it, then they find what it made, one after the other."""
    _settled(pool, "FullyExecuting")
    assert pool.stdout().strip() == "preparing"
    assert pool.fresh_stdout(instanceId=0).strip() == "preparing"
    assert pool.fresh_stdout(instanceId=0) == "" == pool.stderr() == pool.fresh_stderr()
    until(lambda: (pool.update(True), pool.total_slot_capacity)[1], "a slot that is ready")

    tasks = [connection.create_task(f"pot-{number}", pool, 1) for number in range(3)]
    for task in tasks:
        task.constants["CMD"] = 'sh -c "cat tool.txt; echo $CRAFT"'
        task.submit()
    assert [end_of(task) for task in tasks] == ["Success"] * 3, [messages(task) for task in tasks]
    assert tasks[0].stdout() == "tool\npottery\n"
    assert tasks[0].pool.uuid == pool.uuid
    pool.update(True)
    assert (pool.running_instance_count, pool.errors, pool.is_elastic) == (1, [], False)
    assert pool.status.execution_time_sec >= 0
    assert pool.carbon_facts().energy_consumption_Wh >= 0
    assert pool.credits().amount_in_euros == 0.0
    assert pool.uuid in [one.uuid for one in connection.all_pools(tags=["workshop"])]
    assert [one.uuid for one in connection.pools_page(tags=["workshop"]).page_data] == [pool.uuid]

    pool.close()
    assert _settled(pool, "Closed") == "Closed"
    with pytest.raises(QarnotGenericException, match="poolUuid"):
        connection.create_task("too-late", pool, 1).submit()
    key = pool.uuid
    pool.delete()
    with pytest.raises(MissingPoolException):
        connection.retrieve_pool(key)


def test_a_pool_is_scaled_by_elastic_settings_and_by_policies(connection: Any) -> None:
    """Given an elastic pool, when it gets policies, then they are shown as sent and the active one is followed."""
    pool = connection.create_elastic_pool(
        "elastic", "process", minimum_total_slots=0, maximum_total_slots=2, minimum_idle_slots=1
    )
    pool.scheduling_type = OnDemandScheduling()
    pool.default_retry_settings = RetrySettings(2, 1)
    pool.submit()
    try:
        assert (pool.is_elastic, pool.elastic_maximum_slots, pool.elastic_minimum_idle_slots) == (True, 2, 1)
        pool.setup_elastic(minimum_total_slots=1, maximum_total_slots=1)
        pool.commit()
        pool.update(True)
        assert pool.elastic_minimum_slots == 1
        week = TimePeriodWeeklyRecurring(
            days=["saturday", "sunday"], start_time_utc=dt.time(1), end_time_utc=dt.time(2), name="nights"
        )
        scaling = Scaling(
            [
                ManagedTasksQueueScalingPolicy(0, 2, 0, 10, 0.5, name="weekend", enabled_periods=[week]),
                FixedScalingPolicy(1, name="always", enabled_periods=[TimePeriodAlways("ever")]),
            ]
        )
        pool.scaling = scaling
        pool.commit()
        pool.update(True)
        assert [policy.name for policy in pool.scaling.policies] == ["weekend", "always"]
        assert pool.scaling.policies[0].to_json() == scaling.policies[0].to_json()
        until(lambda: (pool.update(True), pool.scaling.active_policy_name in ("always", "weekend"))[1], "a policy")
        pool.update_resources()
    finally:
        pool.delete()


def test_secrets_are_kept_listed_and_given_to_tasks(connection: Any) -> None:
    """Given secrets, when a task is granted some, then its jobs know these and no others."""
    secrets = connection_secrets(connection)
    for key in ("db/password", "db/user/name", "TOKEN"):
        assert secrets.create_secret(key, f"value of {key}") == key
    try:
        with pytest.raises(SecretConflictException):
            secrets.create_secret("TOKEN", "again")
        secrets.update_secret("TOKEN", "fresh ünïcode")
        assert secrets.get_secret("TOKEN") == "fresh ünïcode"
        assert sorted(secrets.list_secrets("db")) == ["db/password", "db/user/"]
        assert sorted(secrets.list_secrets("db", recursive=True)) == ["db/password", "db/user/name"]
        assert set(secrets.list_secrets("")) >= {"TOKEN", "db/"}
        task = work(
            connection, 'sh -c "echo $TOKEN; echo $ONDOL_SECRET__db__user__name; echo [$ONDOL_SECRET__db__password]"'
        )
        task.secrets_access_rights = SecretsAccessRights().add_secret_by_key("TOKEN").add_secret_by_prefix("db/user")
        task.submit()
        assert end_of(task) == "Success", messages(task)
        assert task.stdout() == "fresh ünïcode\nvalue of db/user/name\n[]\n"
    finally:
        for key in ("db/password", "db/user/name", "TOKEN"):
            secrets.delete_secret(key)
    with pytest.raises(SecretNotFoundException):
        secrets.get_secret("TOKEN")
    with pytest.raises(SecretNotFoundException):
        secrets.delete_secret("TOKEN")


def connection_secrets(connection: Any) -> Any:
    """The SDK's client for secrets."""
    from qarnot.secrets import Secrets

    return Secrets(connection)


def test_quotas_credits_projects_and_hardware_are_told(connection: Any) -> None:
    """Given an installation without quotas, when a script asks what it may have, then it is told in full."""
    info = connection.user_info
    assert info.email == "me@localhost.localdomain"
    assert info.task_count >= 0
    assert info.max_task > 1000
    assert info.projects == []
    quotas = connection.get_user_computing_quotas()
    assert quotas.flex.max_instances > 0
    assert quotas.on_demand.running_instances_count >= 0
    with pytest.raises(QarnotGenericException):
        connection.get_organization_computing_quotas()
    assert connection.credits().amount_in_euros == 0
    from qarnot.credits_client import CreditsClient

    with pytest.raises(MissingProjectException):
        CreditsClient(connection).get_project_budgets("11111111-1111-1111-1111-111111111111", only_active=True)
    hardware = list(connection.all_hardware_constraints())
    assert hardware
    assert connection.search_cpu_model_constraints("virt")[0].to_json()["cpuModel"] == "virtual"
    assert connection.profile_details("process").name == "process"
    assert {profile.name for profile in connection.profiles()} >= {"process", "docker-batch"}


def test_a_bulk_of_tasks_is_accepted_task_by_task(connection: Any) -> None:
    """Given three tasks of which one is wrong, when they are sent at once, then the error names it and two run."""
    tasks = [work(connection, "true", name=f"bulk-{number}") for number in range(2)]
    connection.submit_tasks(tasks)
    assert [end_of(task) for task in tasks] == ["Success", "Success"]
    right, wrong = work(connection, "true"), connection.create_task("wrong", "no-such-profile", 1)
    with pytest.raises(QarnotGenericException, match="profile"):
        connection.submit_tasks([right, wrong])


def test_snapshots_are_followed_to_their_end(connection: Any, tmp_path: Path) -> None:
    """Given a running job, when a snapshot with filter and prefix is taken, then its status tells the end."""
    task = work(connection, 'sh -c "echo a > a.txt; echo b > b.log; echo ready; sleep 600"')
    task.results = connection.create_bucket("snap-own")
    task.submit()
    until(lambda: "ready" in task.stdout(), "the job's word")
    key = task.instant(whitelist=r"\.txt$", bucket_prefix="early/")
    assert task.wait_snapshot(key, timeout=30)
    assert str(task.snapshot_status(key)._status) == "snapshot status Success."
    assert keys(task.results) == ["early/a.txt"]
    task.update_resources()
    task.abort()
    assert end_of(task) == "Cancelled"
    task.delete(purge_results=True)
