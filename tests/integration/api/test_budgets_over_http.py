"""Given budgets over HTTP, when many ask at once, then exactly what fits is accepted, and everyone sees their own."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
import qarnot
from fastapi.testclient import TestClient

from ondol.control.filler_rights import FillerRights
from ondol.model.account import Account
from ondol.model.filler import FillerTerms
from ondol.model.ids import AccountId
from ondol.model.view import ServiceClass
from ondol.server.app import create_api
from scenario.control.budget_said import Said
from scenario.control.budget_stage import PROJECT, BudgetStage
from scenario.control.groups_stage import ACCOUNT

BODY = {"name": "t", "profile": "process", "instanceCount": 1, "constants": [{"key": "CMD", "value": "true"}]}


@pytest.fixture
def stage() -> BudgetStage:
    return BudgetStage(Said(energy_kwh=1.0, co2e_g=60.0))


@pytest.fixture
def boss(stage: BudgetStage) -> TestClient:
    return client(stage, stage.boss)


@pytest.fixture
def alice(stage: BudgetStage) -> TestClient:
    return client(stage, stage.alice)


def client(stage: BudgetStage, token: str) -> TestClient:
    return TestClient(create_api(stage.desk, storage_url=None), headers={"Authorization": token})


def test_two_hundred_ask_at_once_for_what_fifty_can_have(stage: BudgetStage, boss: TestClient) -> None:
    """Given 50 kWh and tasks of 1 kWh, when 200 threads post one each, then 50 are accepted and 150 are told why."""
    made = boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 50.0, "every": "day"})
    assert made.status_code == 200, made.text
    app = create_api(stage.desk, storage_url=None)
    answers: list[tuple[int, str]] = []
    ready = threading.Barrier(40)

    def post() -> None:
        with TestClient(app, headers={"Authorization": stage.alice}) as one:
            ready.wait(30)
            for _ in range(5):
                answer = one.post("/tasks", json=BODY)
                answers.append((answer.status_code, answer.text))

    threads = [threading.Thread(target=post) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert Counter(status for status, _ in answers) == {200: 50, 402: 150}
    refused = next(text for status, text in answers if status == 402)
    assert "Not enough credits: budget b (account) has 0 of 50 kWh left, 1 asked" in refused
    assert "begins anew at" in refused
    assert stage.balance().reserved.energy_kwh == 50.0
    alice_id = stage.store.account_by_email("alice@example.org").id
    assert len(stage.store.tasks(alice_id, limit=500).rows) == 50
    assert len(stage.store.budget_tabs()) == 50
    again = client(stage, stage.alice).get("/budgets/v1").json()["data"]
    assert [(one["id"], one["left"]["energy_kwh"]) for one in again] == [("b", 0.0)]


def test_a_list_of_tasks_is_taken_whole_or_not_at_all(stage: BudgetStage, boss: TestClient, alice: TestClient) -> None:
    boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 5.5})
    assert alice.post("/tasks", json=[BODY] * 6).status_code == 402
    assert alice.get("/budgets/v1/b").json()["left"]["energy_kwh"] == 5.5
    assert alice.post("/tasks", json=[BODY] * 5).status_code == 200
    assert alice.get("/budgets/v1/b").json()["left"]["energy_kwh"] == 0.5


def test_a_list_in_which_one_is_too_much_is_not_taken_in_part(
    stage: BudgetStage, boss: TestClient, alice: TestClient
) -> None:
    """Given room for five, when one of two tasks could never fit, then neither is taken; bad bodies are left out."""
    boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 5.5})
    stage.said.cheaper[ServiceClass.HARVEST] = (50.0, 1.0)
    large = BODY | {"labels": {"ondol.service": "harvest"}}
    answer = alice.post("/tasks", json=[BODY, large])
    assert answer.status_code == 402
    assert [one["statusCode"] for one in answer.json()] == [402, 402]
    assert alice.get("/budgets/v1/b").json()["left"]["energy_kwh"] == 5.5
    answer = alice.post("/tasks", json=[BODY, BODY | {"profile": "nope"}])
    assert [one["statusCode"] for one in answer.json()] == [200, 400]


def test_what_asks_for_filler_and_will_be_charged_is_quoted_so(
    stage: BudgetStage, boss: TestClient, alice: TestClient
) -> None:
    """Given an installation that nobody fills, when filler is quoted, then as the harvest that it will run as."""
    stage.desk._intake._filler = FillerRights(FillerTerms(), lambda: None, lambda _task: False)
    boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 1e-6})
    quote = alice.post("/quotes/v1", json=BODY | {"instanceCount": 4, "labels": {"ondol.service": "filler"}}).json()
    assert {one["option"]: one["service"] for one in quote["options"]}["smaller"] == "harvest"
    for option in quote["options"]:
        assert option["why_not"].startswith("budget b (account) has too little left"), option


@pytest.mark.parametrize("after", ["9223372036854775808", "99999999999999999999999", "-1"])
def test_a_number_that_no_row_can_have_is_refused(boss: TestClient, alice: TestClient, after: str) -> None:
    boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 5.5})
    answer = alice.get(f"/budgets/v1/b/history?after={after}")
    assert answer.status_code == 400
    assert "after" in answer.json()["detail"]


def test_what_is_set_is_shown_and_may_be_changed_and_removed(
    stage: BudgetStage, boss: TestClient, alice: TestClient
) -> None:
    body: dict[str, Any] = {
        "project": "p", "alias": "winter", "co2e_kg": 1.5, "energy_kwh": 20.0, "every": "week",
        "timezone": "Europe/Paris", "carry_over": 0.5, "overrun": "StopAndBlockAll",
    }  # fmt: skip
    made = boss.put("/budgets/v1/winter", json=body).json()
    assert (made["level"], made["project"], made["limit"]) == ("project", "p", {"co2e_g": 1500.0, "energy_kwh": 20.0})
    assert made["period"]["end"] == "2026-01-18T23:00:00Z", "Sunday night in Paris"
    assert boss.put("/budgets/v1/winter", json=body | {"energy_kwh": 30.0}).json()["left"]["energy_kwh"] == 30.0
    assert boss.put("/budgets/v1/winter", json=body | {"every": "day"}).status_code == 409
    assert alice.get("/budgets/v1").json() == {"data": []}, "no member of the project"
    assert alice.get("/budgets/v1/winter").status_code == 404
    assert alice.put("/budgets/v1/mine", json=body).status_code == 403
    assert alice.delete("/budgets/v1/winter").status_code == 403
    assert alice.get("/budgets/v1?all=true").status_code == 403
    assert [one["id"] for one in boss.get("/budgets/v1?all=true").json()["data"]] == ["winter"]
    assert boss.delete("/budgets/v1/winter").status_code == 204
    assert boss.get("/budgets/v1?all=true").json() == {"data": []}
    assert boss.delete("/budgets/v1/winter").status_code == 404
    assert [row["act"] for row in boss.get("/budgets/v1/winter/history").json()["data"]] == ["renew", "renew"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"energy_kwh": -1.0}, "budget.energy_kwh"),
        ({"energy_kwh": None, "co2e_kg": None}, "budget.co2e_g"),
        ({"timezone": "Europe/Paname"}, "budget.timezone"),
        ({"timezone": "../etc/passwd"}, "budget.timezone"),
        ({"every": "fortnight"}, "every"),
        ({"every": "once"}, "start"),
        ({"every": "once", "start": "2026-01-01T00:00:00Z"}, "budget.end"),
        ({"overrun": "Nothing"}, "overrun"),
        ({"carry_over": 1.5}, "budget.carry_over"),
        ({"end": "1999-01-01T00:00:00Z"}, "budget.end"),
        ({"account": ""}, "account"),
        ({"organization": "x"}, "organization"),
        ({"kwh": 1.0}, "kwh"),
        ({"alerts_percent": [80, 50]}, "budget.alerts_percent"),
        ({"alerts_percent": [0]}, "budget.alerts_percent"),
        ({"alerts_percent": [1, 2, 3, 4, 5, 6]}, "budget.alerts_percent"),
    ],
)
def test_a_bad_budget_is_refused_by_name(boss: TestClient, change: dict[str, Any], field: str) -> None:
    body = {"account": "alice@example.org", "energy_kwh": 5.0, **change}
    answer = boss.put("/budgets/v1/b", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["field"] == field
    assert boss.get("/budgets/v1?all=true").json() == {"data": []}


def test_others_work_in_a_shared_budget_has_no_name(stage: BudgetStage, boss: TestClient, alice: TestClient) -> None:
    project = stage.store.project(PROJECT)
    alice_id = stage.store.account_by_email("alice@example.org").id
    stage.store.put_project(type(project)(id=PROJECT, name="P", slug="p", members=(ACCOUNT, alice_id)))
    boss.put("/budgets/v1/b", json={"project": "p", "energy_kwh": 5.0})
    stage.submit(project_id=PROJECT)
    rows = alice.get("/budgets/v1/b/history").json()["data"]
    assert [(row["act"], row["task"], row["reserved"]["energy_kwh"]) for row in rows] == [
        ("renew", None, 0.0),
        ("reserve", None, 1.0),
    ]
    assert boss.get("/budgets/v1/b/history").json()["data"][1]["task"]


def test_history_comes_in_pages(stage: BudgetStage, boss: TestClient, alice: TestClient) -> None:
    boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 50.0})
    for _ in range(4):
        alice.post("/tasks", json=BODY)
    first = alice.get("/budgets/v1/b/history?limit=3").json()
    second = alice.get(f"/budgets/v1/b/history?limit=3&after={first['next_after']}").json()
    assert [row["act"] for row in first["data"] + second["data"]] == ["renew", *["reserve"] * 4]
    assert second["next_after"] is None


def test_money_budgets_stay_what_the_sdk_knows_with_ours_beside(stage: BudgetStage, boss: TestClient) -> None:
    stage.store.add_account(
        Account(id=AccountId("x"), email="x@y.z", token_hash="x", token_sealed=b"", created_at=stage.clock.now())
    )
    alice_id = stage.store.account_by_email("alice@example.org").id
    stage.store.put_project(type(stage.store.project(PROJECT))(id=PROJECT, name="P", slug="p", members=(alice_id,)))
    alice = client(stage, stage.alice)
    assert alice.get(f"/credits/v1/projects/{PROJECT}/budgets").json() == {"budgets": []}
    boss.put("/budgets/v1/b", json={"project": "p", "energy_kwh": 5.0})
    found = alice.get(f"/credits/v1/projects/{PROJECT}/budgets").json()
    assert found["budgets"] == []
    assert found["ondol"][0]["left"]["energy_kwh"] == 5.0
    parsed = [qarnot.budget.Budget.from_json(one) for one in found["budgets"]]
    assert parsed == []


def test_the_history_as_a_sheet_sums_to_the_balance_to_the_last_digit(
    stage: BudgetStage, boss: TestClient, alice: TestClient
) -> None:
    """Given work that was charged, settled and credited, when all rows are fetched as CSV, then columns sum exactly."""
    boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 50.0, "co2e_kg": 1.0, "every": "day"})
    alice_id = stage.store.account_by_email("alice@example.org").id
    stage.submit(account_id=alice_id, cpu_s=1.0, service=ServiceClass.FLEX)
    stage.submit(account_id=alice_id, cpu_s=1e6)
    stage.run(1800)
    answer = alice.get("/budgets/v1/b/history?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["act"] for row in rows][:3] == ["renew", "reserve", "reserve"]
    balance = stage.balance()
    for name in ("granted", "carried", "spent", "reserved"):
        amount = getattr(balance, name)
        assert sum(Decimal(row[f"{name}_co2e_g"]) for row in rows) == Decimal(amount.co2e_ug).scaleb(-6)
        assert sum(Decimal(row[f"{name}_energy_kwh"]) for row in rows) == Decimal(amount.energy_uwh).scaleb(-9)
    assert alice.get("/budgets/v1/b/history?format=xml").status_code == 400
    assert alice.get("/budgets/v1/nope/history?format=csv").status_code == 404


def test_alarms_of_a_budget_are_seen_and_acknowledged_by_whose_it_is(
    stage: BudgetStage, boss: TestClient, alice: TestClient
) -> None:
    body = {"account": "alice@example.org", "energy_kwh": 0.5, "alerts_percent": [50]}
    assert boss.put("/budgets/v1/b", json=body).json()["alerts_percent"] == [50]
    assert alice.post("/tasks", json=BODY).status_code == 402
    stage.run(60)
    (alarm,) = alice.get("/budgets/v1/b").json()["alarms"]
    assert (alarm["code"], alarm["severity"], alarm["acknowledged_by"]) == ("budget-refuses", "warning", None)
    assert alice.get("/heat/v1/alarms").json() == boss.get("/heat/v1/alarms").json() == []
    seen = alice.post(f"/budgets/v1/b/alarms/{alarm['id']}/ack").json()
    assert seen["acknowledged_by"] == "alice@example.org"
    assert alice.post("/budgets/v1/b/alarms/nope/ack").status_code == 404
    assert boss.get("/budgets/v1/b/alarms?active=true").json()["data"] == [seen]
    boss.put("/budgets/v1/b", json=body | {"energy_kwh": 5.0})
    stage.run(60)
    assert alice.get("/budgets/v1/b").json()["alarms"] == []
    assert alice.get("/budgets/v1/b/alarms").json()["data"][0]["cleared_at"]


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"energy_kwh": 9.0}, 409),
        ({"energy_kwh": 9.0, "co2e_kg": 1.0}, 409),
        ({"energy_kwh": None, "co2e_kg": 1.0}, 200),
        ({"every": "day"}, 200),
        ({"overrun": "AlertOnly"}, 200),
        ({"start": "2027-01-01T00:00:00Z"}, 409),
        ({"account": "a@b.c"}, 200),
    ],
)
def test_two_budgets_that_would_say_the_same_are_refused(
    stage: BudgetStage, boss: TestClient, other: dict[str, Any], status: int
) -> None:
    body: dict[str, Any] = {"account": "alice@example.org", "energy_kwh": 5.0}
    assert boss.put("/budgets/v1/first", json=body).status_code == 200
    answer = boss.put("/budgets/v1/second", json=body | other)
    assert answer.status_code == status, answer.text
    if status == 409:
        assert "overlap with those of budget first" in answer.json()["detail"]
        ended = body | {"end": "2026-12-31T00:00:00Z"}
        assert boss.put("/budgets/v1/first", json=ended).status_code == 200
        follows = body | other | {"start": "2026-12-31T00:00:00Z"}
        assert boss.put("/budgets/v1/second", json=follows).status_code == 200, "one after the other is no overlap"
