"""The client commands against a real platform: engine, object store and API on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.cli.cli_platform import ondol, ondol_json
from ondol.cli.screen import ScreenSource
from ondol.cli.up import Serving


def test_work_goes_in_and_results_come_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "words.txt").write_text("warm\n")
    ondol(capsys, "bucket", "create", "given")
    ondol(capsys, "bucket", "create", "made")
    assert ondol_json(capsys, "bucket", "sync-to", "in", "given") == {"sent": 1, "removed": 0, "same": 0}
    assert ondol_json(capsys, "bucket", "sync-to", "in", "given") == {"sent": 0, "removed": 0, "same": 1}

    task = ondol_json(
        capsys, "task", "create", "--name", "greet", "--instances", "2", "--service", "on_demand", "--wait",
        "--command", 'sh -c "cat words.txt; echo $WHO > made_${INSTANCE_ID}.txt"', "-c", "WHO=room",
        "--resources", "given", "--result", "made",
    )  # fmt: skip

    assert task["state"] == "Success"
    assert ondol(capsys, "task", "stdout", "greet") == "0> warm\n1> warm\n"
    assert ondol(capsys, "task", "stdout", "greet", "--instance", "1") == "warm\n"
    assert ondol(capsys, "bucket", "get", "made", "made_1.txt", "--to", "one.txt") != ""
    assert Path("one.txt").read_text() == "room\n"
    ondol(capsys, "bucket", "sync-from", "made", "out")
    assert sorted(path.name for path in Path("out").iterdir()) == ["made_0.txt", "made_1.txt"]
    assert task["uuid"] in {row["uuid"] for row in ondol_json(capsys, "task", "list")}
    assert ondol_json(capsys, "task", "info", task["uuid"][:8])["name"] == "greet"
    assert "on_demand" in ondol(capsys, "task", "list")
    assert ondol_json(capsys, "task", "carbon-facts", "greet")
    ondol(capsys, "bucket", "delete", "made", code=1)
    ondol(capsys, "bucket", "delete", "made", "--force")
    names = {row["name"] for row in ondol_json(capsys, "bucket", "list")}
    assert "given" in names
    assert "made" not in names


def test_failure_and_cancellation_have_their_codes(capsys: pytest.CaptureFixture[str]) -> None:
    ondol(capsys, "task", "create", "--name", "bad", "--command", "false", "--service", "on_demand", "--wait", code=3)
    ondol(capsys, "task", "create", "--name", "long", "--command", "sleep 600", "--service", "on_demand")
    ondol(capsys, "task", "wait", "long", "--timeout", "0.5", code=1)
    ondol(capsys, "task", "abort", "long")
    ondol(capsys, "task", "wait", "long", code=4)
    ondol(capsys, "task", "delete", "long")
    ondol(capsys, "task", "info", "long", code=1)
    ondol(capsys, "task", "create", "--name", "x", "--command", "true", "--resources", "nowhere", code=1)


@pytest.mark.parametrize(
    "table", ["heat sites", "heat units", "heat sinks", "heat now", "ledger energy", "ledger heat"]
)
def test_tables_are_there_for_people_and_programs(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "hous" in ondol(capsys, *table.split()) or "heater" in ondol(capsys, *table.split())
    assert ondol_json(capsys, *table.split())


def test_the_account_is_drawn_up_and_agrees(
    serving: Serving, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    serving.platform.finish_window()

    assert "House" in ondol(capsys, "ledger", "statement")
    assert ondol_json(capsys, "ledger", "statement")["kind"] == "fleet"
    assert ondol_json(capsys, "ledger", "statement", "--site", "house")["kind"] == "site"
    ondol(capsys, "ledger", "statement", "--html", "statement.html")
    assert "House" in Path("statement.html").read_text()
    assert ondol_json(capsys, "ledger", "check")["findings"] == []
    assert ondol_json(capsys, "replay", str(serving.platform.folder.ticks_file))["differing"] == []
    ondol(capsys, "ledger", "statement", "--site", "nowhere", code=1)


def test_the_live_view_sees_sites_and_jobs(serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    ondol(capsys, "task", "create", "--name", "shown", "--command", "true", "--service", "on_demand", "--wait")
    source = ScreenSource(serving.platform.desk, lambda: [one.id for one in serving.platform.store.accounts()])

    model = source()

    assert [site.name for site in model.sites] == ["House"]
    assert [sink.name for sink in model.sites[0].sinks] == ["Room"]
    assert model.clock_rate == 60.0
    job = next(job for job in model.jobs if job.name == "shown")
    assert (job.state, job.done, job.total, job.progress) == ("Success", 1, 1, 1.0)
    assert any(row.subject.startswith("shown #0") for row in model.decisions)
    assert model.totals.power_w > 0
