"""Given two accounts on one platform, when both work, then neither sees what is the other's."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from qarnot.exceptions import MissingBucketException, MissingTaskException

from acceptance.asking import connection_of, end_of, keys, messages, until, work
from acceptance.platform import Up


def test_two_accounts_do_not_see_each_other(friendly: Up) -> None:
    """Given buckets of the same name and a task of each, when each looks around, then it finds its own things only."""
    alice, bob = connection_of(friendly, "alice@example.org"), connection_of(friendly, "bob@example.org")
    tasks = {}
    for name, connection in (("alice", alice), ("bob", bob)):
        bucket = connection.create_bucket("same-name")
        bucket.add_string(f"of {name}", "note.txt")
        task = work(connection, 'sh -c "cat note.txt; cat note.txt > made.txt"', name=name)
        task.shortname = "same-shortname"
        task.resources, task.results = [bucket], bucket
        task.submit()
        tasks[name] = task
    for name, task in tasks.items():
        assert end_of(task) == "Success", messages(task)
        assert task.stdout() == f"of {name}"
    assert tasks["alice"].uuid != tasks["bob"].uuid
    assert [task.uuid for task in alice.all_tasks()] == [tasks["alice"].uuid]
    assert bob.retrieve_task("same-shortname").uuid == tasks["bob"].uuid
    for connection, name in ((alice, "alice"), (bob, "bob")):
        bucket = connection.retrieve_bucket("same-name")
        assert keys(bucket) == ["made.txt", "note.txt"]
        body = connection.s3client.get_object(Bucket="same-name", Key="made.txt")["Body"].read()
        assert body.decode() == f"of {name}"

    with pytest.raises(MissingTaskException):
        bob.retrieve_task(tasks["alice"].uuid)
    _not_even_its_address(friendly, bob, tasks["alice"].uuid)
    tasks["bob"].delete()
    assert tasks["alice"].stdout() == "of alice", "the other's stays"

    private = alice.create_bucket("private")
    private.add_string("hush", "secret")
    assert [one.uuid for one in bob.buckets()] == ["same-name"]
    with pytest.raises(ClientError, match="404"):
        bob.retrieve_bucket("private")
    thief = work(bob, "cat secret")
    thief.resources = [bob.create_bucket("stand-in")]
    thief.resources[0]._uuid = "private"
    with pytest.raises(MissingBucketException, match="private"):
        thief.submit()


def _not_even_its_address(up: Up, other: Any, uuid: str) -> None:
    headers = {"Authorization": other._http.headers["Authorization"]}
    base = up.client["url"]
    for method, path in (
        ("GET", f"/tasks/{uuid}"), ("PUT", f"/tasks/{uuid}"), ("DELETE", f"/tasks/{uuid}"),
        ("POST", f"/tasks/{uuid}/abort"),
        ("GET", f"/tasks/{uuid}/stdout"), ("POST", f"/tasks/{uuid}/stdout"), ("GET", f"/tasks/{uuid}/stdout/0"),
        ("GET", f"/tasks/{uuid}/stderr"), ("POST", f"/tasks/{uuid}/snapshot"), ("GET", f"/carbon/v1/tasks/{uuid}"),
    ):  # fmt: skip
        answer = requests.request(method, base + path, headers=headers, json={}, timeout=30)
        assert answer.status_code == 404, (method, path, answer.text)
        assert "of alice" not in answer.text


def test_the_ledger_names_the_callers_own_work_only(friendly: Up) -> None:
    """Given energy of two accounts in the ledger, when one reads it, then no task of the other is named."""
    carol, dave = connection_of(friendly, "carol@example.org"), connection_of(friendly, "dave@example.org")
    task = work(carol, 'sh -c "head -c 30000000 /dev/zero | sha256sum"', name="carols")
    task.submit()
    assert end_of(task) == "Success", messages(task)

    def read(connection: Any, path: str) -> str:
        headers = {"Authorization": connection._http.headers["Authorization"]}
        return requests.get(friendly.client["url"] + path, headers=headers, timeout=30).text

    until(lambda: task.uuid in read(carol, f"/ledger/v1/energy?task={task.uuid}"), "its rows in the ledger")
    account = task.uuid
    for path in ("/ledger/v1/energy", f"/ledger/v1/energy?task={task.uuid}", "/ledger/v1/statement",
                 f"/ledger/v1/statement?task={task.uuid}"):  # fmt: skip
        told = read(dave, path)
        assert f'"task_id":"{account}' not in told.replace(" ", ""), path
        assert "carols" not in told
