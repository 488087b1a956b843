"""Given an operator who sets limits and prices, when accounts work, then they are held to them and told so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from qarnot.credits_client import CreditsClient
from qarnot.exceptions import MaxJobException, MaxPoolException, MaxTaskException, NotEnoughCreditsException

from acceptance.asking import connection_of, end_of, keys, messages, ondol, until, work
from acceptance.platform import Up


def operator(up: Up, *line: str) -> str:
    """Run a command of the operator's; gives what it printed."""
    done = ondol("admin", *line, "--data", str(up.data))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_limits_of_an_account_are_kept_and_lifted(friendly: Up) -> None:
    """Given an account with room for one task, job and pool, when it asks for a second, then it is told why not."""
    someone = connection_of(friendly, "limited@example.org")
    operator(friendly, "user", "limit", "limited@example.org", "--tasks", "1", "--jobs", "1", "--pools", "0")
    first = work(someone, "true")
    first.submit()
    with pytest.raises(MaxTaskException):
        work(someone, "true").submit()
    someone.create_job("one").submit()
    with pytest.raises(MaxJobException):
        someone.create_job("two").submit()
    with pytest.raises(MaxPoolException):
        someone.create_pool("none", "process", 1).submit()
    info = someone.user_info
    assert (info.max_task, info.task_count, info.max_pool, info.pool_count) == (1, 1, 0, 0)
    assert end_of(first) == "Success"

    operator(friendly, "user", "limit", "limited@example.org", "--tasks", "none")
    second = work(someone, "true")
    second.submit()
    assert end_of(second) == "Success"


def test_finished_tasks_that_may_go_make_room(friendly: Up) -> None:
    """Given room for one task, when the one there may be deleted at its end, then a second takes its place."""
    someone = connection_of(friendly, "tidy@example.org")
    operator(friendly, "user", "limit", "tidy@example.org", "--tasks", "1")
    first, second = work(someone, "true"), work(someone, "true")
    first.auto_delete = True
    first.submit()
    assert end_of(first) == "Success"
    second.submit()
    assert end_of(second) == "Success"
    assert [task.uuid for task in someone.all_tasks()] == [second.uuid]


def test_instances_beyond_a_quota_wait_their_turn(friendly: Up) -> None:
    """Given a quota of one instance at once, when three could run, then they run one after the other."""
    someone = connection_of(friendly, "one-by-one@example.org")
    operator(friendly, "user", "limit", "one-by-one@example.org", "--on-demand-instances", "1")

    def most_at_once() -> int:
        task = work(someone, "sleep 0.6", instances=3)
        task.submit()
        seen: set[int] = set()

        def over() -> bool:
            task.update(True)
            seen.add(someone.get_user_computing_quotas().on_demand.running_instances_count)
            return task.state in ("Success", "Failure", "Cancelled")

        until(over, "the end of all three")
        assert task.state == "Success", messages(task)
        return max(seen)

    # A word of the operator's is heard within some seconds: the first task may still run as before.
    until(lambda: most_at_once() == 1, "one after the other")
    assert most_at_once() == 1
    assert someone.get_user_computing_quotas().on_demand.max_instances == 1


@pytest.fixture
def priced(friendly: Up) -> Any:
    """A platform that charges, until the test is over."""
    operator(friendly, "tariff", "set", "--on-demand", "10", "--flex", "10")
    yield friendly
    operator(friendly, "tariff", "set", "--on-demand", "0", "--flex", "0")


def test_work_is_paid_for_and_refused_when_the_money_is_gone(priced: Up) -> None:
    """Given a price and some credit, when work uses it up, then it shows what it cost and no more is accepted."""
    someone = connection_of(priced, "payer@example.org")
    operator(priced, "user", "limit", "payer@example.org", "--credits", "0.05")
    operator(priced, "project", "add", "study", "--name", "A study")
    operator(priced, "project", "member", "study", "payer@example.org", "--default")
    operator(priced, "project", "budget", "study", "5", "--alias", "first year", "--start", "2022-01-01")

    def charged() -> Any:
        task = work(someone, "sleep 1")
        task.submit()
        assert end_of(task) == "Success", messages(task)
        return task

    task = until(lambda: (task := charged()).credits().amount_in_euros > 0 and task, "a task that costs")
    assert task.project.uuid == someone.user_info.projects[0].uuid
    budgets = CreditsClient(someone).get_project_budgets(task.project.uuid, only_active=True)
    assert [(one._alias, one._total_in_cents) for one in budgets] == [("first year", 500)]
    assert 0 < budgets[0]._consumed_in_cents <= 500
    with pytest.raises(NotEnoughCreditsException):
        work(someone, "true").submit()

    shown = json.loads(operator(priced, "project", "list", "--json"))
    assert [(one["slug"], one["members"]) for one in shown] == [("study", ["payer@example.org"])]


def test_members_of_an_organisation_see_each_others_use(friendly: Up) -> None:
    """Given two accounts of one organisation, when one asks for its quotas, then it finds the use of both."""
    for name in ("ann", "ben"):
        connection_of(friendly, f"{name}@lab.example")
        operator(friendly, "user", "limit", f"{name}@lab.example", "--organization", "The lab")
    cleo = connection_of(friendly, "cleo@lab.example")
    operator(friendly, "user", "limit", "cleo@lab.example", "--organization", "The lab")
    found = cleo.get_organization_computing_quotas()
    users = found.flex.running_counts_per_user
    assert sorted(users) == ["ann@lab.example", "ben@lab.example", "cleo@lab.example"]


def test_storage_is_held_to_its_quota_for_uploads_and_results(friendly: Up) -> None:
    """Given 64 KiB of storage, when more is uploaded or left by a job, then both are refused and the rest stays."""
    someone = connection_of(friendly, "small@example.org")
    operator(friendly, "user", "limit", "small@example.org", "--storage", "64KiB")
    bucket = someone.create_bucket("crowded")

    def refused() -> bool:
        try:
            bucket.add_string("x" * 100_000, "too-big")
        except ClientError as error:
            return "QuotaExceeded" in str(error)
        bucket.delete_file("too-big")
        return False

    until(refused, "an upload refused for its size")  # an operator's word is heard within some seconds
    bucket.add_string("x" * 40_000, "fits")
    task = work(someone, 'sh -c "head -c 100000 /dev/zero > big"')
    task.results = bucket
    task.submit()
    assert end_of(task) == "Failure"
    assert "quota" in messages(task).lower() or "may hold" in messages(task)
    assert keys(bucket) == ["fits"]
    info = someone.user_info
    assert (info.quota_bytes_bucket, info.used_quota_bytes_bucket, info.bucket_count) == (64 * 1024, 40_000, 1)
