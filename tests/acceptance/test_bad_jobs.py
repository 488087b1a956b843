"""Given a job that behaves badly, when it runs, then it is contained: the platform and other jobs do not feel it."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from acceptance.asking import end_of, keys, messages, processes_with, says, until, work
from acceptance.platform import Up
from ondol.engine.local.sandbox import find_bubblewrap


def unique_seconds() -> str:
    """A length of sleep that no other process of this machine has in its command line."""
    return f"9{secrets.randbelow(10**8):08d}"


def test_a_job_that_ignores_sigterm_is_ended(connection: Any) -> None:
    """Given a job that ignores SIGTERM, when it is aborted, then it is killed after the grace of 5 s."""
    seconds = unique_seconds()
    task = work(connection, f"sh -c \"trap '' TERM; echo up; while :; do sleep {seconds}; done\"")
    task.submit()
    says(task, "up")
    begun_s = time.monotonic()
    task.abort()
    assert end_of(task, 20.0) == "Cancelled"
    assert time.monotonic() - begun_s < 15.0
    assert processes_with(seconds) == []


def test_no_child_that_left_its_session_stays(connection: Any) -> None:
    """Given a job whose children leave its session and its care, when it is aborted, then none of them is left."""
    seconds = unique_seconds()
    nap = f"sleep {seconds}"
    task = work(connection, f"sh -c \"setsid {nap} & (setsid sh -c '{nap} & {nap}' &); echo up; {nap}\"")
    task.submit()
    says(task, "up")
    until(lambda: len(processes_with(seconds)) >= 5, "children that leave")
    task.abort()
    assert end_of(task) == "Cancelled"
    assert processes_with(seconds) == []


def test_children_that_stay_after_the_job_are_ended(connection: Any) -> None:
    """Given a job that ends and leaves a child behind, when it has ended, then so has the child."""
    seconds = unique_seconds()
    task = work(connection, f'sh -c "setsid sleep {seconds} & exit 0"')
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert processes_with(seconds) == []


def test_output_beyond_the_limit_is_dropped_and_others_go_on(connection: Any) -> None:
    """Given a job that prints 40 MB, when it ends, then 16 MiB and a word are kept, and another job ran meanwhile."""
    loud = work(connection, 'sh -c "yes 0123456789abcdef | head -c 40000000"', name="loud")
    quiet = work(connection, "echo quiet", name="quiet")
    loud.submit()
    quiet.submit()
    assert end_of(quiet) == "Success"
    assert quiet.stdout() == "quiet\n"
    assert end_of(loud) == "Success", messages(loud)
    said = loud.stdout()
    assert 16 << 20 <= len(said) < (16 << 20) + 200
    assert "the rest was dropped" in said[-200:]


def test_a_job_that_eats_memory_fails_and_says_so(connection: Any) -> None:
    """Given a job that needs more memory than its slot has, when it takes it, then the task fails and says so."""
    task = work(connection, "python3 -c 'kept = []\nwhile True: kept.append(b\"x\" * (8 << 20))'")
    task.submit()
    assert end_of(task) == "Failure"
    assert "memory" in messages(task)
    assert str(128 << 20) in messages(task), "two slots share the 256 MiB of their node"


def test_links_out_of_the_folder_are_not_uploaded(connection: Any) -> None:
    """Given a job that leaves links to what is not its own, when its results are stored, then only its files are."""
    bucket = connection.create_bucket("links")
    links = "ln -s /etc/passwd stolen; ln -s ../../../../.. up; ln -s /etc etc; mkfifo pipe"
    command = f'sh -c "{links}; mkdir d; echo ok > d/fine"'
    task = work(connection, command)
    task.results = bucket
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert keys(bucket) == ["d/fine"]


def test_a_link_put_in_a_files_place_during_a_snapshot_is_not_followed(connection: Any, tmp_path: Path) -> None:
    """Given a job that swaps a file and a link all the time, when snapshots are taken, then no foreign file leaks."""
    bucket = connection.create_bucket("swaps")
    task = work(
        connection,
        'python3 -c \'\nimport os\nprint("up", flush=True)\nwhile True:\n'
        '    open("new", "w").write("mine"); os.rename("new", "swapped")\n'
        '    os.symlink("/etc/passwd", "new"); os.rename("new", "swapped")\'',
    )
    task.results = bucket
    task.submit()
    says(task, "up")
    seen: set[str] = set()
    for number in range(20):
        task.instant()
        if "swapped" in keys(bucket):
            seen.add(Path(bucket.get_file("swapped", str(tmp_path / str(number)))).read_text())
    assert seen <= {"", "mine"}
    task.abort()
    assert end_of(task) == "Cancelled"


def test_a_job_sees_neither_the_platforms_data_nor_the_network(friendly: Up, connection: Any) -> None:
    """Given bubblewrap, when a job looks for the platform's data and its API, then it finds neither."""
    program, reason = find_bubblewrap()
    if not program:
        pytest.skip(reason)
    address = urlsplit(friendly.client["url"])
    look = (
        "import os, socket, sys\n"
        f'for path in ({str(friendly.data)!r}, {str(friendly.client_file)!r}, "/etc/shadow"):\n'
        "    print(path, os.path.exists(path))\n"
        "try:\n"
        f'    socket.create_connection(("{address.hostname}", {address.port}), 3)\n'
        '    print("network True")\n'
        "except OSError:\n"
        '    print("network False")\n'
        'print("processes", len([name for name in os.listdir("/proc") if name.isdigit()]) > 5)\n'
    ).replace("'", '"')
    task = work(connection, f"python3 -c '{look}'")
    task.submit()
    assert end_of(task) == "Success", task.stderr()
    assert "True" not in task.stdout(), task.stdout()
    assert task.stdout().count("False") == 5


@pytest.mark.parametrize("profile", ["process", "docker-batch"])
def test_a_command_that_is_not_there_fails_with_its_name(connection: Any, profile: str) -> None:
    """Given a command that does not exist, when the task runs, then it fails and names the program."""
    task = work(connection, "no-such-program --now", profile=profile)
    task.submit()
    assert end_of(task) == "Failure"
    assert "Program not found: no-such-program" in messages(task)


def test_strange_names_of_files_go_in_and_out(connection: Any, tmp_path: Path) -> None:
    """Given names with emoji, spaces, marks and 255 bytes, when they pass a job, then they come back as they were."""
    given, made = connection.create_bucket("strange-in"), connection.create_bucket("strange-out")
    names = ["🔥 été.txt", "a+b&c=d%20?.txt", "quote'\".txt", "x" * 255, "d" * 200 + "/" + "é" * 120]
    for name in names:
        given.add_string(f"of {name}", f"in/{name}")
    task = work(connection, "cp -r in out")
    task.resources = [given]
    task.results = made
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert keys(made) == sorted(f"out/{name}" for name in names)
    task.download_results(str(tmp_path))
    assert (tmp_path / "out" / "🔥 été.txt").read_text() == "of 🔥 été.txt"


def test_names_that_are_no_text_are_written_out(connection: Any) -> None:
    """Given a result whose name is no UTF-8, when it is stored, then its key shows the bytes and the task succeeds."""
    bucket = connection.create_bucket("no-text")
    task = work(connection, 'python3 -c \'open(b"caf\\xe9", "w").write("1"); open("fine", "w").write("2")\'')
    task.results = bucket
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert keys(bucket) == ["caf%E9", "fine"]


def test_a_path_too_long_for_the_store_fails_with_a_word(connection: Any) -> None:
    """Given a result whose path is longer than a key may be, when it is stored, then the task ends and says why."""
    bucket = connection.create_bucket("too-long")
    task = work(
        connection,
        'python3 -c \'import os; p = "/".join(["d" * 250] * 5); os.makedirs(p); open(p + "/f", "w").write("1")\'',
    )
    task.results = bucket
    task.submit()
    assert end_of(task) == "Failure"
    assert "dddd" in messages(task)


def test_a_backslash_in_a_name_does_not_become_a_folder(connection: Any) -> None:
    """Given a result with a backslash in its name, when it is stored, then its key has it and no folder."""
    bucket = connection.create_bucket("backslash")
    task = work(connection, 'python3 -c \'open(chr(92).join("ab"), "w").write("1")\'')
    task.results = bucket
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert keys(bucket) == ["a\\b"]


def test_a_pattern_that_never_ends_fails_its_own_task_only(connection: Any) -> None:
    """Given a whitelist that backtracks for ever, when results are stored, then that task fails and says why."""
    bucket = connection.create_bucket("for-ever")
    task = work(connection, 'python3 -c \'open("a" * 250, "w").write("1")\'')
    task.results = bucket
    task.results_whitelist = r"((a{0,100}){0,100}){0,100}$(?<=b)"
    task.submit()
    assert end_of(task) == "Failure"
    assert "resultsWhitelist" in messages(task)
