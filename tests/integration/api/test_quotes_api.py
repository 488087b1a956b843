"""Given the API, when a task is quoted over HTTP, then nothing is submitted, and what is taken is exactly that."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from integration.api.memory_desk import ALICE, BOSS, MemoryDesk
from ondol.cli.main import run
from ondol.server.api.quote_out import quality_out

BODY: dict[str, Any] = {
    "name": "render",
    "profile": "process",
    "instanceCount": 3,
    "constants": [{"key": "CMD", "value": "true"}],
    "labels": {"ondol.expected": "600", "ondol.deadline": "+12h", "mine": "x"},
}


def give(client: httpx2.Client, **changes: Any) -> dict[str, Any]:
    answer = client.post("/quotes/v1", json={**BODY, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_quote_has_figures_with_units_and_submits_nothing(alice: httpx2.Client, desk: MemoryDesk) -> None:
    quote = give(alice)
    assert [one["option"] for one in quote["options"]] == ["now", "deadline", "heat", "smaller", "slower"]
    deadline = quote["options"][1]
    assert deadline["service"] == "flex"
    assert deadline["instances"] == 3
    assert dt.datetime.fromisoformat(deadline["deadline"]) == desk.at + dt.timedelta(hours=12)
    assert deadline["start"]["p50"] <= deadline["start"]["p90"] <= deadline["end"]["p90"]
    assert deadline["co2e_g"]["low"] <= deadline["co2e_g"]["p50"] <= deadline["co2e_g"]["high"]
    assert deadline["energy_kwh"]["p50"] > 0
    assert deadline["budgets"] is None
    assert deadline["grounds"] == "the declared run time"
    assert desk.tasks("alice").rows == ()  # type: ignore[arg-type]
    assert alice.get(f"/quotes/v1/{quote['id']}").json() == quote
    assert [one["id"] for one in alice.get("/quotes/v1").json()] == [quote["id"]]


def test_bad_bodies_are_refused_as_creation_refuses_them(alice: httpx2.Client, desk: MemoryDesk) -> None:
    for change in (
        {"name": ""},
        {"labels": {"ondol.service": "sometimes"}},
        {"labels": {"ondol.deadline": "yesterday"}},
        {"instanceCount": -1},
        {"resultBucket": "nowhere"},
    ):
        quoted = alice.post("/quotes/v1", json={**BODY, **change})
        made = alice.post("/tasks", json={**BODY, **change})
        assert quoted.status_code == made.status_code, change
        assert quoted.json()["detail"] == made.json()["message"]
    for body in ([BODY], None, "text", 5):
        assert alice.post("/quotes/v1", json=body).status_code == 400
    assert desk.store.quotes() == ()
    assert desk.tasks("alice").rows == ()  # type: ignore[arg-type]


def test_taking_an_option_makes_that_task_once(alice: httpx2.Client, desk: MemoryDesk) -> None:
    quote = give(alice)
    path = f"/quotes/v1/{quote['id']}/accept"
    assert alice.post(path, json={"option": "sideways"}).status_code == 400
    assert alice.post(path, json={}).status_code == 400
    made = alice.post(path, json={"option": "deadline"})
    assert made.status_code == 200, made.text
    uuid = made.json()["uuid"]
    assert made.headers["Location"] == f"/v1/tasks/{uuid}"
    task = alice.get(f"/tasks/{uuid}").json()
    assert task["labels"]["ondol.quote"] == f"{quote['id']}/deadline"
    assert task["labels"]["mine"] == "x"
    stored = desk.store.task(uuid)
    assert stored is not None
    assert stored.deadline is not None
    assert stored.deadline.isoformat() == quote["options"][1]["deadline"]
    assert len(stored.instance_numbers) == 3
    assert alice.post(path, json={"option": "deadline"}).json() == {"uuid": uuid}
    other = alice.post(path, json={"option": "now"})
    assert other.status_code == 409
    assert "was taken as 'deadline'" in other.json()["detail"]
    assert len(desk.tasks("alice").rows) == 1  # type: ignore[arg-type]
    shown = alice.get(f"/quotes/v1/{quote['id']}").json()
    assert (shown["accepted"], shown["task_uuid"]) == ("deadline", uuid)


def test_smaller_has_its_first_instances_only(alice: httpx2.Client, desk: MemoryDesk) -> None:
    quote = give(alice, instanceCount=None, advancedRanges="2-5,9")
    assert quote["options"][3]["instances"] == 3
    made = alice.post(f"/quotes/v1/{quote['id']}/accept", json={"option": "smaller"})
    stored = desk.store.task(made.json()["uuid"])
    assert stored is not None
    assert (stored.instance_numbers, stored.advanced_ranges) == ((2, 3, 4), "2-4")


def test_a_label_at_creation_takes_the_quote_of_that_very_task(alice: httpx2.Client, desk: MemoryDesk) -> None:
    quote = give(alice)
    labels = {**BODY["labels"], "ondol.quote": f"{quote['id']}/heat"}
    wrong = alice.post("/tasks", json={**BODY, "name": "other", "labels": labels})
    assert wrong.status_code == 400
    assert "a quote of this very task" in wrong.json()["message"]
    assert alice.post("/tasks", json={**BODY, "labels": {**labels, "ondol.quote": "nonsense"}}).status_code == 400
    listed = alice.post("/tasks", json=[{**BODY, "labels": labels}])
    assert "sent alone" in listed.json()[0]["message"]
    made = alice.post("/tasks", json={**BODY, "labels": labels})
    assert made.status_code == 200, made.text
    stored = desk.store.task(made.json()["uuid"])
    assert stored is not None
    assert stored.service.name == "HARVEST"
    copied = alice.post("/tasks", json={**BODY, "labels": labels, "tags": ["again"]})
    assert copied.status_code == 409
    assert f"was taken as 'heat': task {stored.id}" in copied.json()["message"]
    assert "leave ondol.quote out" in copied.json()["message"]
    clone = alice.post(f"/tasks/{stored.id}/clone", json={})
    assert clone.status_code == 200, clone.text
    again = desk.store.task(clone.json()["uuid"])
    assert again is not None
    assert "ondol.quote" not in again.labels
    assert again.service.name == "HARVEST"  # as the option had it, though no field of the body said so


def test_a_clone_of_an_option_may_wait_as_long_as_that(alice: httpx2.Client, desk: MemoryDesk) -> None:
    quote = give(alice, labels={"ondol.expected": "600"})
    taken = desk.store.task(alice.post(f"/quotes/v1/{quote['id']}/accept", json={"option": "deadline"}).json()["uuid"])
    desk.at += dt.timedelta(days=3)
    clone = desk.store.task(alice.post(f"/tasks/{taken.id}/clone", json={}).json()["uuid"])  # type: ignore[union-attr]
    assert clone is not None and taken is not None  # noqa: PT018
    assert clone.service is taken.service
    assert clone.deadline is not None
    assert abs(clone.deadline - desk.at - dt.timedelta(hours=24)) < dt.timedelta(seconds=2)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"retrySettings": {"maxTotalRetries": 5}}, 400),
        ({"resultsBlacklist": "x"}, 400),
        ({"labels": {"ondol.time_limit": "60"}}, 400),
        ({"labels": {"ondol.resumable": "true"}}, 400),
        ({"tags": ["mine"], "shortname": "mine", "autoDeleteOnCompletion": True}, 200),
        ({"labels": {"ondol.deadline": "+2h", "mine": "y"}}, 200),
    ],
)
def test_only_the_quoted_body_is_what_was_quoted(alice: httpx2.Client, change: dict[str, Any], status: int) -> None:
    quote = give(alice)
    labels = {**BODY["labels"], **change.get("labels", {}), "ondol.quote": f"{quote['id']}/deadline"}
    made = alice.post("/tasks", json={**BODY, **change, "labels": labels})
    assert made.status_code == status, made.text
    if status == 400:
        assert "a quote of this very task" in made.json()["message"]
        assert "leave ondol.quote out" in made.json()["message"]


def test_a_quote_says_its_tariff(alice: httpx2.Client) -> None:
    for option in give(alice)["options"]:
        if option["price_eur"] is not None:
            assert option["tariff_eur_per_core_h"] == 0.0
            assert option["record"] is None  # nothing came yet


def test_quotes_of_others_are_not_there(alice: httpx2.Client, bob: httpx2.Client) -> None:
    quote = give(alice)
    assert bob.get(f"/quotes/v1/{quote['id']}").status_code == 404
    assert bob.post(f"/quotes/v1/{quote['id']}/accept", json={"option": "now"}).status_code == 404
    assert bob.get("/quotes/v1").json() == []
    label = {"ondol.quote": f"{quote['id']}/now"}
    refused = bob.post("/tasks", json={**BODY, "labels": label})
    assert refused.status_code == 400
    assert "a quote of yours" in refused.json()["message"]


def test_a_quote_runs_out(alice: httpx2.Client, desk: MemoryDesk) -> None:
    quote = give(alice)
    desk.at += dt.timedelta(minutes=11)
    late = alice.post(f"/quotes/v1/{quote['id']}/accept", json={"option": "now"})
    assert late.status_code == 409
    assert "was valid until" in late.json()["detail"]


def test_quality_is_for_oneself_and_of_all_for_the_operator(alice: httpx2.Client, url: str) -> None:
    told = alice.get("/quotes/v1/quality").json()
    assert told["aim"] == {"p50_kept": 0.5, "p90_kept": 0.9}
    assert (told["quotes"], told["every_task"]) == ([], [])
    assert alice.get("/quotes/v1/quality", params={"days": "7"}).status_code == 200
    assert alice.get("/quotes/v1/quality", params={"days": "0"}).status_code == 400
    assert alice.get("/quotes/v1/quality", params={"all": "true"}).status_code == 400
    with httpx2.Client(base_url=url, headers={"Authorization": BOSS}, timeout=10) as boss:
        assert boss.get("/quotes/v1/quality", params={"all": "true"}).status_code == 200


def test_a_user_at_a_terminal_quotes_takes_and_looks(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    def ondol(*line: str, code: int = 0) -> str:
        capsys.readouterr()
        ended = run(["quote", *line, "--url", url, "--token", ALICE])
        said = capsys.readouterr()
        assert ended == code, said.out + said.err
        return said.out + said.err

    asked = ("--name", "render", "--command", "true", "--instances", "3", "--expected", "10min", "--profile", "process")
    said = ondol(*asked)
    for words in ("now", "deadline", "heat", "smaller", "CO2e", "ondol quote accept", "slots are free"):
        assert words in said
    quote = json.loads(ondol(*asked, "--json"))
    uuid = ondol("accept", quote["id"], "heat").strip()
    assert json.loads(ondol("show", quote["id"], "--json"))["task_uuid"] == uuid
    assert f"Taken as heat: task {uuid}" in ondol("show", quote["id"])
    assert "was taken as 'heat'" in ondol("accept", quote["id"], "now", code=1)
    assert quote["id"] in ondol("list")
    assert "No quote was taken yet" in ondol("quality")
    assert "--name is required" in ondol(code=2)


def test_how_many_tasks_others_have_is_not_told() -> None:
    every = {"start": {"flex": (100, 91), "harvest": (3, 3)}}
    told = quality_out((), every, counted=False)["every_task"]
    assert told[0] == {"figure": "start", "service": "flex", "tasks": None, "p90_kept": 0.91}
    assert told[1]["p90_kept"] is None
    assert quality_out((), every, counted=True)["every_task"][0]["tasks"] == 100


def test_who_asks_for_the_same_option_at_once_gets_the_same_task(alice: httpx2.Client, url: str) -> None:
    quote = give(alice)

    def take(_number: int) -> tuple[int, str]:
        with httpx2.Client(base_url=url, headers={"Authorization": ALICE}, timeout=30) as client:
            answer = client.post(f"/quotes/v1/{quote['id']}/accept", json={"option": "now"})
        return answer.status_code, answer.json().get("uuid", answer.text)

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(take, range(20)))
    assert len(answers) == 1, answers
    assert answers.pop()[0] == 200


def test_twenty_who_take_at_once_make_one_task(alice: httpx2.Client, url: str, desk: MemoryDesk) -> None:
    quote = give(alice)

    def take(number: int) -> tuple[int, str]:
        option = ("now", "deadline", "heat", "smaller")[number % 4]
        with httpx2.Client(base_url=url, headers={"Authorization": ALICE}, timeout=30) as client:
            answer = client.post(f"/quotes/v1/{quote['id']}/accept", json={"option": option})
        return answer.status_code, option

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(take, range(20)))
    tasks = desk.tasks("alice").rows  # type: ignore[arg-type]
    assert len(tasks) == 1
    taken = tasks[0].labels["ondol.quote"].partition("/")[2]
    assert {option for status, option in answers if status == 200} == {taken}
    assert {status for status, _ in answers} <= {200, 409}
