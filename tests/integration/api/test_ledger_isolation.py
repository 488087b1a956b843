"""Given two sites with hosts of their own, when people read the ledger, then each finds own sites and own work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from integration.api.conftest import serve
from integration.api.host_sites import two_sites
from integration.api.memory_desk import ALICE, BOB, BOSS, MemoryDesk
from ondol.model.ids import SinkId, SiteId, UnitId
from ondol.model.ledger import HeatRow
from ondol.storage.ports import Changes

GOOD = {
    "name": "t",
    "profile": "docker-batch",
    "instanceCount": 1,
    "constants": [{"key": "DOCKER_CMD", "value": "true"}],
}


class Ledger:
    """Clients of all three, and the task of Bob, who hosts next door, that ran at Alice's home."""

    def __init__(self, url: str, desk: MemoryDesk) -> None:
        self.desk = desk
        self.boss, self.alice, self.bob = (
            httpx2.Client(base_url=url, headers={"Authorization": token}, timeout=10) for token in (BOSS, ALICE, BOB)
        )
        self.uuid = ""

    def given(self) -> None:
        for site, host in (("home", "alice"), ("next", "bob")):
            answer = self.boss.put(f"/heat/v1/sites/{site}/terms", json={"hosts": [f"{host}@example.org"]})
            assert answer.status_code == 200, answer.text
        self.uuid = self.bob.post("/tasks", json=GOOD).json()["uuid"]
        self.desk.start(self.uuid)
        start = self.desk.at
        self.desk.burn(self.uuid, kwh=0.05, heat_kwh=0.04, account="bob")
        there = HeatRow(
            site_id=SiteId("next"), unit_id=UnitId("n-heater"), sink_id=SinkId("n-room"), start=start,
            end=start + dt.timedelta(minutes=15), electric_j=3.6e5, delivered_j=3.6e5, demanded_j=3.6e5, temp_c=18.0,
            setpoint_c=19.0, lower_c=18.5, upper_c=19.5, discomfort_kh=0.125,
        )  # fmt: skip
        self.desk.store.commit(Changes(ledger=(there,)))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    desk = MemoryDesk(tmp_path, fleet=two_sites())
    with serve(desk) as url:
        made = Ledger(url, desk)
        made.given()
        yield made
        for client in (made.boss, made.alice, made.bob):
            client.close()


def test_heat_rows_are_those_of_sites_that_the_caller_sees(ledger: Ledger) -> None:
    for client, sites in ((ledger.alice, {"home"}), (ledger.bob, {"next"}), (ledger.boss, {"home", "next"})):
        page = client.get("/ledger/v1/heat").json()
        assert {row["site_id"] for row in page["data"]} == sites
        assert page["total"] == len(sites)


def test_energy_rows_are_those_of_own_sites_and_of_own_work(ledger: Ledger) -> None:
    shares = {
        name: sorted(row["share"] for row in client.get("/ledger/v1/energy").json()["data"])
        for name, client in (("alice", ledger.alice), ("bob", ledger.bob), ("boss", ledger.boss))
    }
    assert shares["bob"] == ["job"], "his own work, without the overhead of a site that is not his"
    assert shares["alice"] == shares["boss"] == ["job", "overhead"]
    assert ledger.uuid not in ledger.alice.get("/ledger/v1/energy").text


def test_a_fleet_statement_has_no_foreign_site_and_all_of_ones_own_work(ledger: Ledger) -> None:
    told = ledger.bob.get("/ledger/v1/statement").json()["statement"]
    assert [site["site_id"] for site in told["sites"]] == ["next"]
    assert told["discomfort_kh"] == pytest.approx(0.125)
    assert [job["task_id"] for job in told["jobs"]] == [ledger.uuid]
    alone = ledger.bob.get(f"/ledger/v1/statement?task={ledger.uuid}").json()["statement"]
    assert told["jobs"][0]["total_kwh"] == pytest.approx(alone["total_kwh"]) == pytest.approx(0.051)
    whole = ledger.boss.get("/ledger/v1/statement").json()["statement"]
    assert [site["site_id"] for site in whole["sites"]] == ["home", "next"]
    home = ledger.alice.get("/ledger/v1/statement").json()["statement"]
    assert [site["site_id"] for site in home["sites"]] == ["home"]


@pytest.mark.parametrize("path", ["energy", "heat", "statement"])
def test_a_foreign_site_is_not_there(ledger: Ledger, path: str) -> None:
    foreign, unknown = (ledger.bob.get(f"/ledger/v1/{path}?site={site}") for site in ("home", "none"))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"].replace("home", "none") == unknown.json()["detail"]
    assert ledger.alice.get(f"/ledger/v1/{path}?site=home").status_code == 200


def test_a_span_of_very_many_rows_is_refused_in_words(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a fleet whose month is millions of rows, when anybody asks for it at once, then the platform lives on."""
    monkeypatch.setattr("ondol.server.api.offsets.MOST_ROWS", 1)
    for path in ("energy", "reconciliation", "statement"):
        answer = ledger.boss.get(f"/ledger/v1/{path}")
        assert (answer.status_code, "for one site" in answer.json()["detail"]) == (422, True), answer.text
    assert ledger.bob.get(f"/ledger/v1/energy?task={ledger.uuid}").json()["total"] == 1


def test_pages_of_rows_are_counted_and_follow_one_another(ledger: Ledger) -> None:
    first, second = (ledger.boss.get(f"/ledger/v1/energy?limit=1&offset={offset}").json() for offset in (0, 1))
    assert (first["total"], first["next_offset"], second["next_offset"]) == (2, 1, None)
    assert [len(page["data"]) for page in (first, second)] == [1, 1]
    assert first["data"] != second["data"]
    assert ledger.boss.get("/ledger/v1/energy?offset=9").json()["data"] == []
