"""`/heat/v1` and `/ledger/v1`: requested, accepted and measured apart; other tenants' work without names."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx2
import pytest

GOOD = {
    "name": "t",
    "profile": "docker-batch",
    "instanceCount": 1,
    "constants": [{"key": "DOCKER_CMD", "value": "true"}],
}


@pytest.fixture
def burnt(alice: httpx2.Client, bob: httpx2.Client, desk: Any) -> tuple[str, str]:
    """A task of each tenant, a quarter of an hour of the node apiece."""
    made = []
    for client, account in ((alice, "alice"), (bob, "bob")):
        uuid = client.post("/tasks", json=GOOD).json()["uuid"]
        desk.start(uuid)
        desk.burn(uuid, kwh=0.05, heat_kwh=0.04, account=account)
        made.append(uuid)
    return made[0], made[1]


def test_heat_side_keeps_requested_accepted_and_measured_apart(bob: httpx2.Client):
    site = bob.get("/heat/v1/sites/home").json()
    assert site["power"]["requested"]["power_w"] == 300.0
    assert site["power"]["accepted"]["power_w"] == 220.0
    assert site["power"]["measured"] | {"at": ""} == {"power_w": 180.0, "heat_j": 5e5, "at": "", "quality": "good"}
    room = bob.get("/heat/v1/zones").json()[0]
    assert room["requested"] == {"setpoint_c": 20.0, "lower_c": 19.5, "upper_c": 20.5}
    assert room["measured"] == {"temp_c": 19.4, "layers_c": [], "at": "2026-01-12T00:00:00Z", "quality": "good"}
    tank = bob.get("/heat/v1/tanks?site=home").json()[0]
    assert (tank["measured"]["temp_c"], tank["measured"]["quality"]) == (None, "stale")
    assert bob.get("/heat/v1/pools").json()[0]["measured"]["quality"] == "missing"
    assert bob.get("/heat/v1/circuits").json()[0]["units"] == ["boiler"]
    unit = bob.get("/heat/v1/units/heater").json()
    assert (unit["sink_id"], unit["kind"], unit["reason"]) == (
        "room",
        "digital_heater",
        "room 0.6 K below its set-point",
    )
    assert [one["id"] for one in bob.get("/heat/v1/units?site=elsewhere").json()] == []
    assert bob.get("/heat/v1/requests").json()[0]["value_now"] == 20.0


def test_readings_by_sink_and_unit_in_a_window(alice: httpx2.Client, burnt: tuple[str, str]):
    page = alice.get("/heat/v1/readings?sink=room&limit=1").json()
    assert (page["total"], page["next_offset"]) == (2, 1)
    assert page["data"][0]["requested"]["demanded_j"] == pytest.approx(0.04 * 3.6e6)
    assert page["data"][0]["measured"]["temp_c"] == 19.4
    later = alice.get("/heat/v1/readings?unit=heater&from=2026-01-12T00:15:00Z&to=2026-01-12T01:00:00Z").json()
    assert [one["start"] for one in later["data"]] == ["2026-01-12T00:15:00Z"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/heat/v1/sites/nowhere", 404),
        ("/heat/v1/units/nowhere", 404),
        ("/heat/v1/readings", 400),
        ("/heat/v1/readings?sink=nowhere", 404),
        ("/heat/v1/readings?sink=room&from=soon", 400),
        ("/heat/v1/readings?sink=room&from=2026-01-02&to=2026-01-01", 400),
        ("/heat/v1/readings?sink=room&limit=0", 400),
        ("/ledger/v1/statement?task=nowhere", 404),
        ("/ledger/v1/statement?site=nowhere", 404),
        ("/ledger/v1/statement", 404),
        ("/ledger/v1/nothing", 404),
    ],
)
def test_errors_are_problems(alice: httpx2.Client, path: str, status: int):
    answer = alice.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["title"]


def test_heat_side_needs_a_token(url: str):
    answer = httpx2.get(f"{url}/heat/v1/now")
    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")


def test_other_tenants_work_has_no_name(alice: httpx2.Client, burnt: tuple[str, str]):
    mine, other = burnt
    rows = alice.get("/ledger/v1/energy").json()["data"]
    assert sorted(str(row["task_id"]) for row in rows) == sorted([mine, "None", "None", "None"])
    for path in ("/ledger/v1/energy", "/ledger/v1/statement", "/ledger/v1/statement?site=home", "/heat/v1/now"):
        text = alice.get(path).text
        assert other not in text, path
        assert '"bob"' not in text, path
    assert mine in alice.get("/heat/v1/now").text
    assert alice.get(f"/ledger/v1/energy?task={other}").status_code == 404
    assert alice.get(f"/ledger/v1/statement?task={other}").status_code == 404


def test_statements_of_task_site_and_fleet(alice: httpx2.Client, burnt: tuple[str, str]):
    mine, _ = burnt
    task = alice.get(f"/ledger/v1/statement?task={mine}").json()
    assert task["kind"] == "task"
    assert task["terms"]["clock_rate"] == 60.0
    assert task["statement"]["name"] == "t"
    assert task["statement"]["total_kwh"] == pytest.approx(0.051)
    assert task["statement"]["useful_heat_kwh"] == pytest.approx(0.04)
    site = alice.get("/ledger/v1/statement?site=home").json()["statement"]
    assert site["figures"]["energy"]["it_kwh"] == pytest.approx(0.1)
    fleet = alice.get("/ledger/v1/statement").json()["statement"]
    assert [job["task_id"] for job in fleet["jobs"]] == [mine]
    assert alice.get("/ledger/v1/heat?site=home").json()["total"] == 2


def test_statement_of_a_deleted_task_stays(alice: httpx2.Client, burnt: tuple[str, str]):
    mine, _ = burnt
    assert alice.delete(f"/tasks/{mine}").status_code == 200
    assert alice.get(f"/ledger/v1/statement?task={mine}").json()["statement"]["name"] == mine


def test_no_route_reads_all_of_history(alice: httpx2.Client, desk: Any, burnt: tuple[str, str]):
    """Only what is of one task, found by its id, has no bounds of time."""
    mine, _ = burnt
    for path in (
        "/ledger/v1/energy",
        "/ledger/v1/heat",
        "/ledger/v1/statement",
        "/ledger/v1/statement?site=home",
        f"/ledger/v1/energy?task={mine}",
        f"/ledger/v1/statement?task={mine}",
        "/heat/v1/readings?sink=room",
        f"/carbon/v1/tasks/{mine}/carbon-facts",
    ):
        desk.asked.clear()
        assert alice.get(path).status_code == 200, path
        assert desk.asked, path
        assert all(task is not None or start is not None for task, start, _ in desk.asked), path


def test_without_from_the_last_seven_days_are_shown(alice: httpx2.Client, desk: Any, burnt: tuple[str, str]):
    paths = ("/ledger/v1/energy", "/ledger/v1/heat", "/heat/v1/readings?sink=room")
    desk.at += dt.timedelta(days=7, hours=20)
    page = alice.get(paths[0]).json()
    assert (page["from"], page["to"], page["total"]) == ("2026-01-12T00:00:00Z", None, 4)
    desk.at += dt.timedelta(hours=5)
    assert [alice.get(path).json()["total"] for path in paths] == [0, 0, 0]
    for path in paths:
        sign = "&" if "?" in path else "?"
        assert alice.get(f"{path}{sign}from=2026-01-12T00:00:00Z").json()["total"] > 0
        assert alice.get(f"{path}{sign}to=2026-01-13T00:00:00Z").json()["total"] > 0
    missing = alice.get("/ledger/v1/statement")
    assert missing.status_code == 404
    assert "from 2026-01-13T00:00:00Z to now: choose `from`" in missing.json()["detail"]
    made = alice.get("/ledger/v1/statement?to=2026-01-13T00:00:00Z").json()
    assert (made["terms"]["from"], made["terms"]["to"]) == ("2026-01-06T00:00:00Z", "2026-01-13T00:00:00Z")
    mine, _ = burnt
    assert alice.get(f"/ledger/v1/energy?task={mine}").json()["total"] == 1
    assert alice.get(f"/ledger/v1/energy?task={mine}&from=2026-01-13T00:00:00Z").json()["total"] == 0
    assert alice.get(f"/ledger/v1/statement?task={mine}").json()["statement"]["useful_heat_kwh"] == pytest.approx(0.04)


def test_a_time_at_the_end_of_all_calendars_is_no_fault(alice: httpx2.Client):
    for query in ("to=0001-01-02", "from=9999-12-31", "from=0001-01-01&to=0001-01-02"):
        assert alice.get(f"/ledger/v1/energy?{query}").json()["total"] == 0


@pytest.mark.parametrize("path", ["/ledger/v1/energy", "/ledger/v1/heat", "/ledger/v1/statement"])
def test_longer_spans_than_a_month_are_asked_for_piece_by_piece(alice: httpx2.Client, path: str):
    for query in ("from=2025-12-01", "from=2025-01-01&to=2025-02-02"):
        answer = alice.get(f"{path}?{query}")
        assert answer.status_code == 400
        assert "at most 31 days before to" in answer.json()["detail"]
