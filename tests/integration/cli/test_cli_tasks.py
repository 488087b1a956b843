"""Every verb of `ondol task` against a real platform."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from integration.cli.cli_platform import ondol, ondol_json

NOW = ("--service", "on_demand")


def make(capsys: pytest.CaptureFixture[str], name: str, command: str, *options: str, code: int = 0) -> str:
    """Id of a new task."""
    made = ondol_json(capsys, "task", "create", "-n", name, "--command", command, *NOW, *options, code=code)
    return str(made["uuid"])


def test_a_task_with_every_kind_of_option_says_so_again(capsys: pytest.CaptureFixture[str]) -> None:
    ondol(capsys, "bucket", "create", "--name", "all-in")
    key = make(
        capsys, "all-options", "sleep 600", "--instance", "1", "--tags", "a", "b", "--constants", "K=V", "L=W=X",
        "--labels", "who=me", "-r", "all-in/sub/", "--result", "all-in/out/", "--whitelist", "^made", "--ttl", "60",
        "--max-total-retries", "3", "--max-retries-per-instance", "2", "--shortname", "all-options-1",
        "--min-core-count", "1", "--no-gpu-hardware", "--expected", "2min", "--time-limit", "1h", "--deadline", "+2h",
        "--max-time-queue", "1d", "--export-credentials-to-env", "--periodic", "3600", "--upload-on-cancel",
    )  # fmt: skip

    task = ondol_json(capsys, "task", "info", "all-options-1")

    assert task["uuid"] == key
    assert {one["key"]: one["value"] for one in task["constants"]} == {"CMD": "sleep 600", "K": "V", "L": "W=X"}
    assert task["tags"] == ["a", "b"]
    assert task["retrySettings"] == {"maxTotalRetries": 3, "maxPerInstanceRetries": 2}
    assert task["resultsWhitelist"] == "^made"
    assert task["snapshotInterval"] == 3600
    assert task["labels"]["ondol.expected"] == "120"
    assert {one["discriminator"] for one in task["hardwareConstraints"]} == {
        "MinimumCoreHardwareConstraint",
        "NoGpuHardwareConstraint",
    }
    people = ondol(capsys, "task", "info", key)
    assert "short name" in people
    assert "all-in (" in people
    ondol(capsys, "task", "abort", "--id", key)
    ondol(capsys, "task", "wait", key, code=4)
    ondol(capsys, "task", "delete", key, "-q")


def test_several_are_chosen_by_what_they_have_in_common(capsys: pytest.CaptureFixture[str]) -> None:
    keys = {make(capsys, f"herd-{number}", "sleep 600", "-t", "herd", f"h{number}") for number in range(3)}

    def listed(*options: str) -> set[str]:
        return {str(row["uuid"]) for row in ondol_json(capsys, "task", "list", *options)}

    assert listed("--tags", "herd") == keys
    assert len(listed("--tags", "h0", "h1")) == 2
    assert listed("--exclusive-tags", "h0", "h1") == set()
    assert len(listed("--exclusive-tags", "herd", "h2")) == 1
    assert listed("--name-prefix", "herd-") == keys
    assert len(listed("--name", "herd-1")) == 1
    assert listed("--tags", "herd", "--created-before", "2020-01-01") == set()
    assert listed("--tags", "herd", "--created-after", "2020-01-01T00:00:00Z") == keys
    assert len(listed("herd-1", "herd-2")) == 2
    assert set(ondol(capsys, "task", "list", "-t", "herd", "--quiet").split()) == keys

    ondol(capsys, "task", "abort", code=2)
    ondol(capsys, "task", "abort", "herd-1", "--tags", "herd", code=2)
    ondol(capsys, "task", "abort", "no-such-task", code=1)
    aborted = ondol_json(capsys, "task", "abort", "--tags", "herd", "--yes")
    assert {row["uuid"] for row in aborted} == keys
    ended = ondol_json(capsys, "task", "wait", "-t", "herd", code=4)
    assert {task["state"] for task in ended} == {"Cancelled"}
    one = min(keys)
    ondol(capsys, "task", "delete", one)
    ondol(capsys, "task", "abort", "-t", "herd", code=1)  # over already: each is told, the others are tried
    assert ondol(capsys, "task", "delete", "--tags", "herd").count("is deleted") == 2
    assert ondol(capsys, "task", "delete", "--tags", "herd") == ""
    assert listed("-t", "herd") == set()


def test_lists_come_by_pages(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [make(capsys, "page", "true", "-t", "pages") for _ in range(3)]
    first = ondol_json(capsys, "task", "list", "-t", "pages", "--max-page-size", "2")
    rest = ondol_json(capsys, "task", "list", "-t", "pages", "--next-page-token", first["nextPageToken"])

    assert [row["uuid"] for row in first["data"] + rest["data"]] == keys[::-1]
    assert rest["nextPageToken"] is None
    assert run_err(capsys, "task", "list", "-t", "pages", "--max-page-size", "2").count("--next-page-token") == 1
    assert len(ondol_json(capsys, "task", "list", "-t", "pages", "--no-paginate")) == 3
    assert len(ondol_json(capsys, "task", "list", "-t", "pages", "--limit", "1")) == 1
    ondol(capsys, "task", "list", "--state", "nonsense", code=1)
    ondol(capsys, "task", "wait", "-t", "pages", "-q")
    assert len(ondol_json(capsys, "task", "list", "-t", "pages", "--state", "success")) == 3


def test_what_tasks_say_comes_while_one_waits(capsys: pytest.CaptureFixture[str]) -> None:
    out = ondol(capsys, "task", "create", "-n", "talk", "--command", 'sh -c "echo heard; echo told >&2"', *NOW, "-o")
    assert out == "heard\n"
    assert run_err(capsys, "task", "stderr", "talk") == ""
    assert ondol(capsys, "task", "stderr", "--name", "talk") == "told\n"
    assert ondol(capsys, "task", "stdout", "talk", "--instance-id", "0", "--fresh") == "heard\n"
    assert ondol(capsys, "task", "stdout", "talk", "--instance-id", "0", "--fresh") == ""
    ondol(capsys, "task", "stdout", "talk", "--instance-id", "-1", code=1)
    assert ondol_json(capsys, "task", "stdout", "talk") == "heard\n"
    key = make(capsys, "talk-2", 'sh -c "echo heard; echo told >&2"')
    assert ondol(capsys, "task", "wait", "-oe", key) == "heard\n"
    facts = ondol_json(capsys, "task", "carbon-facts", "talk", "-d", "european_dc")
    assert "PUE" in facts
    assert "footprint" in ondol(capsys, "task", "carbon-facts", "talk")
    assert "waits for no task" in ondol(capsys, "task", "dependencies-state", "talk")


def test_tasks_are_made_of_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [{"Name": f"file-{number}", "Profile": "process", "Constants": ["CMD=true"]} for number in range(2)]
    (tmp_path / "many.json").write_text(json.dumps(many))
    made = ondol_json(capsys, "task", "create", "-f", "many.json", "-t", "filed", *NOW, "--wait")
    assert [task["state"] for task in made] == ["Success", "Success"]
    (tmp_path / "some.yaml").write_text("- {name: good, constants: {CMD: 'true'}}\n- {name: bad, tags: [a, '']}\n")
    ondol(capsys, "task", "create", "-f", "some.yaml", code=1)
    assert [row["name"] for row in ondol_json(capsys, "task", "list", "--name", "good")] == ["good"]
    monkeypatch.setattr(sys, "stdin", io.StringIO('name: piped\nconstants: {CMD: "true"}\n'))
    ondol(capsys, "task", "create", "--file", "-", "--wait", *NOW)


def test_tasks_are_made_anew_and_changed(capsys: pytest.CaptureFixture[str]) -> None:
    key = make(capsys, "half", "sh -c 'exit ${INSTANCE_ID}'", "-i", "2", "--wait", code=3)
    again = ondol_json(capsys, "task", "retry", "half", "--constants", "CMD=true", "--new-name", "half-2", "--wait")
    assert (again["state"], again["advancedRanges"], again["name"]) == ("Success", "1", "half-2")
    ondol(capsys, "task", "recover", key, "--constants", "CMD=true", "--wait")
    ondol(capsys, "task", "resume", key, code=1)
    twin = ondol(capsys, "task", "clone", key, "--instances", "1", "--new-name", "twin").strip()
    assert ondol_json(capsys, "task", "info", twin)["totalInstanceCount"] == 1

    long = make(capsys, "long-one", "sleep 600", "-c", "A=1")
    ondol(capsys, "task", "update-constant", long, "--constant-name", "B", "--constant-value", "-2")
    constants = {one["key"]: one["value"] for one in ondol_json(capsys, "task", "info", long)["constants"]}
    assert constants == {"CMD": "sleep 600", "A": "1", "B": "-2"}
    ondol(capsys, "task", "abort", long)


def test_snapshots_are_taken_and_followed(capsys: pytest.CaptureFixture[str]) -> None:
    ondol(capsys, "bucket", "create", "shots")
    key = make(capsys, "shooting", 'sh -c "echo x > made; sleep 600"', "--result", "shots")
    wait_until_running(capsys, key)
    snapshot = ondol(capsys, "task", "snapshot", key, "--whitelist", "made").strip()
    assert ondol(capsys, "task", "snapshot", "wait", key, "--snapshot-id", snapshot, "--timeout", "30")
    assert ondol_json(capsys, "task", "snapshot", "get", key, "--snapshot-id", snapshot)["status"] == "Success"
    assert [row["key"] for row in ondol_json(capsys, "bucket", "list", "shots")] == ["made"]
    ondol(capsys, "task", "snapshot", "create", "--id", key, "--periodic", "0")
    ondol(capsys, "task", "snapshot", "get", key, "--snapshot-id", "nonsense", code=1)
    ondol(capsys, "task", "update-resources", key)
    ondol(capsys, "task", "abort", key)


def wait_until_running(capsys: pytest.CaptureFixture[str], key: str) -> None:
    for _ in range(100):
        if ondol_json(capsys, "task", "info", key)["runningInstanceCount"]:
            return
        ondol(capsys, "task", "wait", key, "--timeout", "0.2", code=1)
    raise AssertionError("it never ran")


def run_err(capsys: pytest.CaptureFixture[str], *line: str) -> str:
    from ondol.cli.main import run

    capsys.readouterr()
    assert run(line) == 0
    return capsys.readouterr().err
