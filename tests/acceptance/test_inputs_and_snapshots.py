"""Given `ondol up` and the unchanged SDK, when tasks share inputs and are asked for snapshots, then both are had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acceptance.asking import end_of, keys, messages, says, until, work
from acceptance.platform import Up


def test_tasks_that_share_inputs_find_them_at_the_site_and_results_so_far_come_out(
    connection: Any, friendly: Up, tmp_path: Path
) -> None:
    given, made = connection.create_bucket("shared-in"), connection.create_bucket("shared-out")
    given.add_string("x" * 100_000, "big/one")
    before = set((friendly.data / "cache").glob("*/*-100000"))
    tasks = []
    for number in range(3):
        command = f"sh -c 'wc -c < big/one > size-{number}; echo spoilt > big/one; echo begun; sleep 4'"
        task = work(connection, command, name=f"shared {number}")
        task.resources, task.results = [given], made
        task.results_whitelist = "^size"
        task.submit()
        tasks.append(task)
    says(tasks[0], "begun")
    tasks[0].instant()
    until(lambda: "size-0" in keys(made), "the snapshot's file in the bucket")
    assert [end_of(task) for task in tasks] == ["Success"] * 3, messages(tasks[0])
    assert keys(made) == ["size-0", "size-1", "size-2"]
    for number in range(3):
        here = made.get_file(f"size-{number}", str(tmp_path / f"size-{number}"))
        assert Path(here).read_text() == "100000\n", "no job saw what another made of its copy"
    held = set((friendly.data / "cache").glob("*/*-100000")) - before
    assert len(held) <= len(list((friendly.data / "cache").iterdir())), "each site keeps it once"
    assert held
    assert {path.read_bytes() for path in held} == {b"x" * 100_000}
