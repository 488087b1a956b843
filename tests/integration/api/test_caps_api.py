"""Given the API, when a task states a cap, then it is kept, shown and read back, and nonsense is refused in words."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from integration.api.memory_desk import MemoryDesk
from integration.api.test_quotes_api import BODY, give

PLAIN: dict[str, Any] = {key: value for key, value in BODY.items() if key != "labels"}


def made(client: httpx2.Client, cap: str, **changes: Any) -> httpx2.Response:
    return client.post("/tasks", json={**PLAIN, "labels": {"ondol.cap": cap}, **changes})


def test_a_cap_is_kept_with_the_task_and_shown_as_it_was_said(alice: httpx2.Client, desk: MemoryDesk) -> None:
    for said, cap in (("0.5", 0.5), ("1", 1.0), ("0.1", 0.1)):
        task_id = made(alice, said).json()["uuid"]
        stored = desk.store.task(task_id)
        assert stored is not None
        assert stored.speed_cap == cap
        assert alice.get(f"/tasks/{task_id}").json()["labels"] == {"ondol.cap": said}
    plain = desk.store.task(alice.post("/tasks", json=PLAIN).json()["uuid"])
    assert plain is not None
    assert plain.speed_cap == 1.0


@pytest.mark.parametrize("cap", ["0", "0.09", "1.01", "-1", "half", "nan", "inf", "50%", ""])
def test_what_is_no_share_of_full_speed_is_refused(alice: httpx2.Client, cap: str) -> None:
    answer = made(alice, cap)
    assert answer.status_code == 400
    assert "labels.ondol.cap" in answer.json()["message"]
    assert "from 0.1 to 1" in answer.json()["message"]


def test_in_a_pool_the_slots_are_the_pools_own(alice: httpx2.Client) -> None:
    pool = alice.post("/pools", json={"name": "p", "profile": "process", "instanceCount": 1}).json()["uuid"]
    inside = {"poolUuid": pool, "profile": "process"}
    refused = made(alice, "0.5", **inside)
    assert refused.status_code == 400
    assert "in a pool: its slots are its own" in refused.json()["message"]
    assert made(alice, "1", **inside).status_code == 200


def test_slower_is_taken_by_its_route_or_by_its_label(alice: httpx2.Client, desk: MemoryDesk) -> None:
    """Given quotes of one body, when `slower` is taken either way, then the task has its cap, and shows it."""
    quote = give(alice)
    slower = next(one for one in quote["options"] if one["option"] == "slower")
    assert (slower["speed_cap"], slower["instances"], slower["feasible"]) == (0.5, 3, True)
    assert {one["speed_cap"] for one in quote["options"] if one["option"] != "slower"} == {1.0}
    by_route = alice.post(f"/quotes/v1/{quote['id']}/accept", json={"option": "slower"}).json()["uuid"]
    label = f"{give(alice)['id']}/slower"
    by_label = alice.post("/tasks", json={**BODY, "labels": {**BODY["labels"], "ondol.quote": label}}).json()["uuid"]
    for task_id in (by_route, by_label):
        stored = desk.store.task(task_id)
        assert stored is not None
        assert stored.speed_cap == 0.5
        assert stored.labels["ondol.cap"] == "0.5"
        assert stored.instance_numbers == (0, 1, 2)


def test_a_quote_of_full_speed_is_not_of_a_task_with_a_cap(alice: httpx2.Client) -> None:
    labels = {**BODY["labels"], "ondol.cap": "0.3", "ondol.quote": f"{give(alice)['id']}/now"}
    answer = alice.post("/tasks", json={**BODY, "labels": labels})
    assert answer.status_code == 400
    assert "a quote of this very task" in answer.json()["message"]
    quoted = give(alice, labels={**BODY["labels"], "ondol.cap": "0.3"})
    assert {one["speed_cap"] for one in quoted["options"]} == {0.3}
    slower = next(one for one in quoted["options"] if one["option"] == "slower")
    assert slower["why_not"] == "it takes no more than 0.3 of full speed already"
