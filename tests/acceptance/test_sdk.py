"""Given the PyPI package `qarnot`, unchanged, when a script uses it, then `ondol up` does what the script asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import qarnot
from botocore.exceptions import ClientError
from qarnot.exceptions import (
    MissingBucketException,
    MissingProfileException,
    MissingTaskException,
    MissingTaskInstanceException,
    QarnotGenericException,
    UnauthorizedException,
)
from qarnot.retry_settings import RetrySettings

from acceptance.asking import connection_of, end_of, keys, messages, says, until, work
from acceptance.platform import Up


def test_buckets_are_made_filled_synchronised_and_deleted(connection: Any, tmp_path: Path) -> None:
    """Given files here, when a bucket is made twice, filled and synchronised both ways, then both sides agree."""
    bucket = connection.create_bucket("sdk-files")
    assert connection.create_bucket("sdk-files").uuid == bucket.uuid
    (tmp_path / "one.txt").write_text("one")
    bucket.add_file(str(tmp_path / "one.txt"), "deep/one.txt")
    bucket.add_string("two", "two.txt")
    assert keys(bucket) == ["deep/one.txt", "two.txt"]
    assert Path(bucket.get_file("deep/one.txt", str(tmp_path / "back.txt"))).read_text() == "one"
    assert [entry.key for entry in bucket.directory("deep")] == ["deep/one.txt"]

    here, there = tmp_path / "here", tmp_path / "there"
    (here / "sub").mkdir(parents=True)
    (here / "sub" / "a").write_text("a")
    (here / "big").write_bytes(bytes(range(256)) * 40_000)  # two parts
    bucket.sync_directory(str(here))
    assert keys(bucket) == ["big", "sub/a"], "what is not here is not there either"
    (here / "sub" / "a").write_text("b")
    bucket.sync_directory(str(here))
    there.mkdir()
    bucket.sync_remote_to_local(str(there))
    assert (there / "sub" / "a").read_text() == "b"
    assert (there / "big").read_bytes() == (here / "big").read_bytes()

    assert "sdk-files" in [one.uuid for one in connection.buckets()]
    bucket.delete()
    assert "sdk-files" not in [one.uuid for one in connection.buckets()]
    with pytest.raises(MissingBucketException):
        bucket.list_files()


@pytest.mark.parametrize("profile", ["docker-batch", "process"])
def test_three_instances_turn_resources_into_results(connection: Any, tmp_path: Path, profile: str) -> None:
    """Given inputs in a bucket, when a 3-instance task reads them, then each instance's results are in the other."""
    given, made = connection.create_bucket(f"given-{profile}"), connection.create_bucket(f"made-{profile}")
    for number in range(3):
        given.add_string(f"input {number}\n", f"in/{number}.txt")
    command = (
        'sh -c "cat in/${INSTANCE_ID}.txt; echo $GREETING >&2; cat in/${INSTANCE_ID}.txt > made-${INSTANCE_ID}.txt;'
        ' echo x > made-${INSTANCE_ID}.tmp; echo x > other"'
    )
    task = work(connection, command, instances=3, profile=profile)
    task.constants["GREETING"] = "warm day"
    task.resources = [given]
    task.results = made
    task.results_whitelist = "made-${INSTANCE_ID}"
    task.results_blacklist = r"\.tmp$"
    task.submit()
    assert any(task.wait(timeout=1.0) for _ in range(60))
    assert task.state == "Success", messages(task)

    assert keys(made) == ["made-0.txt", "made-1.txt", "made-2.txt"], "no inputs, nothing blacklisted"
    task.download_results(str(tmp_path))
    assert (tmp_path / "made-2.txt").read_text() == "input 2\n"
    assert task.fresh_stdout() == "0> input 0\n1> input 1\n2> input 2\n"
    assert task.fresh_stdout() == ""
    assert task.stdout() == "0> input 0\n1> input 1\n2> input 2\n"
    assert task.stdout(instanceId=1) == "input 1\n"
    assert task.fresh_stdout(instanceId=2) == "input 2\n"
    assert task.stderr(instanceId=0) == "warm day\n"
    with pytest.raises(MissingTaskInstanceException):
        task.stdout(instanceId=3)

    ended = sorted(task.completed_instances, key=lambda one: one.instance_id)
    assert [(one.instance_id, one.state, one.results) for one in ended] == [
        (number, "Success", [f"s3://made-{profile}/made-{number}.txt"]) for number in range(3)
    ]
    assert all(one.exec_time_sec > 0 and one.execution_attempt_count == 1 for one in ended)
    assert task.status.succeeded_range == "0-2"
    assert task.status.execution_progress == task.status.upload_progress == 100.0
    assert (task.progress, task.running_instance_count, task.errors) == (100.0, 0, [])
    assert re.fullmatch(r"(\d+\.)?\d\d:\d\d:\d\d(\.\d+)?", task.wall_time)

    task.delete(purge_resources=True, purge_results=True)
    assert not {given.uuid, made.uuid} & {bucket.uuid for bucket in connection.buckets()}


def test_output_comes_while_the_job_runs_and_abort_cancels_it(connection: Any) -> None:
    """Given a job that goes on for ever, when it is aborted, then what it said is kept and the task is Cancelled."""
    task = work(connection, 'sh -c "echo up; sleep 600"')
    task.submit()
    until(lambda: "up" in task.fresh_stdout(), "fresh stdout of a running job")
    assert task.fresh_stdout() == ""
    until(lambda: (task.update(True), task.state == "FullyExecuting")[1], "FullyExecuting")
    running = task.status.running_instances_info.per_running_instance_info
    assert [one.instance_id for one in running] == [0]
    task.abort()
    assert end_of(task) == "Cancelled"
    assert task.stdout() == "up\n"
    assert [one.state for one in task.completed_instances] == ["Cancelled"]
    with pytest.raises(UnauthorizedException, match="over"):
        task.abort()
    key = task.uuid
    task.delete()
    with pytest.raises(MissingTaskException):
        connection.retrieve_task(key)


def test_errors_are_the_sdks_own(friendly: Up, connection: Any) -> None:
    """Given a wrong token, profile, bucket or task, when the script goes on, then it meets the SDK's own exceptions."""
    with pytest.raises(UnauthorizedException):
        qarnot.Connection(cluster_url=friendly.client["url"], client_token="wrong", retry_count=0).all_tasks()
    with pytest.raises(MissingProfileException):
        connection.retrieve_profile("no-such")
    with pytest.raises(QarnotGenericException, match=r"profile.*docker-batch"):
        work(connection, "true", profile="no-such").submit()
    with pytest.raises(ClientError, match="404"):  # what this method of the SDK documents
        connection.retrieve_bucket("no-such-bucket")
    gone = connection.create_bucket("soon-gone")
    for field, value in (("resources", [gone]), ("results", gone)):
        task = work(connection, "true")
        setattr(task, field, value)
        if field == "resources":
            gone.delete()
        with pytest.raises(MissingBucketException, match="soon-gone"):
            task.submit()
    with pytest.raises(MissingTaskException):
        connection.retrieve_task("11111111-2222-3333-4444-555555555555")
    with pytest.raises(QarnotGenericException, match="instanceCount"):
        work(connection, "true", instances=0).submit()
    assert {"docker-batch", "process"} <= set(connection.profiles_names())


def test_failures_tell_why_and_are_tried_again_as_asked(connection: Any) -> None:
    """Given one of two instances that exits 3, when retries are spent, then the task fails and says which and how."""
    task = work(connection, 'sh -c "echo try; exit $((${INSTANCE_ID} * 3))"', instances=2)
    task.retry_settings = RetrySettings(maxTotalRetries=5, maxPerInstanceRetries=2)
    task.submit()
    assert end_of(task) == "Failure"
    ended = {one.instance_id: one for one in task.completed_instances}
    assert [ended[0].state, ended[1].state] == ["Success", "Failure"]
    assert [ended[0].execution_attempt_count, ended[1].execution_attempt_count] == [1, 3]
    assert task.stdout(instanceId=1) == "try\n" * 3, "one word of each attempt"
    assert "3" in messages(task)
    assert task.errors
    assert (task.status.succeeded_range, task.status.failed_range) == ("0", "1")
    assert task.retry_settings == RetrySettings(5, 2)


def test_results_of_a_cancelled_task_are_uploaded_where_wanted(connection: Any) -> None:
    """Given uploadResultsOnCancellation, when the task is aborted, then what the job had made is in the bucket."""
    for wanted in (True, False):
        bucket = connection.create_bucket(f"cancelled-{wanted}".lower())
        task = work(connection, 'sh -c "echo half > half.txt; echo up; sleep 600"')
        task.results = bucket
        task.upload_results_on_cancellation = wanted
        task.submit()
        says(task, "up")
        task.abort()
        assert end_of(task) == "Cancelled"
        assert keys(bucket) == (["half.txt"] if wanted else [])


def test_snapshots_bring_results_of_a_running_job(connection: Any) -> None:
    """Given a running job, when snapshots are asked for at once or every second, then its files are there meanwhile."""
    bucket = connection.create_bucket("snapshots")
    task = work(connection, 'sh -c "echo 1 > early; echo up; while [ ! -e never ]; do sleep 1; date > late; done"')
    task.results = bucket
    task.submit()
    says(task, "up")
    assert task.instant()
    until(lambda: "early" in keys(bucket), "the instant snapshot")
    task.snapshot(1)
    until(lambda: "late" in keys(bucket), "a periodic snapshot")
    task.update(True)
    assert task.snapshot_interval == 1
    task.abort()
    assert end_of(task) == "Cancelled"
    with pytest.raises(UnauthorizedException):
        task.instant()


def test_ranges_tags_constants_and_the_carbon_of_it(connection: Any) -> None:
    """Given advanced ranges and tags, when the task runs and is changed, then the wire shows both, and what it took."""
    task = work(connection, 'sh -c "echo ${INSTANCE_ID}; head -c 20000000 /dev/zero | sha256sum > /dev/null"',
                instances="2,5-6")  # fmt: skip
    task.tags = ["sdk", "ranges"]
    task.submit()
    task.constants["LATER"] = "1"
    task.tags = ["sdk", "changed"]
    task.commit()
    again = connection.retrieve_task(task.uuid)
    assert (again.constants["LATER"], again.tags, again.advanced_range) == ("1", ["sdk", "changed"], "2,5-6")
    assert [one.uuid for one in connection.all_tasks(tags=["changed"])] == [task.uuid]
    assert end_of(task) == "Success", messages(task)
    assert task.stdout() == "2> 2\n5> 5\n6> 6\n"
    assert sorted(one.instance_id for one in task.completed_instances) == [2, 5, 6]

    facts = until(lambda: (f := task.carbon_facts()).energy_it_Wh > 0 and f, "energy in the ledger")
    assert facts.energy_consumption_Wh >= facts.energy_it_Wh > 0
    assert facts.carbon_footprint_gC02eq > 0
    assert facts.PUE >= 1.0


def test_a_crowd_is_submitted_at_once_and_read_in_pages(friendly: Up) -> None:
    """Given 120 tasks in one request, when the list is read in pages, then each is there exactly once."""
    connection = connection_of(friendly, "crowd@example.org")
    tasks = [work(connection, "sleep 600", name=f"crowd {number}", service="flex") for number in range(120)]
    connection.submit_tasks(tasks)
    assert len({task.uuid for task in tasks}) == 120
    sizes, seen, token = [], [], None
    while token is not None or not sizes:
        page = connection.tasks_page(token=token, maximum=50)
        sizes.append(len(page.page_data))
        seen += [task.uuid for task in page.page_data]
        token = page.next_token or None
    assert sizes == [50, 50, 20]
    assert sorted(seen) == sorted(task.uuid for task in tasks)
    wrong = [work(connection, "true", name="good"), work(connection, "true", name="bad", profile="no-such")]
    with pytest.raises(QarnotGenericException, match=r"bad.*400.*profile"):
        connection.submit_tasks(wrong)
    assert (bool(wrong[0].uuid), bool(wrong[1].uuid)) == (True, False), "the good one is taken"
    for task in connection.all_tasks():
        task.delete()
    until(lambda: list(connection.all_tasks()) == [], "the end of the crowd")
    after = work(connection, 'sh -c "sleep 2"', name="after", instances=8)
    after.submit()
    assert end_of(after) == "Success", "the crowd holds no slot any more, in the ledger neither"
