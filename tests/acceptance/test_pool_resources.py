"""Given a pool with resources, when they change and are refreshed, then tasks sent after that find them as they are."""

from __future__ import annotations

from typing import Any

from qarnot.scheduling_type import OnDemandScheduling

from acceptance.asking import end_of, messages, until


def test_tasks_find_what_was_refreshed_in_their_slot(connection: Any) -> None:
    bucket = connection.create_bucket("pool-data")
    bucket.add_string("first", "words/one.txt")
    pool = connection.create_pool("library", "process", instancecount=1)
    pool.scheduling_type = OnDemandScheduling()
    pool.resources = [bucket]
    pool.preparation_command_line = 'sh -c "cp words/one.txt made.txt && ln -s made.txt link.txt"'
    pool.tasks_default_wait_for_pool_resources_synchronization = True
    pool.submit()
    until(lambda: (pool.update(True), pool.state)[1] == "FullyExecuting", "a pool that is ready")

    before = sent(connection, pool, "cat words/one.txt made.txt link.txt")
    assert end_of(before) == "Success", messages(before)
    assert before.stdout() == "first" * 3

    bucket.add_string("second", "words/two.txt")
    pool.update_resources()
    after = sent(connection, pool, "cat words/two.txt")
    assert end_of(after) == "Success", messages(after)
    assert after.stdout() == "second"
    pool.delete()


def sent(connection: Any, pool: Any, command: str) -> Any:
    task = connection.create_task("reader", pool, 1)
    task.constants["CMD"] = command
    task.submit()
    return task
