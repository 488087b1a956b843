"""Every verb of `ondol pool`, `ondol job` and `ondol all` against a real platform."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integration.cli.cli_platform import ondol, ondol_json

POLICIES = {
    "policies": [
        {"type": "Fixed", "name": "one", "slotsCount": 1, "enabledPeriods": [{"type": "Always", "name": "always"}]}
    ]
}


def test_a_pool_takes_tasks_changes_and_closes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    key = ondol(
        capsys, "pool", "create", "-n", "shed", "--instanceNodes", "1", "-c", "A=1", "-t", "wood",
        "--service", "on_demand", "--preparation", "echo ready",
    ).strip()  # fmt: skip
    task = ondol_json(capsys, "task", "create", "-n", "inside", "--pool", "shed", "--command", "echo hi", "--wait")
    assert (task["state"], task["poolUuid"]) == ("Success", key)
    assert ondol(capsys, "pool", "stdout", "shed") == "ready\n"
    assert ondol(capsys, "pool", "stderr", "--id", key) == ""

    ondol(capsys, "pool", "update-constant", "shed", "--constant-name", "B", "--constant-value", "2")
    ondol(capsys, "pool", "set-elastic-settings", "shed", "-e", "--max-slot", "2", "--min-slot", "1")
    pool = ondol_json(capsys, "pool", "info", "shed")
    assert {one["key"] for one in pool["constants"]} == {"A", "B"}
    assert (pool["elasticProperty"]["isElastic"], pool["elasticProperty"]["maxTotalSlots"]) == (True, 2)
    ondol(capsys, "pool", "set-elastic-settings", "shed", code=2)
    (tmp_path / "scaling.json").write_text(json.dumps(POLICIES))
    ondol(capsys, "pool", "set-scaling", "shed", "--scaling", "@scaling.json")
    assert ondol_json(capsys, "pool", "info", "shed")["scaling"]["policies"][0]["name"] == "one"
    ondol(capsys, "pool", "set-scaling", "shed", "--scaling", "{", code=1)
    ondol(capsys, "pool", "update-resources", "shed")
    assert "PUE" in ondol_json(capsys, "pool", "carbon-facts", "shed")
    twin = ondol(capsys, "pool", "clone", "shed", "--new-name", "shed-2").strip()
    assert ondol_json(capsys, "pool", "info", twin)["tags"] == ["wood"]
    assert {row["uuid"] for row in ondol_json(capsys, "pool", "list", "--tags", "wood")} == {key, twin}
    assert "shed-2" in ondol(capsys, "pool", "list", "--name-prefix", "shed")
    ondol(capsys, "pool", "close", "--tags", "wood", "--yes")
    assert "slots" in ondol(capsys, "pool", "info", key)
    assert len(ondol_json(capsys, "pool", "delete", "--tags", "wood")) == 2


def test_a_job_holds_tasks_that_wait_for_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    job = ondol(
        capsys, "job", "create", "--name", "chain", "--shortname", "chain-1", "--is-dependant", "--max-wall-time", "2h"
    ).strip()
    now = ("--job", "chain", "--service", "on_demand")
    first = ondol(capsys, "task", "create", "-n", "one", "--command", "true", *now).strip()
    second = ondol(capsys, "task", "create", "-n", "two", "--command", "true", *now, "-d", f"{first}:Success").strip()

    assert first in ondol(capsys, "task", "dependencies-state", second)
    ended = ondol_json(capsys, "job", "wait", "chain")
    assert {task["uuid"]: task["state"] for task in ended} == {first: "Success", second: "Success"}
    assert ondol_json(capsys, "job", "info", "chain-1")["maxWallTime"] == "02:00:00"
    assert "2 Success" in ondol(capsys, "job", "info", job)
    assert job in {row["uuid"] for row in ondol_json(capsys, "job", "list")}
    ondol(capsys, "job", "delete", job, code=1)
    ondol(capsys, "job", "abort", job)
    ondol(capsys, "job", "delete", job, "--force")
    ondol(capsys, "job", "info", job, code=1)


def test_an_empty_job_is_soon_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    ondol(capsys, "job", "create", "--name", "empty")
    assert ondol_json(capsys, "job", "wait", "empty") == []
    ondol(capsys, "job", "terminate", "empty")
    assert ondol(capsys, "job", "delete", "--name", "empty", "--force", "-q") == ""


def test_all_can_be_seen_ended_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    ondol(capsys, "task", "create", "-n", "straggler", "--command", "sleep 600")
    ondol(capsys, "job", "create", "-n", "straggling")
    ondol(capsys, "bucket", "create", "stays")

    kinds = {row["kind"] for row in ondol_json(capsys, "all", "--list")}
    assert kinds >= {"task", "job", "bucket"}
    ended = ondol_json(capsys, "all", "--abort")
    assert {row["kind"] for row in ended} >= {"task", "job"}
    for row in ondol_json(capsys, "task", "list", "--name", "straggler"):
        ondol(capsys, "task", "wait", row["uuid"], code=4)
    ondol(capsys, "all", "--delete", "--yes")
    assert {row["kind"] for row in ondol_json(capsys, "all", "--list")} == {"bucket"}
