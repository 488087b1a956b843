"""Given hosts of two sites over HTTP, when they ask, read and set, then each has its own site, nothing half done."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from integration.api.conftest import serve
from integration.api.host_sites import two_sites
from integration.api.memory_desk import ALICE, BOB, BOSS, T0, MemoryDesk
from ondol.agent.orders import AlarmNote, HygieneStatus, SiteOrders
from ondol.model.alarm import Severity
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier
from ondol.model.points import PointReading
from ondol.storage.ports import Changes

HOUR = dt.timedelta(hours=1)
Client = Callable[[str], httpx2.Client]


@pytest.fixture
def desk(tmp_path: Path) -> MemoryDesk:
    return MemoryDesk(tmp_path, fleet=two_sites())


@pytest.fixture
def client(desk: MemoryDesk) -> Iterator[Client]:
    with serve(desk) as url:
        opened: dict[str, httpx2.Client] = {}

        def give(token: str) -> httpx2.Client:
            if token not in opened:
                opened[token] = httpx2.Client(base_url=f"{url}/heat/v1", headers={"Authorization": token}, timeout=10)
            return opened[token]

        boss = give(BOSS)
        for site, host in (("home", "alice"), ("next", "bob")):
            answer = boss.put(f"/sites/{site}/terms", json={"hosts": [f"{host}@example.org"]})
            assert answer.status_code == 200, answer.text
        yield give
        for one in opened.values():
            one.close()


@pytest.fixture
def alice(client: Client) -> httpx2.Client:
    return client(ALICE)


@pytest.fixture
def bob(client: Client) -> httpx2.Client:
    return client(BOB)


def told(answer: httpx2.Response, status: int = 200) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    found: dict[str, object] = answer.json()
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert found["status"] == status
    return found


# -- tenants --


def test_each_host_sees_its_own_site_and_the_operator_all(
    alice: httpx2.Client, bob: httpx2.Client, client: Client
) -> None:
    for token, sites, sinks in (
        (ALICE, ["home"], ["room"]),
        (BOB, ["next"], ["n-room"]),
        (BOSS, ["home", "next"], None),
    ):
        own = client(token)
        assert [one["id"] for one in own.get("/sites").json()] == sites
        if sinks is not None:
            assert [one["id"] for one in own.get("/zones").json()] == sinks
            assert {one["site_id"] for one in own.get("/units").json()} == set(sites)
            assert {one["site_id"] for one in own.get("/requests").json()} == set(sites)
            assert {one["site_id"] for one in own.get("/points").json()} <= set(sites)
    assert [one["id"] for one in bob.get("/nodes").json()] == ["n-node"]
    assert bob.get("/now").json()["sinks"] == []


FOREIGN = [
    ("GET", "/sites/home", None), ("GET", "/units/heater", None), ("GET", "/readings?sink=room", None),
    ("GET", "/readings?point=tank.temperature", None), ("GET", "/points?site=home", None),
    ("GET", "/deliveries?site=home", None), ("GET", "/alarms?site=home", None),
    ("GET", "/sites/home/statement?month=2026-01", None), ("GET", "/sites/home/terms", None),
    ("GET", "/tanks/tank/hygiene?month=2026-01", None), ("GET", "/requests/warm", None),
    ("GET", "/sinks/room/wish", None), ("DELETE", "/sinks/room/wish", None), ("DELETE", "/requests/warm", None),
    ("PUT", "/sinks/room/setpoint", {"setpoint_c": 21.0}), ("PUT", "/sinks/room/preset", {"preset": "eco"}),
    ("PUT", "/sinks/room/off", {}), ("PUT", "/sinks/room/schedule", {"slots": [{"from": "00:00", "value": 20.0}]}),
    ("PUT", "/sites/home/terms", {"hosts": ["bob@example.org"]}),
]  # fmt: skip


def test_a_foreign_site_is_not_there(bob: httpx2.Client, desk: MemoryDesk) -> None:
    for method, path, body in FOREIGN:
        answer = told(bob.request(method, path, json=body), 404)
        unknown = re.sub(r"home|room|tank(?!s)|heater|warm", "none", path)
        same = told(bob.request(method, unknown, json=body), 404)
        words = [re.sub(r"home|room|tank|heater|warm|none", "", str(one["detail"])) for one in (answer, same)]
        assert words[0] == words[1], "as for one that does not exist"
    assert desk.store.wishes(SiteId("home")) == ()


def test_a_site_without_hosts_is_seen_by_all_and_set_by_the_operator(client: Client, bob: httpx2.Client) -> None:
    boss = client(BOSS)
    told(boss.put("/sites/home/terms", json={"hosts": []}))
    assert [one["id"] for one in bob.get("/sites").json()] == ["home", "next"]
    refused = told(bob.put("/sinks/room/setpoint", json={"setpoint_c": 21.0}), 403)
    assert "ondol heat hosts" in str(refused["detail"])
    told(boss.put("/sinks/room/setpoint", json={"setpoint_c": 21.0}))


def test_only_the_operator_names_hosts_and_only_accounts(client: Client, alice: httpx2.Client) -> None:
    told(alice.put("/sites/home/terms", json={"hosts": ["alice@example.org"]}), 403)
    refused = told(client(BOSS).put("/sites/home/terms", json={"hosts": ["nobody@example.org"]}), 400)
    assert refused["field"] == "hosts"
    wanted = {"hosts": ["alice@example.org"], "electricity_eur_per_kwh": 0.25}
    assert told(client(BOSS).put("/sites/home/terms", json=wanted)) == {"site_id": "home", **wanted}
    assert told(alice.get("/sites/home/terms"))["electricity_eur_per_kwh"] == 0.25


# -- wishes --


def test_a_set_point_is_requested_accepted_and_measured_apart(alice: httpx2.Client, desk: MemoryDesk) -> None:
    body = {"setpoint_c": 21.5, "until": "2026-01-12T06:00:00Z", "id": "app-1"}
    seen = told(alice.put("/sinks/room/setpoint", json=body))
    assert seen["requested"]["setpoint_c"] == 21.5  # type: ignore[index]
    assert seen["accepted"]["setpoint_c"] == 21.5  # type: ignore[index]
    assert seen["measured"]["temp_c"] == 19.4  # type: ignore[index]
    assert told(alice.put("/sinks/room/setpoint", json=body)) == seen, "sent again it is one wish"
    told(alice.put("/sinks/room/setpoint", json=body | {"setpoint_c": 23.0}), 409)
    told(alice.put("/sinks/room/off", json={"id": "app-1"}), 409)
    assert len(desk.store.wishes(SiteId("home"))) == 1
    (warm,) = [one for one in alice.get("/requests").json() if one["id"] == "warm"]
    assert (warm["requested"]["setpoint_c"], warm["accepted"]["setpoint_c"]) == (20.0, 21.5)
    desk.at = T0 + 6 * HOUR
    after = told(alice.get("/sinks/room/wish"))
    assert (after["requested"], after["accepted"]["setpoint_c"]) == (None, 20.0)  # type: ignore[index]


def test_presets_off_and_back(alice: httpx2.Client, desk: MemoryDesk) -> None:
    eco = told(alice.put("/sinks/room/preset", json={"preset": "eco"}))
    assert eco["accepted"]["setpoint_c"] == 17.0  # type: ignore[index]
    desk.at += HOUR
    boost = told(alice.put("/sinks/room/preset", json={"preset": "boost"}))
    assert boost["requested"]["until"] == "2026-01-12T03:00:00Z"  # type: ignore[index]
    desk.at += HOUR
    off = told(alice.put("/sinks/room/off"))
    assert off["accepted"]["setpoint_c"] is None  # type: ignore[index]
    desk.at += HOUR
    assert told(alice.delete("/sinks/room/wish"))["accepted"]["setpoint_c"] == 20.0  # type: ignore[index]


WRONG_WISHES: list[tuple[str, object, str]] = [
    ("setpoint", {"setpoint_c": 40.0}, "setpoint_c"),
    ("setpoint", {"setpoint_c": "20"}, "setpoint_c"),
    ("setpoint", {"setpoint_c": True}, "setpoint_c"),
    ("setpoint", {}, "setpoint_c"),
    ("setpoint", None, "body"),
    ("setpoint", [], "body"),
    ("setpoint", {"setpoint_c": 20.0, "untill": "x"}, "untill"),
    ("setpoint", {"setpoint_c": 20.0, "until": "soon"}, "until"),
    ("setpoint", {"setpoint_c": 20.0, "until": "2026-01-11T00:00:00Z"}, "until"),
    ("preset", {"preset": "party"}, "preset"),
    ("off", {"until": 3}, "until"),
    ("off", {"id": "x" * 81}, "id"),
    ("schedule", {}, "slots"),
    ("schedule", {"slots": []}, "slots"),
    ("schedule", {"slots": [{"days": "mon-xyz", "from": "06:00", "value": 20.0}]}, "slots.0.days"),
    ("schedule", {"slots": [{"from": "25:00", "value": 20.0}]}, "slots.0.from"),
    ("schedule", {"slots": [{"from": "06:00", "value": 20.0}, {"from": "06:00", "value": 19.0}]}, "slots.1.from"),
    ("schedule", {"slots": [{"from": "06:00", "value": 60.0}]}, "schedule"),
    ("schedule", {"slots": [{"from": "06:00"}]}, "slots.0.value"),
    ("schedule", {"ical": "BEGIN:VCALENDAR"}, "ical"),
]


def test_what_is_wrong_is_named_and_changes_nothing(alice: httpx2.Client, desk: MemoryDesk) -> None:
    for path, body, field in WRONG_WISHES:
        assert told(alice.put(f"/sinks/room/{path}", json=body), 400)["field"] == field, (path, body)
    assert desk.store.wishes(SiteId("home")) == ()
    assert desk.store.heat_requests() == ()


def test_a_schedule_in_slots_or_as_a_calendar_replaces_the_one_before(alice: httpx2.Client) -> None:
    slots = [{"days": "all", "from": "00:00", "value": 17.0}, {"days": "mon-fri", "from": "06:30", "value": 19.5}]
    first = told(alice.put("/sinks/room/schedule", json={"slots": slots}))
    assert (first["counts"], first["value_now"]) == (True, 17.0)
    event = "DTSTART:20260105T000000\nRRULE:FREQ=DAILY\nSUMMARY:All day 18.5 °C"
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
    sent = alice.put("/sinks/room/schedule", content=text.encode(), headers={"Content-Type": "text/calendar"})
    assert told(sent)["value_now"] == 18.5
    assert told(alice.get(f"/requests/{first['id']}"))["state"] == "cancelled"
    told(alice.delete(f"/requests/{told(sent)['id']}"))
    assert told(alice.get("/sinks/room/wish"))["accepted"]["setpoint_c"] == 20.0  # type: ignore[index]


# -- requests --


def test_a_request_is_made_read_and_cancelled(alice: httpx2.Client) -> None:
    wanted = {"id": "bath", "target": "tank", "kind": "energy", "energy_kwh": 4.5, "by": "2026-01-12T08:00:00Z"}
    made = told(alice.post("/requests", json=wanted))
    assert (made["state"], made["counts"], made["made_by"]) == ("accepted", True, "alice@example.org")
    assert made["requested"] == {"energy_kwh": 4.5, "by": "2026-01-12T08:00:00Z"}
    assert made["measured"] == {"energy_kwh": 0.0, "backup_kwh": 0.0}
    assert told(alice.post("/requests", json=wanted))["created_at"] == made["created_at"]
    told(alice.post("/requests", json=wanted | {"energy_kwh": 5.0}), 409)
    assert told(alice.delete("/requests/bath"))["reason"] == "cancelled by alice@example.org"
    told(alice.delete("/requests/bath"), 409)
    told(alice.delete("/requests/warm"), 409)
    swim = told(alice.post("/requests", json={"target": "pool", "setpoint_c": 28.0}))
    assert (swim["state"], swim["reason"]) == ("refused", "no unit heats what it asks for")


def test_a_guarantee_that_a_host_asks_for_is_a_proposal_until_the_operator_agrees(
    alice: httpx2.Client, bob: httpx2.Client, client: Client
) -> None:
    wanted = {"id": "cosy", "target": "room", "setpoint_c": 20.0, "guaranteed_c": 17.0, "if_missed": "backup"}
    made = told(alice.post("/requests", json=wanted))
    assert (made["guarantee"]["state"], made["guarantee"]["by"]) == ("proposed", "alice@example.org")
    told(alice.put("/requests/cosy/guarantee", json={"agreed": True}), 403)
    told(bob.put("/requests/cosy/guarantee", json={"agreed": True}), 404)
    assert told(client(BOSS).put("/requests/cosy/guarantee", json={"agreed": "yes"}), 400)["field"] == "agreed"
    agreed = told(client(BOSS).put("/requests/cosy/guarantee", json={"agreed": True}))
    assert agreed["guarantee"]["state"] == "agreed"
    assert told(client(BOSS).put("/requests/cosy/guarantee", json={"agreed": True})) == agreed, "sent again: the same"
    told(client(BOSS).put("/requests/cosy/guarantee", json={"agreed": False}), 409)
    filed = told(bob.get("/requests/n-warm"))
    assert filed["guarantee"] == {"state": "agreed", "since": None, "by": None}
    told(client(BOSS).put("/requests/n-warm/guarantee", json={"agreed": True}), 409)


def test_requests_come_in_pages_by_id(alice: httpx2.Client, client: Client) -> None:
    for number in range(5):
        told(alice.post("/requests", json={"id": f"p{number}", "target": "room", "setpoint_c": 18.0}))
    everything = [one["id"] for one in told(alice.get("/requests"))]
    assert everything == sorted(everything)
    found: list[str] = []
    url = "/requests?limit=2&site=home"
    while url:
        answer = alice.get(url)
        page = [one["id"] for one in told(answer)]
        assert len(page) <= 2
        found += page
        link = answer.headers.get("Link", "")
        assert not link or link.endswith('>; rel="next"')
        url = link.partition(">")[0].removeprefix("</heat/v1")
    assert found == [key for key in everything if key != "n-warm"]
    assert {one["site_id"] for one in told(client(BOSS).get("/requests?site=next"))} == {"next"}
    assert "Link" not in alice.get("/requests").headers
    assert alice.get("/requests?limit=0").status_code in (400, 422)
    assert told(alice.get("/requests/n-warm"), 404)


WRONG_REQUESTS: list[tuple[object, str]] = [
    ({"target": "n-room", "setpoint_c": 20.0}, "target"),
    ({"target": "room"}, "setpoint_c"),
    ({"target": "room", "setpoint_c": 20.0, "power_w": 3.0}, "power_w"),
    ({"target": "room", "kind": "power", "setpoint_c": 20.0}, "setpoint_c"),
    ({"target": "room", "kind": "energy", "energy_kwh": 2.0}, "by"),
    ({"target": "room", "kind": "heat", "setpoint_c": 20.0}, "setpoint_c"),
    ({"target": "room", "setpoint_c": 95.0}, "schedule"),
    ({"target": "room", "setpoint_c": 20.0, "priority": 101}, "priority"),
    ({"target": "room", "setpoint_c": 20.0, "guaranteed_c": 100.0}, "guaranteed_c"),
    ({"target": "room", "setpoint_c": 20.0, "guaranteed_c": 50.0}, "guaranteed_c"),  # above the room's hard limit
    ({"target": "room", "setpoint_c": 20.0, "comfort_c": 50.0}, "comfort_c"),
    ({"target": "room", "setpoint_c": 20.0, "valid_until": "2026-01-01T00:00:00Z"}, "valid_until"),
    ({"target": "room", "setpoint_c": 20.0, "guaranteed_until": "2026-03-01T00:00:00Z"}, "guaranteed_until"),
    (
        {"target": "room", "setpoint_c": 20.0, "guaranteed_c": 16, "guaranteed_until": "2026-01-01T00:00:00Z"},
        "guaranteed_until",
    ),
    ({"target": "room", "setpoint_c": 20.0, "id": "Not an id"}, "id"),
    ({"target": "room", "setpoint_c": 20.0, "firm": "yes"}, "firm"),
]


def test_a_wrong_request_names_its_field(alice: httpx2.Client, desk: MemoryDesk) -> None:
    for body, field in WRONG_REQUESTS:
        assert told(alice.post("/requests", json=body), 400)["field"] == field, body
    assert desk.store.heat_requests() == ()


# -- readings --


def row(value: object = 512, **more: object) -> dict[str, object]:
    return {"entity": "tank", "point": "temperature", "value": value, "time": "2026-01-12T00:00:00.25Z"} | more


def test_readings_are_judged_row_by_row(alice: httpx2.Client, desk: MemoryDesk) -> None:
    heard: list[tuple[SiteId, list[PointReading]]] = []
    desk.hosts.readings.listeners.append(lambda site, rows: heard.append((site, list(rows))))
    rows: list[object] = [
        row(), row(51.3, index=1), row("warm"), row(True), row(entity="nothing"), row(entity="heater"), row(index=7),
        row(entity="n-room"), row(point="colour"), row(time="2026-01-13T00:00:00Z"), row(time="later"), "row",
        {"entity": "tank"}, row(unit="°C"), row(9999, index=1, time=None),
        row(10**400),
    ]  # fmt: skip
    answer = told(alice.put("/readings", json=rows))
    assert (answer["accepted"], answer["refused"]) == (3, 13)
    refused = {one["row"]: one["field"] for one in answer["refusals"]}  # type: ignore[union-attr, attr-defined]
    assert refused == {
        2: "value", 3: "value", 4: "entity", 5: "entity", 6: "entity", 7: "entity", 8: "point", 9: "time", 10: "time",
        11: "body", 12: "point", 13: "unit", 15: "value",
    }  # fmt: skip
    at_once = [(str(one.key), one.value, one.quality.value, one.source) for one in heard[0][1]]
    assert at_once[:2] == [
        ("tank.temperature", pytest.approx(51.2), "good", "feed"),
        ("tank.temperature.1", 51.3, "good", "feed"),
    ]
    assert at_once[2][2] == "suspect"
    shown = told(alice.get("/readings?point=tank.temperature.1"))
    assert shown["data"][1:] == [{"value": 51.3, "at": "2026-01-12T00:00:00.250000+00:00", "quality": "good"}]
    (point,) = [one for one in alice.get("/points").json() if one["id"] == "tank.temperature.1"]
    assert (point["unit"], point["driver"], point["latest"]["value"]) == ("°C", "push", 51.3)


def test_readings_sent_again_are_accepted_and_there_once(alice: httpx2.Client) -> None:
    for _ in range(2):
        assert told(alice.put("/readings", json=[row()]))["accepted"] == 1
    told(alice.put("/readings", json=row(500, time="2026-01-12T00:01:00Z")))
    first = told(alice.get("/readings?point=tank.temperature&limit=1"))
    assert len(first["data"]) == 1  # type: ignore[arg-type]
    rest = told(alice.get("/readings", params={"point": "tank.temperature", "from": str(first["next_from"])}))
    assert [one["value"] for one in rest["data"]] == [50.0]  # type: ignore[attr-defined, union-attr]


def test_a_reading_without_a_time_is_of_now(alice: httpx2.Client, desk: MemoryDesk) -> None:
    desk.at = T0 + HOUR
    told(alice.put("/readings", json=[{"entity": "tank", "point": "temperature", "value": 400}]))
    (point,) = [one for one in alice.get("/points").json() if one["id"] == "tank.temperature"]
    assert point["latest"]["at"] == "2026-01-12T01:00:00+00:00"


def test_a_guest_sends_no_readings_and_a_text_is_no_list(client: Client, alice: httpx2.Client) -> None:
    told(client(BOSS).put("/sites/next/terms", json={"hosts": []}))
    told(client(BOB).put("/readings", json=[row()]), 403)
    assert told(alice.put("/readings", json="x"), 400)["field"] == "body"
    told(alice.put("/readings", content=b'[{"entity": "tank", "point": "temperature", "value": 1e400}]'), 400)
    assert told(alice.get("/readings?point=tank.warmth"), 400)["field"] == "point.point"


# -- what came of it --


def fill_ledger(desk: MemoryDesk, hours: int = 30) -> None:
    rows: list[HeatRow | EnergyRow] = []
    for number in range(hours):
        start = T0 - HOUR + number * HOUR  # T0 − 1 h is local midnight in Paris
        rows.append(
            HeatRow(
                site_id=SiteId("next"), unit_id=UnitId("n-heater"), sink_id=SinkId("n-room"), start=start,
                end=start + HOUR, electric_j=3.6e6, delivered_j=3.24e6, demanded_j=3.6e6,
                temp_c=15.0 if number in (3, 4) else 19.0, setpoint_c=19.0, lower_c=18.5, upper_c=19.5,
                discomfort_kh=0.1,
            )
        )  # fmt: skip
        rows.append(
            EnergyRow(
                site_id=SiteId("next"), unit_id=UnitId("n-heater"), node_id=NodeId("n-node"), share=Share.JOB,
                start=start, end=start + HOUR, energy_j=3.6e6, grid_g_per_kwh=50.0, tier=Tier.T4_CURVE,
            )
        )  # fmt: skip
    desk.store.commit(Changes(ledger=tuple(rows)))
    desk.at = T0 - HOUR + hours * HOUR


def test_deliveries_are_told_day_by_day_with_the_guarantee(bob: httpx2.Client, desk: MemoryDesk) -> None:
    fill_ledger(desk)
    days = told(bob.get("/deliveries?site=next&from=2026-01-11T23:00:00Z"))["data"]
    first, second = days  # type: ignore[misc]
    assert (first["date"], first["whole_day"], first["request_id"]) == ("2026-01-12", True, "n-warm")
    assert first["measured"]["energy_kwh"] == pytest.approx(24 * 0.9)
    assert first["measured"]["capture_ratio"] == pytest.approx(0.9)
    assert (first["guarantee_met"], first["accepted"]["guaranteed_c"]) == (False, 16.0)
    assert (second["whole_day"], second["guarantee_met"]) == (False, None)
    assert first["shortfall_kwh"] == pytest.approx(2.4)
    assert told(bob.get("/deliveries?site=next&request=other"))["data"] == []


def test_a_statement_as_json_sheet_and_page(bob: httpx2.Client, client: Client, desk: MemoryDesk) -> None:
    fill_ledger(desk)
    told(client(BOSS).put("/sites/next/terms", json={"hosts": ["bob@example.org"], "electricity_eur_per_kwh": 0.2}))
    made = told(bob.get("/sites/next/statement?month=2026-01"))
    assert (made["partial"], made["missed_days"], made["refund_eur"]) == (True, 1, pytest.approx(6.0))
    sheet = bob.get("/sites/next/statement?month=2026-01&format=csv")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert "next,n-room,2026-01-12" in sheet.text
    page = bob.get("/sites/next/statement?month=2026-01&format=html")
    assert page.headers["content-type"].startswith("text/html")
    assert "6.00 €" in page.text
    assert told(bob.get("/sites/next/statement?month=2026-13"), 400)["field"] == "month"
    assert told(bob.get("/sites/next/statement?month=2027-01"), 400)["field"] == "month"


def test_alarms_are_seen_and_acknowledged_by_their_host(
    alice: httpx2.Client, bob: httpx2.Client, desk: MemoryDesk
) -> None:
    note = AlarmNote(entity_id="tank", code="sensor-lost", severity=Severity.FAULT, text="look at the cable")
    (raised,) = desk.hosts.books.alarms.note(SiteId("home"), [note], T0)
    assert bob.get("/alarms").json() == []
    told(bob.post(f"/alarms/{raised.id}/ack"), 404)
    (shown,) = alice.get("/alarms?active=true").json()
    assert (shown["severity"], shown["active"], shown["acknowledged_at"]) == ("fault", True, None)
    assert told(alice.post(f"/alarms/{raised.id}/ack"))["acknowledged_by"] == "alice@example.org"
    desk.hosts.books.alarms.note(SiteId("home"), [], T0 + HOUR)
    assert alice.get("/alarms?active=true").json() == []
    assert alice.get("/alarms?active=false").json()[0]["acknowledged_by"] == "alice@example.org"


def test_a_tanks_log_is_exported_with_its_chain(alice: httpx2.Client, desk: MemoryDesk) -> None:
    for minute in range(3):
        at = T0 + minute * dt.timedelta(minutes=1)
        status = HygieneStatus(
            sink_id=SinkId("tank"),
            coldest_c=61.0 + minute,
            above_s=((60.0, 123_456.7 + minute), (65.0, 0)),
            kept=True,
            due_at=at,
        )
        desk.hosts.books.note(
            SiteId("home"), SiteOrders(now=at, dt_s=1.0, units=(), nodes=(), sinks=(), hygiene=(status,))
        )
    log = told(alice.get("/tanks/tank/hygiene?month=2026-01"))
    assert log["chain"]["whole"] is True  # type: ignore[index]
    assert [one["number"] for one in log["data"]] == [1, 2, 3]  # type: ignore[attr-defined, union-attr]
    lines = alice.get("/tanks/tank/hygiene?month=2026-01&format=csv").text.splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith(str(log["chain"]["last"]))  # type: ignore[index]
    before = "0" * 64
    for own in csv.DictReader(lines):  # as docs/reference/heat-api.md tells an auditor to
        above = [[float(part) for part in pair.split(":")] for pair in own["above_s"].split()]
        row = {
            "site_id": own["site"], "sink_id": own["tank"], "number": int(own["number"]),
            "at": own["at"].replace("+00:00", "Z"), "coldest_c": float(own["coldest_c"]) if own["coldest_c"] else None,
            "above_s": above, "kept": own["kept"] == "yes",
            "due_at": own["due_at"].replace("+00:00", "Z") or None, "cycle": own["cycle"], "before": before,
        }  # fmt: skip
        before = hashlib.sha256(json.dumps(row, separators=(",", ":")).encode()).hexdigest()
        assert own["hash"] == before
    assert told(alice.get("/tanks/tank/hygiene?month=2026-02"))["data"] == []
    told(alice.get("/tanks/room/hygiene?month=2026-01"), 404)


def test_everything_goes_on_after_a_restart(alice: httpx2.Client, desk: MemoryDesk, tmp_path: Path) -> None:
    told(alice.put("/sinks/room/setpoint", json={"setpoint_c": 23.0}))
    told(alice.post("/requests", json={"id": "hot", "target": "tank", "setpoint_c": 58.0}))
    again = MemoryDesk(tmp_path, desk.store, fleet=two_sites())
    again.at = desk.at
    with serve(again) as url, httpx2.Client(base_url=f"{url}/heat/v1", headers={"Authorization": ALICE}) as client:
        assert told(client.get("/sinks/room/wish"))["accepted"]["setpoint_c"] == 23.0  # type: ignore[index]
        assert told(client.get("/requests/hot"))["counts"] is True
        assert [one["id"] for one in client.get("/sites").json()] == ["home"]


def test_the_fleet_of_the_tests_is_a_good_one() -> None:
    assert dataclasses.replace(two_sites()).mistakes() == []
