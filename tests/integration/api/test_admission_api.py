"""What the answer to a submission says beside its body, which stays the wire's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from integration.api.memory_desk import ALICE, BOB, MemoryDesk
from ondol.model.errors import UnavailableError
from ondol.server.app import create_api
from unit.control.test_admission_notes import SUMMER, notes, view


class TellingDesk(MemoryDesk):
    """A desk that keeps with each task what a summer fleet says of it."""

    def submit(self, tasks, reply=None):
        super().submit(notes(view(SUMMER)).noted(tasks), reply)


@pytest.fixture
def alice(tmp_path: Path) -> TestClient:
    desk = TellingDesk(tmp_path)
    app = create_api(desk, storage_url=None, admissions=notes(view(SUMMER)))
    return TestClient(app, headers={"Authorization": ALICE})


def body(service: str, name: str = "t") -> dict[str, object]:
    constants = [{"key": "CMD", "value": "true"}]
    labels = {"ondol.service": service}
    return {"name": name, "profile": "process", "instanceCount": 1, "constants": constants, "labels": labels}


def test_the_body_is_the_wires_own_and_headers_say_the_rest(alice: TestClient) -> None:
    answer = alice.post("/tasks", json=body("harvest"))
    assert answer.status_code == 200
    assert list(answer.json()) == ["uuid"]
    assert answer.headers["Ondol-Admission"] == "harvest;verdict=waits_for_heat;heat=neutral"
    key = answer.json()["uuid"]
    assert answer.headers["Link"] == f'</admission/v1/tasks/{key}>; rel="describedby"'


def test_what_was_said_stays_with_the_task_and_is_its_owners_alone(alice: TestClient) -> None:
    key = alice.post("/tasks", json=body("flex")).json()["uuid"]
    said = alice.get(f"/admission/v1/tasks/{key}").json()
    assert (said["task"], said["service"], said["verdict"], said["heat"]) == (key, "flex", "waits_for_heat", "neutral")
    assert said["latest_start"] == "2026-01-12T06:55:00Z"
    assert said["capacity"] == {
        "slots": 2, "free_slots": 2, "heat_slots": 0, "rack_slots": 0,
        "worst_week": "2026-07-20", "worst_week_heat_slots": 1,
    }  # fmt: skip
    other = alice.get(f"/admission/v1/tasks/{key}", headers={"Authorization": BOB})
    assert other.status_code == 404
    assert other.headers["content-type"] == "application/problem+json"


def test_a_list_is_counted_by_what_is_said(alice: TestClient) -> None:
    bodies = [body("harvest", f"h{k}") for k in range(3)] + [body("on_demand"), {"name": "bad"}]
    answer = alice.post("/tasks", json=bodies)
    assert answer.status_code == 207
    assert answer.headers["Ondol-Admission"] == (
        "harvest;verdict=waits_for_heat;heat=neutral;tasks=3, on_demand;verdict=starts_now;heat=neutral;tasks=1"
    )


def test_a_clone_and_a_repeated_request_are_told_too(alice: TestClient) -> None:
    first = alice.post("/tasks", json=body("harvest"), headers={"Idempotency-Key": "k"})
    again = alice.post("/tasks", json=body("harvest"), headers={"Idempotency-Key": "k"})
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Ondol-Admission"] == first.headers["Ondol-Admission"]
    clone = alice.post(f"/tasks/{first.json()['uuid']}/clone", json={})
    assert clone.headers["Ondol-Admission"].startswith("harvest;")


def test_before_submitting_each_class_can_be_asked_about(alice: TestClient) -> None:
    found = alice.get("/admission/v1").json()["classes"]
    assert [(one["service"], one["verdict"]) for one in found] == [
        ("on_demand", "starts_now"),
        ("flex", "waits_for_heat"),
        ("harvest", "waits_for_heat"),
        ("filler", "waits_for_heat"),
    ]


def test_a_desk_that_says_nothing_answers_as_ever(tmp_path: Path) -> None:
    client = TestClient(create_api(MemoryDesk(tmp_path), storage_url=None), headers={"Authorization": ALICE})
    answer = client.post("/tasks", json=body("flex"))
    assert answer.status_code == 200
    assert "Ondol-Admission" not in answer.headers
    assert client.get(f"/admission/v1/tasks/{answer.json()['uuid']}").status_code == 404
    assert client.get("/admission/v1").status_code == 501


def test_a_note_goes_into_storage_and_out_again_unchanged(tmp_path: Path) -> None:
    desk = TellingDesk(tmp_path)
    client = TestClient(create_api(desk, storage_url=None), headers={"Authorization": ALICE})
    key = client.post("/tasks", json=body("flex")).json()["uuid"]
    kept = desk.store.task(key)
    assert kept is not None
    (said,) = notes(view(SUMMER)).noted([dataclasses.replace(kept, admission=None)])
    assert kept.admission == said.admission


def test_storage_that_falls_silent_after_the_creation_is_no_failure_of_it(tmp_path: Path) -> None:
    """Given a durable task, when what was said of it cannot be read, then no client is told to send it again."""

    class SilentDesk(TellingDesk):
        def detail(self, account_id, key):
            raise UnavailableError("the database does not answer")

    app = create_api(SilentDesk(tmp_path), storage_url=None, admissions=notes(view(SUMMER)))
    answer = TestClient(app, headers={"Authorization": ALICE}).post("/tasks", json=body("flex"))
    assert (answer.status_code, "Ondol-Admission" in answer.headers) == (200, False), answer.text
