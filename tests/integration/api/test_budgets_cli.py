"""Given budgets, when users ask at a terminal and the operator sets them there, then figures and reasons show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import qarnot
from qarnot.credits_client import CreditsClient

from integration.api.conftest import serve
from ondol.cli.main import run
from ondol.model.budget import Holder, Level, Overrun
from ondol.model.errors import BudgetExceededError
from ondol.model.ids import AccountId
from scenario.control.budget_stage import PROJECT, BudgetStage

Say = Callable[..., str]


@pytest.fixture
def stage() -> BudgetStage:
    return BudgetStage()


@pytest.fixture
def url(stage: BudgetStage) -> Iterator[str]:
    with serve(stage.desk) as address:  # type: ignore[arg-type]
        yield address


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def call(*line: str, code: int = 0) -> str:
        capsys.readouterr()
        ended = run(list(line))
        said = capsys.readouterr()
        assert ended == code, said.out + said.err
        return said.out + said.err

    return call


def test_a_user_sees_what_is_left_and_where_it_went(stage: BudgetStage, url: str, say: Say) -> None:
    alice = AccountId(stage.store.account_by_email("alice@example.org").id)
    stage.budget("other")
    mine = Holder(level=Level.ACCOUNT, account_id=alice)
    stage.budget("day", holder=mine, co2e_g=2500.0, energy_kwh=10.0, carry_over=0.5)
    access = ("--url", url, "--token", stage.alice)
    task = stage.submit(account_id=alice)
    listed = say("budget", "list", *access)
    assert "other" not in listed
    for words in ("day", "alice@example.org", "2.44 of 2.50 kgCO2e", "9.00 of 10.0 kWh", "2026-01-12 23:00"):
        assert words in listed
    shown = say("budget", "show", "day", *access)
    for words in ("promised", "60 gCO2e, 1.00 kWh", "day, Europe/Paris", "BlockNew"):
        assert words in shown
    rows = json.loads(say("budget", "history", "day", *access, "--json"))
    assert [row["act"] for row in rows] == ["renew", "reserve"]
    assert task.id in say("budget", "history", "day", "--limit", "1", *access)
    stage.budget("carbon", holder=mine, co2e_g=2500.0, energy_kwh=None)
    begun = say("budget", "history", "carbon", *access)
    assert "2.50 kgCO2e" in begun
    assert "Wh" not in begun, "what is not limited is not given as 0 Wh"
    assert "No such budget: other" in say("budget", "show", "other", *access, code=1)
    assert "is not allowed" in say("budget", "history", "day", "--from", "yesterday", *access, code=1)


def test_who_has_no_budget_is_told_so(stage: BudgetStage, url: str, say: Say) -> None:
    assert "nothing limits your work" in say("budget", "list", "--url", url, "--token", stage.alice)
    assert "Only the operator" in say("budget", "list", "--all", "--url", url, "--token", stage.alice, code=1)


def test_the_operator_sets_changes_and_removes_budgets_in_the_data_folder(tmp_path: Path, say: Say) -> None:
    data = ("--data", str(tmp_path / "data"))
    say("admin", "user", "add", "alice@example.org", *data)
    say("admin", "project", "add", "study", *data)
    say("admin", "project", "member", "study", "alice@example.org", *data)
    mine = ("admin", "budget", "set", "mine", "--account", "alice@example.org", "--project", "study")
    assert say(*mine, "--energy-kwh", "5", "--every", "week", *data).strip() == "mine"
    say(*mine, "--energy-kwh", "7", "--co2e-kg", "0.25", "--every", "week", *data)
    say(*mine, "--energy-kwh", "7", "--co2e-kg", "0.25", "--every", "week", "--alert", "90", "--alert", "50", *data)
    assert max(map(len, say("admin", "budget", "list", *data).splitlines())) <= 80
    (row,) = json.loads(say("admin", "budget", "list", "--json", *data))
    assert row["alerts_percent"] == [50, 90]
    assert (row["level"], row["account"], row["project"]) == ("member", "alice@example.org", "study")
    assert row["limit"] == {"co2e_g": 250.0, "energy_kwh": 7.0}
    assert "is there with another every" in say(*mine, "--energy-kwh", "7", "--every", "day", *data, code=1)
    assert "budget.energy_kwh = -1.0" in say(*mine, "--energy-kwh", "-1", "--every", "week", *data, code=1)
    assert "an amount here or in energy_kwh" in say(*mine, "--every", "week", *data, code=1)
    say("admin", "user", "add", "bob@example.org", *data)
    lost = ("admin", "budget", "set", "x", "--energy-kwh", "1")
    assert "'ondol admin project member' makes" in say(
        *lost, "--account", "bob@example.org", "--project", "study", *data, code=1
    )
    assert "puts accounts into one" in say(*lost, "--organization", "lab", *data, code=1)
    assert "No such account" in say(
        "admin", "budget", "set", "x", "--account", "b@c", "--energy-kwh", "1", *data, code=1
    )
    once = ("admin", "budget", "set", "once", "--project", "study", "--energy-kwh", "1", "--every", "once")
    assert "start" in say(*once, *data, code=1)
    say(*once, "--start", "2026-01-01", "--end", "2027-01-01", *data)
    say("admin", "budget", "remove", "mine", *data)
    assert "No such budget: mine" in say("admin", "budget", "remove", "mine", *data, code=1)
    assert [one["id"] for one in json.loads(say("admin", "budget", "list", "--json", *data))] == ["once"]
    kept = json.loads(say("admin", "budget", "list", "--removed", "--json", *data))
    assert [one["id"] for one in kept] == ["mine", "once"]


def test_the_sdk_reads_money_and_does_not_stumble_over_ours(stage: BudgetStage, url: str) -> None:
    """Given a project with a budget in energy, when the SDK asks for its budgets, then it finds those in money."""
    alice = AccountId(stage.store.account_by_email("alice@example.org").id)
    project = stage.store.project(PROJECT)
    stage.store.put_project(type(project)(id=PROJECT, name="P", slug="p", members=(alice,)))
    stage.budget("p", holder=Holder(level=Level.PROJECT, project_id=PROJECT), energy_kwh=0.5)
    connection = qarnot.Connection(cluster_url=url, client_token=stage.alice, retry_count=0)
    assert CreditsClient(connection).get_project_budgets(PROJECT, only_active=False) == []
    booked = next(one for one in connection.user_info.projects if one.slug == "p")
    task = connection.create_task("t", "process", 1)
    task.project = booked
    task.constants["CMD"] = "true"
    with pytest.raises(qarnot.exceptions.NotEnoughCreditsException, match=r"0\.5 of 0\.5 kWh left, 1 asked"):
        task.submit()


def test_tables_keep_to_eighty_columns_and_alarms_are_read_and_seen(stage: BudgetStage, url: str, say: Say) -> None:
    """Given long names, a refusal and work that stands still, when all is listed, then no line is longer than 80."""
    alice = AccountId(stage.store.account_by_email("alice@example.org").id)
    mine = Holder(level=Level.ACCOUNT, account_id=alice)
    stage.said.energy_kwh = 0.01
    stage.budget("day", holder=mine, co2e_g=2500.0, energy_kwh=0.02, overrun=Overrun.STOP_AND_BLOCK_ALL)
    stage.budget("a-budget-with-a-name-of-its-own-that-is-long", holder=mine, co2e_g=9e8, energy_kwh=12345.6)
    stage.submit(account_id=alice, cpu_s=1e6)
    stage.run(600)
    with pytest.raises(BudgetExceededError):
        stage.submit(account_id=alice)
    stage.run(60)
    access = ("--url", url, "--token", stage.alice)
    lines = {
        ("list",): ("refuses work", "work stands still", "used up"),
        ("show", "day"): ("told at", "80 %, 100 %", "keeps work"),
        ("history", "day"): ("promised 60 gCO2e, 10.0 Wh", "task task-001"),
        ("alarms",): ("fault: Of budget day", "budget.day.budget-used-100."),
        ("alarms", "day", "--all"): ("over since", "budget.day.budget-used-80."),
    }
    for line, words in lines.items():
        told = say("budget", *line, *access)
        assert max(map(len, told.splitlines())) <= 80, told
        assert all(word in told for word in words), told
    key = json.loads(say("budget", "alarms", "--json", *access))[0]["id"]
    assert "seen by alice@example.org" in say("budget", "ack", key, *access)
    assert "No such alarm" in say("budget", "ack", "budget.day.x.1", *access, code=1)
    assert "is not allowed" in say("budget", "ack", "nonsense", *access, code=1)
    sheet = say("budget", "history", "day", "--csv", *access).splitlines()
    assert sheet[0].startswith("number,at,act,period_start,granted_co2e_g")
    assert len(sheet) == 1 + len(stage.rows("day"))
