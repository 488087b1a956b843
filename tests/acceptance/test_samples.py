"""Given scripts in the shape of the public samples, when only URL and token are changed, then they do what they say.

The scripts are ours; what they have of the public ones is the order of calls and the form of the values. They say
nothing of Ondol: the default scheduling, the profile `docker-batch`, the names of images as everybody writes them.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from acceptance.asking import FINAL, keys, messages, until
from acceptance.platform import Up
from acceptance.sample_house import SHELL_IMAGE

NAP_S = 0.5  # samples take 2 to 5
pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated as of:DeprecationWarning")  # samples are older


def followed(task: Any) -> tuple[list[str], str, str]:
    """States, stdout and stderr of a task as a script sees them that follows it to its end."""
    states, out, err, done = [], "", "", False
    while not done:
        if not states or states[-1] != task.state:
            states.append(task.state)
        done = task.wait(NAP_S)
        out += task.fresh_stdout()
        err += task.fresh_stderr()
    return [*states, task.state], out, err


def test_scripts_that_run_a_task_to_its_end_in_one_call(house: Up, tmp_path: Path) -> None:
    """Given `run()` with and without a folder for results, when it comes back, then output and files are there."""

    def hello(connection: Any) -> str:
        task = connection.create_task("hello", "docker-batch", 1)
        task.constants["DOCKER_CMD"] = "echo hello from ${INSTANCE_ID}!"
        task.run()
        return str(task.stdout())

    def reconstruct(connection: Any) -> list[str]:
        task = connection.create_task("photos/reconstruct: one", "docker-batch", 1)
        given = connection.retrieve_or_create_bucket("photos-in")
        given.add_string("left\n", "left.jpg")
        given["right.jpg"] = str(tmp_path / "right.jpg")
        task.resources.append(given)
        task.results = connection.retrieve_or_create_bucket("photos-out")
        task.constants["DOCKER_CMD"] = "sh -c 'mkdir -p mesh && cat *.jpg > mesh/both.obj'"
        task.run(output_dir=str(tmp_path / "out"))
        return [str(task.state), *(file.key for file in task.results.list_files())]

    (tmp_path / "right.jpg").write_text("right\n")
    with ThreadPoolExecutor(2) as at_once:  # `run` looks every 10 s
        said = at_once.submit(hello, house.connection())
        made = at_once.submit(reconstruct, house.connection())
        assert said.result(60) == "hello from 0!\n"
        assert made.result(60) == ["Success", "mesh/both.obj"]
    assert (tmp_path / "out" / "mesh" / "both.obj").read_text() == "left\nright\n"


def test_hello_of_two_instances_that_is_followed(cluster: Any) -> None:
    """Given $QRANK and $QSIZE, when output is fetched bit by bit, then each instance said its line, once."""
    task = cluster.create_task("hello-advanced", "docker-batch", 2)
    task.constants["DOCKER_CMD"] = 'sh -c "echo Hello from $QRANK/$QSIZE!; echo careful >&2"'
    task.submit()
    states, out, err = followed(task)
    assert states[-1] == "Success", messages(task)
    assert sorted(out.splitlines()) == ["0> Hello from 0/2!", "1> Hello from 1/2!"]
    assert sorted(err.splitlines()) == ["0> careful", "1> careful"]
    key = task.uuid
    task.delete(purge_resources=True, purge_results=True)
    assert key not in [one.uuid for one in cluster.tasks()]


def test_a_script_that_fails_reads_why(cluster: Any) -> None:
    """Given a program that is nowhere in the image, when the script prints the first error, then that is named."""
    task = cluster.create_task("hello-wrong", "docker-batch", 1)
    task.constants["DOCKER_CMD"] = "no-such-program --help"
    task.submit()
    states, _, _ = followed(task)
    assert states[-1] == "Failure"
    assert "Program not found: no-such-program" in str(task.errors[0])


def test_files_go_in_are_changed_and_come_out(cluster: Any, tmp_path: Path) -> None:
    """Given a text in a bucket, when a pipe changes it, then the result is downloaded and both buckets are purged."""
    (tmp_path / "lorem.txt").write_text("lorem ipsum\n")
    given, made = cluster.create_bucket("lorem-in"), cluster.create_bucket("lorem-out")
    given.add_file(str(tmp_path / "lorem.txt"))
    task = cluster.create_task("files", "docker-batch", 1)
    task.resources.append(given)
    task.results = made
    task.constants["DOCKER_CMD"] = 'sh -c "cat lorem.txt | tr [:lower:] [:upper:] > LOREM.TXT"'
    task.submit()
    states, _, _ = followed(task)
    assert states[-1] == "Success", messages(task)
    task.download_results(str(tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["LOREM.TXT"]
    assert (tmp_path / "out" / "LOREM.TXT").read_text() == "LOREM IPSUM\n"
    task.delete(purge_resources=True, purge_results=True)
    assert not {"lorem-in", "lorem-out"} & {bucket.uuid for bucket in cluster.buckets()}


def test_each_image_is_the_one_that_was_named(cluster: Any) -> None:
    """Given names as they stand on a public registry, with and without its prefixes, then each runs in its own."""
    wanted = {
        "library/ubuntu:latest": "Ubuntu",
        "ubuntu:latest": "Ubuntu",
        "debian:12": "Debian",
        "docker.io/library/debian:12": "Debian",
        "busybox:1.36": "busybox",
    }
    tasks = {}
    for image in wanted:
        repo, _, tag = image.rpartition(":")
        task = tasks[image] = cluster.create_task(f"image-{image}", "docker-batch", 1)
        task.constants["DOCKER_REPO"], task.constants["DOCKER_TAG"] = repo, tag
        task.constants["DOCKER_CMD"] = 'sh -c "cat /etc/issue | head -n 1"'
        task.submit()
    until(lambda: all(task.wait(NAP_S) for task in tasks.values()), "the end of all")
    assert {image: task.stdout().partition(" ")[0] for image, task in tasks.items()} == wanted
    for task in tasks.values():
        task.delete(purge_resources=True, purge_results=True)


def test_a_study_of_six_tasks_that_wait_for_each_other(cluster: Any, tmp_path: Path) -> None:
    """Given a job of 30 and 25 instances and four tasks beside, when all is done, then times can be divided.

    The image's entry point is a shell: a command is one quoted word.
    """
    job = cluster.create_job("study", useDependencies=True)
    job.submit()
    given = cluster.create_bucket("study-input")
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "mesh.h5").write_text("mesh\n")
    given.sync_directory(str(tmp_path / "input"))
    full, model, reduced, compared = (cluster.create_bucket(f"study-{name}") for name in ("full", "rom", "res", "cmp"))

    def part(name: str, instances: int, command: str, resources: list[Any], results: Any, after: list[Any]) -> Any:
        task = cluster.create_task(name, "docker-batch", instances, job=job)
        task.constants["DOCKER_REPO"], task.constants["DOCKER_TAG"] = SHELL_IMAGE, "2020.2"
        task.constants["DOCKER_CMD"] = f"'{command}'"
        task.resources.extend(resources)
        task.results = results
        if instances > 1:
            task.results_whitelist = r"_c\.h5"
        task.set_task_dependencies_from_tasks(after)
        task.submit()
        return task

    def solve(folder: str) -> str:
        point = f"{folder}/u${{INSTANCE_ID}}"
        return f"mkdir -p {folder} && cat mesh.h5 > {point}.h5 && cp {point}.h5 {point}_c.h5"

    try:
        train = part("train", 30, solve("train"), [given], full, [])
        params = part("params", 1, "echo 0.1 0.2 > param.pkl", [given], model, [])
        build = part("build", 1, "test $(ls train | wc -l) = 30 && ls train > rom.txt", [full, given], model, [train])
        check = part("check", 25, solve("val"), [given, model], full, [params])
        guess = part("guess", 1, "cat rom.txt param.pkl > guess.txt", [given, model], reduced, [params, build])
        last = part(
            "compare", 1, "test $(ls val | wc -l) = 25 && cat guess.txt", [full, reduced], compared, [guess, check]
        )
        left = [train, params, build, check, guess, last]
        until(lambda: all(task.wait(0.1) for task in left), "the end of the study", 120)
        assert [task.state for task in left] == ["Success"] * 6, [messages(task) for task in left]
        assert len(last.stdout().splitlines()) == 31
        assert keys(full) == sorted([f"train/u{n}_c.h5" for n in range(30)] + [f"val/u{n}_c.h5" for n in range(25)])
        midnight_s = time.mktime(time.strptime("0", "%H"))
        spent_s = [time.mktime(time.strptime(task.execution_time, "%H:%M:%S")) - midnight_s for task in (check, guess)]
        assert spent_s[0] // spent_s[1] >= 1, "the same, 25 times"
        assert [task.name for task in job.tasks] == [task.name for task in reversed(left)]
    finally:
        job.delete(True)
        for bucket in (given, full, model, reduced, compared):
            bucket.delete()
    assert "study" not in [one.name for one in cluster.jobs()]


def test_what_is_blacklisted_stays_and_numbers_may_be_numbers(cluster: Any) -> None:
    """Given constants that are ints and results to leave out, then the job knows the numbers and leaves out those."""
    task = cluster.create_task("optimise", "docker-batch", 1)
    task.results = cluster.create_bucket("optimise-out")
    task.results_blacklist = r"\.log$"
    task.constants["WORKERS"] = 3
    task.constants["DOCKER_CMD"] = (
        "bash -c 'for n in $(seq $WORKERS); do echo $n > plan-$n.txt; echo $n > $n.log; done'"
    )
    task.submit()
    assert until(lambda: task.wait(NAP_S), "its end")
    assert task.state == "Success", messages(task)
    assert keys(task.results) == ["plan-1.txt", "plan-2.txt", "plan-3.txt"]
    assert task.constants["WORKERS"] == "3"
    assert task.state in FINAL
    task.delete(purge_results=True)
